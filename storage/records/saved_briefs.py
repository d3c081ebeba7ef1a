"""Briefs that people keep: drafts of a form ("brief") and starting points for others ("template")."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import saved_briefs
from storage.database.upsert import insert_once
from storage.records.rows import from_row

BriefKind = Literal["brief", "template"]


@dataclass(frozen=True)
class SavedBrief:
    """`body` are the form's fields as they were, complete or not."""

    brief_id: str
    kind: BriefKind
    title: str
    body: dict[str, Any]
    saved_by: str
    created_at: datetime
    updated_at: datetime


class SavedBriefs:
    """Keeps, finds and forgets briefs. Saving under the same id again overwrites."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def save(self, brief_id: str, kind: BriefKind, title: str, body: dict[str, Any], by: str) -> SavedBrief:
        now = self._clock()
        values = {"kind": kind, "title": title, "body": body, "saved_by": by, "updated_at": now}
        with self._database.write() as connection:
            if not insert_once(connection, saved_briefs, {"brief_id": brief_id, **values, "created_at": now}):
                where = saved_briefs.c.brief_id == brief_id
                connection.execute(saved_briefs.update().where(where).values(**values))
            row = connection.execute(sa.select(saved_briefs).where(saved_briefs.c.brief_id == brief_id))
            return from_row(SavedBrief, row.mappings().one())

    def get(self, brief_id: str) -> SavedBrief | None:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(saved_briefs).where(saved_briefs.c.brief_id == brief_id))
            row = rows.mappings().first()
        return from_row(SavedBrief, row) if row else None

    def newest(self, kind: BriefKind | None = None, limit: int = 50) -> list[SavedBrief]:
        query = sa.select(saved_briefs).order_by(saved_briefs.c.updated_at.desc(), saved_briefs.c.brief_id)
        if kind is not None:
            query = query.where(saved_briefs.c.kind == kind)
        with self._database.read() as connection:
            return [from_row(SavedBrief, row) for row in connection.execute(query.limit(limit)).mappings()]

    def delete(self, brief_id: str) -> bool:
        """True if it was there."""
        with self._database.write() as connection:
            gone = connection.execute(saved_briefs.delete().where(saved_briefs.c.brief_id == brief_id))
            return gone.rowcount == 1
