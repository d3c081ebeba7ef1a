"""Quotes that bind: a run that names an approved quote does that and nothing else, and one above the setting needs one.

Asked before anything is sent or written. The price is made anew each time; progress of the run itself changes no hash.
"""

import asyncio

from budget.approvals import Approval, Approvals
from domain.errors import NotApproved, QuoteChanged
from domain.money import from_cents, show
from tasks.planning import Planned, dimensions
from tasks.plans import FINISHED, plan_stored
from wiring import Wiring, current

SETTING = "DRAFTLINE_REQUIRE_APPROVAL_ABOVE_CENTS"


def check_approval(w: Wiring, planned: Planned, approved_quote: str) -> None:
    """Raises NotApproved (none named, none stands) or QuoteChanged (what would be done is not what was approved)."""
    if not approved_quote:
        _check_none_needed(w, planned)
        return
    approvals = Approvals(w.database, w.now)
    offer = approvals.quote(approved_quote)
    if offer is None:
        raise NotApproved(f"there is no quote {approved_quote!r}; `draftline quote` makes one. Nothing was sent")
    _check_stands(approved_quote, approvals.newest(approved_quote))
    if planned.quote.hash != approved_quote:
        raise QuoteChanged(approved_quote, approvals.difference(offer.body, planned.quote))


async def check_run_approval(run_id: str) -> None:
    """As `check_approval`, for a run that goes on from its rows: by the approval under which it was opened."""
    w = current()
    run = await asyncio.to_thread(w.runs.get, run_id)
    approved_quote = str(run.plan.get("approved_quote", ""))
    if approved_quote and run.status not in FINISHED:
        await asyncio.to_thread(check_approval, w, await plan_stored(w, run_id), approved_quote)


def approved_limit(w: Wiring, planned: Planned) -> int:
    """The run's cap under its approval, in micros: what it has committed and what is left at worst, never more than
    the whole quote's worst, and never more than the cap that somebody gave it, or else the settings.
    """
    given = Approvals(w.database, w.now).given_cap_micros(run_cap_id(planned))
    return min(given or from_cents(w.settings.cap_run_cents), _reach_micros(w, planned), planned.quote.full.worst)


def run_cap_id(planned: Planned) -> str:
    return f"run:{planned.run.run_id}"


def _check_none_needed(w: Wiring, planned: Planned) -> None:
    limit, reach = from_cents(w.settings.require_approval_above_cents), _reach_micros(w, planned)
    if limit and reach > limit:
        raise NotApproved(
            f"at worst this run costs {show(reach)}, above {show(limit)} ({SETTING}), and no approved quote was named; "
            "nothing was sent. `draftline quote` prints its hash, `draftline approve HASH --by NAME` approves it, "
            "`--approved HASH` starts the run"
        )


def _check_stands(approved_quote: str, approval: Approval | None) -> None:
    short = approved_quote[:12]
    if approval is None:
        raise NotApproved(
            f"nobody approved quote {short}; nothing was sent. `draftline approve {approved_quote} --by NAME` does"
        )
    if approval.withdrawn_at is not None:
        raise NotApproved(
            f"{approval.withdrawn_by} withdrew the approval of quote {short} on "
            f"{approval.withdrawn_at:%Y-%m-%d %H:%M} UTC; nothing was sent"
        )


def _reach_micros(w: Wiring, planned: Planned) -> int:
    """What the run can come to at worst: committed by it already, and still to be held."""
    uses = w.ledger.uses(dimensions(planned.run, None, w))
    committed = sum(use.committed_micros for use in uses if use.cap.cap_id == run_cap_id(planned))
    return committed + planned.quote.asked_micros
