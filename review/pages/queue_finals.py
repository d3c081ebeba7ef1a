"""From the queue to finals: approve everything without an exception, and start the finals of all that is decided.

Prices, caps and who has to agree are in review/promotions.py; starting is the contact sheet's (sheet_promote.py).
"""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import DraftlineError, RunError, SelectionError
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.new_yes import with_yes
from review.pages.sheet_promote import start_promotion
from review.promotions import Promotion, check, may_start, promotion_of
from review.queries.sheet_picks import AssetPicks, run_picks
from review.queries.standing import Standing, standing
from review.request import in_thread, visitor, wiring
from review.routing import Page
from storage.records.marks import MarkChange
from wiring import Wiring

MAX_AT_ONCE = 500
"""Products that one bulk approval takes; pressed again, it takes the next."""


async def bulk_page(request: Request) -> Response:
    """How many, what they look like, and what their finals will cost."""
    return await _bulk_shown(request)


async def bulk(request: Request) -> Response:
    """The machine's choice of every product that nobody has to look at becomes this person's pick."""
    form, w, who = await request.form(), wiring(request), visitor(request)
    run_id, now = request.path_params["run_id"], await _standing(request)
    plain = now.plain[:MAX_AT_ONCE]
    if form.get("seen") != str(len(plain)) or not plain:
        return await _bulk_shown(
            request, problem="The queue has changed since this was opened. Look again.", status=409
        )
    await in_thread(_pick_all, w, [item.image_id for item in plain], who.user_id)
    await record(request, "queue.bulk_approved", run_id, products=len(plain))
    render.flash(request, f"{render.plural(len(plain), 'product')} approved.", "good")
    return render.see_other(request, f"/queue?run={run_id}&show=decided&bulk={len(plain)}")


async def finals_page(request: Request) -> Response:
    """What would be made of the decisions, for how much, under which caps, and who may start it."""
    return await _finals_shown(request)


async def finals(request: Request) -> Response:
    """Start it, if it is still what was shown: `seen` is the key of the picks that the person confirmed."""
    form, now = await request.form(), await _standing(request)
    wanted, sheets = await _wanted(request, now.picks)
    try:
        check(wanted, sheets)
        wanted, yes = await with_yes(wiring(request), wanted, visitor(request).user_id)
        if form.get("seen") != wanted.key:
            raise SelectionError("The decisions have changed since this was opened. Look again, then confirm.")
    except DraftlineError as error:
        return await _finals_shown(request, problem=_sentence(error), status=409)
    if not may_start(wiring(request), visitor(request), wanted):
        raise HTTPException(
            403, "This costs more than a reviewer may spend: somebody with the role approver starts it."
        )
    try:
        started = await start_promotion(request, wanted, yes)
    except DraftlineError as error:
        return await _finals_shown(request, problem=_sentence(error), status=503)
    await record(
        request, "picks.promoted", wanted.run_id, products=len(wanted.picks), worst_micros=wanted.worst_micros,
        flow_run=started.flow_run_id,
    )  # fmt: skip
    render.flash(request, f"{render.plural(wanted.finals, 'final')} on the way.", "good")
    return render.see_other(request, f"/runs/{wanted.run_id}")


def _pick_all(w: Wiring, image_ids: list[str], user_id: str) -> None:
    for image_id in image_ids:
        w.marks.change(image_id, user_id, MarkChange(flag="pick"))


async def _standing(request: Request) -> Standing:
    try:
        return await in_thread(standing, wiring(request).database, request.path_params["run_id"])
    except RunError as error:
        raise HTTPException(404, "There is no run of this name.") from error


async def _wanted(request: Request, picks: dict[str, tuple[str, ...]]) -> tuple[Promotion, tuple[AssetPicks, ...]]:
    w, run_id = wiring(request), request.path_params["run_id"]
    sheets = await in_thread(run_picks, w.database, run_id)
    given = [(sheet, picks.get(sheet.asset_key, ())) for sheet in sheets]
    return await in_thread(promotion_of, w, run_id, given), sheets


async def _bulk_shown(request: Request, *, problem: str = "", status: int = 200) -> Response:
    now = await _standing(request)
    plain = now.plain[:MAX_AT_ONCE]
    price, _ = await _wanted(request, {item.asset_key: (item.label,) for item in plain})
    if not plain and not problem:
        problem = "Nothing is left to approve in one go: the rest has an exception or is decided."
    return _shown(request, "bulk", status, now=now, plain=plain, price=price, problem=problem)


async def _finals_shown(request: Request, *, problem: str = "", status: int = 200) -> Response:
    now = await _standing(request)
    (wanted, sheets), yes = await _wanted(request, now.picks), None
    if not problem:
        try:
            check(wanted, sheets)
            wanted, yes = await with_yes(wiring(request), wanted, visitor(request).user_id)
        except SelectionError:
            problem = "Nothing is decided yet: approve at least one product."
        except DraftlineError as error:
            problem = _sentence(error)
    may = not problem and may_start(wiring(request), visitor(request), wanted)
    return _shown(request, "finals", status, now=now, wanted=wanted, yes=yes, problem=problem, may_start=may)


def _shown(request: Request, what: str, status: int, **context: Any) -> Response:
    """A page, or the inside of a dialog."""
    if render.wants_fragment(request):
        return render.fragment(request, f"queue/_{what}.html", **context)
    return render.page(request, "queue/confirm.html", status=status, what=what, **context)


def _sentence(error: DraftlineError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


PAGES = (
    Page("/queue/{run_id}/approve", bulk_page, Role.REVIEWER),
    Page("/queue/{run_id}/approve", bulk, Role.REVIEWER, methods=("POST",)),
    Page("/queue/{run_id}/finals", finals_page, Role.REVIEWER),
    Page("/queue/{run_id}/finals", finals, Role.REVIEWER, methods=("POST",)),
)
