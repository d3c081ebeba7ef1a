"""Upscales: Real-ESRGAN on a final, only where a placement asks for more pixels than it has. Local, costs time."""

import asyncio
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict

from PIL import Image
from prefect import task

from domain.canonical import sha256_hex
from domain.run import Asset, ImageRecord
from domain.sizing import Size
from imaging.decode import decode
from storage.objects import keys
from tasks.assets import brief_of, image_id, stored_bytes
from tasks.masters import master_size, why_plain
from wiring import Wiring, current

PNG_LEVEL = 3
log = logging.getLogger("draftline.upscale")


@task(name="upscales")
async def make_upscales(run_id: str, asset_keys: Sequence[str]) -> int:
    """Upscale what needs it, one picture at a time (the network uses every core). Returns how many there are."""
    w = current()
    assets = {a.asset_key: a for a in await asyncio.to_thread(w.runs.assets, run_id, asset_keys)}
    finals = await asyncio.to_thread(w.images.of_run, run_id, "final", asset_keys)
    there = {u.parent_id for u in await asyncio.to_thread(w.images.of_run, run_id, "upscale", asset_keys)}
    for final in finals:
        asset = assets[final.asset_key]
        if final.image_id not in there and wanted_size(asset, final) is not None:
            await asyncio.to_thread(_upscale, w, asset, final)
        w.progress.end(f"upscale {final.asset_key}")
        w.progress.step("upscales")
    return len(await asyncio.to_thread(w.images.of_run, run_id, "upscale", asset_keys))


def wanted_size(asset: Asset, final: ImageRecord) -> Size | None:
    return master_size(brief_of(asset).placements, Size(final.width_px, final.height_px))


def _upscale(w: Wiring, asset: Asset, final: ImageRecord) -> None:
    size = wanted_size(asset, final)
    if size is None:
        return
    source = decode(stored_bytes(w, final.object_key)).image
    why = why_plain(w, Size(source.width, source.height), size)
    if why:
        log.warning("upscale.plain run=%s asset=%s why=%r", asset.run_id, asset.asset_key, why)
        plain = source.resize((size.width_px, size.height_px), Image.Resampling.LANCZOS)
        _record(w, asset, final, plain, {"backend": "lanczos"}, (f"{why}: LANCZOS instead",))
        return
    estimate = w.upscaler.estimate(source.width, source.height)
    stage = f"upscale {asset.asset_key}"
    w.progress.start(stage, estimate.tiles, f"about {estimate.seconds:.0f} s")
    result = w.upscaler.upscale(source, width_px=size.width_px, height_px=size.height_px, progress=_stepper(w, stage))
    facts = {k: _plain(v) for k, v in asdict(result.facts).items()}
    _record(w, asset, final, result.image, facts, tuple(result.warnings))


def _stepper(w: Wiring, stage: str) -> Callable[[int, int], None]:
    last = [0]

    def step(done: int, _total: int) -> None:
        w.progress.step(stage, done - last[0])
        last[0] = done

    return step


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def _record(
    w: Wiring, asset: Asset, final: ImageRecord, image: Image.Image, facts: dict[str, object], warnings: tuple[str, ...]
) -> None:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=PNG_LEVEL)
    data = out.getvalue()
    digest = sha256_hex(data)
    key = keys.original(digest, "png")
    w.store.put_immutable(w.store.private, key, data, "image/png")
    w.images.add(
        ImageRecord(
            image_id=image_id(asset.run_id, asset.asset_key, "upscale", final.ordinal),
            run_id=asset.run_id,
            asset_key=asset.asset_key,
            stage="upscale",
            ordinal=final.ordinal,
            sha256=digest,
            media_type="image/png",
            width_px=image.width,
            height_px=image.height,
            size_bytes=len(data),
            bucket=w.store.private,
            object_key=key,
            label=final.label,
            parent_id=final.image_id,
            params=facts,
            warnings=warnings,
        )
    )
