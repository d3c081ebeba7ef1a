"""A seeded board: a campaign that waits for picks, a published one, a catalog run with exceptions, 500 drafts, spend.

Plans are made by the real planner, pictures by the sandbox's painter; rows are written in bulk, as if the flows had.
`board_wiring(folder)` and `seed_board(w)` fill an empty folder in about 12 s the first time on a machine and in 3 s
after that; with `pictures=False` always in 2 s.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.brief import Brief
from domain.canonical import sha256_hex
from domain.catalog import catalog_brief
from domain.errors import InputError
from domain.feeds import read_feed
from domain.render import Reference
from domain.run import Asset, ImageRecord, Publication, Run, Stage, label_of
from imaging.decode import decode
from imaging.references import prepare_reference
from storage.database.board_tables import users
from storage.database.tables import assets, images, runs, scores, selections
from storage.objects import keys
from storage.records.flow_runs import FlowRun
from storage.records.marks import MarkChange
from storage.records.rows import to_row
from tasks.assets import image_id
from tasks.planning import Planned, Planner, RunOptions
from tasks.wishes import Wish, Wishes, read_brief, read_style, with_digests
from tests.support.board_money import Spender
from tests.support.board_pictures import seed_picture
from tests.support.money import bench_wiring
from wiring import Wiring

SAMPLES = Path(__file__).parents[2] / "samples"
PEOPLE = {"mara": "Mara Lindqvist", "jonas": "Jonas Weber", "noor": "Noor Haddad", "finn": "Finn O'Dea"}
DRAFT_PX, FINAL_PX = 384, 640
WIDE_SKUS = 125


@dataclass(frozen=True)
class BoardData:
    """Run ids: `campaign` waits for picks, `published` is done, `catalog` has exceptions, `running` is half way.

    `big` has one brief with 500 drafts, `wide` 125 SKUs with four each.
    """

    campaign: str
    published: str
    catalog: str
    running: str
    big: str
    wide: str
    users: tuple[str, ...]
    now: datetime


def board_wiring(folder: Path, **settings: Any) -> Wiring:
    """SQLite and a store in `folder`, nothing started; the sandbox's address leads nowhere."""
    return bench_wiring(folder, "http://127.0.0.1:9", **settings)


def seed_board(
    w: Wiring, *, pictures: bool = True, drafts: int = 500, days: int = 60, now: datetime | None = None
) -> BoardData:
    """Fill an empty board. The same call gives the same rows, but for `now`."""
    return _Seed(w, pictures, now or datetime.now(UTC)).fill(drafts, days)


