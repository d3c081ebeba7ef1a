"""The schema that migrations build is the schema that the tables say, and SQLite is opened the way money needs."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from domain.errors import SettingError
from storage.database import money_tables, open_database
from storage.database.migrate import migrate
from storage.database.tables import METADATA


def test_migrations_build_exactly_the_declared_tables(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/d.db")
    migrate(database)
    migrate(database)
    with database.read() as connection:
        assert money_tables.attempts.name in METADATA.tables
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    database.close()


def test_sqlite_is_durable_and_serialises_writers(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/d.db")
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()


def test_a_database_that_would_forget_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match="DRAFTLINE_DATABASE_URL"):
        open_database("sqlite://")
    with pytest.raises(SettingError, match="DRAFTLINE_DATABASE_URL"):
        open_database("mysql://x/y")
