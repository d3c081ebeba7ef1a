"""One run as its page shows it: how far each stage is, every asset, what a cancel frees, what a retry would cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.report_runs import RunMoney, doubts_of_assets
from domain.errors import RunError
from domain.placement import Placement
from domain.sizing import Size, upscaled_size
from review.queries.addresses import published_address
from review.queries.runs import RunRow, read_row
from storage.database import Database
from storage.database.board_tables import launches
from storage.database.tables import assets, flow_runs, images, runs, scores, selections

STAGE_TITLES = {
    "drafts": "Drafts",
    "scores": "Scores",
    "sheet": "Contact sheet",
    "selection": "Selection",
    "finals": "Finals",
    "upscales": "Upscales",
    "renditions": "Renditions",
    "manifest": "Published",
}
REFUSED = "moderated"
"""What a vendor's refusal by its rules says, in its message or in its code."""
_STAGE_OF = {"draft": "drafts", "final": "finals", "upscale": "upscales", "rendition": "renditions"}


@dataclass(frozen=True)
class StageProgress:
    """`total` is what the plan asks for as far as it is known; 0 where nothing is asked for."""

    stage: str
    title: str
    done: int
    total: int
    failed: int = 0

    @property
    def state(self) -> str:
        if self.total == 0:
            return "empty"
        if self.done >= self.total:
            return "done"
        return "running" if self.done else "waiting"


@dataclass(frozen=True)
class AssetRow:
    """One brief of the run. `best_*` is the draft with the highest score, `cover_id` a final before a draft."""

    asset_key: str
    sku: str
    title: str
    state: str
    problem: str
    warnings: tuple[str, ...]
    drafts: int
    drafts_total: int
    best_id: str
    best_label: str
    selection: str
    picks: tuple[str, ...]
    picked_by: str
    picked_at: datetime | None
    cover_id: str


@dataclass(frozen=True)
class FlowRunRow:
    flow_run_id: str
    deployment: str
    started_by: str
    started_at: datetime


@dataclass(frozen=True)
class CancelInfo:
    """What a cancel would leave and free, in micros. Only money that is held and not sent can be freed."""

    settled_micros: int
    under_way_micros: int
    in_doubt_micros: int
    freed_micros: int
    freed_calls: int

    @property
    def committed_micros(self) -> int:
        return self.settled_micros + self.under_way_micros + self.in_doubt_micros


@dataclass(frozen=True)
class Retry:
    """What starting the run again would make for the assets that failed, at the quote's prices. Paid work is replayed.

    `in_doubt` calls of theirs are not sent again without a policy for it.
    """

    asset_keys: tuple[str, ...]
    drafts: int
    finals: int
    expected_micros: int
    worst_micros: int
    in_doubt: int


@dataclass(frozen=True)
class Launched:
    """The newest start from the board, with the parameters that start it again."""

    launch_id: str
    deployment: str
    launched_by: str
    state: str
    flow_run_id: str
    params: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class RunDetail:
    """`manifest` and `snapshot` are web addresses, "" until something is published."""

    row: RunRow
    stages: tuple[StageProgress, ...]
    assets: tuple[AssetRow, ...]
    warnings: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]
    flow_runs: tuple[FlowRunRow, ...]
    cancel: CancelInfo
    retry: Retry | None
    launch: Launched | None
    manifest: str
    snapshot: str
    catalog: str
    version: int
    summary: dict[str, Any]
    price_version: str
    quote_hash: str

    @property
    def refused(self) -> tuple[str, ...]:
        """Failed assets that a vendor refused by its rules: the same request is not sent again."""
        return tuple(a.asset_key for a in self.assets if a.state == "failed" and REFUSED in a.problem.casefold())


