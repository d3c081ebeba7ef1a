"""Any order of steps, at any time, under changing caps: after every one of them the books are right (SQLite)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from storage.database import Database, open_database
from storage.database.migrate import migrate
from tests.support.ledger_books import Books
from tests.support.ledger_machine import LedgerMachine

EXAMPLES, STEPS = 40, 40


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path}/ledger.db")
    migrate(made)
    yield made
    made.close()


def test_after_every_step_every_counter_is_the_sum_of_its_attempts_and_no_cap_is_passed(database: Database) -> None:
    class OnSqlite(LedgerMachine):
        @staticmethod
        def open_books() -> list[Books]:
            return [Books(database)]

    bounds = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(OnSqlite, settings=bounds)
