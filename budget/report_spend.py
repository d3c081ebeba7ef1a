"""Spend over a range of days: sums by one column, a series of days, and both as CSV. Reading only.

The sums are answered from ix_attempts_spend alone; they are those of the ledger at the moment of the question.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from budget.report_cells import dollars, safe_cell
from budget.report_filter import SpendFilter, SpendKey, column_of, conditions
from domain.attempt import OPEN_STATES
from domain.errors import InputError
from storage.database import Database
from storage.database.money_tables import attempt_events, attempts, cap_changes

MAX_ROWS = 10_000
MAX_DAYS = 1_100
OTHER = "other"
MAX_COMBINATIONS = 5_000
LATE_EVENTS = 1_000
"""So many events back a pulse looks for one whose transaction ended after those of later events."""


@dataclass(frozen=True)
class SpendSum:
    """Sums of one value, money in micros. `held` is under way (held to delivered); `calls` leaves released ones out."""

    key: str
    calls: int
    settled_micros: int
    held_micros: int
    in_doubt_micros: int
    settled: int
    held: int
    in_doubt: int
    released: int

    @property
    def committed_micros(self) -> int:
        return self.settled_micros + self.held_micros + self.in_doubt_micros


@dataclass(frozen=True)
class SeriesLine:
    """Committed micros a day."""

    key: str
    micros: tuple[int, ...]


@dataclass(frozen=True)
class Series:
    """Every day of the range in order, days without spend too; lines largest first, `other` last."""

    days: tuple[str, ...]
    lines: tuple[SeriesLine, ...]


def spend_by(database: Database, key: SpendKey, asked: SpendFilter, limit: int = 500) -> list[SpendSum]:
    """One row a value, dearest first; days in order."""
    column = column_of(key)
    query = sa.select(column.label("key"), *_sums()).where(*conditions(asked)).group_by(column)
    order = [column] if key == "day" else [sa.desc(_committed()), column]
    with database.read() as connection:
        rows = connection.execute(query.order_by(*order).limit(min(limit, MAX_ROWS))).mappings()
        return [SpendSum(**row) for row in rows]


def spend_total(database: Database, asked: SpendFilter) -> SpendSum:
    query = sa.select(sa.literal("").label("key"), *_sums()).where(*conditions(asked))
    with database.read() as connection:
        return SpendSum(**connection.execute(query).mappings().one())


def sum_of(rows: Sequence[SpendSum]) -> SpendSum:
    """The rows' own total: it agrees with them, where another question might see a later moment."""
    names = [name for name in SpendSum.__dataclass_fields__ if name != "key"]
    return SpendSum("", **{name: sum(getattr(row, name) for row in rows) for name in names})


def spend_version(database: Database) -> str:
    """A short text that changes whenever an attempt or a cap changed. Cheap: asked once a second by every open page."""
    newest = sa.select(sa.func.coalesce(sa.func.max(attempt_events.c.event_id), 0)).scalar_subquery()
    recent = sa.select(sa.func.count()).where(attempt_events.c.event_id > newest - LATE_EVENTS).scalar_subquery()
    caps = sa.select(sa.func.coalesce(sa.func.max(cap_changes.c.change_id), 0)).scalar_subquery()
    with database.read() as connection:
        return "-".join(str(number) for number in connection.execute(sa.select(newest, recent, caps)).one())


def spend_values(database: Database, keys: Sequence[SpendKey], asked: SpendFilter) -> dict[SpendKey, list[str]]:
    """`spend_choices` of several columns by one walk over the range, for a form with a list for each."""
    columns = [column_of(key) for key in keys]
    query = sa.select(*columns).where(*conditions(asked)).group_by(*columns).limit(MAX_COMBINATIONS)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return {key: sorted({row[n] for row in rows} - {""}) for n, key in enumerate(keys)}


