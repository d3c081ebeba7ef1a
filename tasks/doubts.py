"""What is in doubt: how old, how much, whose, and what would settle it. Reports only; ageing frees no money."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.money import show
from tasks.evidence import what_would_settle
from wiring import Wiring

HOUR = timedelta(hours=1)
log = logging.getLogger("draftline.doubts")


@dataclass(frozen=True)
class Doubt:
    """One attempt in doubt. `settles` says what would close it, `is_old` that somebody should look now."""

    attempt: Attempt
    age: timedelta
    is_old: bool
    settles: str

    @property
    def age_text(self) -> str:
        hours, minutes = int(self.age / HOUR), int(self.age % HOUR / timedelta(minutes=1))
        return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


def doubts(w: Wiring, *, old_after_hours: int = 0) -> list[Doubt]:
    """Everything in doubt, oldest first. `old_after_hours` 0 takes DRAFTLINE_DOUBT_REPORT_HOURS."""
    limit = HOUR * (old_after_hours or w.settings.doubt_report_hours)
    found = [_doubt(w, attempt, limit) for attempt in list_attempts(w.database, states=("in_doubt",))]
    return sorted(found, key=lambda doubt: -doubt.age)


def warn_of_old(found: Sequence[Doubt]) -> None:
    for doubt in found:
        if doubt.is_old:
            a = doubt.attempt
            log.warning(
                "attempt.in_doubt_old attempt=%s run=%s vendor=%s micros=%d age_h=%d",
                a.attempt_id,
                a.dimensions.run_id,
                a.dimensions.vendor,
                a.hold_micros,
                int(doubt.age / HOUR),
            )


def summary(found: Sequence[Doubt]) -> str:
    """`2 in doubt, $0.0280 stay held, the oldest for 3 h 5 min; 1 older than it should be`."""
    if not found:
        return "Nothing is in doubt."
    held, old = show(sum(doubt.attempt.hold_micros for doubt in found)), sum(doubt.is_old for doubt in found)
    late = f"; {old} older than it should be" if old else ""
    return f"{len(found)} in doubt, {held} stay held, the oldest for {found[0].age_text}{late}"


def _doubt(w: Wiring, attempt: Attempt, limit: timedelta) -> Doubt:
    age = w.now() - (attempt.in_doubt_at or attempt.held_at)
    return Doubt(attempt, age, age > limit, what_would_settle(w, attempt))
