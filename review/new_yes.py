"""Whether picks need a new yes: a run goes by its approval, and that has one final a brief unless somebody picks more.

What may not live here: who may say it (promotions.py), and starting (pages/sheet_promote.py).
"""

from dataclasses import dataclass, replace

from domain.errors import QuoteChanged
from review.launched_today import launched_today
from review.promotions import Promotion
from review.request import in_thread
from tasks.approving import check_approval
from tasks.planning import Planned
from tasks.plans import plan_stored
from wiring import Wiring


@dataclass(frozen=True)
class NewYes:
    """The whole run with these picks, and what of it is another than was approved, in words."""

    planned: Planned
    changes: tuple[str, ...]


async def with_yes(w: Wiring, wanted: Promotion, me: str) -> tuple[Promotion, NewYes | None]:
    """The promotion with the quote that has to be approved for it, if one has to. `me` is who would say yes.

    Raises NotApproved where the run's approval was withdrawn, InputError where its plan cannot be made any more.
    """
    run = await in_thread(w.runs.get, wanted.run_id)
    under = str(run.plan.get("approved_quote", ""))
    if not under or not wanted.picks:
        return wanted, None
    planned = await plan_stored(w, wanted.run_id, wanted.picks)
    try:
        await in_thread(check_approval, w, planned, under)
    except QuoteChanged as error:
        quote, earlier = planned.quote, await in_thread(launched_today, w, me, planned)
        wanted = replace(wanted, quote_hash=quote.hash, whole_micros=quote.full.worst, earlier_micros=earlier)
        return wanted, NewYes(planned, tuple(error.changes))
    return wanted, None
