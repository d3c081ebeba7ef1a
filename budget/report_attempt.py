"""One attempt with all that happened to it: its events, the caps that counted it, and what its price departed from."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.attempt_rows import read_attempt
from budget.drift import PPM
from domain.attempt import Attempt
from storage.database import Database
from storage.database.money_tables import attempt_caps, attempt_events, attempts, price_drifts

MAX_EVENTS = 200


@dataclass(frozen=True)
class AttemptEvent:
    """One change of state, as it was written; `micros` is the amount that it was about, if any."""

    state: str
    micros: int | None
    note: str
    by: str
    at: datetime


@dataclass(frozen=True)
class PriceDeparture:
    """The book's price beside the vendor's figure, in micros; `factor_ppm` is vendor over book in millionths."""

    book_micros: int
    vendor_micros: int
    factor_ppm: int
    at: datetime

    @property
    def is_above(self) -> bool:
        return self.factor_ppm > PPM


@dataclass(frozen=True)
class AttemptStory:
    """`caps` are (cap, window) pairs; `other_tries` the attempts at the same work besides this one, in order."""

    attempt: Attempt
    events: tuple[AttemptEvent, ...]
    caps: tuple[tuple[str, str], ...]
    departure: PriceDeparture | None
    other_tries: tuple[str, ...]


def attempt_story(database: Database, attempt_id: str) -> AttemptStory | None:
    with database.read() as connection:
        query = sa.select(attempts).where(attempts.c.attempt_id == attempt_id)
        row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return AttemptStory(
            attempt=read_attempt(row),
            events=_events(connection, attempt_id),
            caps=_caps(connection, attempt_id),
            departure=_departure(connection, attempt_id),
            other_tries=_other_tries(connection, row["work_key"], attempt_id),
        )


def _events(connection: Connection, attempt_id: str) -> tuple[AttemptEvent, ...]:
    query = sa.select(*(attempt_events.c[name] for name in AttemptEvent.__dataclass_fields__))
    query = query.where(attempt_events.c.attempt_id == attempt_id).order_by(attempt_events.c.event_id)
    return tuple(AttemptEvent(**row) for row in connection.execute(query.limit(MAX_EVENTS)).mappings())


def _caps(connection: Connection, attempt_id: str) -> tuple[tuple[str, str], ...]:
    query = sa.select(attempt_caps.c.cap_id, attempt_caps.c.window).where(attempt_caps.c.attempt_id == attempt_id)
    return tuple((row.cap_id, row.window) for row in connection.execute(query.order_by(attempt_caps.c.cap_id)))


def _departure(connection: Connection, attempt_id: str) -> PriceDeparture | None:
    query = sa.select(*(price_drifts.c[name] for name in PriceDeparture.__dataclass_fields__))
    row = connection.execute(query.where(price_drifts.c.attempt_id == attempt_id)).mappings().first()
    return PriceDeparture(**row) if row else None


def _other_tries(connection: Connection, work_key: str, attempt_id: str) -> tuple[str, ...]:
    query = sa.select(attempts.c.attempt_id).where(attempts.c.work_key == work_key, attempts.c.attempt_id != attempt_id)
    return tuple(connection.execute(query.order_by(attempts.c.try_no)).scalars())
