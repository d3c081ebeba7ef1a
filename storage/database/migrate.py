"""Brings a database to the newest schema. When many processes start at once, the second waits and finds it done."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

import storage.migrations
from storage.database.engine import Database

# any fixed number: names our lock among PostgreSQL's advisory locks
_ADVISORY_LOCK = 7_236_114


def migrate(database: Database) -> None:
    """Upgrade to head inside one writing transaction."""
    if _is_current(database):
        return
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})
        command.upgrade(_config(connection), "head")


def _is_current(database: Database) -> bool:
    with database.read() as connection:
        heads = set(MigrationContext.configure(connection).get_current_heads())
    return heads == set(ScriptDirectory.from_config(_config(None)).get_heads())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config
