"""Readings of a vendor's balance, and what two of them prove about work in doubt. Asks no vendor, changes no attempt.

Why it is sound. A reading is kept only when it is *quiet*: no attempt at this vendor was open when it was asked, none
was sent until its answer was written down, and the last send is longer ago than the vendor can take to charge it and to
show it. A charge follows a send, so everything sent before the reading is in its balance, or never will be, and nothing
sent later is. Sends are ordered by the number of their event, not by clocks. Between two neighbouring readings the
balance therefore falls by exactly what the attempts sent between them were billed:

    balance before - balance after = what is settled among them + what was billed of those in doubt

With the vendor's own figure for each settled one, a difference of nothing means that none of those in doubt was
billed (prices are above nothing), and one of all their prices that all were. Everything else stays in doubt.

What it assumes, and so is off by default (DRAFTLINE_BFL_ACCOUNT_IS_OURS): this ledger alone uses the account, nobody
bought credits between the two readings in exactly the amount that is in doubt, and a charge is in the balance no later
than DRAFTLINE_BFL_CHARGED_WITHIN_S after its send. Time alone proves nothing: without both readings nothing moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from budget.attempt_rows import read_attempt
from budget.unfinished import OPEN
from domain.attempt import Attempt
from domain.money import show
from storage.database import Database
from storage.database.money_tables import attempt_events, attempts, credit_readings

LOOK_BACK = 20_000
"""Events in which the latest sends are looked for; when all of them are too young, there is no reading."""
FOUND = "found-answer"
"""The error code of a try that books an answer found late: it was charged at another time than its row says."""
Finding = Literal["none-billed", "all-billed", "unclear"]


@dataclass(frozen=True)
class Reading:
    """A vendor's balance at a quiet moment; `last_event_id` is the newest event of any attempt by then."""

    reading_id: int
    vendor: str
    balance_micros: int
    last_event_id: int
    by: str
    at: datetime

    def __str__(self) -> str:
        return f"reading {self.reading_id} of {self.at:%Y-%m-%d %H:%M:%S} UTC, {show(self.balance_micros)}"


@dataclass(frozen=True)
class Gap:
    """Two neighbouring readings, and every attempt at this vendor that was sent between them."""

    before: Reading
    after: Reading
    attempts: tuple[Attempt, ...]

    @property
    def in_doubt(self) -> list[Attempt]:
        return [a for a in self.attempts if a.state == "in_doubt"]

    @property
    def settled_micros(self) -> int:
        return sum(a.cost_micros or 0 for a in self.attempts if a.state == "settled")

    @property
    def fell_micros(self) -> int:
        return self.before.balance_micros - self.after.balance_micros


@dataclass(frozen=True)
class Judgement:
    """What a gap proves, and the sum that proves it, in words for the attempt's row."""

    finding: Finding
    evidence: str


def judge(gap: Gap) -> Judgement:
    """Pure: the rule of this module."""
    if not_exact := _not_exact(gap.attempts):
        return Judgement("unclear", f"{_sum_of(gap)}; {not_exact}")
    left, doubted = gap.fell_micros - gap.settled_micros, sum(a.hold_micros for a in gap.in_doubt)
    if left == 0:
        return Judgement("none-billed", f"{_sum_of(gap)}: nothing is left for the {len(gap.in_doubt)} in doubt")
    if left == doubted:
        return Judgement("all-billed", f"{_sum_of(gap)}: {show(left)} is left, the price of the {len(gap.in_doubt)}")
    return Judgement("unclear", f"{_sum_of(gap)}: {show(left)} is left, neither nothing nor {show(doubted)}")


def _sum_of(gap: Gap) -> str:
    return (
        f"between {gap.before} and {gap.after} the balance fell by {show(gap.fell_micros)}, "
        f"{show(gap.settled_micros)} of it is settled"
    )


def _not_exact(found: Sequence[Attempt]) -> str:
    """Why the settled sum is not the vendor's own to the micro, "" when it is."""
    for a in found:
        name = f"attempt {a.attempt_id[:12]}"
        if a.is_open:
            return f"{name} of that time is being collected"
        if a.error_code == FOUND:
            return f"{name} of that time books what was sent, and charged, before"
        if a.state == "settled" and a.cost_source != "vendor":
            return f"{name} of that time was settled by the {a.cost_source}, not by the vendor's figure"
        if a.state == "released" and a.error_code == "resolved":
            return f"{name} of that time was released on a person's word"
    return ""


