"""A migrated, empty database: once on SQLite, once on PostgreSQL. A plugin of the tests that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, open_database
from storage.database.migrate import migrate
from tests.support.postgres import emptied, postgres_url


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = open_database(f"sqlite:///{tmp_path}/both.db")
        migrate(made)
    else:
        made = emptied(request.getfixturevalue("postgres"))
    yield made
    made.close()
