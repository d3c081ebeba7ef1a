"""What finance reads about prices: where vendors departed from the book, and old charges priced again. Reading only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from budget.price_book import PriceBook
from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.errors import PriceMissing
from domain.render import Usage
from storage.database import Database
from storage.database.money_tables import attempts, price_drifts

Repricing = Literal["equal", "different", "not priced"]


@dataclass(frozen=True)
class DriftRow:
    """One model under one version of the book. `book` and `vendor` are those of the newest departure, in micros.

    `extra_micros` is what was settled above the book over all departures (below it, where it is negative).
    """

    model_id: str
    vendor: str
    price_version: str
    book_micros: int
    vendor_micros: int
    factor_ppm: int
    since: datetime
    calls: int
    extra_micros: int
    is_current: bool


@dataclass(frozen=True)
class Repriced:
    """One settled charge: the book's price when it was charged, and by today's book for the same day and usage."""

    attempt_id: str
    model_id: str
    day: str
    price_version: str
    charged_micros: int
    then_micros: int | None
    now_micros: int | None
    outcome: Repricing
    note: str = ""


def drift_report(database: Database, book: PriceBook) -> list[DriftRow]:
    """By model and version, the current version first, then the newest departures."""
    drifts = price_drifts.c
    group = (drifts.model_id, drifts.vendor, drifts.price_version, drifts.entry_version)
    extra = sa.func.sum(sa.case((attempts.c.state == "settled", attempts.c.cost_micros - price_drifts.c.book_micros)))
    sums = (
        sa.select(
            sa.func.max(price_drifts.c.drift_id).label("newest"),
            sa.func.min(price_drifts.c.at).label("since"),
            sa.func.max(price_drifts.c.factor_ppm).label("factor_ppm"),
            sa.func.count().label("calls"),
            sa.cast(sa.func.coalesce(extra, 0), sa.BigInteger).label("extra_micros"),
        )
        .join(attempts, attempts.c.attempt_id == price_drifts.c.attempt_id)
        .group_by(*group)
        .subquery()
    )
    columns = (*group, price_drifts.c.book_micros, price_drifts.c.vendor_micros)
    named = (sums.c.since, sums.c.factor_ppm, sums.c.calls, sums.c.extra_micros)
    query = sa.select(*columns, *named).join(sums, sums.c.newest == price_drifts.c.drift_id)
    with database.read() as connection:
        rows = connection.execute(query.order_by(price_drifts.c.drift_id.desc())).mappings().all()
    entries = {model_id: book.entry_version(model_id) for model_id in book.models}
    found = [_drift_row(dict(row), entries) for row in rows]
    return sorted(found, key=lambda row: not row.is_current)


def _drift_row(row: dict[str, Any], entries: dict[str, str]) -> DriftRow:
    """`is_current` where its factor still counts."""
    return DriftRow(is_current=row.pop("entry_version") == entries.get(row["model_id"]), **row)


def reprice(database: Database, book: PriceBook, run_id: str) -> list[Repriced]:
    """Every settled charge of a run, priced again by its own day: a row of the book that was changed shows here.

    The book keeps its dated rows, so a new version with a new row prices old charges as before.
    """
    query = sa.select(price_drifts.c.attempt_id, price_drifts.c.book_micros)
    query = query.join(attempts, attempts.c.attempt_id == price_drifts.c.attempt_id)
    with database.read() as connection:
        rows = connection.execute(query.where(attempts.c.run_id == run_id)).all()
    departed = {row.attempt_id: int(row.book_micros) for row in rows}
    settled = list_attempts(database, run_id=run_id, states=("settled",))
    return [_repriced(attempt, book, departed.get(attempt.attempt_id)) for attempt in settled]


def _repriced(attempt: Attempt, book: PriceBook, departed_from: int | None) -> Repriced:
    """A charge that did not depart from the book is the book's price of then; of one that did, the drift keeps it."""
    charged_micros = attempt.cost_micros or 0
    from_book = attempt.cost_source == "book" or departed_from is None
    then_micros: int | None = charged_micros if from_book else departed_from
    now_micros, note = _price_now(attempt, book)
    if attempt.cost_source == "person" or not any(attempt.usage.values()):
        then_micros, note = None, "a person's word" if attempt.cost_source == "person" else "no usage was named"
    outcome: Repricing = "equal" if then_micros == now_micros else "different"
    return Repriced(
        attempt_id=attempt.attempt_id,
        model_id=attempt.dimensions.model_id,
        day=f"{attempt.held_at:%Y-%m-%d}",
        price_version=attempt.price_version,
        charged_micros=charged_micros,
        then_micros=then_micros,
        now_micros=now_micros,
        outcome="not priced" if then_micros is None else outcome,
        note=note,
    )


def _price_now(attempt: Attempt, book: PriceBook) -> tuple[int | None, str]:
    """The price of the usage on the day of the hold, for the model that answered."""
    answered = attempt.model_answered
    model_id = answered if answered in book.models else attempt.dimensions.model_id
    try:
        return book.price(model_id, Usage(**{"images": 0, **attempt.usage}), attempt.held_at.date()), ""
    except PriceMissing as error:
        return None, str(error)
