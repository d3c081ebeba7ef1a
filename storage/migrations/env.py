"""Alembic's entry: runs on the connection that storage.database.migrate hands in, inside its transaction."""

from alembic import context

import storage.database.board_tables
import storage.database.money_tables  # noqa: F401  (both register their tables)
from storage.database.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, compare_type=True, render_as_batch=True)
context.run_migrations()
