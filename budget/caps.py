"""Caps: hard limits by scope and period, and the window of a cap that an instant falls into.

Scope is a column of Dimensions, or "global". scope_value "*" means each value by itself ("each run"). Changing a cap is
recorded with who and why; it never touches what is committed already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.attempt import Dimensions
from domain.errors import InputError
from storage.database.money_tables import cap_changes, cap_windows, caps
from storage.database.upsert import insert_once

Scope = Literal[
    "global", "cost_centre", "campaign", "flow", "deployment", "run_id", "vendor", "model_id", "role", "tier", "sku"
]
Period = Literal["run", "day", "week", "month", "total"]
EACH = "*"
THRESHOLDS = (50, 80, 95)
# ten thousand million dollars: a hundred times that still is a 64-bit number
MAX_LIMIT_MICROS = 10**16


@dataclass(frozen=True)
class Cap:
    """A limit in micros. `cap_id` is its name in every message, such as `day` or `run:catalog-…`.

    `thresholds` are percents of the limit, rising: a hold that crosses one writes an alert.
    """

    cap_id: str
    scope: Scope
    scope_value: str
    period: Period
    limit_micros: int
    time_zone: str = "UTC"
    thresholds: tuple[int, ...] = THRESHOLDS

    def __post_init__(self) -> None:
        if self.limit_micros < 0:
            raise InputError("a cap cannot be negative", where=f"cap {self.cap_id}")
        if self.limit_micros > MAX_LIMIT_MICROS:
            raise InputError(f"a cap is at most {MAX_LIMIT_MICROS} micro-dollars", where=f"cap {self.cap_id}")
        if not _rises_within_100(self.thresholds):
            hint = "Use whole percents from 1 to 100, each once, rising"
            raise InputError(f"wrong thresholds {list(self.thresholds)}", where=f"cap {self.cap_id}", hint=hint)
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(f"unknown time zone {self.time_zone!r}", where=f"cap {self.cap_id}") from error

    def covers(self, dimensions: Dimensions) -> bool:
        if self.scope == "global":
            return True
        value = str(getattr(dimensions, self.scope))
        return bool(value) and self.scope_value in (EACH, value)

    @property
    def rule(self) -> str:
        """What the limit is of, in words: `each flow a day, Europe/Berlin`, `vendor google a month, UTC`."""
        words = self.scope.removesuffix("_id").replace("_", " ")
        of = {"": words, EACH: f"each {words}"}.get(self.scope_value, f"{words} {self.scope_value}")
        return f"{of} in total" if self.period == "total" else f"{of} a {self.period}, {self.time_zone}"

    def window(self, dimensions: Dimensions, now: datetime) -> str:
        """The name of the counter row: period part, and the value when the cap counts each value by itself."""
        part = period_part(self.period, now.astimezone(ZoneInfo(self.time_zone)), dimensions)
        if self.scope != "global" and self.scope_value == EACH:
            return f"{getattr(dimensions, self.scope)}|{part}"
        return part


def _rises_within_100(thresholds: tuple[int, ...]) -> bool:
    return all(1 <= t <= 100 for t in thresholds) and list(thresholds) == sorted(set(thresholds))


def period_part(period: Period, local: datetime, dimensions: Dimensions) -> str:
    """The window of a period at an instant that is given in the cap's own zone."""
    if period == "run":
        return f"run {dimensions.run_id}"
    if period == "day":
        return local.strftime("%Y-%m-%d")
    if period == "week":
        return local.strftime("%G-W%V")
    if period == "month":
        return local.strftime("%Y-%m")
    return "total"


def read_caps(connection: Connection, *, dimensions: Dimensions | None = None) -> tuple[Cap, ...]:
    """All caps, in the one order in which every transaction moves their windows: by name, letter by letter.

    With `dimensions` only those that may cover it: every run leaves a cap behind, and a hold has no business with them.
    """
    query = sa.select(caps)
    if dimensions is not None:
        values = sorted({EACH, *filter(None, map(str, vars(dimensions).values()))})
        query = query.where(sa.or_(caps.c.scope == "global", caps.c.scope_value.in_(values)))
    return tuple(sorted(map(_cap, connection.execute(query)), key=lambda cap: cap.cap_id))


def _cap(row: Any) -> Cap:
    thresholds = tuple(row.thresholds)
    return Cap(row.cap_id, row.scope, row.scope_value, row.period, row.limit_micros, row.time_zone, thresholds)


