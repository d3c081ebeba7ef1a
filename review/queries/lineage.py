"""The lineage of one asset: brief, prompt, drafts, select, final, upscale, renditions, and what each of them cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.report_runs import Cost, costs_of_asset
from domain.errors import RunError
from review.queries.addresses import picture_url, published_address, reference_url
from review.queries.likes import KnownDraft, drafts_behind, upload_names
from storage.database import Database
from storage.database.tables import assets, images, publications, runs, scores, selections


@dataclass(frozen=True)
class Step:
    """One image. `children` were made from it; `address` is where its bytes are published, "" if they are not."""

    image_id: str
    stage: str
    label: str
    parent_id: str
    model_asked: str
    model_answered: str
    prompt: str
    prompt_version: str
    seed: int | None
    axes: dict[str, str]
    params: dict[str, Any]
    sha256: str
    media_type: str
    width_px: int
    height_px: int
    size_bytes: int
    warnings: tuple[str, ...]
    created_at: datetime
    cost: Cost | None
    score: float | None
    picked: bool
    address: str
    children: tuple["Step", ...]
    thumb_url: str
    view_url: str
    full_url: str


@dataclass(frozen=True)
class Photo:
    """A photo as it went in. `origin` is where it was found, of an upload its file's name; `draft` says which draft it
    is, where it is one of ours.
    """

    number: int
    sha256: str
    media_type: str
    width_px: int
    height_px: int
    origin: str
    thumb_url: str
    view_url: str
    draft: KnownDraft | None = None


@dataclass(frozen=True)
class PublishedAs:
    catalog: str
    version: int
    manifest_address: str
    published_at: datetime


@dataclass(frozen=True)
class Lineage:
    """`drafts` are the roots, picked ones first; `orphans` are images whose parent is not there.

    `lost` are calls that left no image: released, in doubt or under way. `reason` says why this model makes the final.
    """

    run_id: str
    run_name: str
    asset_key: str
    sku: str
    title: str
    state: str
    problem: str
    brief: dict[str, Any]
    reason: str
    ladder: str
    fingerprint: str
    photos: tuple[Photo, ...]
    drafts: tuple[Step, ...]
    orphans: tuple[Step, ...]
    warnings: tuple[str, ...]
    published: tuple[PublishedAs, ...]
    cost_micros: int
    in_doubt_micros: int
    lost: tuple[Cost, ...]


def asset_lineage(database: Database, run_id: str, asset_key: str, public_base: str = "") -> Lineage:
    """Raises RunError when there is no such run or asset."""
    with database.read() as connection:
        told = _asset(connection, run_id, asset_key)
        rows = _images(connection, run_id, asset_key)
        costs = costs_of_asset(connection, run_id, asset_key)
        picks = _picks(connection, run_id, asset_key)
        published = _published(connection, told, run_id, public_base)
    is_published = told["state"] == "published"
    forest = _Forest(rows, costs, picks, public_base if is_published else "")
    drafts = sorted(forest.roots("draft"), key=lambda step: not step.picked)
    plan = told["plan"]
    origins = plan.get("origins", ())
    likes, names = drafts_behind(database, origins), upload_names(database, origins)
    used = {row["attempt_id"] for row in rows}
    return Lineage(
        run_id=run_id,
        run_name=told["name"],
        asset_key=asset_key,
        sku=told["sku"],
        title=told["title"],
        state=told["state"],
        problem=told["problem"],
        brief=told["brief"],
        reason=plan.get("reason", ""),
        ladder=told["ladder"],
        fingerprint=told["fingerprint"],
        photos=_photos(run_id, asset_key, plan, likes, names),
        drafts=tuple(drafts),
        orphans=forest.orphans(),
        warnings=tuple(told["warnings"]),
        published=published,
        cost_micros=sum(cost.cost_micros or 0 for cost in costs.values()),
        in_doubt_micros=sum(cost.hold_micros for cost in costs.values() if cost.state == "in_doubt"),
        lost=tuple(cost for cost in costs.values() if cost.attempt_id not in used),
    )


class _Forest:
    """Images by their parents."""

    def __init__(
        self, rows: Sequence[Mapping[Any, Any]], costs: Mapping[str, Cost], picks: frozenset[str], base: str
    ) -> None:
        self.rows, self.costs, self.picks, self.base = rows, costs, picks, base
        self.ids = {row["image_id"] for row in rows}
        self.children: dict[str, list[Mapping[Any, Any]]] = {}
        for row in rows:
            self.children.setdefault(row["parent_id"], []).append(row)

    def roots(self, stage: str) -> list[Step]:
        return [self._step(row) for row in self.rows if row["stage"] == stage]

    def orphans(self) -> tuple[Step, ...]:
        return tuple(self._step(r) for r in self.rows if r["stage"] != "draft" and r["parent_id"] not in self.ids)

    def _step(self, row: Mapping[Any, Any]) -> Step:
        image_id, own = row["image_id"], Step.__dataclass_fields__
        blocked = row["params"].get("blockers")
        address = published_address(self.base, row["object_key"]) if self.base and row["stage"] == "rendition" else ""
        return Step(
            **{name: row[name] for name in own if name in row and name != "warnings"},
            warnings=tuple(row["warnings"]),
            cost=self.costs.get(row["attempt_id"]),
            score=row["overall"],
            picked=row["stage"] == "draft" and row["label"] in self.picks,
            address="" if blocked else address,
            children=tuple(self._step(child) for child in self.children.get(image_id, ())),
            thumb_url=picture_url(image_id),
            view_url=picture_url(image_id, "view"),
            full_url=picture_url(image_id, "full"),
        )


def _asset(connection: Connection, run_id: str, asset_key: str) -> Mapping[Any, Any]:
    names = ("sku", "title", "state", "problem", "brief", "plan", "fingerprint", "warnings")
    catalog = runs.c.plan["catalog"].as_string().label("catalog")
    query = sa.select(runs.c.name, runs.c.kind, runs.c.ladder, catalog, *(assets.c[name] for name in names))
    where = (assets.c.run_id == run_id, assets.c.asset_key == asset_key)
    query = query.join(runs, runs.c.run_id == assets.c.run_id).where(*where)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise RunError(f"run {run_id!r} has no asset {asset_key!r}")
    return row


def _images(connection: Connection, run_id: str, asset_key: str) -> Sequence[Mapping[Any, Any]]:
    query = (
        sa.select(images, scores.c.overall)
        .outerjoin(scores, scores.c.image_id == images.c.image_id)
        .where(images.c.run_id == run_id, images.c.asset_key == asset_key)
        .order_by(images.c.stage, images.c.ordinal)
    )
    return connection.execute(query).mappings().all()


def _picks(connection: Connection, run_id: str, asset_key: str) -> frozenset[str]:
    where = (selections.c.run_id == run_id, selections.c.asset_key == asset_key)
    return frozenset(connection.execute(sa.select(selections.c.picks).where(*where)).scalar() or ())


def _published(
    connection: Connection, told: Mapping[Any, Any], run_id: str, public_base: str
) -> tuple[PublishedAs, ...]:
    """Where this asset is shown now, if it is this run's picture that is shown."""
    name = told["sku"] or told["brief"]["name"]
    where = (publications.c.sku == name, publications.c.run_id == run_id)
    rows = connection.execute(sa.select(publications).where(*where).order_by(publications.c.catalog))
    return tuple(
        PublishedAs(row.catalog, row.version, published_address(public_base, row.manifest_key), row.published_at)
        for row in rows
    )


def _photos(
    run_id: str,
    asset_key: str,
    plan: Mapping[str, Any],
    likes: Mapping[str, KnownDraft],
    names: Mapping[str, str],
) -> tuple[Photo, ...]:
    origins = dict(enumerate(plan.get("origins", ())))
    return tuple(
        Photo(
            number=number,
            **{name: facts[name] for name in ("sha256", "media_type", "width_px", "height_px")},
            origin=names.get(origins.get(number, ""), origins.get(number, "")),
            thumb_url=reference_url(run_id, asset_key, number),
            view_url=reference_url(run_id, asset_key, number, "view"),
            draft=likes.get(origins.get(number, "")),
        )
        for number, facts in enumerate(plan["references"])
    )
