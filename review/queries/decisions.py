"""What people decided about a product in the review queue, read out of their marks; and how a whole run stands.

The last word counts: whoever flagged a draft of the product last. If that person picked something, those are the picks;
if that person rejected every draft, the product is left out; else (a picked draft was rejected, and nothing put in its
place) nobody has decided and it stays an exception. So two people never overwrite each other's marks, and one of them
can still end a disagreement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from review.queries.sheets import SheetMark
from storage.database import Database
from storage.database.board_tables import mark_events
from storage.database.tables import images, runs


@dataclass(frozen=True)
class Decision:
    """`labels` in the order of the sheet; () leaves the product out, and `note` is why."""

    user_id: str
    name: str
    labels: tuple[str, ...]
    note: str
    at: datetime


def decision_of(drafts: Sequence[Any], opinions: Mapping[str, tuple[SheetMark, ...]]) -> Decision | None:
    """`drafts` have an image_id and a label. None while nobody's word stands."""
    flagged = [(draft, mark) for draft in drafts for mark in opinions.get(draft.image_id, ()) if mark.flag]
    if not flagged:
        return None
    last = max((mark for _, mark in flagged), key=lambda mark: mark.updated_at)
    own = [(draft, mark) for draft, mark in flagged if mark.user_id == last.user_id]
    labels = tuple(draft.label for draft, mark in own if mark.flag == "pick")
    if not labels and len(own) < len(drafts):
        return None
    note = next((mark.note for _, mark in own if mark.note), "")
    return Decision(last.user_id, last.name, labels, note, last.updated_at)


def newest_change(database: Database, user_id: str, run_id: str = "") -> tuple[str, str] | None:
    """(run id, asset key) of the person's newest change that still stands, in this run or in any catalog run."""
    query = (
        sa.select(images.c.run_id, images.c.asset_key)
        .join(mark_events, mark_events.c.image_id == images.c.image_id)
        .where(mark_events.c.user_id == user_id, mark_events.c.undone.is_(False))
        .order_by(mark_events.c.event_id.desc())
        .limit(1)
    )
    if run_id:
        query = query.where(images.c.run_id == run_id)
    else:
        query = query.join(runs, runs.c.run_id == images.c.run_id).where(runs.c.kind == "catalog")
    with database.read() as connection:
        row = connection.execute(query).first()
    return (row.run_id, row.asset_key) if row else None


def newest_change_at(database: Database, user_id: str, run_id: str) -> datetime | None:
    """The moment of the person's newest change in the run that still stands; what changed at once has one moment."""
    mine = (mark_events.c.user_id == user_id, mark_events.c.run_id == run_id, mark_events.c.undone.is_(False))
    query = sa.select(mark_events.c.at).where(*mine).order_by(mark_events.c.event_id.desc()).limit(1)
    with database.read() as connection:
        return connection.execute(query).scalar()
