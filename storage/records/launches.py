"""Launches: who started which quote as which flow run. One launch id starts one flow run, however often it is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from domain.errors import RunError
from storage.database import Database
from storage.database.board_tables import launches
from storage.database.upsert import insert_once
from storage.records.rows import from_row, to_row

LaunchState = Literal["waiting", "declined", "asked", "started", "failed"]
MAX_LISTED = 100


@dataclass(frozen=True)
class Launch:
    """`waiting` for an approver's word; `declined` by one. `asked` without a flow run: sent or about to be; sending
    again with the same id is safe where Prefect keeps ids.

    The launch id goes to Prefect as its idempotency key. `due_at` is told to people and stops nothing.
    """

    launch_id: str
    quote_hash: str
    run_id: str
    deployment: str
    params: dict[str, Any]
    launched_by: str
    flow_run_id: str = ""
    state: LaunchState = "asked"
    due_at: datetime | None = None
    decided_by: str = ""
    decided_why: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Launches:
    """Begins a launch once and says what became of it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def begin(self, launch: Launch) -> tuple[Launch, bool]:
        """The launch as it is in the database, and whether this call wrote it (False: asked for before)."""
        now = self._clock()
        with self._database.write() as connection:
            row = {**to_row(launch), "created_at": now, "updated_at": now}
            written = insert_once(connection, launches, row)
            found = connection.execute(sa.select(launches).where(launches.c.launch_id == launch.launch_id))
            return from_row(Launch, found.mappings().one()), written

    def started(self, launch_id: str, flow_run_id: str) -> None:
        self._move(launch_id, state="started", flow_run_id=flow_run_id)

    def failed(self, launch_id: str) -> None:
        """It was refused and no flow run was made."""
        self._move(launch_id, state="failed")

    def approved(self, launch: Launch) -> bool:
        """It may go, with this quote, run and parameters, by whom it names. True for one caller, while it waits."""
        agreed = {name: getattr(launch, name) for name in ("quote_hash", "run_id", "params", "decided_by")}
        return self._decide(launch.launch_id, state="asked", **agreed)

    def declined(self, launch_id: str, by: str, why: str) -> bool:
        """True for exactly one caller while it waits."""
        return self._decide(launch_id, state="declined", decided_by=by, decided_why=why)

    def get(self, launch_id: str) -> Launch | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(launches).where(launches.c.launch_id == launch_id)).mappings().first()
        return from_row(Launch, row) if row else None

    def of_run(self, run_id: str) -> list[Launch]:
        """Newest first."""
        query = sa.select(launches).where(launches.c.run_id == run_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(launches.c.created_at.desc(), launches.c.launch_id))
            return [from_row(Launch, row) for row in rows.mappings()]

    def newest(self, *states: LaunchState, by: str = "", limit: int = MAX_LISTED) -> list[Launch]:
        """Those in one of the states (any, where none is named), newest first; `by` only this person's."""
        query = sa.select(launches).order_by(launches.c.created_at.desc(), launches.c.launch_id).limit(limit)
        query = query.where(launches.c.state.in_(states)) if states else query
        query = query.where(launches.c.launched_by == by) if by else query
        with self._database.read() as connection:
            return [from_row(Launch, row) for row in connection.execute(query).mappings()]

    def unapproved(self, by: str, since: datetime) -> list[Launch]:
        """What this person started since then with nobody's yes but her own."""
        query = sa.select(launches).where(launches.c.launched_by == by, launches.c.created_at >= since)
        query = query.where(launches.c.state.in_(("asked", "started")), launches.c.decided_by == "")
        with self._database.read() as connection:
            return [from_row(Launch, row) for row in connection.execute(query).mappings()]

    def _decide(self, launch_id: str, **values: Any) -> bool:
        mine = (launches.c.launch_id == launch_id) & (launches.c.state == "waiting")
        with self._database.write() as connection:
            moved = connection.execute(launches.update().where(mine).values(**values, updated_at=self._clock()))
            return moved.rowcount == 1

    def _move(self, launch_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            moved = connection.execute(
                launches.update().where(launches.c.launch_id == launch_id).values(**values, updated_at=self._clock())
            )
            if moved.rowcount != 1:
                raise RunError(f"there is no launch {launch_id!r}")
