"""Numbered migrations (Alembic). Applied by `storage.database.migrate`."""