def set_cap(connection: Connection, cap: Cap, *, by: str, why: str, now: datetime) -> None:
    """Create or change a cap; a change is recorded, and so is somebody else's word for the limit that stands: a cap
    that a person gave is not raised by the settings any more. Committed money is not touched.

    One cap a transaction: it waits for every hold that moves one of the cap's windows (or makes one, by the foreign
    key), and whoever holds after it reads the new limit. So once this is committed, no hold passes the old one.
    """
    if cap.scope != "global" and not cap.scope_value:
        hint = f"Name one, or {EACH!r} for each by itself"
        raise InputError(f"it covers nothing without a {cap.scope}", where=f"cap {cap.cap_id}", hint=hint)
    values = {
        "scope": cap.scope,
        "scope_value": cap.scope_value,
        "period": cap.period,
        "time_zone": cap.time_zone,
        "limit_micros": cap.limit_micros,
        "thresholds": list(cap.thresholds),
        "updated_at": now,
    }
    created = insert_once(connection, caps, {"cap_id": cap.cap_id, **values})
    known = None if created else _locked(connection, cap.cap_id)
    if known == cap and _last_by(connection, cap.cap_id) == by:
        return
    connection.execute(caps.update().where(caps.c.cap_id == cap.cap_id).values(**values))
    before = known.limit_micros if known else None
    row = {"cap_id": cap.cap_id, "from_micros": before, "to_micros": cap.limit_micros, "by": by, "why": why}
    connection.execute(cap_changes.insert().values(**row, rule=cap.rule, at=now))


def _locked(connection: Connection, cap_id: str) -> Cap:
    """The cap as it stands, with its row and then all its windows locked. (SQLite has one writer and no row locks.)"""
    found = _cap(connection.execute(sa.select(caps).where(caps.c.cap_id == cap_id).with_for_update()).one())
    windows = sa.select(cap_windows.c.window).where(cap_windows.c.cap_id == cap_id).order_by(cap_windows.c.window)
    connection.execute(windows.with_for_update()).all()
    return found


def _last_by(connection: Connection, cap_id: str) -> str | None:
    newest = sa.select(cap_changes.c.by).where(cap_changes.c.cap_id == cap_id).order_by(cap_changes.c.change_id.desc())
    return connection.execute(newest.limit(1)).scalar()


def set_default_cap(connection: Connection, cap: Cap, *, by: str, why: str, now: datetime) -> None:
    """Set a cap from a setting: once, and again only when the setting changes. A person's word before that stands."""
    known = connection.execute(sa.select(caps).where(caps.c.cap_id == cap.cap_id)).first()
    query = sa.select(cap_changes.c.to_micros, cap_changes.c.by).where(cap_changes.c.cap_id == cap.cap_id)
    changes = connection.execute(query.order_by(cap_changes.c.change_id.desc())).all()
    last = next((change.to_micros for change in changes if change.by == by), None)
    if known is not None and (last is None or _cap(known) == cap):
        return
    ours = known is not None and changes[0].by == by
    if last != cap.limit_micros or (ours and _cap(known) != cap):
        set_cap(connection, cap, by=by, why=why, now=now)


@dataclass(frozen=True)
class CapUse:
    """How full one window of a cap is, in micros."""

    cap: Cap
    window: str
    held_micros: int
    spent_micros: int

    @property
    def committed_micros(self) -> int:
        return self.held_micros + self.spent_micros

    @property
    def left_micros(self) -> int:
        return self.cap.limit_micros - self.committed_micros

    def crossed(self, hold_micros: int) -> list[int]:
        """The thresholds that the last hold, which is counted in already, went over or reached."""
        after, limit = self.committed_micros * 100, self.cap.limit_micros
        return [t for t in self.cap.thresholds if after - hold_micros * 100 < t * limit <= after]


def use_of(connection: Connection, cap: Cap, window: str) -> CapUse:
    row = connection.execute(
        sa.select(cap_windows.c.held_micros, cap_windows.c.spent_micros).where(
            cap_windows.c.cap_id == cap.cap_id, cap_windows.c.window == window
        )
    ).first()
    return CapUse(cap, window, row.held_micros if row else 0, row.spent_micros if row else 0)


def uses_for(connection: Connection, dimensions: Dimensions, now: datetime) -> Sequence[CapUse]:
    """Every cap that a call with these dimensions falls under, with its present use."""
    covering = (cap for cap in read_caps(connection, dimensions=dimensions) if cap.covers(dimensions))
    return [use_of(connection, cap, cap.window(dimensions, now)) for cap in covering]
