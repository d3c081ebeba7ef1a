"""Attempts that have not ended, by whom they are worked on. Reading only.

Recovery asks this at the start of every run, so the usual answer (nothing) costs one look into an index.
"""

from collections.abc import Collection

import sqlalchemy as sa

from budget.attempt_rows import read_attempt
from domain.attempt import OPEN_STATES, Attempt
from storage.database import Database
from storage.database.money_tables import attempts

MAX_IDS_A_QUERY = 500
MAX_DOUBTED = 200
NEVER_SENT = "never-sent"
"""The code of a hold whose process was gone before a byte left: it was given back."""
# the second condition names what the first implies: the index of unended attempts answers it
OPEN = (attempts.c.state.in_(sorted(OPEN_STATES)), attempts.c.ended_at.is_(None))


def working_processes(database: Database) -> set[str]:
    """The processes that open attempts belong to, whether they live or not."""
    with database.read() as connection:
        return set(connection.execute(sa.select(attempts.c.process_id).where(*OPEN).distinct()).scalars())


def open_attempts_of(database: Database, process_ids: Collection[str]) -> list[Attempt]:
    """What these processes left open, oldest first."""
    return _read(database, sa.select(attempts).where(*OPEN, attempts.c.process_id.in_(sorted(process_ids))))


def doubted_with_a_job(database: Database) -> list[Attempt]:
    """In doubt, though the vendor had taken the work: it can be asked again. The newest MAX_DOUBTED of them."""
    doubted = (attempts.c.state == "in_doubt", attempts.c.ended_at.is_(None), attempts.c.job_id != "")
    return _read(database, sa.select(attempts).where(*doubted).order_by(attempts.c.held_at.desc()).limit(MAX_DOUBTED))


def attempts_among(database: Database, attempt_ids: Collection[str]) -> list[Attempt]:
    """Those of the attempts that this database knows, whatever their state."""
    known = sorted(attempt_ids)
    parts = [known[at : at + MAX_IDS_A_QUERY] for at in range(0, len(known), MAX_IDS_A_QUERY)]
    queries = [sa.select(attempts).where(attempts.c.attempt_id.in_(part)) for part in parts]
    return [attempt for query in queries for attempt in _read(database, query)]


def _read(database: Database, query: sa.Select[tuple[object, ...]]) -> list[Attempt]:
    with database.read() as connection:
        rows = connection.execute(query.order_by(attempts.c.held_at, attempts.c.attempt_id)).mappings()
        return [read_attempt(row) for row in rows]