class _Seed:
    def __init__(self, w: Wiring, pictures: bool, now: datetime) -> None:
        self.w, self.pictures, self.now = w, pictures, now
        self.random = random.Random(7)
        self.money = Spender(w.database, now)

    def fill(self, drafts: int, days: int) -> BoardData:
        self._people()
        campaign, published = self._campaign("slow-mornings", 6), self._campaign("harvest-table", 4)
        running = self._campaign("first-frost", 8)
        catalog = self._catalog()
        big, wide = self._campaign("five-hundred", 16), self._campaign("wide", 4)
        self._open(campaign, minutes_ago=35, state="awaiting_selection")
        self._open(published, minutes_ago=26 * 60, state="published")
        self._open(running, minutes_ago=2, state="running")
        self._open(catalog, minutes_ago=9 * 60, state="awaiting_selection")
        self._drafts(campaign), self._drafts(published), self._drafts(running, upto=3), self._drafts(catalog)
        self._sheet_opened(campaign)
        self._publish(published, {"harvest-table": "B1"})
        self._exceptions(catalog)
        self._marks(campaign)
        self._many(big, drafts)
        self._wide(wide, WIDE_SKUS)
        self.money.days(days)
        self.money.write()
        for run in (campaign, published, running, catalog):
            self.w.flow_runs.add(FlowRun(f"flow-{run.run.run_id[-10:]}", run.run.run_id, run.run.kind, "mara"))
        ids = (p.run.run_id for p in (campaign, published, catalog, running, big, wide))
        return BoardData(*ids, users=tuple(PEOPLE), now=self.now)

    # -- plans ---------------------------------------------------------------------------------------------------------

    def _people(self) -> None:
        rows = [
            {"user_id": key, "display_name": name, "email": f"{key}@example.com", "source": "local", "roles": []}
            for key, name in PEOPLE.items()
        ]
        with self.w.database.write() as connection:
            connection.execute(users.insert(), [{**row, "created_at": self.now} for row in rows])

    def _campaign(self, name: str, drafts: int) -> Planned:
        brief = read_brief(SAMPLES / "campaign.yaml").model_copy(update={"name": name, "title": name.title()})
        photo = self._photo(SAMPLES / "photos" / "stoneware-mug.png")
        wish = Wish(with_digests(brief, [photo]), (photo,), ("photos/stoneware-mug.png",))
        options = RunOptions("campaign", "economy", "person", drafts, requested_by="mara")
        return self._plan(Wishes(name, (wish,)), options)

    def _catalog(self) -> Planned:
        style, wishes = read_style(SAMPLES / "style.yaml"), []
        photos = {path.stem: path for path in (SAMPLES / "photos").iterdir()}
        for product in read_feed((SAMPLES / "feed.csv").read_bytes(), name="feed.csv").products:
            found = [photos[name] for name in product.photo_names if name in photos][:1]
            loaded = tuple(self._photo(path) for path in found)
            try:
                brief = catalog_brief(product, style, [r.sha256 for r in loaded])
            except InputError:
                continue
            origins = tuple(f"folder:{path.name}" for path in found)
            wishes.append(Wish(brief, loaded, origins, not loaded, 4, None, (), (product.sku,)))
        return self._plan(Wishes("autumn", tuple(wishes)), RunOptions("catalog", "economy", "person", 4), "catalog")

    def _plan(self, wishes: Wishes, options: RunOptions, catalog: str = "") -> Planned:
        async def plan() -> Planned:
            async with self.w.open_vendors() as vendors:
                return Planner(self.w, vendors, options).plan(wishes, published={}, catalog=catalog)

        planned = asyncio.run(plan())
        return replace(planned, run=replace(planned.run, plan=planned.run.plan | {"catalog": catalog}))

    def _photo(self, path: Path) -> Reference:
        made = prepare_reference(decode(path.read_bytes()), 0.25)
        digest = sha256_hex(made.data)
        extension = {"image/png": "png", "image/jpeg": "jpg"}[made.media_type]
        key = keys.original(digest, extension)
        self.w.store.put_immutable(self.w.store.private, key, made.data, made.media_type)
        return Reference(digest, made.media_type, made.width_px, made.height_px, made.data)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _open(self, planned: Planned, *, minutes_ago: int, state: str) -> None:
        at = self.now - timedelta(minutes=minutes_ago)
        self._insert(runs, [{**to_row(replace(planned.run, status=state)), "created_at": at, "updated_at": at}])
        self._insert(assets, [{**to_row(asset), "updated_at": at} for asset in planned.assets])

    def _insert(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        with self.w.database.write() as connection:
            for start in range(0, len(rows), 500):
                connection.execute(table.insert(), list(rows[start : start + 500]))

    def _drafts(self, planned: Planned, upto: int = 99) -> None:
        """Pictures, scores, money of the first `upto` drafts of each asset, and their assets' state."""
        made = [
            self._image(planned.run, asset, "draft", number, _photos(planned, asset))
            for asset in planned.assets
            for number in range(min(upto, len(asset.plan["draft"]["calls"])))
        ]
        self._insert(images, [row for row, _ in made])
        self._insert(scores, [row for _, row in made if row])
        if upto > len(planned.assets[0].plan["draft"]["calls"]):
            self._move(planned, "drafted")

    def _image(
        self, run: Run, asset: Asset, stage: Stage, number: int, references: Sequence[bytes], parent: str = ""
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        plan = asset.plan[stage]
        call = plan["calls"][number] if stage == "draft" else asset.plan["draft"]["calls"][0]
        seed = self.random.randrange(2**31)
        data, scored, size = self._painted(call["prompt"], seed, references, stage, asset)
        digest = sha256_hex(data)
        key = keys.original(digest, "jpg")
        self.w.store.put_immutable(self.w.store.private, key, data, "image/jpeg")
        attempt = self.money.settled(run, asset, stage, plan, minutes_ago=self.random.randrange(5, 30))
        label = label_of(number)
        identity = image_id(run.run_id, asset.asset_key, stage, number)
        record = ImageRecord(
            identity, run.run_id, asset.asset_key, stage, number, digest, "image/jpeg", *size, len(data),
            self.w.store.private, key, label, parent, attempt, plan["model_id"], plan["model_id"], call["version"],
            call["prompt"], call["axes"], seed, {"width_px": plan["width_px"], "height_px": plan["height_px"]},
        )  # fmt: skip
        row = {"image_id": identity, **scored, "created_at": self.now} if stage == "draft" else {}
        return {**to_row(record), "created_at": self.now}, row

    def _painted(
        self, prompt: str, seed: int, references: Sequence[bytes], stage: str, asset: Asset
    ) -> tuple[bytes, dict[str, Any], tuple[int, int]]:
        plan = asset.plan["draft"]
        shape = plan["width_px"] / plan["height_px"]
        long_px = 128 if not self.pictures else FINAL_PX if stage == "final" else DRAFT_PX
        size = (long_px, round(long_px / shape)) if shape >= 1 else (round(long_px * shape), long_px)
        return *seed_picture(prompt, seed, tuple(references), size, painted=self.pictures), size

    def _move(self, planned: Planned, state: str, problem: str = "", keys_: Sequence[str] = ()) -> None:
        for asset in planned.assets:
            if not keys_ or asset.asset_key in keys_:
                self.w.runs.move_asset(planned.run.run_id, asset.asset_key, state, problem)  # type: ignore[arg-type]

    # -- what happened to them -----------------------------------------------------------------------------------------

    def _sheet_opened(self, planned: Planned) -> None:
        rows = [
            {"run_id": planned.run.run_id, "asset_key": a.asset_key, "mode": "person", "state": "open", "picks": [],
             "reasons": {}, "opened_at": self.now - timedelta(minutes=4)}
            for a in planned.assets
        ]  # fmt: skip
        self._insert(selections, rows)
        self._move(planned, "open")

    def _publish(self, planned: Planned, picks: dict[str, str]) -> None:
        run_id = planned.run.run_id
        self._sheet_opened(planned)
        self.w.selections.close(run_id, {k: (v,) for k, v in picks.items()}, by="Mara Lindqvist", reasons={})
        for asset in planned.assets:
            drafts = {d.label: d for d in self.w.images.of_asset(run_id, asset.asset_key, "draft")}
            select = drafts[picks[asset.asset_key]]
            drawn = self.w.store.get(self.w.store.private, select.object_key)
            references = (drawn, *_photos(planned, asset))
            final, _ = self._image(planned.run, asset, "final", 0, references, select.image_id)
            upscale = final | {
                "image_id": image_id(run_id, asset.asset_key, "upscale", 0), "stage": "upscale", "attempt_id": "",
                "parent_id": final["image_id"], "width_px": 1920, "height_px": 1080, "model_asked": "",
                "model_answered": "", "prompt": "", "seed": None, "params": {"backend": "onnx", "model": "x4plus"},
            }  # fmt: skip
            self._insert(images, [final, upscale, *self._renditions(asset, upscale)])
        self._move(planned, "published")
        snapshot = "catalogs/campaigns/v/3-0a1b2c3d4e5f.json"
        summary = {"published": 1, "catalog": "campaigns", "version": 3, "failed": {},
                   "manifest": f"s3://{self.w.store.public}/catalogs/campaigns/current.json",
                   "snapshot": f"s3://{self.w.store.public}/{snapshot}"}  # fmt: skip
        self.w.runs.update(run_id, "published", summary=summary)
        manifest = "manifests/campaigns/harvest-table/" + "a" * 64 + ".json"
        shown = Publication("campaigns", planned.assets[0].asset_key, "f" * 64, run_id, 3, manifest)
        self.w.publications.record([shown])

    def _renditions(self, asset: Asset, final: dict[str, Any]) -> Iterator[dict[str, Any]]:
        slots = [(p, f) for p in Brief.model_validate(asset.brief).placements for f in p.formats]
        data = self.w.store.get(self.w.store.private, final["object_key"])
        for number, (placement, file_format) in enumerate(slots):
            key = keys.blob(final["sha256"], "jpg")
            self.w.store.put_immutable(self.w.store.public, key, data, "image/jpeg")
            yield final | {
                "image_id": image_id(asset.run_id, asset.asset_key, "rendition", number), "stage": "rendition",
                "ordinal": number, "label": placement.name, "parent_id": final["image_id"], "attempt_id": "",
                "bucket": self.w.store.public, "object_key": key, "model_asked": "", "model_answered": "",
                "media_type": f"image/{file_format}", "prompt": "", "seed": None,
                "width_px": placement.width_px, "height_px": placement.height_px,
                "params": {"placement": placement.name, "blockers": [], "recipe": "r1", "file": f"{placement.name}"},
            }  # fmt: skip

    def _exceptions(self, planned: Planned) -> None:
        """One SKU failed, one is soft, one imagined, and two people disagree about a fourth."""
        self._sheet_opened(planned)
        run_id, made = planned.run.run_id, [a.asset_key for a in planned.assets]
        self._move(planned, "failed", "no draft: bfl: Request Moderated", made[:1])
        self.money.in_doubt(planned.run, planned.assets[1], "draft")
        self.money.held(planned.run, planned.assets[2], "final")
        with self.w.database.write() as connection:
            low = {d.image_id for d in self.w.images.of_run(run_id, "draft", made[1:2])}
            connection.execute(scores.update().where(scores.c.image_id.in_(low)).values(overall=0.41))
            lost = {d.image_id for d in self.w.images.of_run(run_id, "draft", made[:1])}
            connection.execute(images.delete().where(images.c.image_id.in_(lost)))
        drafts = self.w.images.of_run(run_id, "draft", made[3:4])
        self.w.marks.change(drafts[0].image_id, "mara", MarkChange(flag="pick"))
        self.w.marks.change(drafts[0].image_id, "jonas", MarkChange(flag="reject", note="The rim is bent"))

    def _marks(self, planned: Planned) -> None:
        drafts = self.w.images.of_run(planned.run.run_id, "draft")
        change = self.w.marks.change
        change(drafts[1].image_id, "mara", MarkChange(flag="pick", stars=5, note="This light. Crop left."))
        change(drafts[1].image_id, "jonas", MarkChange(flag="pick", stars=4))
        change(drafts[2].image_id, "jonas", MarkChange(stars=3))
        change(drafts[4].image_id, "mara", MarkChange(flag="reject"))

    # -- many ----------------------------------------------------------------------------------------------------------

    def _many(self, planned: Planned, count: int) -> None:
        """One brief with `count` drafts; a dozen pictures stand for all, each row with a signature of its own."""
        asset, calls = planned.assets[0], planned.assets[0].plan["draft"]["calls"]
        draft = asset.plan["draft"] | {"calls": [calls[n % len(calls)] for n in range(count)]}
        lines = [{**x, "count": count} if x["stage"] == "draft" else x for x in planned.run.quote["lines"]]
        run = replace(planned.run, quote=_quote(planned, lines))
        wide = replace(planned, run=run, assets=(replace(asset, plan=asset.plan | {"draft": draft}),))
        self._open(wide, minutes_ago=50, state="awaiting_selection")
        self._copied(wide, wide.assets, count)

    def _wide(self, planned: Planned, count: int) -> None:
        """`count` SKUs with four drafts each."""
        one = planned.assets[0]
        many = tuple(
            replace(one, asset_key=f"sku-{n:03d}", sku=f"SKU-{n:03d}", title=f"Product {n}", ordinal=n)
            for n in range(count)
        )
        own = [x for x in planned.run.quote["lines"] if x["asset_key"] == one.asset_key]
        lines = [{**line, "asset_key": a.asset_key, "sku": a.sku} for a in many for line in own]
        run = replace(planned.run, kind="catalog", quote=_quote(planned, lines))
        wide = replace(planned, run=run, assets=many)
        self._open(wide, minutes_ago=70, state="awaiting_selection")
        self._copied(wide, many, 4)

    def _copied(self, planned: Planned, of: Sequence[Asset], each: int) -> None:
        source = self.w.images.of_run(self._source_run(), "draft")
        known = self.w.images.scores([i.image_id for i in source])
        rows, scored = [], []
        for asset in of:
            for number in range(each):
                image = source[(number + asset.ordinal) % len(source)]
                identity = image_id(planned.run.run_id, asset.asset_key, "draft", number)
                attempt = self.money.settled(planned.run, asset, "draft", asset.plan["draft"], minutes_ago=40)
                moved = replace(image, image_id=identity, run_id=planned.run.run_id, asset_key=asset.asset_key,
                                ordinal=number, label=label_of(number), attempt_id=attempt)  # fmt: skip
                rows.append({**to_row(moved), "created_at": self.now})
                score_row = to_row(known[image.image_id]) | {"image_id": identity, "created_at": self.now}
                score_row["overall"] = round(self.random.uniform(0.3, 0.95), 6)
                score_row["signature"] = f"{self.random.getrandbits(128):032x}" + score_row["signature"][32:]
                scored.append(score_row)
        self._insert(images, rows)
        self._insert(scores, scored)
        self._sheet_opened(planned)

    def _source_run(self) -> str:
        return next(r.run_id for r in self.w.runs.newest() if r.name == "slow-mornings")


def _photos(planned: Planned, asset: Asset) -> tuple[bytes, ...]:
    return tuple(planned.references[name].data for name in asset.brief["references"][:1])


def _quote(planned: Planned, lines: list[dict[str, Any]]) -> dict[str, Any]:
    total = {k: sum(x["each"][k] * x["count"] for x in lines) for k in ("low", "expected", "worst")}
    return planned.run.quote | {"lines": lines, "total": total, "total_without_replays": total}
