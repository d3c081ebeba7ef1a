"""Which flow runs of Prefect worked on a run: several, when it was stopped, promoted or started again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.database import Database
from storage.database.tables import flow_runs
from storage.database.upsert import insert_once
from storage.records.rows import from_row, to_row


@dataclass(frozen=True)
class FlowRun:
    """`deployment` is "" for a flow that was called directly, as `draftline run` does."""

    flow_run_id: str
    run_id: str
    deployment: str = ""
    started_by: str = ""
    started_at: datetime | None = None


class FlowRuns:
    """Writes a flow run once."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def add(self, flow_run: FlowRun) -> bool:
        """True if it was new."""
        with self._database.write() as connection:
            return insert_once(connection, flow_runs, {**to_row(flow_run), "started_at": self._clock()})

    def of_run(self, run_id: str) -> list[FlowRun]:
        """Newest first."""
        query = sa.select(flow_runs).where(flow_runs.c.run_id == run_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(flow_runs.c.started_at.desc(), flow_runs.c.flow_run_id))
            return [from_row(FlowRun, row) for row in rows.mappings()]

    def run_ids(self, flow_run_ids: Sequence[str]) -> dict[str, str]:
        """Which run each of these flow runs works on; one that has not planned yet is not in it."""
        query = sa.select(flow_runs.c.flow_run_id, flow_runs.c.run_id)
        with self._database.read() as connection:
            rows = connection.execute(query.where(flow_runs.c.flow_run_id.in_(list(flow_run_ids))))
            return {row.flow_run_id: row.run_id for row in rows}