def run_detail(database: Database, run_id: str, public_base: str = "") -> RunDetail:
    """Everything on the page of one run. Raises RunError when there is none."""
    with database.read() as connection:
        row = read_row(connection, run_id)
        if row is None:
            raise RunError(f"there is no run {run_id!r}")
        told = connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).mappings().one()
        pictures, plans = _pictures(connection, run_id), _plans(connection, run_id)
        chosen, by_asset = _selections(connection, run_id), _by_asset(pictures)
        rows = tuple(_asset(plan, chosen.get(plan["asset_key"]), by_asset.get(plan["asset_key"], [])) for plan in plans)
        failed = tuple(a.asset_key for a in rows if a.state == "failed")
        doubts = doubts_of_assets(connection, run_id, failed) if failed else 0
        flows, launch = _flow_runs(connection, run_id), _launch(connection, run_id)
    summary = told["summary"]
    return RunDetail(
        row=row,
        stages=_stages(rows, plans, pictures, chosen, bool(summary.get("version"))),
        assets=rows,
        warnings=tuple(told["warnings"]),
        problems=tuple((a.asset_key, a.problem) for a in rows if a.problem),
        flow_runs=flows,
        cancel=_cancel(row.money),
        retry=_retry(failed, told["quote"]["lines"], by_asset, chosen, doubts),
        launch=launch,
        manifest=published_address(public_base, summary.get("manifest", "")),
        snapshot=published_address(public_base, summary.get("snapshot", "")),
        catalog=summary.get("catalog", ""),
        version=summary.get("version", 0),
        summary=summary,
        price_version=told["quote"].get("price_version", ""),
        quote_hash=told["quote"].get("hash", ""),
    )


@dataclass(frozen=True)
class _Picture:
    image_id: str
    asset_key: str
    stage: str
    ordinal: int
    label: str
    parent_id: str
    width_px: int
    height_px: int
    warnings: Sequence[str]
    score: float | None


def _pictures(connection: Connection, run_id: str) -> dict[str, list[_Picture]]:
    """By stage, without their prompts and parameters."""
    names = [name for name in _Picture.__dataclass_fields__ if name != "score"]
    query = (
        sa.select(*(images.c[name] for name in names), scores.c.overall)
        .outerjoin(scores, scores.c.image_id == images.c.image_id)
        .where(images.c.run_id == run_id)
        .order_by(images.c.asset_key, images.c.stage, images.c.ordinal)
    )
    found: dict[str, list[_Picture]] = {stage: [] for stage in _STAGE_OF}
    for row in connection.execute(query):
        found[row.stage].append(_Picture(*tuple(row)))
    return found


def _by_asset(pictures: Mapping[str, list[_Picture]]) -> dict[str, list[_Picture]]:
    found: dict[str, list[_Picture]] = {}
    for picture in (p for stage in pictures.values() for p in stage):
        found.setdefault(picture.asset_key, []).append(picture)
    return found


def _plans(connection: Connection, run_id: str) -> list[Mapping[Any, Any]]:
    """The assets in the order of the plan; of the plan itself only what progress needs."""
    names = ("asset_key", "sku", "title", "state", "problem", "warnings")
    query = sa.select(
        *(assets.c[name] for name in names),
        sa.func.json_array_length(assets.c.plan[("draft", "calls")]).label("calls"),
        assets.c.plan[("final", "width_px")].as_integer().label("width_px"),
        assets.c.plan[("final", "height_px")].as_integer().label("height_px"),
        assets.c.brief["placements"].label("placements"),
    ).where(assets.c.run_id == run_id)
    return list(connection.execute(query.order_by(assets.c.ordinal)).mappings())


def _selections(connection: Connection, run_id: str) -> dict[str, Any]:
    names = ("asset_key", "state", "picks", "picked_by", "closed_at")
    query = sa.select(*(selections.c[name] for name in names)).where(selections.c.run_id == run_id)
    return {row.asset_key: row for row in connection.execute(query)}


def _asset(plan: Mapping[Any, Any], chosen: Any, pictures: Sequence[_Picture]) -> AssetRow:
    drafts = [p for p in pictures if p.stage == "draft"]
    scored = [p for p in drafts if p.score is not None]
    best = min(scored, key=lambda p: (-(p.score or 0.0), p.ordinal), default=None)
    covers = [p for p in pictures if p.stage == "final"] or ([best] if best else []) or drafts
    return AssetRow(
        asset_key=plan["asset_key"],
        sku=plan["sku"],
        title=plan["title"],
        state=plan["state"],
        problem=plan["problem"],
        # the plan's, and what became known while it was made
        warnings=tuple(dict.fromkeys((*plan["warnings"], *(text for p in pictures for text in p.warnings)))),
        drafts=len(drafts),
        # whoever left "planned" has all the drafts that it will get
        drafts_total=(plan["calls"] or 0) if plan["state"] == "planned" else len(drafts),
        best_id=best.image_id if best else "",
        best_label=best.label if best else "",
        selection=chosen.state if chosen is not None else "",
        picks=tuple(chosen.picks) if chosen is not None else (),
        picked_by=chosen.picked_by if chosen is not None else "",
        picked_at=chosen.closed_at if chosen is not None else None,
        cover_id=covers[0].image_id if covers else "",
    )


