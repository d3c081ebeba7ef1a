"""The ledger's state machine on PostgreSQL and SQLite at once: same answers, same rows, and the books right on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from storage.database import Database, open_database
from storage.database.migrate import migrate
from tests.support.ledger_books import Books
from tests.support.ledger_machine import LedgerMachine
from tests.support.postgres import emptied, postgres_url

pytestmark = pytest.mark.server
EXAMPLES, STEPS = 20, 40


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[list[Database]]:
    sqlite = open_database(f"sqlite:///{tmp_path}/ledger.db")
    migrate(sqlite)
    with postgres_url() as url:
        postgresql = emptied(url)
        yield [postgresql, sqlite]
        postgresql.close()
    sqlite.close()


def test_both_databases_give_the_same_answers_and_keep_the_same_right_books(databases: list[Database]) -> None:
    class OnBoth(LedgerMachine):
        @staticmethod
        def open_books() -> list[Books]:
            return [Books(database) for database in databases]

    bounds = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(OnBoth, settings=bounds)
