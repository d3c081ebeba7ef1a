"""Scores: machine evidence on every draft, and its fingerprint for finding near-duplicates. Pure CPU, no money."""

import asyncio
from collections.abc import Sequence

from PIL import ImageColor
from prefect import task

from domain.run import Asset, ImageRecord, ScoreRecord
from imaging.decode import decode
from imaging.scores import score
from imaging.similarity import signature
from tasks.assets import brief_of, stored_bytes
from wiring import Wiring, current

CPU_THREADS = 2


@task(name="scores")
async def score_drafts(run_id: str, asset_keys: Sequence[str]) -> int:
    """Score what has no score yet; returns how many drafts have one."""
    w = current()
    gate = asyncio.Semaphore(CPU_THREADS)
    assets = await asyncio.to_thread(w.runs.assets, run_id, asset_keys)
    drafts = await asyncio.to_thread(w.images.of_run, run_id, "draft", asset_keys)
    known = await asyncio.to_thread(w.images.scores, [draft.image_id for draft in drafts])
    by_key = {asset.asset_key: asset for asset in assets}
    await asyncio.gather(*(_one(w, gate, by_key[d.asset_key], d, d.image_id in known) for d in drafts))
    return len(drafts)


async def _one(w: Wiring, gate: asyncio.Semaphore, asset: Asset, draft: ImageRecord, known: bool) -> None:
    if not known:
        async with gate:
            await asyncio.to_thread(_score, w, asset, draft)
    w.progress.step("scores")


def _score(w: Wiring, asset: Asset, draft: ImageRecord) -> None:
    image = decode(stored_bytes(w, draft.object_key)).image
    plan = asset.plan["draft"]
    palette = hex_palette(brief_of(asset).palette)
    found = score(image, palette=palette, asked_width_px=plan["width_px"], asked_height_px=plan["height_px"])
    w.images.add_score(ScoreRecord(draft.image_id, found.overall, found.as_record(), signature(image).text))


def hex_palette(colours: Sequence[str]) -> tuple[str, ...]:
    """The palette as #rrggbb; colour words that no table knows are left to the models."""
    found = []
    for colour in colours:
        try:
            red, green, blue = ImageColor.getrgb(colour.replace(" ", ""))[:3]
        except ValueError:
            continue
        found.append(f"#{red:02x}{green:02x}{blue:02x}")
    return tuple(found)