def _stages(
    rows: Sequence[AssetRow],
    plans: Sequence[Mapping[Any, Any]],
    pictures: Mapping[str, list[_Picture]],
    chosen: Mapping[str, Any],
    published: bool,
) -> tuple[StageProgress, ...]:
    """A failed asset asks for no more than it has: its stages are not waiting for it."""
    live = [plan for plan in plans if plan["state"] != "failed"]
    drafts, finals = pictures["draft"], pictures["final"]
    picked = {p["asset_key"]: _finals_of(chosen.get(p["asset_key"])) for p in live}
    failed, asked = len(plans) - len(live), sum(a.drafts_total for a in rows)
    wanted = {
        "drafts": (len(drafts), asked),
        "scores": (sum(p.score is not None for p in drafts), asked),
        "sheet": (len(chosen), max(len(chosen), len(live))),
        "selection": (sum(s.state == "closed" for s in chosen.values()), max(len(chosen), len(live))),
        "finals": (len(finals), max(len(finals), sum(picked.values()))),
        "upscales": (len(pictures["upscale"]), _upscales(live, picked, finals)),
        "renditions": (len(pictures["rendition"]), sum(picked[p["asset_key"]] * _slots(p) for p in live)),
        "manifest": (int(published), 1),
    }
    return tuple(
        StageProgress(name, title, wanted[name][0], max(wanted[name]), failed if name == "drafts" else 0)
        for name, title in STAGE_TITLES.items()
    )


def _finals_of(selection: Any) -> int:
    """One final a pick; one is expected where nobody has picked yet."""
    return len(selection.picks) if selection is not None and selection.state == "closed" else 1


def _upscales(live: Sequence[Mapping[Any, Any]], picked: Mapping[str, int], finals: Sequence[_Picture]) -> int:
    """Finals that are smaller than a placement asks for: by their real size, else by the planned one."""
    made: dict[str, list[Size]] = {}
    for final in finals:
        made.setdefault(final.asset_key, []).append(Size(final.width_px, final.height_px))
    count = 0
    for plan in live:
        slots = [Placement.model_construct(**slot) for slot in plan["placements"]]
        there = made.get(plan["asset_key"], [])
        planned = [Size(plan["width_px"], plan["height_px"])] * max(0, picked[plan["asset_key"]] - len(there))
        count += sum(upscaled_size(slots, size) is not None for size in (*there, *planned))
    return count


def _slots(plan: Mapping[Any, Any]) -> int:
    return sum(len(slot["formats"]) for slot in plan["placements"])


def _cancel(money: RunMoney) -> CancelInfo:
    return CancelInfo(
        money.settled_micros, money.under_way_micros, money.in_doubt_micros, money.held_micros, money.held
    )


def _retry(
    failed: Sequence[str],
    lines: Sequence[Mapping[str, Any]],
    by_asset: Mapping[str, list[_Picture]],
    chosen: Mapping[str, Any],
    in_doubt: int,
) -> Retry | None:
    if not failed:
        return None
    counts = {"draft": 0, "final": 0}
    expected = worst = 0
    for line in (x for x in lines if x["asset_key"] in set(failed)):
        there = sum(p.stage == line["stage"] for p in by_asset.get(line["asset_key"], ()))
        asked = _finals_of(chosen.get(line["asset_key"])) if line["stage"] == "final" else line["count"]
        missing = max(0, asked - there)
        counts[line["stage"]] += missing
        expected += missing * line["each"]["expected"]
        worst += missing * line["each"]["worst"]
    return Retry(tuple(failed), counts["draft"], counts["final"], expected, worst, in_doubt)


def _flow_runs(connection: Connection, run_id: str) -> tuple[FlowRunRow, ...]:
    names = FlowRunRow.__dataclass_fields__
    query = sa.select(*(flow_runs.c[name] for name in names)).where(flow_runs.c.run_id == run_id)
    found = connection.execute(query.order_by(flow_runs.c.started_at.desc(), flow_runs.c.flow_run_id))
    return tuple(FlowRunRow(*row) for row in found)


def _launch(connection: Connection, run_id: str) -> Launched | None:
    names = Launched.__dataclass_fields__
    query = sa.select(*(launches.c[name] for name in names)).where(launches.c.run_id == run_id)
    row = connection.execute(query.order_by(launches.c.created_at.desc()).limit(1)).first()
    return Launched(*row) if row else None
