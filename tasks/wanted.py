"""Which images a run still wants: the drafts and finals of its plan that have no row yet, each as it would be paid for.

Pure of Prefect and of money. What is made, found or recovered by its work key is the same image, because it is built
here once.
"""

from collections.abc import Sequence

from domain.prompt import ReferenceRole
from domain.render import Reference, RenderRequest
from domain.run import Asset, ImageRecord, Run, label_of
from prompts.variations import Variation
from tasks.assets import brief_of, reference_of, references_of, stored_bytes
from tasks.paid_images import ImageSpec
from tasks.planning import draft_requests, requests_with_ordinals
from wiring import Wiring

NO_BYTES = b"?"
"""Stands for a picture's bytes where only its size and digest are asked for: nothing is sent."""


def wanted_drafts(w: Wiring, run: Run, asset: Asset, *, for_price: bool = False) -> list[ImageSpec]:
    """The missing drafts of an asset. `for_price`: with references that are measured but not sent: nothing is read."""
    references = _photos(asset) if for_price else references_of(w, asset)
    there = {image.ordinal for image in w.images.of_asset(run.run_id, asset.asset_key, "draft")}
    requests = requests_with_ordinals(draft_requests(asset.plan["draft"], references), run.plan["round"])
    return [
        _draft(asset, number, ordinal, request)
        for number, (ordinal, request) in enumerate(requests)
        if number not in there
    ]


def wanted_finals(
    w: Wiring, run: Run, assets: Sequence[Asset], *, for_price: bool = False
) -> list[tuple[Asset, ImageSpec]]:
    """The missing finals of every closed selection. `for_price` as above."""
    selections = w.selections.of_run(run.run_id)
    there = {(i.asset_key, i.ordinal) for i in w.images.of_run(run.run_id, "final")}
    found = []
    for asset in assets:
        selection = selections.get(asset.asset_key)
        if selection is None or selection.state != "closed":
            continue
        drafts = {d.label: d for d in w.images.of_asset(run.run_id, asset.asset_key, "draft")}
        for number, label in enumerate(selection.picks):
            if (asset.asset_key, number) not in there:
                references = measurable(asset, drafts[label]) if for_price else _sendable(w, asset, drafts[label])
                found.append((asset, final_spec(w, asset, number, drafts[label], references)))
    return found


def measurable(asset: Asset, select: ImageRecord) -> tuple[Reference, ...]:
    return (reference_of(select, NO_BYTES), *_photos(asset))


def final_spec(
    w: Wiring, asset: Asset, number: int, select: ImageRecord, references: tuple[Reference, ...]
) -> ImageSpec:
    """One final; the select stands first among its references, so its composition stays."""
    plan = asset.plan["final"]
    brief = brief_of(asset)
    roles: list[ReferenceRole] = ["select", *brief.reference_roles(r.sha256 for r in references[1:])]
    variation = Variation(select.ordinal, dict(select.axes))
    prompt = w.prompt_book.render(brief, plan["dialect"], variation=variation, reference_roles=roles)
    request = RenderRequest(
        model_id=plan["model_id"],
        prompt=prompt.text,
        width_px=plan["width_px"],
        height_px=plan["height_px"],
        references=references,
        seed=plan["seed"],
        output_format=plan["output_format"],
    )
    return ImageSpec("final", number, 0, request, prompt.version, select.label, dict(select.axes), select.image_id)


def _draft(asset: Asset, number: int, ordinal: int, request: RenderRequest) -> ImageSpec:
    call = asset.plan["draft"]["calls"][number]
    return ImageSpec("draft", number, ordinal, request, call["version"], label_of(number), call["axes"])


def _photos(asset: Asset) -> tuple[Reference, ...]:
    return tuple(Reference(**facts, data=NO_BYTES) for facts in asset.plan["references"])


def _sendable(w: Wiring, asset: Asset, select: ImageRecord) -> tuple[Reference, ...]:
    return (reference_of(select, stored_bytes(w, select.object_key)), *references_of(w, asset))
