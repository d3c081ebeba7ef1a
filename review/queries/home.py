"""What the first page shows: sheets that wait, runs that run, today's money, what was published. Reading only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.caps import Cap, read_caps
from domain.attempt import Dimensions
from storage.database import Database
from storage.database.money_tables import cap_windows
from storage.database.tables import assets, images, publications, runs, selections

SHEETS = 6
RUNS = 6
PUBLICATIONS = 6
THUMBS_A_SHEET = 4
RUNNING = ("planned", "running")
# A cap over everything counts in one window, whoever asks.
NOBODY = Dimensions(run_id="", flow="")


@dataclass(frozen=True)
class OpenSheet:
    """A contact sheet that waits for a pick."""

    run_id: str
    run_name: str
    asset_key: str
    title: str
    opened_at: datetime
    drafts: int
    image_ids: tuple[str, ...]


@dataclass(frozen=True)
class RunLine:
    run_id: str
    name: str
    kind: str
    status: str
    note: str
    updated_at: datetime


@dataclass(frozen=True)
class DayCap:
    """A cap over everything, in its window of now. All in micros."""

    cap_id: str
    period: str
    limit_micros: int
    spent_micros: int
    held_micros: int

    @property
    def left_micros(self) -> int:
        return self.limit_micros - self.spent_micros - self.held_micros


@dataclass(frozen=True)
class Published:
    catalog: str
    sku: str
    run_id: str
    version: int
    published_at: datetime


@dataclass(frozen=True)
class HomeNumbers:
    sheets: Sequence[OpenSheet]
    sheets_open: int
    running: Sequence[RunLine]
    recent: Sequence[RunLine]
    caps: Sequence[DayCap]
    published: Sequence[Published]


def home_numbers(database: Database, now: datetime) -> HomeNumbers:
    """One consistent look."""
    with database.read() as connection:
        return HomeNumbers(
            sheets=_sheets(connection),
            sheets_open=connection.execute(sa.select(sa.func.count()).select_from(_waiting().subquery())).scalar_one(),
            running=_runs(connection, runs.c.status.in_(RUNNING)),
            recent=_runs(connection, runs.c.status.not_in(RUNNING)),
            caps=[_day_cap(connection, cap, now) for cap in read_caps(connection) if cap.scope == "global"],
            published=_published(connection),
        )


def _sheets(connection: Connection) -> list[OpenSheet]:
    query = _waiting().order_by(selections.c.opened_at.desc()).limit(SHEETS)
    return [_sheet(connection, row) for row in connection.execute(query).all()]


def _waiting() -> sa.Select[Any]:
    """Open selections, but for those of a brief that failed: there is nothing on its sheet to pick."""
    same = (assets.c.run_id == selections.c.run_id) & (assets.c.asset_key == selections.c.asset_key)
    return (
        sa.select(selections.c.run_id, selections.c.asset_key, selections.c.opened_at, runs.c.name, assets.c.title)
        .join(runs, runs.c.run_id == selections.c.run_id)
        .join(assets, same)
        .where(selections.c.state == "open", assets.c.state != "failed")
    )


def _sheet(connection: Connection, row: Any) -> OpenSheet:
    where = (images.c.run_id == row.run_id, images.c.asset_key == row.asset_key, images.c.stage == "draft")
    query = sa.select(images.c.image_id).where(*where).order_by(images.c.ordinal)
    found = [str(image_id) for image_id in connection.execute(query).scalars()]
    shown = tuple(found[:THUMBS_A_SHEET])
    return OpenSheet(row.run_id, row.name, row.asset_key, row.title, row.opened_at, len(found), shown)


def _runs(connection: Connection, which: sa.ColumnElement[bool]) -> list[RunLine]:
    columns = (runs.c.run_id, _title(), runs.c.kind, runs.c.status, runs.c.status_note, runs.c.updated_at)
    query = sa.select(*columns).where(which).order_by(runs.c.updated_at.desc()).limit(RUNS)
    return [RunLine(*row) for row in connection.execute(query).all()]


def _title() -> sa.ColumnElement[str]:
    """Of a run with one brief that brief's title, as on the page of runs; of a catalog its name."""
    of_run = assets.c.run_id == runs.c.run_id
    count = sa.select(sa.func.count()).where(of_run).scalar_subquery()
    only = sa.select(sa.func.min(assets.c.title)).where(of_run).scalar_subquery()
    return sa.case((sa.and_(count == 1, only != ""), only), else_=runs.c.name)


def _day_cap(connection: Connection, cap: Cap, now: datetime) -> DayCap:
    where = (cap_windows.c.cap_id == cap.cap_id, cap_windows.c.window == cap.window(NOBODY, now))
    row = connection.execute(sa.select(cap_windows).where(*where)).first()
    spent, held = (row.spent_micros, row.held_micros) if row else (0, 0)
    return DayCap(cap.cap_id, cap.period, cap.limit_micros, spent, held)


def _published(connection: Connection) -> list[Published]:
    p = publications.c
    query = sa.select(p.catalog, p.sku, p.run_id, p.version, p.published_at)
    return [Published(*row) for row in connection.execute(query.order_by(p.published_at.desc()).limit(PUBLICATIONS))]
