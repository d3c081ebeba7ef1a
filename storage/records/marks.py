"""Marks: one person's opinion of one draft (flag, stars, note), and the events that undo needs.

Two people never overwrite each other: the key is image and person. A mark spends nothing; picks that do are in
selections.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import InputError, SelectionError
from storage.database import Database
from storage.database.board_tables import mark_events, marks
from storage.database.tables import images
from storage.database.upsert import insert_once
from storage.records.rows import from_row

Flag = Literal["", "pick", "reject"]
FLAGS: tuple[str, ...] = get_args(Flag)
MAX_STARS = 5
MAX_NOTE_CHARS = 500
_BLANK: dict[str, Any] = {"flag": "", "stars": 0, "note": ""}


@dataclass(frozen=True)
class Mark:
    image_id: str
    user_id: str
    run_id: str
    asset_key: str
    flag: Flag
    stars: int
    note: str
    updated_at: datetime


@dataclass(frozen=True)
class MarkChange:
    """What to set; None leaves it as it is. Raises InputError for what no mark can hold."""

    flag: Flag | None = None
    stars: int | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.flag is not None and self.flag not in FLAGS:
            raise InputError(f"there is no flag {self.flag!r}", where="flag", hint="pick, reject or nothing")
        if self.stars is not None and not 0 <= self.stars <= MAX_STARS:
            raise InputError(f"{self.stars} is not 0 to {MAX_STARS}", where="stars")
        if self.note is not None and len(self.note) > MAX_NOTE_CHARS:
            raise InputError(f"{len(self.note)} characters, at most {MAX_NOTE_CHARS} are kept", where="note")

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


class Marks:
    """Changes, undoes and reads marks."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def change(self, image_id: str, user_id: str, change: MarkChange) -> Mark:
        """The person's mark after the change. The same again changes nothing and leaves no event.

        Raises SelectionError when there is no such draft.
        """
        with self._database.write() as connection:
            before = self._locked(connection, image_id, user_id)
            after = {**_opinion(before), **change.values()}
            if after == _opinion(before):
                return before
            event = {"run_id": before.run_id, "image_id": image_id, "user_id": user_id, "at": self._clock()}
            connection.execute(mark_events.insert().values(**event, before=_opinion(before), after=after))
            return self._write(connection, image_id, user_id, after)

    def undo(self, run_id: str, user_id: str) -> Mark | None:
        """Take back the person's last change in this run; the mark as it is then. None: nothing is left to undo."""
        newest = (
            sa.select(mark_events)
            .where(mark_events.c.run_id == run_id, mark_events.c.user_id == user_id, mark_events.c.undone.is_(False))
            .order_by(mark_events.c.event_id.desc())
            .limit(1)
        )
        with self._database.write() as connection:
            while (event := connection.execute(newest).first()) is not None:
                # two presses at once must undo two changes: whoever comes second looks again
                mine = (mark_events.c.event_id == event.event_id, mark_events.c.undone.is_(False))
                if connection.execute(mark_events.update().where(*mine).values(undone=True)).rowcount == 1:
                    return self._write(connection, event.image_id, user_id, event.before)
        return None

    def of_run(self, run_id: str, asset_key: str | None = None) -> list[Mark]:
        """Every mark that says something, oldest first."""
        says = sa.or_(marks.c.flag != "", marks.c.stars > 0, marks.c.note != "")
        query = sa.select(marks).where(marks.c.run_id == run_id, says)
        if asset_key is not None:
            query = query.where(marks.c.asset_key == asset_key)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(marks.c.updated_at, marks.c.user_id)).mappings()
            return [from_row(Mark, row) for row in rows]

    def _locked(self, connection: Connection, image_id: str, user_id: str) -> Mark:
        """The person's mark, made blank when there was none, and locked till the end of the transaction."""
        where = sa.select(images.c.run_id, images.c.asset_key)
        draft = connection.execute(where.where(images.c.image_id == image_id, images.c.stage == "draft")).first()
        if draft is None:
            raise SelectionError(f"there is no draft {image_id!r} to mark")
        row = {"image_id": image_id, "user_id": user_id, "run_id": draft.run_id, "asset_key": draft.asset_key}
        insert_once(connection, marks, {**row, **_BLANK, "updated_at": self._clock()})
        return from_row(Mark, connection.execute(_one(image_id, user_id).with_for_update()).mappings().one())

    def _write(self, connection: Connection, image_id: str, user_id: str, opinion: dict[str, Any]) -> Mark:
        where = (marks.c.image_id == image_id, marks.c.user_id == user_id)
        connection.execute(marks.update().where(*where).values(**opinion, updated_at=self._clock()))
        return from_row(Mark, connection.execute(_one(image_id, user_id)).mappings().one())


def _one(image_id: str, user_id: str) -> "sa.Select[Any]":
    return sa.select(marks).where(marks.c.image_id == image_id, marks.c.user_id == user_id)


def _opinion(mark: Mark) -> dict[str, Any]:
    return {"flag": mark.flag, "stars": mark.stars, "note": mark.note}
