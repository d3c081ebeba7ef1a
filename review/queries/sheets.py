"""The contact sheet of one asset: its drafts with scores, stacks of near-duplicates, everybody's marks, the picks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.report_runs import costs_of_attempts
from domain.errors import RunError
from domain.run import ScoreRecord, label_of
from review.queries.addresses import picture_url, reference_url
from storage.database import Database
from storage.database.board_tables import marks, users
from storage.database.tables import assets, images, runs, scores, selections
from tasks.ranking import ranking

MAX_DRAFTS_SHOWN = 2_000


@dataclass(frozen=True)
class SheetMark:
    """One person's opinion of one draft. `flag` is "pick", "reject" or ""."""

    user_id: str
    name: str
    flag: str
    stars: int
    note: str
    updated_at: datetime


@dataclass(frozen=True)
class SheetDraft:
    """`rank` 1 is the best, 0 has no score yet. `stack` are the labels of its near-duplicates, best first, itself
    among them; () when it stands alone. `double_of` names the stack's best, "" for the best itself."""

    image_id: str
    label: str
    ordinal: int
    width_px: int
    height_px: int
    model: str
    prompt: str
    prompt_version: str
    seed: int | None
    axes: dict[str, str]
    cost_micros: int | None
    score: float | None
    reasons: tuple[str, ...]
    evidence: dict[str, Any]
    double_of: str
    stack: tuple[str, ...]
    rank: int
    picked: bool
    machine_choice: bool
    marks: tuple[SheetMark, ...]
    warnings: tuple[str, ...]
    thumb_url: str
    view_url: str
    full_url: str

    def mark_of(self, user_id: str) -> SheetMark | None:
        return next((mark for mark in self.marks if mark.user_id == user_id), None)


@dataclass(frozen=True)
class Sheet:
    """`placeholders` are the labels of drafts still to come; `expected` counts them and those that are there.

    `previous_key` and `next_key` are the neighbours in the run, "" at its ends.
    """

    run_id: str
    run_name: str
    run_status: str
    select_mode: str
    asset_key: str
    sku: str
    title: str
    state: str
    problem: str
    drafts: tuple[SheetDraft, ...]
    expected: int
    placeholders: tuple[str, ...]
    selection: str
    picks: tuple[str, ...]
    picked_by: str
    picked_at: datetime | None
    brief: dict[str, Any]
    draft_model: str
    final_model: str
    final_expected_micros: int
    references: tuple[str, ...]
    previous_key: str
    next_key: str
    position: int
    assets: int
    round: int


def sheet(database: Database, run_id: str, asset_key: str) -> Sheet:
    """Raises RunError when there is no such run or asset."""
    with database.read() as connection:
        told = _asset(connection, run_id, asset_key)
        chosen = _selection(connection, run_id, asset_key)
        drafts = read_drafts(connection, run_id, [asset_key], _picks(chosen)).get(asset_key, ())
        keys = _keys(connection, run_id)
    plan = told["plan"]
    calls = len(plan["draft"]["calls"])
    waiting = told["state"] == "planned" and told["status"] in ("planned", "running")
    there = {draft.ordinal for draft in drafts}
    missing = tuple(label_of(n) for n in range(calls) if n not in there) if waiting else ()
    at = keys.index(asset_key)
    return Sheet(
        run_id=run_id,
        run_name=told["name"],
        run_status=told["status"],
        select_mode=told["select_mode"],
        asset_key=asset_key,
        sku=told["sku"],
        title=told["title"],
        state=told["state"],
        problem=told["problem"],
        drafts=drafts,
        expected=len(drafts) + len(missing),
        placeholders=missing,
        selection=chosen.state if chosen is not None else "",
        picks=_picks(chosen),
        picked_by=chosen.picked_by if chosen is not None else "",
        picked_at=chosen.closed_at if chosen is not None else None,
        brief=told["brief"],
        draft_model=plan["draft"]["model_id"],
        final_model=plan["final"]["model_id"],
        final_expected_micros=_final_price(told["quote"], asset_key),
        references=tuple(reference_url(run_id, asset_key, n) for n in range(len(plan["references"]))),
        previous_key=keys[at - 1] if at else "",
        next_key=keys[at + 1] if at + 1 < len(keys) else "",
        position=at + 1,
        assets=len(keys),
        round=int(told["run_plan"].get("round", 1)),
    )


def read_drafts(
    connection: Connection, run_id: str, asset_keys: Sequence[str], picks: Sequence[str] = ()
) -> dict[str, tuple[SheetDraft, ...]]:
    """The drafts of some assets, by asset, in the order of their ordinals; `picks` are labels of a single asset."""
    rows = _drafts(connection, run_id, asset_keys)
    costs = costs_of_attempts(connection, run_id)
    opinions = read_marks(connection, run_id, asset_keys)
    by_asset: dict[str, list[Mapping[Any, Any]]] = {}
    for row in rows:
        by_asset.setdefault(row["asset_key"], []).append(row)
    return {key: _ranked(found, costs, opinions, set(picks)) for key, found in by_asset.items()}


