"""Evidence for what is in doubt: a vendor's balance before and after. The rule is budget/credits.py; here it is asked
for and applied. What a person knows comes by `draftline attempts resolve`. Nothing here looks at the clock to decide.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from budget.credits import CreditReadings, Gap, Judgement, Reading, judge
from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.errors import LedgerConflict, StorageError
from domain.money import show
from vendors.contract import TellsBalance
from vendors.registry import VENDORS
from wiring import Wiring

CODE = "credits"
log = logging.getLogger("draftline.evidence")


@dataclass(frozen=True)
class Proven:
    """An attempt that was in doubt, and how the readings around it closed it."""

    attempt: Attempt
    evidence: str


def readings_of(w: Wiring) -> CreditReadings:
    return CreditReadings(w.database, w.now)


async def take_readings(w: Wiring, *, by: str) -> list[Reading]:
    """Ask every vendor that tells its balance, where that would prove something. A failure only means no reading."""
    async with w.open_vendors() as vendors:
        asked = [_read(w, name, vendor, by) for name, vendor in vendors.items() if isinstance(vendor, TellsBalance)]
        return [reading for reading in await asyncio.gather(*asked) if reading is not None]


async def _read(w: Wiring, name: str, vendor: TellsBalance, by: str) -> Reading | None:
    readings = readings_of(w)
    within = timedelta(seconds=w.settings.bfl_charged_within_s)
    try:
        since = await asyncio.to_thread(lambda: readings.quiet_since(name, charged_within=within))
        balance = await vendor.balance_micros() if since is not None else None
        if since is None or balance is None:
            return None
        return await asyncio.to_thread(lambda: readings.keep(name, balance, since=since, by=by))
    except StorageError as error:
        log.warning("evidence.no_reading vendor=%s error=%s", name, error)
        return None


def resolve_by_balance(w: Wiring) -> list[Proven]:
    """Settle or release what the readings around it prove, for accounts that this ledger alone uses."""
    done, seen = list[Proven](), set[tuple[int, int]]()
    for attempt in list_attempts(w.database, states=("in_doubt",)):
        if not w.settings.owns_account(attempt.dimensions.vendor):
            continue
        gap = readings_of(w).gap_of(attempt)
        if gap is None or (gap.before.reading_id, gap.after.reading_id) in seen:
            continue
        seen.add((gap.before.reading_id, gap.after.reading_id))
        done += _apply(w, gap, judge(gap))
    return done


def _apply(w: Wiring, gap: Gap, judged: Judgement) -> list[Proven]:
    """All of a gap's doubts end alike: the sum says nothing about a single one of several."""
    if judged.finding == "unclear":
        return []
    done = []
    for attempt in gap.in_doubt:
        try:
            _close(w, attempt, judged)
        except LedgerConflict as error:
            log.info("evidence.too_late attempt=%s error=%s", attempt.attempt_id, error)
            continue
        log.info("evidence.closed attempt=%s finding=%s", attempt.attempt_id, judged.finding)
        done.append(Proven(w.ledger.get(attempt.attempt_id), judged.evidence))
    return done


def _close(w: Wiring, attempt: Attempt, judged: Judgement) -> None:
    text = judged.evidence
    if judged.finding == "none-billed":
        w.ledger.release(attempt.attempt_id, code=CODE, note=text, evidence=text)
    else:
        # the vendor's own figure: its balance fell by the sum of exactly these prices
        w.ledger.settle(attempt.attempt_id, attempt.hold_micros, source="vendor", note=text, evidence=text)


def what_would_settle(w: Wiring, attempt: Attempt) -> str:
    """For a person: what is known about an attempt in doubt, and what would close it."""
    vendor, held = attempt.dimensions.vendor, show(attempt.hold_micros)
    by_hand = f"{vendor}'s invoice or usage page for {attempt.held_at:%Y-%m-%d %H:%M} UTC, {held}"
    if not issubclass(VENDORS[vendor].make, TellsBalance):
        return f"{by_hand} (it lists no jobs and tells no balance)"
    gap = readings_of(w).gap_of(attempt)
    if gap is None:
        return f"a reading of the balance before and one after it, or {by_hand}"
    judged = judge(gap)
    if judged.finding == "unclear":
        return f"{by_hand}; {judged.evidence}"
    return f"{judged.finding}: {judged.evidence}; DRAFTLINE_BFL_ACCOUNT_IS_OURS=true lets this count"
