"""Insert that meets an existing row without an error, on both engines."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_once(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Insert unless a row with one of the table's unique keys is there. True when this call inserted it."""
    flavour = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = flavour.insert(table).values(**values).on_conflict_do_nothing()
    # an insert's rowcount is -1 on PostgreSQL, so the row itself says whether it is new
    return connection.execute(statement.returning(*table.primary_key.columns)).first() is not None


def replace(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Insert, or overwrite every given column of the row with the same primary key."""
    flavour = sqlite if connection.dialect.name == "sqlite" else postgresql
    keys = [column.name for column in table.primary_key]
    statement = flavour.insert(table).values(**values)
    rest = {name: statement.excluded[name] for name in values if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))
