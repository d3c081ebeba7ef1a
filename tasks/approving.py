"""Quotes that bind: a run that names an approved quote does that and nothing else, and one above the setting needs one.

Asked before anything is sent or written. The price is made anew each time; progress of the run itself changes no hash.
"""

import asyncio
from collections.abc import Sequence

from budget.approvals import WHY_CAPPED, Approval, Approvals
from budget.caps import Cap
from domain.errors import NotApproved, QuoteChanged
from domain.money import from_cents, show
from domain.run import Run
from tasks.charging import dimensions
from tasks.planning import Planned
from tasks.plans import FINISHED, plan_stored
from tasks.selections import newly_picked
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
    quote = planned.quote.known_as(offer.body)
    if quote.hash != approved_quote:
        raise QuoteChanged(approved_quote, approvals.difference(offer.body, quote))


async def check_promotion(run_id: str, picks: Sequence[str], approved_quote: str = "") -> None:
    """Before picks are closed: an approved run goes on by its approval and no farther, one without stays below the
    setting. `approved_quote` takes the place of the run's own: that of more picks than were approved first.
    Raises as `check_approval`, and SelectionError.
    """
    w = current()
    run = await asyncio.to_thread(w.runs.get, run_id)
    if run.status in FINISHED:
        return
    picked = await asyncio.to_thread(newly_picked, w, run_id, picks)
    planned = await plan_stored(w, run_id, picked)
    if under := approved_quote or str(run.plan.get("approved_quote", "")):
        await asyncio.to_thread(_go_on_under, w, planned, under)
    elif w.settings.require_approval_above_cents:
        each = {line.asset_key: line.each.worst for line in planned.quote.lines if line.stage == "final"}
        asked_micros = sum(each[key] * len(labels) for key, labels in picked.items())
        reach = await asyncio.to_thread(_committed_micros, w, run) + asked_micros
        _check_within(w, reach, "; fewer picks cost less")


def _go_on_under(w: Wiring, planned: Planned, approved_quote: str) -> None:
    run = planned.run
    try:
        check_approval(w, planned, approved_quote)
    except QuoteChanged as error:
        hash_ = Approvals(w.database, w.now).record_quote(planned.quote, run.run_id, run.kind, run.name, "promotion")
        how = (
            f"What is picked costs {show(planned.quote.range.worst)} at worst: `draftline approve {hash_} --by NAME`, "
        )
        raise QuoteChanged(
            error.quote_hash, error.changes, f"{how}then `draftline promote --approved {hash_}`"
        ) from error
    keep_to_approval(w, planned, approved_quote)
    if run.plan.get("approved_quote") != approved_quote:
        w.runs.update(run.run_id, run.status, run.status_note, plan=run.plan | {"approved_quote": approved_quote})


def keep_to_approval(w: Wiring, planned: Planned, approved_quote: str) -> None:
    """Set the run's cap to what its approval leaves it: full when everything goes as approved, so without warnings."""
    limit, run_id = approved_limit(w, planned), planned.run.run_id
    by = str(planned.run.plan.get("requested_by") or "draftline")
    cap = Cap(run_cap_id(planned), "run_id", run_id, "total", limit, thresholds=())
    w.ledger.set_cap(cap, by=by, why=WHY_CAPPED + approved_quote)


def approved_limit(w: Wiring, planned: Planned) -> int:
    """The run's cap under its approval, in micros: what it has committed and what is left at worst, never more than
    the whole quote's worst, and never more than the cap that somebody gave it, or else the settings.
    """
    given = Approvals(w.database, w.now).given_cap_micros(run_cap_id(planned))
    highest = from_cents(w.settings.cap_run_cents) if given is None else given
    return min(highest, _reach_micros(w, planned), planned.quote.full.worst)


def run_cap_id(planned: Planned) -> str:
    return f"run:{planned.run.run_id}"


def _check_none_needed(w: Wiring, planned: Planned) -> None:
    hint = ". `draftline quote` prints its hash, `draftline approve HASH --by NAME` approves it, "
    _check_within(w, _reach_micros(w, planned), f"{hint}`--approved HASH` starts the run")


def _check_within(w: Wiring, reach: int, hint: str) -> None:
    limit = from_cents(w.settings.require_approval_above_cents)
    if limit and reach > limit:
        raise NotApproved(
            f"at worst this run costs {show(reach)}, above {show(limit)} ({SETTING}), and no approved quote was named; "
            f"nothing was sent{hint}"
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
    return _committed_micros(w, planned.run) + planned.quote.asked_micros


def _committed_micros(w: Wiring, run: Run) -> int:
    uses = w.ledger.uses(dimensions(run, None, w))
    return sum(use.committed_micros for use in uses if use.cap.cap_id == f"run:{run.run_id}")
