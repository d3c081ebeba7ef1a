"""What finance keeps beside the sums: where vendors departed from the price book, and who approved which quote.

What may not live here: approving (the launch page does that), and prices.
"""

from starlette.requests import Request
from starlette.responses import Response

from budget.approvals import Approvals
from budget.drift import PPM
from budget.drift_reports import drift_report
from review import render
from review.access.roles import Role
from review.request import in_thread, wiring
from review.routing import Page
from review.spend_asked import attempts_url

MAX_OFFERS = 100


async def drift(request: Request) -> Response:
    w = wiring(request)
    return render.page(
        request,
        "spend/drift.html",
        rows=await in_thread(drift_report, w.database, w.price_book),
        version=w.price_book.version,
        times=_times,
        attempts_url=attempts_url,
    )


async def approvals(request: Request) -> Response:
    w = wiring(request)
    offers = await in_thread(Approvals(w.database, w.now).offers, MAX_OFFERS)
    return render.page(request, "spend/approvals.html", offers=offers, most=MAX_OFFERS)


def _times(factor_ppm: int) -> str:
    """`1.250`: vendor over book to three places, rounded as the hold's factor is, up."""
    thousandths = -(-factor_ppm * 1_000 // PPM)
    return f"{thousandths // 1_000}.{thousandths % 1_000:03d}"


PAGES = (
    Page("/spend/drift", drift, Role.FINANCE),
    Page("/spend/approvals", approvals, Role.FINANCE),
)
