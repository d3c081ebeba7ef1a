"""Opens the database. What lives here: engine settings that money depends on. What may not: tables, queries.

SQLite: WAL, BEGIN IMMEDIATE for every writing transaction (so that a check and its update can not interleave with
another writer), synchronous=FULL because a lost commit would be a second paid image. PostgreSQL: READ COMMITTED (the
ledger takes row locks in one order) and, for the same reason, never synchronous_commit=off, whatever the server says.
"""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url

from domain.errors import SettingError, StorageError

BUSY_TIMEOUT_MS = 60_000
POOL_SIZE = 8
POOL_OVERFLOW = 16
POOL_WAIT_S = 60.0
_READ_ONLY = "draftline_read"


class Database:
    """A handle on the one database: `read()` and `write()` give a connection inside a transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that sees no other writer half-way; commits at the end, rolls back on any error."""
        with self._guard(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look; never blocks a writer."""
        with self._guard(), self.engine.connect().execution_options(**{_READ_ONLY: True}) as connection:
            yield connection

    def call(self, statement: str, parameters: Sequence[Any]) -> Any:
        """The one value of one statement that is its own transaction, in one round trip (PostgreSQL only).

        Never repeated here: when the connection breaks, nobody knows whether the server committed. The caller gets
        StorageError, and the next call another connection.
        """
        with self._guard():
            borrowed = self.engine.raw_connection()
            raw: Any = borrowed.driver_connection
            try:
                raw.autocommit = True
                row = raw.execute(statement, parameters).fetchone()
                return row[0] if row else None
            finally:
                if raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    # broken, or interrupted in the middle of the statement
                    borrowed.invalidate()
                else:
                    raw.autocommit = False
                    borrowed.close()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.TimeoutError, psycopg.OperationalError) as error:
            where = self.engine.url.render_as_string(hide_password=True)
            why = getattr(error, "orig", None) or error
            raise StorageError(f"the database at {where} did not answer: {why}") from error


def open_database(url: str) -> Database:
    """Open `sqlite:///path` or `postgresql+psycopg://…`. Raises SettingError for any other kind."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite(url, parsed.database))
    if parsed.get_backend_name() == "postgresql":
        engine = sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_S,
            isolation_level="READ COMMITTED",
        )
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "checkout", _refuse_dead_connection)
        return Database(engine)
    raise SettingError("only sqlite and postgresql are supported", where="DRAFTLINE_DATABASE_URL")


def _sqlite(url: str, path: str | None) -> Engine:
    if not path or path == ":memory:":
        raise SettingError("an in-memory database forgets holds with the process", where="DRAFTLINE_DATABASE_URL")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_OVERFLOW, pool_timeout=POOL_WAIT_S)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: Any, _record: Any) -> None:
    # pysqlite's own transaction handling starts too late for our purpose: we send BEGIN ourselves
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(raw: Any, _record: Any) -> None:
    # a stronger setting than "on" is left as it is
    query = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    raw.execute(query)
    # for statements that are their own transaction; the others name their isolation themselves
    raw.execute("SET default_transaction_isolation = 'read committed'")
    raw.commit()


def _refuse_dead_connection(raw: Any, _record: Any, _fairy: Any) -> None:
    """A connection that the server has closed is replaced before its use; that costs no round trip.

    The server says nothing to an idle connection, so anything on the socket is its good-bye (or news of its settings,
    and then a fresh connection is no loss).
    """
    if not raw.closed:
        waiting = select.poll()
        waiting.register(raw.fileno(), select.POLLIN)
        if not waiting.poll(0):
            return
    raise sa.exc.DisconnectionError("the server has closed this connection")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
