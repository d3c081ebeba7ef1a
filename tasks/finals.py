"""Finals: the expensive render of every select. The select goes in as the first reference, so its composition stays."""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from budget.drift import Drifts
from domain.errors import DraftlineError
from domain.prompt import ReferenceRole
from domain.render import Reference, RenderRequest
from domain.run import Asset, ImageRecord, Run
from prompts.variations import Variation
from tasks.assets import brief_of, gather_all, reference_of, references_of, run_and_assets, stored_bytes
from tasks.charging import dimensions, needs_no_hold
from tasks.paid_images import Gates, ImageSpec, gates_of, make_image
from vendors.contract import Vendor
from wiring import Wiring, current

NO_BYTES = b"?"
"""Stands for a picture's bytes where only its size is asked for: nothing is sent."""


@task(name="finals")
async def make_finals(run_id: str, asset_keys: Sequence[str]) -> int:
    """Make the missing finals of all closed selections; returns how many there are. `check_finals` comes first."""
    w = current()
    run, assets = await asyncio.to_thread(run_and_assets, w, run_id, asset_keys)
    specs = await asyncio.to_thread(_missing, w, run, assets)
    async with w.open_vendors() as vendors:
        gates = gates_of(vendors)
        results = await gather_all([_one(w, vendors, gates, run, asset, spec) for asset, spec in specs])
    finals = await asyncio.to_thread(w.images.of_run, run_id, "final", asset_keys)
    w.progress.step("finals", len(finals) - sum(result is True for result in results))
    return len(finals)


async def check_finals(run_id: str, asset_keys: Sequence[str]) -> None:
    """Before any of a run's finals is sent, the worst price of all of them must fit every cap (CapRefused)."""
    w = current()
    run, assets = await asyncio.to_thread(run_and_assets, w, run_id, asset_keys)
    specs = await asyncio.to_thread(_missing, w, run, assets, for_price=True)
    async with w.open_vendors() as vendors:
        await asyncio.to_thread(_check_fits, w, run, vendors, specs)


async def _one(w: Wiring, vendors: Mapping[str, Vendor], gates: Gates, run: Run, asset: Asset, spec: ImageSpec) -> bool:
    try:
        await make_image(w, vendors, gates, run, asset, spec)
    except DraftlineError as error:
        await asyncio.to_thread(w.runs.move_asset, run.run_id, asset.asset_key, "failed", f"no final: {error}")
        raise
    await asyncio.to_thread(w.runs.move_asset, run.run_id, asset.asset_key, "final", asset.problem)
    return True


def _missing(w: Wiring, run: Run, assets: Sequence[Asset], *, for_price: bool = False) -> list[tuple[Asset, ImageSpec]]:
    """What is still to be made. `for_price`: with references that can be measured but not sent, so nothing is read."""
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
                references = _measurable(asset, drafts[label]) if for_price else _sendable(w, asset, drafts[label])
                found.append((asset, _spec(w, asset, number, drafts[label], references)))
    return found


def _sendable(w: Wiring, asset: Asset, select: ImageRecord) -> tuple[Reference, ...]:
    return (reference_of(select, stored_bytes(w, select.object_key)), *references_of(w, asset))


def _measurable(asset: Asset, select: ImageRecord) -> tuple[Reference, ...]:
    photos = (Reference(**facts, data=NO_BYTES) for facts in asset.plan["references"])
    return (reference_of(select, NO_BYTES), *photos)


def _spec(w: Wiring, asset: Asset, number: int, select: ImageRecord, references: tuple[Reference, ...]) -> ImageSpec:
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


def _check_fits(w: Wiring, run: Run, vendors: Mapping[str, Vendor], specs: Sequence[tuple[Asset, ImageSpec]]) -> None:
    prices, today = Drifts(w.database, w.price_book, w.now).prices(), w.today()
    states = w.ledger.states_among([s.request.work_key(s.ordinal) for _, s in specs])
    parts = []
    for asset, spec in specs:
        state, plan = states.get(spec.request.work_key(spec.ordinal)), asset.plan["final"]
        if state == "settled" or (state is not None and needs_no_hold(w, plan["vendor"], state)):
            continue
        measured = vendors[plan["vendor"]].measure(spec.request)
        worst = prices.price_range(spec.request.model_id, measured, today).worst
        parts.append((dimensions(run, asset, w, plan, "final"), worst))
    w.ledger.check_plan(parts, f"{len(parts)} finals of run {run.run_id}")
