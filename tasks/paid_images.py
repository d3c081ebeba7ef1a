"""From a paid answer to an image row: decode safely, measure, record, or quarantine. Serves drafts and finals."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from budget.degrade import lowered_note
from domain.errors import ImageError
from domain.render import RenderRequest
from domain.run import Asset, ImageRecord, Run, Stage
from imaging.decode import decode
from imaging.provenance import has_c2pa
from storage.objects import keys
from tasks.assets import image_id
from tasks.charging import dimensions
from tasks.paid_calls import Paid, PaidCall, pay
from vendors.contract import Vendor
from wiring import Wiring

Gates = Mapping[str, asyncio.Semaphore]


@dataclass(frozen=True)
class ImageSpec:
    """One image to be paid for. `number` is its place in the asset's stage, `ordinal` the one of the work key."""

    stage: Stage
    number: int
    ordinal: int
    request: RenderRequest
    prompt_version: str
    label: str
    axes: dict[str, str] = field(default_factory=dict)
    parent_id: str = ""


def gates_of(vendors: Mapping[str, Vendor]) -> Gates:
    """The in-process semaphore in front of the exact limit that the ledger keeps across processes."""
    return {name: asyncio.Semaphore(vendor.max_active) for name, vendor in vendors.items()}


async def make_image(
    w: Wiring, vendors: Mapping[str, Vendor], gates: Gates, run: Run, asset: Asset, spec: ImageSpec
) -> ImageRecord:
    """Pay for one image, or find it paid, and record it. Raises ImageError when the paid bytes are no usable image."""
    plan = asset.plan[spec.stage]
    vendor = vendors[plan["vendor"]]
    measured = vendor.measure(spec.request)
    try:
        async with gates[vendor.name]:
            wanted = dimensions(run, asset, w, plan, spec.stage)
            approved_quote = str(run.plan.get("approved_quote", ""))
            paid = await pay(w, vendor, PaidCall(spec.request, spec.ordinal, measured, wanted, approved_quote))
        return await asyncio.to_thread(record_image, w, asset, spec, paid, measured.warnings)
    finally:
        w.progress.step(f"{spec.stage}s")


def record_image(w: Wiring, asset: Asset, spec: ImageSpec, paid: Paid, wishes: tuple[str, ...]) -> ImageRecord:
    """The row of a paid image, once; again it changes nothing. Raises ImageError for bytes that go into quarantine."""
    try:
        decoded = decode(paid.data)
    except ImageError as error:
        w.store.put_immutable(w.store.private, keys.quarantine(paid.sha256), paid.data, "application/octet-stream")
        raise ImageError(
            error.reason,
            f"{spec.stage} {spec.label} of {asset.asset_key} was paid but is no usable image, kept in quarantine as "
            f"{paid.sha256[:12]}: {error}",
        ) from error
    request = spec.request
    asked = {"width_px": request.width_px, "height_px": request.height_px, "c2pa": has_c2pa(paid.data)}
    record = ImageRecord(
        image_id=image_id(asset.run_id, asset.asset_key, spec.stage, spec.number),
        run_id=asset.run_id,
        asset_key=asset.asset_key,
        stage=spec.stage,
        ordinal=spec.number,
        sha256=paid.sha256,
        media_type=decoded.media_type,
        width_px=decoded.width_px,
        height_px=decoded.height_px,
        size_bytes=len(paid.data),
        bucket=w.store.private,
        object_key=paid.object_key,
        label=spec.label,
        parent_id=spec.parent_id,
        attempt_id=paid.attempt_id,
        model_asked=request.model_id,
        model_answered=paid.model_answered,
        prompt_version=spec.prompt_version,
        prompt=request.prompt,
        axes=spec.axes,
        seed=paid.seed,
        params={**asked, **_lowered(asset), "references": [r.sha256 for r in request.references]},
        warnings=tuple(dict.fromkeys((*lowered_note(asset.plan), *wishes, *paid.warnings))),
    )
    w.images.add(record)
    return record


def _lowered(asset: Asset) -> dict[str, Any]:
    """What a degrade policy made cheaper about this asset; nothing where none did."""
    return {"lowered": asset.plan["lowered"]} if "lowered" in asset.plan else {}
