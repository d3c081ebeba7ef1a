"""Drift in the database, on SQLite and on a real PostgreSQL: the highest factor counts, news is told once.

Takes about 5 s beside the start of PostgreSQL.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count

import pytest

from budget.caps import Cap
from budget.drift import Drift, Drifts, departure
from budget.drift_reports import drift_report
from budget.ledger import Ledger
from budget.price_book import PriceBook
from domain.attempt import Attempt, Dimensions, Intent
from domain.render import Measured, Usage
from storage.database import Database

pytestmark = pytest.mark.server
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODEL, BOOK = "flux-2-klein-4b", PriceBook.load()
ONE_MP = Usage(output_mp=1)
pytest_plugins = ["tests.support.both_engines"]


@pytest.fixture
def drifts(database: Database) -> Drifts:
    return Drifts(database, BOOK, lambda: NOW)


@pytest.fixture
def attempts(database: Database) -> list[Attempt]:
    """Three settled calls at 20, 25 and 20 thousand micros."""
    ids = count(1)
    ledger = Ledger(database, process_id="p", clock=lambda: NOW, new_id=lambda: f"a{next(ids)}")
    ledger.set_cap(Cap("day", "global", "", "day", 10**9), by="t", why="t")
    made = []
    for n, cost in enumerate((20_000, 25_000, 20_000)):
        dimensions = Dimensions(run_id=f"r{n}", flow="catalog", vendor="bfl", model_id=MODEL)
        attempt = ledger.hold(Intent(f"w{n}", 14_000, BOOK.version, dimensions), slots=9)
        ledger.send(attempt.attempt_id)
        ledger.settle(attempt.attempt_id, cost, source="vendor")
        made.append(ledger.get(attempt.attempt_id))
    return made


def drift_of(attempt: Attempt, figure: int | None = None) -> Drift:
    found = departure(attempt, figure or attempt.cost_micros or 0, worst_micros=14_000, usage_micros=14_000)
    assert found is not None
    return found


def test_the_highest_factor_of_the_current_version_is_what_the_next_hold_costs(
    drifts: Drifts, attempts: list[Attempt]
) -> None:
    assert drifts.worst(MODEL, ONE_MP, date(2026, 11, 21)) == 14_000
    for attempt in attempts:
        drifts.note(drift_of(attempt))
    # a factor is rounded up to a millionth: a hold is never below what was billed
    assert drifts.worst(MODEL, ONE_MP, date(2026, 11, 21)) == 25_001
    assert drifts.worst(MODEL, replace(ONE_MP, output_mp=2), date(2026, 11, 21)) == 26_786
    assert drifts.worst("flux-2-pro", ONE_MP, date(2026, 11, 21)) == 30_000


def test_factors_of_an_older_version_count_no_more(drifts: Drifts, attempts: list[Attempt]) -> None:
    drifts.note(replace(drift_of(attempts[0]), price_version="older"))
    assert drifts.worst(MODEL, ONE_MP, date(2026, 11, 21)) == 14_000


def test_a_quote_is_raised_with_a_warning_and_its_low_end_stays(drifts: Drifts, attempts: list[Attempt]) -> None:
    measured = Measured(ONE_MP, ONE_MP, ONE_MP, 64, 64)
    assert drifts.prices().warning(MODEL) == ""
    drifts.note(drift_of(attempts[0]))
    price = drifts.prices().price_range(MODEL, measured, date(2026, 11, 21))
    assert (price.low, price.expected, price.worst) == (14_000, 20_001, 20_001)
    assert "1.429 times the price book's price" in drifts.prices().warning(MODEL)


def test_one_row_an_attempt_with_its_newest_figure(drifts: Drifts, attempts: list[Attempt], database: Database) -> None:
    for figure in (20_000, 28_000, 28_000):
        drifts.note(drift_of(attempts[0], figure))
    (row,) = drift_report(database, BOOK)
    assert (row.calls, row.vendor_micros, row.factor_ppm) == (1, 28_000, 2_000_000)
    assert [d.vendor_micros for d in drifts.of_run("r0")] == [28_000]
    assert drifts.of_run("r1") == []


def test_news_is_what_is_farther_from_the_book_than_anything_told(drifts: Drifts, attempts: list[Attempt]) -> None:
    first, second, third = attempts
    assert drifts.note(drift_of(first))
    assert drifts.note(drift_of(second, 20_010)), "nobody was told yet"
    drifts.told(first.attempt_id)
    assert not drifts.note(drift_of(second, 20_010))
    assert not drifts.note(drift_of(second, 15_000))
    assert drifts.note(drift_of(second, 25_000))
    assert drifts.note(drift_of(third, 7_000)), "below the book is another story"


def test_the_report_sums_what_was_paid_above_the_book(
    drifts: Drifts, attempts: list[Attempt], database: Database
) -> None:
    for attempt in attempts:
        drifts.note(drift_of(attempt))
    (row,) = drift_report(database, BOOK)
    assert (row.calls, row.extra_micros, row.since, row.is_current) == (3, 65_000 - 3 * 14_000, NOW, True)


CASES = [
    # figure, worst price, price of the usage -> the book's price that it departs from
    (14_000, 14_000, 14_000, None),
    (14_001, 14_000, 14_000, None),
    (14_002, 14_000, 14_000, 14_000),
    (13_998, 14_000, 14_000, 14_000),
    (15_000, 20_000, 14_000, 14_000),
    (15_000, 20_000, None, None),
    (21_000, 20_000, None, 20_000),
    (16_000, 14_000, 16_000, 14_000),
    (500, 0, None, None),
]


def test_a_departure_is_a_figure_above_the_worst_case_or_other_than_its_usage(attempts: list[Attempt]) -> None:
    found = [departure(attempts[0], f, worst_micros=worst, usage_micros=usage) for f, worst, usage, _ in CASES]
    assert [drift.book_micros if drift else None for drift in found] == [book for *_, book in CASES]
