"""How full caps are now and where they are heading, and who changed them. Reading only.

The projection is a straight line: committed, divided by the share of the window that has passed. It is not made before
a tenth of the window is over (one early run would read as a disaster), nor for windows without an end.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.caps import EACH, Cap, CapUse, use_of
from domain.attempt import Dimensions
from storage.database import Database
from storage.database.money_tables import cap_alerts, cap_changes, cap_windows, caps

FIRST_SHARE = 10
"""One part in this many of a window must have passed before it is projected."""
MAX_WINDOWS_A_CAP = 50
_ANYTHING = Dimensions(run_id="", flow="")


@dataclass(frozen=True)
class CapBurn:
    """One window of a cap, money in micros. `value` says whose window it is where a cap counts each by itself.

    `percent` of the limit that is committed, rounded down; 100 for a limit of nothing.
    """

    cap: Cap
    window: str
    title: str
    value: str
    committed_micros: int
    left_micros: int
    percent: int
    held_micros: int
    spent_micros: int
    starts_at: datetime | None
    ends_at: datetime | None
    projected_micros: int | None
    runs_out_at: datetime | None
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class CapChange:
    cap_id: str
    from_micros: int | None
    to_micros: int
    by: str
    why: str
    at: datetime
    rule: str = ""


@dataclass(frozen=True)
class ToldAlert:
    """A threshold that the hold of `attempt_id` crossed; `told_at` is None until somebody was told."""

    cap_id: str
    window: str
    percent: int
    limit_micros: int
    committed_micros: int
    attempt_id: str
    run_id: str
    at: datetime
    told_at: datetime | None


def cap_alerts_of(database: Database, cap_id: str = "", limit: int = 20) -> list[ToldAlert]:
    """Newest first; of one cap when it is named."""
    names = ToldAlert.__dataclass_fields__
    query = sa.select(*(cap_alerts.c[name] for name in names)).order_by(cap_alerts.c.alert_id.desc())
    if cap_id:
        query = query.where(cap_alerts.c.cap_id == cap_id)
    with database.read() as connection:
        return [ToldAlert(**row) for row in connection.execute(query.limit(limit)).mappings()]


def cap_burns(database: Database, now: datetime, *, with_runs: bool = False, cap_id: str = "") -> list[CapBurn]:
    """Every window that counts now, fullest first; of one cap when it is named.

    Caps of single runs only when asked for: each run leaves one.
    """
    with database.read() as connection:
        rows = connection.execute(_listed(with_runs, cap_id)).all()
        burns = [_burn(use, now) for row in rows for use in _uses(connection, _cap(row), now)]
    return sorted(burns, key=lambda burn: (-burn.percent, burn.cap.cap_id, burn.window))


def caps_by_name(database: Database, *, with_runs: bool = False, cap_id: str = "") -> dict[str, Cap]:
    """The caps behind `cap_burns`, and those that have counted nothing yet."""
    with database.read() as connection:
        return {row.cap_id: _cap(row) for row in connection.execute(_listed(with_runs, cap_id))}


def _listed(with_runs: bool, cap_id: str) -> "sa.Select[Any]":
    query = sa.select(caps).order_by(caps.c.cap_id)
    if cap_id:
        return query.where(caps.c.cap_id == cap_id)
    if with_runs:
        return query
    return query.where(sa.or_(caps.c.scope != "run_id", caps.c.scope_value == EACH), caps.c.period != "run")


def cap_changes_of(database: Database, cap_id: str = "", limit: int = 100) -> list[CapChange]:
    """Newest first; of one cap when it is named."""
    names = CapChange.__dataclass_fields__
    query = sa.select(*(cap_changes.c[name] for name in names)).order_by(cap_changes.c.change_id.desc())
    if cap_id:
        query = query.where(cap_changes.c.cap_id == cap_id)
    with database.read() as connection:
        return [CapChange(**row) for row in connection.execute(query.limit(limit)).mappings()]


def window_bounds(cap: Cap, now: datetime) -> tuple[datetime, datetime] | None:
    """When the cap's window of `now` began and ends, in UTC; None for periods without an end."""
    zone = ZoneInfo(cap.time_zone)
    day = now.astimezone(zone).date()
    if cap.period == "day":
        first, after = day, day + timedelta(days=1)
    elif cap.period == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    elif cap.period == "month":
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        return None
    start, end = (datetime.combine(at, time(), zone).astimezone(UTC) for at in (first, after))
    return start, end


def _cap(row: Any) -> Cap:
    thresholds = tuple(row.thresholds)
    return Cap(row.cap_id, row.scope, row.scope_value, row.period, row.limit_micros, row.time_zone, thresholds)


def _uses(connection: Connection, cap: Cap, now: datetime) -> list[CapUse]:
    """The windows of now: one, or one a value (the fullest ones) where a cap counts each by itself."""
    if cap.period == "run" or (cap.scope != "global" and cap.scope_value == EACH):
        return _used(connection, cap, _part(cap, now))
    return [use_of(connection, cap, _part(cap, now))]


def _part(cap: Cap, now: datetime) -> str:
    """The name of the period alone, as windows of now end in it."""
    return Cap(cap.cap_id, "global", "", cap.period, cap.limit_micros, cap.time_zone).window(_ANYTHING, now)


def _used(connection: Connection, cap: Cap, part: str) -> list[CapUse]:
    windows, full = cap_windows.c, cap_windows.c.held_micros + cap_windows.c.spent_micros
    query = sa.select(cap_windows).where(windows.cap_id == cap.cap_id)
    if cap.period != "run":
        query = query.where(windows.window.endswith(f"|{part}", autoescape=True))
    rows = connection.execute(query.order_by(full.desc(), windows.window).limit(MAX_WINDOWS_A_CAP))
    return [CapUse(cap, row.window, row.held_micros, row.spent_micros) for row in rows]


def _burn(use: CapUse, now: datetime) -> CapBurn:
    cap, committed = use.cap, use.committed_micros
    bounds = window_bounds(cap, now)
    projected, runs_out = _projection(use, bounds, now) if bounds else (None, None)
    value = use.window.partition("|")[0] if "|" in use.window else ""
    return CapBurn(
        cap=cap,
        window=use.window,
        title=f"{cap.cap_id} ({value})" if value else cap.cap_id,
        value=value,
        committed_micros=committed,
        left_micros=use.left_micros,
        percent=committed * 100 // cap.limit_micros if cap.limit_micros else 100,
        held_micros=use.held_micros,
        spent_micros=use.spent_micros,
        starts_at=bounds[0] if bounds else None,
        ends_at=bounds[1] if bounds else None,
        projected_micros=projected,
        runs_out_at=runs_out,
        thresholds=cap.thresholds,
    )


def _projection(use: CapUse, bounds: tuple[datetime, datetime], now: datetime) -> tuple[int | None, datetime | None]:
    """(micros at the window's end, when the limit is reached if that is before), by the rule above."""
    start, end = bounds
    elapsed, whole, committed = now - start, end - start, use.committed_micros
    if committed == 0 or elapsed * FIRST_SHARE < whole:
        return None, None
    # whole seconds: money stays an integer
    seconds, all_seconds = max(1, int(elapsed.total_seconds())), int(whole.total_seconds())
    projected = max(committed, committed * all_seconds // seconds)
    if use.left_micros <= 0:
        return projected, now
    out = now + timedelta(seconds=use.left_micros * seconds // committed)
    return projected, out if out < end else None
