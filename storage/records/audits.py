"""The audit log: who did what to which thing, from where. Rows are added, never changed; no rules here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import audit_log
from storage.records.rows import from_row

MAX_TEXT_CHARS = 500


@dataclass(frozen=True)
class AuditEntry:
    """One thing that somebody did. `detail` is small and plain; it never holds a password or a token."""

    audit_id: int
    at: datetime
    user_id: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str


class Audits:
    """Adds to the log and reads it, newest first."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def add(self, user_id: str, action: str, target: str = "", *, address: str = "", **detail: Any) -> None:
        row = {"user_id": user_id[:MAX_TEXT_CHARS], "action": action, "target": target[:MAX_TEXT_CHARS]}
        with self._database.write() as connection:
            statement = audit_log.insert().values(**row, at=self._clock(), detail=detail, address=address)
            connection.execute(statement)

    def newest(self, limit: int, *, before_id: int = 0, user_id: str = "", action: str = "") -> list[AuditEntry]:
        """Entries older than `before_id` (0: from the newest), of one person or one kind of action when named."""
        query = sa.select(audit_log).order_by(audit_log.c.audit_id.desc()).limit(limit)
        if before_id:
            query = query.where(audit_log.c.audit_id < before_id)
        if user_id:
            query = query.where(audit_log.c.user_id == user_id)
        if action:
            query = query.where(audit_log.c.action == action)
        with self._database.read() as connection:
            return [from_row(AuditEntry, row) for row in connection.execute(query).mappings()]

    def actions(self) -> list[str]:
        """Every kind of action that was ever recorded, for the filter."""
        query = sa.select(audit_log.c.action).distinct().order_by(audit_log.c.action)
        with self._database.read() as connection:
            return [str(row.action) for row in connection.execute(query)]
