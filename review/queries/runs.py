"""Runs, newest first, with what stands in one line of the list. Quotes and plans are large and stay in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.report_runs import NO_MONEY, RunMoney, money_of_runs
from domain.errors import InputError
from storage.database import Database
from storage.database.board_tables import launches
from storage.database.tables import assets, flow_runs, images, runs

MAX_PAGE = 200
NO_IMAGE = ""


@dataclass(frozen=True)
class RunFilter:
    """Empty fields ask for everything. `text` is looked for in names, run ids, SKUs and titles.

    `after` is the key of the page before.
    """

    state: str = ""
    kind: str = ""
    text: str = ""
    person: str = ""
    after: str = ""
    limit: int = 25


@dataclass(frozen=True)
class RunRow:
    """One line of the list. `cover_id` is an image that stands for the run, "" while there is none."""

    run_id: str
    kind: str
    name: str
    title: str
    ladder: str
    select_mode: str
    status: str
    status_note: str
    asked_by: str
    created_at: datetime
    updated_at: datetime
    assets: int
    drafts_done: int
    drafts_total: int
    failed: int
    warnings: int
    low_micros: int
    expected_micros: int
    worst_micros: int
    money: RunMoney
    cover_id: str


@dataclass(frozen=True)
class RunPage:
    """`next_key` "" says that there is no more."""

    rows: tuple[RunRow, ...]
    next_key: str


def list_runs(database: Database, asked: RunFilter) -> RunPage:
    """A page of runs, newest first. Raises InputError for a key that is no page's."""
    limit = max(1, min(asked.limit, MAX_PAGE))
    query = _wanted(_columns(), asked).order_by(runs.c.created_at.desc(), runs.c.run_id.desc()).limit(limit + 1)
    with database.read() as connection:
        found = connection.execute(query).mappings().all()
        rows = read_rows(connection, found[:limit])
    last = rows[-1] if len(found) > limit else None
    return RunPage(tuple(rows), f"{last.created_at.isoformat()}|{last.run_id}" if last else "")


def run_counts(database: Database) -> dict[str, int]:
    """How many runs stand where."""
    with database.read() as connection:
        found = connection.execute(sa.select(runs.c.status, sa.func.count().label("runs")).group_by(runs.c.status))
        return {row.status: row.runs for row in found}


def rows_of(database: Database, run_ids: Sequence[str]) -> tuple[RunRow, ...]:
    """These runs, as far as they are there, in this order."""
    with database.read() as connection:
        found = (read_row(connection, run_id) for run_id in run_ids)
        return tuple(row for row in found if row is not None)


def read_row(connection: Connection, run_id: str) -> RunRow | None:
    found = connection.execute(_columns().where(runs.c.run_id == run_id)).mappings().all()
    return read_rows(connection, found)[0] if found else None


def read_rows(connection: Connection, found: Sequence[Mapping[Any, Any]]) -> list[RunRow]:
    """Rows with their sums: one query a kind of fact, however many runs there are."""
    ids = [row["run_id"] for row in found]
    of_assets, of_images = _assets_of(connection, ids), _images_of(connection, ids)
    people, money = _people_of(connection, ids), money_of_runs(connection, ids)
    return [
        _row(r, of_assets.get(r["run_id"]), of_images.get(r["run_id"]), people, money.get(r["run_id"], NO_MONEY))
        for r in found
    ]


def _columns() -> "sa.Select[Any]":
    names = ("run_id", "kind", "name", "ladder", "select_mode", "status", "status_note", "created_at", "updated_at")
    total = {n: runs.c.quote[("total_without_replays", n)].as_integer() for n in ("low", "expected", "worst")}
    return sa.select(
        *(runs.c[name] for name in names),
        *(column.label(name) for name, column in total.items()),
        runs.c.plan["requested_by"].as_string().label("requested_by"),
        runs.c.warnings,
    )


def _wanted(query: "sa.Select[Any]", asked: RunFilter) -> "sa.Select[Any]":
    if asked.state:
        query = query.where(runs.c.status == asked.state)
    if asked.kind:
        query = query.where(runs.c.kind == asked.kind)
    if asked.text.strip():
        query = query.where(_names(asked.text.strip().lower()))
    if asked.person:
        query = query.where(_asked_by(asked.person))
    if asked.after:
        query = query.where(_older_than(asked.after))
    return query