def spend_choices(database: Database, key: SpendKey, asked: SpendFilter, limit: int = 500) -> list[str]:
    """The values there are, in order, without the empty one; `asked` narrows them."""
    column = column_of(key)
    query = sa.select(column).where(*conditions(asked), column != "").group_by(column).order_by(column).limit(limit)
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def spend_series(database: Database, asked: SpendFilter, key: SpendKey | None = None, top: int = 6) -> Series:
    """Committed micros by day, and by the `top` largest values of `key` when one is given."""
    column = column_of(key) if key else sa.literal("")
    day = attempts.c.day
    query = sa.select(day, column.label("key"), _committed().label("micros")).where(*conditions(asked))
    with database.read() as connection:
        rows = connection.execute(query.group_by(day, *([column] if key else [])).order_by(day)).all()
    if not rows and not (asked.first_day and asked.last_day):
        return Series((), ())
    days = _days(asked.first_day or rows[0].day, asked.last_day or rows[-1].day)
    return Series(days, _lines(days, [(row.day, row.key, row.micros) for row in rows], top))


def sums_csv(key: SpendKey, rows: Sequence[SpendSum]) -> bytes:
    """The table as a spreadsheet opens it: exact dollars, and no cell that it would take for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    counts = ("calls", "settled", "held", "in_doubt", "released")
    money = ("settled", "held", "in_doubt", "committed")
    writer.writerow([key, *counts, *(f"{name}_usd" for name in money)])
    for row in rows:
        amounts = (dollars(getattr(row, f"{name}_micros")) for name in money)
        writer.writerow([safe_cell(row.key), *(getattr(row, name) for name in counts), *amounts])
    return out.getvalue().encode("utf-8-sig")


def _sums() -> list["sa.ColumnElement[Any]"]:
    state, hold = attempts.c.state, attempts.c.hold_micros
    is_open, doubt, settled = state.in_(sorted(OPEN_STATES)), state == "in_doubt", state == "settled"
    found = {
        "calls": _sum(state != "released", 1),
        "settled_micros": _sum(settled, attempts.c.cost_micros),
        "held_micros": _sum(is_open, hold),
        "in_doubt_micros": _sum(doubt, hold),
        "settled": _sum(settled, 1),
        "held": _sum(is_open, 1),
        "in_doubt": _sum(doubt, 1),
        "released": _sum(state == "released", 1),
    }
    return [column.label(name) for name, column in found.items()]


def _committed() -> Any:
    state = attempts.c.state
    cost = sa.case((state == "settled", attempts.c.cost_micros), (state == "released", 0), else_=attempts.c.hold_micros)
    return sa.cast(sa.func.coalesce(sa.func.sum(cost), 0), sa.BigInteger)


def _sum(condition: Any, value: Any) -> Any:
    return sa.cast(sa.func.coalesce(sa.func.sum(sa.case((condition, value), else_=0)), 0), sa.BigInteger)


def _days(first: str, last: str) -> tuple[str, ...]:
    start, count = date.fromisoformat(first), (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    if count > MAX_DAYS:
        raise InputError(f"{count} days, at most {MAX_DAYS} are shown at once", where="days")
    return tuple((start + timedelta(days=n)).isoformat() for n in range(count))


def _lines(days: Sequence[str], rows: Sequence[tuple[str, str, int]], top: int) -> tuple[SeriesLine, ...]:
    totals: dict[str, int] = {}
    for _, key, micros in rows:
        totals[key] = totals.get(key, 0) + micros
    shown = sorted(totals, key=lambda key: (-totals[key], key))[:top]
    place = {day: n for n, day in enumerate(days)}
    sums: dict[str, list[int]] = {key: [0] * len(days) for key in (*shown, *([OTHER] if len(totals) > top else []))}
    for day, key, micros in rows:
        sums[key if key in shown else OTHER][place[day]] += micros
    return tuple(SeriesLine(key, tuple(micros)) for key, micros in sums.items())