class CreditReadings:
    """The table of readings. A reading begins with `quiet_since` and is kept, or not, with `keep`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def quiet_since(self, vendor: str, *, charged_within: timedelta) -> int | None:
        """The newest event's id when nothing of the vendor is under way, else None: a balance would prove nothing."""
        newest = sa.select(sa.func.coalesce(sa.func.max(attempt_events.c.event_id), 0))
        with self._database.read() as connection:
            # in this order: whoever is sent after the first look has a higher number, and is seen here or by `keep`
            since = int(connection.execute(newest).scalar_one())
            busy = _is_busy(connection, vendor) or self._lately_sent(connection, vendor, charged_within)
            return None if busy else since

    def keep(self, vendor: str, balance_micros: int, *, since: int, by: str) -> Reading | None:
        """Keep what the vendor told after `quiet_since` gave `since`; None when something of ours began meanwhile."""
        values = {"vendor": vendor, "balance_micros": balance_micros, "last_event_id": since, "by": by}
        with self._database.write() as connection:
            if _moved(connection, vendor, since):
                return None
            made = connection.execute(credit_readings.insert().values(**values, at=self._clock()))
            number = made.inserted_primary_key[0] if made.inserted_primary_key else 0
            query = sa.select(credit_readings).where(credit_readings.c.reading_id == number)
            return _reading(connection.execute(query).mappings().one())

    def gap_of(self, attempt: Attempt) -> Gap | None:
        """The readings around an attempt and all that was sent between them; None while one of the two is missing."""
        table, vendor, events = credit_readings, attempt.dimensions.vendor, attempt_events
        first = sa.select(sa.func.min(events.c.event_id))
        first = first.where(events.c.attempt_id == attempt.attempt_id, events.c.state == "sent")
        query = sa.select(table).where(table.c.vendor == vendor).limit(1)
        with self._database.read() as connection:
            sent = connection.execute(first).scalar_one_or_none()
            if sent is None:
                return None
            before = query.where(table.c.last_event_id < sent)
            before = before.order_by(table.c.last_event_id.desc(), table.c.reading_id.desc())
            after = query.where(table.c.last_event_id >= sent).order_by(table.c.last_event_id, table.c.reading_id)
            rows = [connection.execute(which).mappings().first() for which in (before, after)]
            if rows[0] is None or rows[1] is None:
                return None
            one, other = _reading(rows[0]), _reading(rows[1])
            return Gap(one, other, _sent_between(connection, vendor, one.last_event_id, other.last_event_id))

    def _lately_sent(self, connection: Connection, vendor: str, charged_within: timedelta) -> bool:
        """Whether the vendor may yet charge for something, or show a charge in its balance.

        A send is no older than any event before it. So the clock of the machine that sent may be behind, as long as
        another machine wrote an event before it.
        """
        events, since = attempt_events, self._clock() - charged_within
        newest = sa.select(events.c.event_id, events.c.attempt_id, events.c.state, events.c.at)
        seen = newest.order_by(events.c.event_id.desc()).limit(LOOK_BACK).subquery()
        sent = sa.select(sa.func.max(seen.c.event_id)).join(attempts, attempts.c.attempt_id == seen.c.attempt_id)
        sent = sent.where(seen.c.state == "sent", attempts.c.vendor == vendor)
        young = sa.select(seen.c.at).where(seen.c.event_id <= sent.scalar_subquery(), seen.c.at > since)
        if connection.execute(young.limit(1)).first() is not None:
            return True
        count, oldest = connection.execute(sa.select(sa.func.count(), sa.func.min(seen.c.at))).one()
        return bool(count == LOOK_BACK and oldest > since)


def _is_busy(connection: Connection, vendor: str) -> bool:
    query = sa.select(attempts.c.attempt_id).where(*OPEN, attempts.c.vendor == vendor)
    return connection.execute(query.limit(1)).first() is not None


def _moved(connection: Connection, vendor: str, since: int) -> bool:
    events = attempt_events
    query = sa.select(events.c.event_id).join(attempts, attempts.c.attempt_id == events.c.attempt_id)
    query = query.where(events.c.event_id > since, attempts.c.vendor == vendor)
    return connection.execute(query.limit(1)).first() is not None


def _sent_between(connection: Connection, vendor: str, after: int, until: int) -> tuple[Attempt, ...]:
    events = attempt_events
    sent = sa.select(events.c.attempt_id).where(events.c.state == "sent")
    sent = sent.where(events.c.event_id > after, events.c.event_id <= until)
    query = sa.select(attempts).where(attempts.c.attempt_id.in_(sent), attempts.c.vendor == vendor)
    rows = connection.execute(query.order_by(attempts.c.held_at, attempts.c.attempt_id)).mappings()
    return tuple(read_attempt(row) for row in rows)


def _reading(row: RowMapping) -> Reading:
    return Reading(row["reading_id"], row["vendor"], row["balance_micros"], row["last_event_id"], row["by"], row["at"])
