"""One database, two engines: SQLite (embedded) and PostgreSQL (many workers)."""

from storage.database.engine import Database, open_database

__all__ = ["Database", "open_database"]
