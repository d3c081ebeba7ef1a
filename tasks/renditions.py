"""Renditions: every size and format of every placement, from one master. What we publish are bytes that we encoded."""

import asyncio
from collections.abc import Sequence

from prefect import task

from domain.canonical import sha256_hex
from domain.placement import Placement
from domain.run import Asset, ImageRecord
from imaging.checks import PublicationRules, publication_blockers
from imaging.decode import DecodeLimits, decode
from imaging.provenance import SourceType, xmp_packet
from imaging.renditions import Recipe, Rendition, render_all
from imaging.scores import score
from storage.objects import keys
from tasks.assets import brief_of, image_id, stored_bytes
from tasks.masters import MAX_MASTER_BYTES, MAX_MASTER_PIXELS
from tasks.media import extension_of
from tasks.out import write_out
from wiring import Wiring, current

CPU_THREADS = 2
MASTER_LIMITS = DecodeLimits(max_bytes=MAX_MASTER_BYTES, max_pixels=MAX_MASTER_PIXELS)
"""Of pictures that we made or paid for: an upscaled PNG may have more than what is let in from strangers."""


@task(name="renditions")
async def make_renditions(run_id: str, asset_keys: Sequence[str]) -> int:
    """Render and store what is missing; returns how many renditions there are."""
    w = current()
    gate = asyncio.Semaphore(CPU_THREADS)
    assets = {a.asset_key: a for a in await asyncio.to_thread(w.runs.assets, run_id, asset_keys)}
    finals = await asyncio.to_thread(w.images.of_run, run_id, "final", asset_keys)
    upscales = {u.parent_id: u for u in await asyncio.to_thread(w.images.of_run, run_id, "upscale", asset_keys)}
    await asyncio.gather(*(_of_final(w, gate, assets[f.asset_key], f, upscales.get(f.image_id)) for f in finals))
    return len(await asyncio.to_thread(w.images.of_run, run_id, "rendition", asset_keys))


def source_type(asset: Asset) -> SourceType:
    """A picture that shows a photographed product is a composite; everything else is made by a model alone."""
    return "compositeWithTrainedAlgorithmicMedia" if asset.plan["references"] else "trainedAlgorithmicMedia"


async def _of_final(
    w: Wiring, gate: asyncio.Semaphore, asset: Asset, final: ImageRecord, upscale: ImageRecord | None
) -> None:
    async with gate:
        await asyncio.to_thread(_render, w, asset, final, upscale or final)
    w.progress.step("renditions")


def _render(w: Wiring, asset: Asset, final: ImageRecord, master: ImageRecord) -> None:
    slots = [(p, f) for p in brief_of(asset).placements for f in p.formats]
    first = final.ordinal * len(slots)
    there = {r.ordinal for r in w.images.of_asset(asset.run_id, asset.asset_key, "rendition")}
    missing = [(first + n, p, f) for n, (p, f) in enumerate(slots) if first + n not in there]
    if not missing:
        return
    image = decode(stored_bytes(w, master.object_key), MASTER_LIMITS).image
    focus = score(image, palette=(), asked_width_px=image.width, asked_height_px=image.height).subject_box
    recipes = [_recipe(p, f, focus) for _, p, f in missing]
    packet = xmp_packet(source_type(asset))
    for (ordinal, placement, _), recipe, made in zip(
        missing, recipes, render_all(image, recipes, xmp=packet), strict=True
    ):
        _record(w, asset, master, ordinal, placement, recipe, made)


def _recipe(placement: Placement, format_name: str, focus: tuple[float, float, float, float]) -> Recipe:
    return Recipe(
        width_px=placement.width_px,
        height_px=placement.height_px,
        format=format_name,  # type: ignore[arg-type]
        fit=placement.fit,
        background=placement.background,
        focus=focus,
        # a contained picture smaller than its slot is padded, and rounding may leave a master a pixel short
        allow_enlarge=True,
    )


def _record(
    w: Wiring, asset: Asset, master: ImageRecord, ordinal: int, placement: Placement, recipe: Recipe, made: Rendition
) -> None:
    digest, extension = sha256_hex(made.data), extension_of(made.media_type)
    name = f"{asset.asset_key}-{placement.name}{f'-{master.ordinal + 1}' if master.ordinal else ''}.{extension}"
    rules = PublicationRules(
        max_bytes=placement.max_bytes or None, white_background=placement.white_background, marked_as_generated=True
    )
    blockers = publication_blockers(made.data, name, rules)
    key = keys.blob(digest, extension)
    w.store.put_immutable(w.store.public, key, made.data, made.media_type, cache_control=keys.IMMUTABLE)
    write_out(w, asset.run_id, name, made.data)
    facts = {
        "placement": placement.name,
        "recipe": recipe.digest,
        "encoders": dict(made.encoder_versions),
        "file": name,
    }
    w.images.add(
        ImageRecord(
            image_id=image_id(asset.run_id, asset.asset_key, "rendition", ordinal),
            run_id=asset.run_id,
            asset_key=asset.asset_key,
            stage="rendition",
            ordinal=ordinal,
            sha256=digest,
            media_type=made.media_type,
            width_px=made.width_px,
            height_px=made.height_px,
            size_bytes=len(made.data),
            bucket=w.store.public,
            object_key=key,
            label=placement.name,
            parent_id=master.image_id,
            params=facts | {"blockers": [b.message for b in blockers]},
            warnings=tuple(b.message for b in blockers),
        )
    )
