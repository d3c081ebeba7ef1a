"""Price drift: a vendor's own figure that departs from the price book. Written here, read by the next hold.

A row is keyed by the model's own entry in the book, so a new entry clears what the old one got wrong, and an edit
elsewhere in the book clears nothing. Figures above the book raise every later hold of that model, in every process;
figures below are reported, and change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.price_book import PriceBook
from domain.attempt import Attempt
from domain.money import Micros, PriceRange
from domain.render import Measured, Usage
from storage.database import Database
from storage.database.money_tables import attempts, price_drifts
from storage.database.upsert import insert_once

PPM = 1_000_000
TOLERANCE_MICROS = 1
"""Book and vendor each round a fraction of a micro up once, so they may differ by one without anybody being wrong."""
NEWS_PPM = 10_000
"""A factor within a hundredth of one that was told is no news: rounding makes it a little different for each size."""


@dataclass(frozen=True)
class Drift:
    """One bill beside the book's price for the same, in micros."""

    attempt_id: str
    run_id: str
    vendor: str
    model_id: str
    price_version: str
    book_micros: int
    vendor_micros: int

    @property
    def factor_ppm(self) -> int:
        """Vendor over book in millionths, rounded up: a hold times it is never below the figure."""
        return -(-self.vendor_micros * PPM // self.book_micros)

    @property
    def is_above(self) -> bool:
        return self.factor_ppm > PPM


@dataclass(frozen=True)
class DriftedPrices:
    """The book with its factors of one moment, for whoever prices much at once, such as a quote."""

    book: PriceBook
    factors_ppm: dict[str, int]

    def price_range(self, model_id: str, measured: Measured, on: date) -> PriceRange:
        """As the book's; expected and worst are raised by what the vendor was seen to charge."""
        price, factor_ppm = self.book.price_range(model_id, measured, on), self.factors_ppm.get(model_id, PPM)
        return PriceRange(price.low, raised(price.expected, factor_ppm), raised(price.worst, factor_ppm))

    def warning(self, model_id: str) -> str:
        """The sentence for a model that is priced above the book; "" for one that is not."""
        factor_ppm = self.factors_ppm.get(model_id, PPM)
        if factor_ppm == PPM:
            return ""
        times = f"{factor_ppm / PPM:.4g} times the price book's price"
        return f"{model_id} is priced at {times}, as its vendor was seen to bill it (`draftline prices drift`)"


class Drifts:
    """The table, and what holds and quotes ask of it."""

    def __init__(self, database: Database, book: PriceBook, clock: Callable[[], datetime]) -> None:
        self._database, self._book, self._clock = database, book, clock

    def worst(self, model_id: str, usage: Usage, on: date) -> Micros:
        """What to hold now: the book's price, times the highest factor that any process has seen. One indexed read."""
        price = self._book.price(model_id, usage, on)
        return raised(price, self.factors([model_id]).get(model_id, PPM))

    def prices(self) -> DriftedPrices:
        return DriftedPrices(self._book, self.factors(self._book.models))

    def factors(self, model_ids: tuple[str, ...] | list[str]) -> dict[str, int]:
        """The highest factor above the book of each model that has one, under its entry of now."""
        found, factor_ppm = {}, sa.func.max(price_drifts.c.factor_ppm)
        with self._database.read() as connection:
            for model_id in model_ids:
                mine = _of(model_id, self._book.entry_version(model_id))
                highest = connection.execute(sa.select(factor_ppm).where(*mine)).scalar_one()
                if highest is not None and highest > PPM:
                    found[model_id] = int(highest)
        return found

    def note(self, drift: Drift) -> bool:
        """Write the row, or the attempt's newer figure over its older one. True when finance should be told.

        Safe to repeat: one row an attempt, and the same drift may be noted again by whoever settles after a crash.
        """
        with self._database.write() as connection:
            values = {"book_micros": drift.book_micros, "vendor_micros": drift.vendor_micros}
            values["factor_ppm"] = drift.factor_ppm
            row = {name: getattr(drift, name) for name in ("attempt_id", "vendor", "model_id", "price_version")}
            row["entry_version"] = entry = self._entry_of(drift)
            # before the row is written: what was told of this attempt's older figure says nothing of the newer one
            is_news = _is_news(connection, drift, entry)
            if not insert_once(connection, price_drifts, {**row, **values, "at": self._clock()}):
                mine = price_drifts.c.attempt_id == drift.attempt_id
                untold = {"told_at": None} if is_news else {}
                connection.execute(price_drifts.update().where(mine).values(**values, **untold))
            return is_news

    def correct(self, attempt_id: str, vendor_micros: int) -> None:
        """The bill of an attempt is as the book says, though its vendor had named another figure: the bill counts."""
        mine = price_drifts.c.attempt_id == attempt_id
        with self._database.write() as connection:
            book_micros = connection.execute(sa.select(price_drifts.c.book_micros).where(mine)).scalar_one_or_none()
            if book_micros is not None:
                values = {"vendor_micros": vendor_micros, "factor_ppm": -(-vendor_micros * PPM // book_micros)}
                connection.execute(price_drifts.update().where(mine).values(**values))

    def told(self, attempt_id: str) -> bool:
        """True for the one caller that marks it."""
        with self._database.write() as connection:
            mine = (price_drifts.c.attempt_id == attempt_id, price_drifts.c.told_at.is_(None))
            return connection.execute(price_drifts.update().where(*mine).values(told_at=self._clock())).rowcount == 1

    def of_run(self, run_id: str) -> list[Drift]:
        """Every departure that a run met, in order."""
        with self._database.read() as connection:
            query = _WITH_RUNS.where(attempts.c.run_id == run_id).order_by(price_drifts.c.drift_id)
            return [_drift(row) for row in connection.execute(query)]

    def untold(self) -> list[tuple[Drift, datetime]]:
        """What finance should still be told, and when it was seen: of each model the farthest figure on either side."""
        factor, found = price_drifts.c.factor_ppm, []
        sides = ((factor > PPM, factor.desc()), (factor <= PPM, factor))
        with self._database.read() as connection:
            for model_id in self._book.models:
                entry = self._book.entry_version(model_id)
                for side, farthest in sides:
                    query = _WITH_RUNS.where(*_of(model_id, entry), side).order_by(farthest, price_drifts.c.drift_id)
                    row = connection.execute(query.limit(1)).first()
                    if row is not None and row.told_at is None and _is_news(connection, _drift(row), entry):
                        found.append((_drift(row), row.at))
        return found

    def _entry_of(self, drift: Drift) -> str:
        """A charge under an older book names no entry of ours: it raises nothing, for this book may have mended it."""
        is_of_now = drift.price_version == self._book.version
        return self._book.entry_version(drift.model_id) if is_of_now else drift.price_version


def departure(
    attempt: Attempt, figure_micros: int, *, worst_micros: int, usage_micros: int | None = None
) -> Drift | None:
    """Whether a figure departs from the book: above the worst price of the request, or other than the usage's price.

    `worst_micros` is the book's, before any factor. `usage_micros` is the book's price for what was delivered, where
    the figure is the vendor's own; None where the figure was made of the usage and the book itself.
    """
    book_micros = worst_micros
    if figure_micros <= worst_micros + TOLERANCE_MICROS:
        if not usage_micros or abs(figure_micros - usage_micros) <= TOLERANCE_MICROS:
            return None
        book_micros = usage_micros
    if book_micros == 0:
        return None
    d = attempt.dimensions
    return Drift(attempt.attempt_id, d.run_id, d.vendor, d.model_id, attempt.price_version, book_micros, figure_micros)


def raised(price: int, factor_ppm: int) -> Micros:
    """A price times a factor in millionths, rounded up."""
    return Micros(-(-price * factor_ppm // PPM))


_WITH_RUNS = sa.select(price_drifts, attempts.c.run_id).join(
    attempts, attempts.c.attempt_id == price_drifts.c.attempt_id
)


def _drift(row: Any) -> Drift:
    return Drift(**{name: getattr(row, name) for name in Drift.__dataclass_fields__})


def _of(model_id: str, entry_version: str) -> tuple[sa.ColumnElement[bool], ...]:
    return price_drifts.c.model_id == model_id, price_drifts.c.entry_version == entry_version


def _is_news(connection: Connection, drift: Drift, entry_version: str) -> bool:
    """True unless a factor like this, or one farther from the book, was told for this model and entry."""
    is_told, factor_ppm, factor = price_drifts.c.told_at.is_not(None), drift.factor_ppm, price_drifts.c.factor_ppm
    alike = factor >= factor_ppm - NEWS_PPM if drift.is_above else factor <= factor_ppm + NEWS_PPM
    same_side = factor > PPM if drift.is_above else factor <= PPM
    query = sa.select(price_drifts.c.drift_id).where(*_of(drift.model_id, entry_version), is_told, alike, same_side)
    return connection.execute(query.limit(1)).first() is None