def read_marks(connection: Connection, run_id: str, asset_keys: Iterable[str]) -> dict[str, tuple[SheetMark, ...]]:
    """Everybody's marks by image, oldest first; a person without an account keeps the id as a name."""
    says = sa.or_(marks.c.flag != "", marks.c.stars > 0, marks.c.note != "")
    query = (
        sa.select(marks, users.c.display_name)
        .outerjoin(users, users.c.user_id == marks.c.user_id)
        .where(marks.c.run_id == run_id, marks.c.asset_key.in_(list(asset_keys)), says)
        .order_by(marks.c.updated_at, marks.c.user_id)
    )
    found: dict[str, list[SheetMark]] = {}
    for row in connection.execute(query):
        name = row.display_name or row.user_id
        mark = SheetMark(row.user_id, name, row.flag, row.stars, row.note, row.updated_at)
        found.setdefault(row.image_id, []).append(mark)
    return {image_id: tuple(given) for image_id, given in found.items()}


def _asset(connection: Connection, run_id: str, asset_key: str) -> Mapping[Any, Any]:
    of_run = (runs.c.name, runs.c.status, runs.c.select_mode, runs.c.quote, runs.c.plan.label("run_plan"))
    names = ("sku", "title", "state", "problem", "brief", "plan")
    query = sa.select(*of_run, *(assets.c[name] for name in names)).join(runs, runs.c.run_id == assets.c.run_id)
    where = (assets.c.run_id == run_id, assets.c.asset_key == asset_key)
    row = connection.execute(query.where(*where)).mappings().first()
    if row is None:
        raise RunError(f"run {run_id!r} has no asset {asset_key!r}")
    return row


def _selection(connection: Connection, run_id: str, asset_key: str) -> Any:
    where = (selections.c.run_id == run_id, selections.c.asset_key == asset_key)
    return connection.execute(sa.select(selections).where(*where)).first()


def _picks(chosen: Any) -> tuple[str, ...]:
    return tuple(chosen.picks) if chosen is not None else ()


def _keys(connection: Connection, run_id: str) -> list[str]:
    query = sa.select(assets.c.asset_key).where(assets.c.run_id == run_id).order_by(assets.c.ordinal)
    return list(connection.execute(query).scalars())


def _final_price(quote: Mapping[str, Any], asset_key: str) -> int:
    lines = (x for x in quote["lines"] if x["asset_key"] == asset_key and x["stage"] == "final")
    return next((int(line["each"]["expected"]) for line in lines), 0)


def _drafts(connection: Connection, run_id: str, asset_keys: Sequence[str]) -> Sequence[Mapping[Any, Any]]:
    names = (
        "image_id", "asset_key", "ordinal", "label", "attempt_id", "model_asked", "model_answered", "prompt",
        "prompt_version", "axes", "seed", "width_px", "height_px", "warnings",
    )  # fmt: skip
    query = (
        sa.select(*(images.c[name] for name in names), scores.c.overall, scores.c.evidence, scores.c.signature)
        .outerjoin(scores, scores.c.image_id == images.c.image_id)
        .where(images.c.run_id == run_id, images.c.asset_key.in_(list(asset_keys)), images.c.stage == "draft")
        .order_by(images.c.asset_key, images.c.ordinal)
        .limit(MAX_DRAFTS_SHOWN * max(1, len(asset_keys)))
    )
    return connection.execute(query).mappings().all()


def _ranked(
    rows: Sequence[Mapping[Any, Any]],
    costs: Mapping[str, int | None],
    opinions: Mapping[str, tuple[SheetMark, ...]],
    picks: set[str],
) -> tuple[SheetDraft, ...]:
    scored = {r["label"]: ScoreRecord(r["image_id"], r["overall"], {}, r["signature"]) for r in rows if r["signature"]}
    order = ranking([(r["label"], r["ordinal"], scored[r["label"]]) for r in rows if r["label"] in scored])
    rank = {place.label: number for number, place in enumerate(order, 1)}
    stacks = {place.label: place.stack for place in order}
    return tuple(
        _draft(row, rank.get(row["label"], 0), stacks.get(row["label"], ()), costs, opinions, picks) for row in rows
    )


def _draft(
    row: Mapping[Any, Any],
    rank: int,
    stack: tuple[str, ...],
    costs: Mapping[str, int | None],
    opinions: Mapping[str, tuple[SheetMark, ...]],
    picks: set[str],
) -> SheetDraft:
    image_id, label, evidence = row["image_id"], row["label"], row["evidence"] or {}
    return SheetDraft(
        image_id=image_id,
        label=label,
        ordinal=row["ordinal"],
        width_px=row["width_px"],
        height_px=row["height_px"],
        model=row["model_answered"] or row["model_asked"],
        prompt=row["prompt"],
        prompt_version=row["prompt_version"],
        seed=row["seed"],
        axes=row["axes"],
        cost_micros=costs.get(row["attempt_id"]),
        score=row["overall"],
        reasons=tuple(str(reason) for reason in evidence.get("reasons", ())),
        evidence=evidence,
        double_of=stack[0] if stack and stack[0] != label else "",
        stack=stack,
        rank=rank,
        picked=label in picks,
        machine_choice=rank == 1,
        marks=opinions.get(image_id, ()),
        warnings=tuple(row["warnings"]),
        thumb_url=picture_url(image_id),
        view_url=picture_url(image_id, "view"),
        full_url=picture_url(image_id, "full"),
    )