def _names(text: str) -> "sa.ColumnElement[bool]":
    def has(column: Any) -> "sa.ColumnElement[bool]":
        return sa.func.lower(column).contains(text, autoescape=True)

    of_asset = sa.select(assets.c.run_id).where(sa.or_(has(assets.c.sku), has(assets.c.title), has(assets.c.asset_key)))
    return sa.or_(has(runs.c.name), has(runs.c.run_id), runs.c.run_id.in_(of_asset))


def _asked_by(person: str) -> "sa.ColumnElement[bool]":
    launched = sa.select(launches.c.run_id).where(launches.c.launched_by == person)
    started = sa.select(flow_runs.c.run_id).where(flow_runs.c.started_by == person)
    asked = runs.c.plan["requested_by"].as_string() == person
    return sa.or_(asked, runs.c.run_id.in_(launched), runs.c.run_id.in_(started))


def _older_than(key: str) -> "sa.ColumnElement[bool]":
    made, _, run_id = key.partition("|")
    try:
        at = datetime.fromisoformat(made).astimezone(UTC)
    except ValueError as error:
        raise InputError(f"{key!r} is no place in the list", where="page") from error
    return sa.or_(runs.c.created_at < at, sa.and_(runs.c.created_at == at, runs.c.run_id < run_id))


def _assets_of(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    """By run: how many assets, how many failed, how many drafts are planned, and a title when there is only one."""
    query = (
        sa.select(
            assets.c.run_id,
            sa.func.count().label("assets"),
            sa.func.sum(sa.case((assets.c.state == "failed", 1), else_=0)).label("failed"),
            sa.func.sum(sa.func.json_array_length(assets.c.plan[("draft", "calls")])).label("drafts"),
            sa.func.min(assets.c.title).label("title"),
        )
        .where(assets.c.run_id.in_(ids))
        .group_by(assets.c.run_id)
    )
    return {row.run_id: row for row in connection.execute(query)}


def _images_of(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    """By run: how many drafts there are, and the image that stands for it: a final before a draft."""
    final = sa.func.min(sa.case((images.c.stage == "final", images.c.image_id)))
    draft = sa.func.min(sa.case(((images.c.stage == "draft") & (images.c.ordinal == 0), images.c.image_id)))
    query = (
        sa.select(
            images.c.run_id,
            sa.func.sum(sa.case((images.c.stage == "draft", 1), else_=0)).label("drafts"),
            sa.func.coalesce(final, draft, NO_IMAGE).label("cover"),
        )
        .where(images.c.run_id.in_(ids), images.c.stage.in_(("draft", "final")))
        .group_by(images.c.run_id)
    )
    return {row.run_id: row for row in connection.execute(query)}


def _people_of(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """By run: who launched it from the board, first of all."""
    query = sa.select(launches.c.run_id, launches.c.launched_by).where(launches.c.run_id.in_(ids))
    found = connection.execute(query.order_by(launches.c.created_at.desc()))
    return {row.run_id: row.launched_by for row in found}


def _row(row: Mapping[Any, Any], of_assets: Any, of_images: Any, people: dict[str, str], money: RunMoney) -> RunRow:
    return RunRow(
        run_id=row["run_id"],
        kind=row["kind"],
        name=row["name"],
        title=of_assets.title if of_assets is not None and of_assets.assets == 1 else row["name"],
        ladder=row["ladder"],
        select_mode=row["select_mode"],
        status=row["status"],
        status_note=row["status_note"],
        asked_by=row["requested_by"] or people.get(row["run_id"], ""),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        assets=of_assets.assets if of_assets is not None else 0,
        drafts_done=of_images.drafts if of_images is not None else 0,
        drafts_total=(of_assets.drafts or 0) if of_assets is not None else 0,
        failed=of_assets.failed if of_assets is not None else 0,
        warnings=len(row["warnings"]),
        low_micros=row["low"] or 0,
        expected_micros=row["expected"] or 0,
        worst_micros=row["worst"] or 0,
        money=money,
        cover_id=of_images.cover if of_images is not None else NO_IMAGE,
    )
