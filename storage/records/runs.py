"""Runs and their assets."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.errors import RunError
from domain.run import CANCELLED_BY, Asset, AssetState, Run, RunStatus
from storage.database import Database
from storage.database.tables import assets, runs
from storage.database.upsert import insert_once
from storage.records.rows import from_row, to_row

UNDER_WAY: tuple[RunStatus, ...] = ("planned", "running")


class Runs:
    """Opens, finds and moves runs and assets."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def open(self, run: Run, run_assets: Iterable[Asset]) -> bool:
        """Write a run with its assets in one transaction; False when it was there already (nothing changes then)."""
        now = self._clock()
        with self._database.write() as connection:
            row = {**to_row(run), "created_at": now, "updated_at": now}
            if not insert_once(connection, runs, row):
                return False
            rows = [{**to_row(asset), "updated_at": now} for asset in run_assets]
            if rows:
                connection.execute(assets.insert(), rows)
            return True

    def get(self, run_id: str) -> Run:
        with self._database.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).mappings().first()
        if row is None:
            raise RunError(f"there is no run {run_id!r}; `draftline runs` lists them")
        return from_row(Run, row)

    def find(self, run_id: str) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).mappings().first()
        return from_row(Run, row) if row else None

    def newest(self, limit: int = 50) -> list[Run]:
        query = sa.select(runs).order_by(runs.c.created_at.desc()).limit(limit)
        with self._database.read() as connection:
            return [from_row(Run, row) for row in connection.execute(query).mappings()]

    def update(self, run_id: str, status: RunStatus, note: str = "", **values: Any) -> None:
        row = {**values, "status": status, "status_note": note, "updated_at": self._clock()}
        with self._database.write() as connection:
            connection.execute(runs.update().where(runs.c.run_id == run_id).values(**row))

    def standing(self, run_id: str) -> tuple[RunStatus, str]:
        """Status and its note, without the plan and the quote: cheap enough to ask again and again."""
        query = sa.select(runs.c.status, runs.c.status_note).where(runs.c.run_id == run_id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise RunError(f"there is no run {run_id!r}; `draftline runs` lists them")
        return row.status, row.status_note

    def cancel(self, run_id: str, by: str, reason: str = "") -> bool:
        """Note that somebody cancelled it. False, and nothing is written, when it was not under way any more."""
        note = f"{CANCELLED_BY}{by}" + (f": {reason}" if reason else "")
        row = {"status": "incomplete", "status_note": note, "updated_at": self._clock()}
        with self._database.write() as connection:
            is_under_way = runs.c.status.in_(UNDER_WAY)
            found = connection.execute(runs.update().where(runs.c.run_id == run_id, is_under_way).values(**row))
            return found.rowcount == 1

    def assets(self, run_id: str, keys: Iterable[str] | None = None) -> list[Asset]:
        """The run's assets in the order of the plan; only those in `keys` when given."""
        query = sa.select(assets).where(assets.c.run_id == run_id).order_by(assets.c.ordinal)
        if keys is not None:
            query = query.where(assets.c.asset_key.in_(list(keys)))
        with self._database.read() as connection:
            return [from_row(Asset, row) for row in connection.execute(query).mappings()]

    def move_asset(self, run_id: str, asset_key: str, state: AssetState, problem: str = "") -> None:
        with self._database.write() as connection:
            connection.execute(
                assets.update()
                .where(assets.c.run_id == run_id, assets.c.asset_key == asset_key)
                .values(state=state, problem=problem, updated_at=self._clock())
            )
