"""Spend reports: every column's sums are the same whole, and money in doubt is shown beside what is spent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from budget.caps import Cap
from budget.ledger import Ledger
from budget.reports import SPEND_BY, SpendBy, list_attempts, spend
from domain.attempt import Dimensions, Intent
from storage.database import Database, open_database
from storage.database.migrate import migrate

# run, sku, model, end, hold, cost
CALLS = [
    ("r1", "mug", "klein", "settled", 20, 14),
    ("r1", "mug", "pro", "settled", 50, 45),
    ("r1", "bowl", "klein", "in_doubt", 20, 0),
    ("r1", "bowl", "klein", "released", 20, 0),
    ("r2", "mug", "pro", "held", 50, 0),
    ("r2", "", "pro", "settled", 50, 50),
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path}/spend.db")
    migrate(made)
    ids, now = count(1), datetime(2026, 11, 21, tzinfo=UTC)
    ledger = Ledger(made, process_id="p", clock=lambda: now, new_id=lambda: f"a{next(ids)}")
    ledger.set_cap(Cap("day", "global", "", "day", 10**9), by="t", why="t")
    for n, (run_id, sku, model, end, hold, cost) in enumerate(CALLS):
        dimensions = Dimensions(run_id=run_id, flow="catalog", sku=sku, model_id=model, vendor="bfl", stage="draft")
        attempt = ledger.hold(Intent(f"w{n}", hold, "book", dimensions), slots=99)
        if end != "held":
            ledger.send(attempt.attempt_id)
        if end == "settled":
            ledger.settle(attempt.attempt_id, cost, source="vendor", result_sha256=f"{n:064d}")
        elif end == "in_doubt":
            ledger.doubt(attempt.attempt_id, code="cut", note="silence")
        elif end == "released":
            ledger.release(attempt.attempt_id, code="moderated", note="no")
    yield made
    made.close()


@pytest.mark.parametrize("by", SPEND_BY)
def test_every_column_sums_to_the_same_whole(database: Database, by: SpendBy) -> None:
    rows = spend(database, by)
    assert sum(row.spent_micros for row in rows) == 14 + 45 + 50
    assert sum(row.held_micros for row in rows) == 50
    assert sum(row.in_doubt_micros for row in rows) == 20
    assert sum(row.committed_micros for row in rows) == 179
    assert sum(row.calls for row in rows) == 5
    assert sum(row.images for row in rows) == 3


def test_the_dearest_comes_first_and_one_run_can_be_asked_for(database: Database) -> None:
    assert [(r.key, r.committed_micros) for r in spend(database, "model")] == [("pro", 145), ("klein", 34)]
    assert [(r.key, r.spent_micros, r.in_doubt) for r in spend(database, "sku", run_id="r1")] == [
        ("mug", 59, 0),
        ("bowl", 0, 1),
    ]


def test_attempts_are_listed_as_they_were_held_and_by_state(database: Database) -> None:
    assert [a.work_key for a in list_attempts(database)] == [f"w{n}" for n in range(6)]
    assert [a.work_key for a in list_attempts(database, run_id="r1", states=("in_doubt", "released"))] == ["w2", "w3"]
