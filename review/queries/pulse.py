"""The pulse of a run: a short text that changes whenever something visible in it changed. Asked once a second."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.report_runs import money_pulse
from domain.canonical import digest
from storage.database import Database
from storage.database.board_tables import mark_events
from storage.database.tables import assets, images, runs, scores, selections

PULSE_CHARS = 16


def run_pulse(database: Database, run_id: str) -> str:
    """Counts and newest times of everything that hangs on the run, as a digest."""
    with database.read() as connection:
        facts = [_one(connection, query) for query in _queries(run_id)]
        facts.append(list(money_pulse(connection, run_id)))
    return digest([[str(value) for value in fact] for fact in facts])[:PULSE_CHARS]


def _one(connection: Connection, query: "sa.Select[Any]") -> list[Any]:
    row = connection.execute(query).first()
    return list(row) if row else []


def _queries(run_id: str) -> list["sa.Select[Any]"]:
    count, newest = sa.func.count(), sa.func.max
    scored = sa.select(count).select_from(images.join(scores, scores.c.image_id == images.c.image_id))
    closed = sa.func.sum(sa.case((selections.c.state == "closed", 1), else_=0))
    undone = sa.func.sum(sa.case((mark_events.c.undone, 1), else_=0))
    return [
        sa.select(runs.c.status, runs.c.status_note, runs.c.updated_at).where(runs.c.run_id == run_id),
        sa.select(newest(assets.c.updated_at)).where(assets.c.run_id == run_id),
        sa.select(count).where(images.c.run_id == run_id),
        scored.where(images.c.run_id == run_id),
        sa.select(count, closed, newest(selections.c.closed_at)).where(selections.c.run_id == run_id),
        sa.select(newest(mark_events.c.event_id), undone).where(mark_events.c.run_id == run_id),
    ]
