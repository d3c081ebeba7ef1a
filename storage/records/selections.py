"""Selections (open until somebody picked) and publications (what a catalog shows for a SKU)."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.errors import SelectionError
from domain.run import Publication, Selection
from storage.database import Database
from storage.database.tables import publications, selections
from storage.database.upsert import insert_once, replace
from storage.records.rows import from_row, to_row


class Selections:
    """Opens, closes and reads selections; closing is idempotent by the picks."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def open(self, selection: Selection) -> None:
        with self._database.write() as connection:
            insert_once(connection, selections, {**to_row(selection), "opened_at": self._clock()})

    def of_run(self, run_id: str) -> dict[str, Selection]:
        query = sa.select(selections).where(selections.c.run_id == run_id)
        with self._database.read() as connection:
            return {row["asset_key"]: from_row(Selection, row) for row in connection.execute(query).mappings()}

    def close(self, run_id: str, picks: dict[str, tuple[str, ...]], *, by: str, reasons: dict[str, Any]) -> None:
        """Close many selections in one transaction. The same picks again change nothing; others are refused."""
        with self._database.write() as connection:
            for asset_key, labels in sorted(picks.items()):
                row = connection.execute(self._one(run_id, asset_key).with_for_update()).mappings().first()
                self._close_one(connection, row, run_id, asset_key, labels, by, reasons.get(asset_key, {}))

    def _close_one(
        self,
        connection: sa.Connection,
        row: Any,
        run_id: str,
        asset_key: str,
        labels: tuple[str, ...],
        by: str,
        reasons: dict[str, Any],
    ) -> None:
        if row is None:
            raise SelectionError(f"run {run_id} has no selection for {asset_key!r}")
        if row["state"] == "closed":
            if tuple(row["picks"]) != labels:
                was = ", ".join(row["picks"]) or "nothing"
                raise SelectionError(f"{asset_key} is closed already with {was} (by {row['picked_by']})")
            return
        values = {"state": "closed", "picks": list(labels), "picked_by": by, "closed_at": self._clock()}
        where = (selections.c.run_id == run_id, selections.c.asset_key == asset_key)
        merged = {**row["reasons"], **reasons}
        connection.execute(selections.update().where(*where).values(**values, reasons=merged))

    @staticmethod
    def _one(run_id: str, asset_key: str) -> "sa.Select[Any]":
        return sa.select(selections).where(selections.c.run_id == run_id, selections.c.asset_key == asset_key)


class Publications:
    """What each catalog shows now; S3's snapshot is the truth for readers, this is the index that planning reads."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def record(self, entries: Iterable[Publication]) -> None:
        with self._database.write() as connection:
            for entry in entries:
                replace(connection, publications, {**to_row(entry), "published_at": self._clock()})

    def of_catalog(self, catalog: str) -> dict[str, Publication]:
        query = sa.select(publications).where(publications.c.catalog == catalog)
        with self._database.read() as connection:
            return {row["sku"]: from_row(Publication, row) for row in connection.execute(query).mappings()}
