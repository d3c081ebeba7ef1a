"""Which drafts of a run have a pick, whose, and what their finals would cost: what a promotion starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import RunError
from storage.database import Database
from storage.database.board_tables import marks, users
from storage.database.tables import assets, images, runs, selections

NEEDS_A_PICK = ("open", "")


@dataclass(frozen=True)
class PickedDraft:
    """A draft that somebody picked. Names of those who picked and of those who rejected it, each sorted."""

    label: str
    image_id: str
    ordinal: int
    user_ids: frozenset[str]
    picked_by: tuple[str, ...]
    rejected_by: tuple[str, ...]


@dataclass(frozen=True)
class AssetPicks:
    """One sheet of a run. `selection` is "" (no sheet yet), "open" or "closed"; a closed one has its picks by name.

    `expected_micros` and `worst_micros` are one final's, at the quote's prices.
    """

    asset_key: str
    title: str
    state: str
    selection: str
    picks: tuple[str, ...]
    picked_by: str
    drafts: tuple[PickedDraft, ...]
    expected_micros: int
    worst_micros: int

    def labels(self, user_id: str = "") -> tuple[str, ...]:
        """What everybody picked, or one person, in the sheet's order."""
        return tuple(d.label for d in self.drafts if d.user_ids and (not user_id or user_id in d.user_ids))

    @property
    def is_decided(self) -> bool:
        return self.selection == "closed" or bool(self.labels())


def run_picks(database: Database, run_id: str) -> tuple[AssetPicks, ...]:
    """Every sheet of the run in the plan's order. Raises RunError when there is no such run."""
    with database.read() as connection:
        quote = connection.execute(sa.select(runs.c.quote).where(runs.c.run_id == run_id)).scalar()
        if quote is None:
            raise RunError(f"there is no run {run_id!r}")
        rows = connection.execute(_sheets(run_id)).mappings().all()
        opinions = _opinions(connection, run_id)
    prices = {line["asset_key"]: line["each"] for line in quote["lines"] if line["stage"] == "final"}
    return tuple(_asset(row, opinions.get(row["asset_key"], ()), prices.get(row["asset_key"], {})) for row in rows)


def images_of(database: Database, run_id: str, asset_key: str, labels: Sequence[str]) -> dict[str, str]:
    """Label to image id, of those of these labels that the sheet has."""
    where = (images.c.run_id == run_id, images.c.asset_key == asset_key, images.c.label.in_(labels))
    query = sa.select(images.c.label, images.c.image_id).where(*where, images.c.stage == "draft")
    with database.read() as connection:
        return {row.label: row.image_id for row in connection.execute(query)}


def labels_of(database: Database, image_ids: Sequence[str]) -> dict[str, str]:
    """Image id to label, in the order of the sheet."""
    query = sa.select(images.c.image_id, images.c.label).where(images.c.image_id.in_(image_ids))
    with database.read() as connection:
        return {row.image_id: row.label for row in connection.execute(query.order_by(images.c.ordinal))}


def first_to_pick(sheets: Sequence[AssetPicks]) -> str:
    """The first sheet that is open and has no pick; else the first open one; else the first."""
    is_open = [s for s in sheets if s.selection in NEEDS_A_PICK and s.state not in ("failed", "set_aside")]
    found = next((s for s in is_open if not s.is_decided), None) or next(iter(is_open or sheets), None)
    return found.asset_key if found else ""


def _sheets(run_id: str) -> "sa.Select[Any]":
    together = assets.outerjoin(
        selections, sa.and_(selections.c.run_id == assets.c.run_id, selections.c.asset_key == assets.c.asset_key)
    )
    names = (assets.c.asset_key, assets.c.title, assets.c.state)
    chosen = (selections.c.state.label("selection"), selections.c.picks, selections.c.picked_by)
    query = sa.select(*names, *chosen).select_from(together)
    return query.where(assets.c.run_id == run_id).order_by(assets.c.ordinal)


def _opinions(connection: Connection, run_id: str) -> dict[str, list[Any]]:
    """Flags by asset, in the order of the sheet and of the people's names."""
    together = marks.join(images, images.c.image_id == marks.c.image_id)
    query = (
        sa.select(
            marks.c.asset_key, marks.c.image_id, marks.c.user_id, marks.c.flag,
            images.c.label, images.c.ordinal, users.c.display_name,
        )
        .select_from(together.outerjoin(users, users.c.user_id == marks.c.user_id))
        .where(marks.c.run_id == run_id, marks.c.flag != "")
        .order_by(images.c.ordinal, users.c.display_name, marks.c.user_id)
    )  # fmt: skip
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.asset_key, []).append(row)
    return found


def _asset(row: Mapping[Any, Any], opinions: Sequence[Any], price: Mapping[str, int]) -> AssetPicks:
    by_image: dict[str, list[Any]] = {}
    for opinion in opinions:
        by_image.setdefault(opinion.image_id, []).append(opinion)
    return AssetPicks(
        asset_key=row["asset_key"],
        title=row["title"],
        state=row["state"],
        selection=row["selection"] or "",
        picks=tuple(row["picks"] or ()),
        picked_by=row["picked_by"] or "",
        drafts=tuple(_draft(found) for found in by_image.values()),
        expected_micros=int(price.get("expected", 0)),
        worst_micros=int(price.get("worst", 0)),
    )


def _draft(opinions: Sequence[Any]) -> PickedDraft:
    one = opinions[0]

    def names(flag: str) -> tuple[str, ...]:
        return tuple(o.display_name or o.user_id for o in opinions if o.flag == flag)

    user_ids = frozenset(o.user_id for o in opinions if o.flag == "pick")
    return PickedDraft(one.label, one.image_id, one.ordinal, user_ids, names("pick"), names("reject"))
