"""Finals: the expensive render of every select. The select goes in as the first reference, so its composition stays."""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from budget.drift import Drifts
from domain.errors import DraftlineError
from domain.run import Asset, Run
from tasks.assets import gather_all, run_and_assets
from tasks.charging import dimensions, needs_no_hold
from tasks.paid_images import Gates, ImageSpec, gates_of, make_image
from tasks.wanted import wanted_finals
from vendors.contract import Vendor
from wiring import Wiring, current


@task(name="finals")
async def make_finals(run_id: str, asset_keys: Sequence[str]) -> int:
    """Make the missing finals of all closed selections; returns how many there are. `check_finals` comes first."""
    w = current()
    run, assets = await asyncio.to_thread(run_and_assets, w, run_id, asset_keys)
    specs = await asyncio.to_thread(wanted_finals, w, run, assets)
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
    specs = await asyncio.to_thread(wanted_finals, w, run, assets, for_price=True)
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
