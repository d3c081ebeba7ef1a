"""Alerts of caps: a threshold that a hold crossed, as its transaction wrote it down. Who is told, and how, is not here.

A threshold is told at most once per window of a cap and per limit: the unique key of `cap_alerts` says so.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.database.money_tables import cap_alerts, caps

MAX_UNTOLD = 100


@dataclass(frozen=True)
class CapAlert:
    """`committed_micros` of `limit_micros` is at or above `percent`; the hold of `attempt_id` crossed it."""

    alert_id: int
    cap_id: str
    scope: str
    window: str
    percent: int
    limit_micros: int
    committed_micros: int
    attempt_id: str
    run_id: str
    at: datetime


def read_alerts(connection: Connection, *where: "sa.ColumnElement[bool]", most: int = MAX_UNTOLD) -> list[CapAlert]:
    """Alerts in the order in which they were written, `most` at a time."""
    columns = [cap_alerts.c[name] for name in CapAlert.__dataclass_fields__ if name != "scope"]
    query = sa.select(*columns, caps.c.scope).join(caps, caps.c.cap_id == cap_alerts.c.cap_id)
    rows = connection.execute(query.where(*where).order_by(cap_alerts.c.alert_id).limit(most))
    return [CapAlert(**row._mapping) for row in rows]


def untold_alerts(connection: Connection) -> list[CapAlert]:
    return read_alerts(connection, cap_alerts.c.told_at.is_(None))


def mark_told(connection: Connection, alert_id: int, now: datetime) -> bool:
    """True for the one caller that marks it."""
    mark = cap_alerts.update().where(cap_alerts.c.alert_id == alert_id, cap_alerts.c.told_at.is_(None))
    return connection.execute(mark.values(told_at=now)).rowcount == 1
