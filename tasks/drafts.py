"""Drafts: n cheap candidates for each brief, concurrent inside the vendors' limits."""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from domain.errors import DraftlineError
from domain.run import Asset, Run
from tasks.assets import gather_all, run_and_assets
from tasks.paid_images import Gates, gates_of, make_image
from tasks.wanted import wanted_drafts
from vendors.contract import Vendor
from wiring import Wiring, current


@task(name="drafts")
async def make_drafts(run_id: str, asset_keys: Sequence[str]) -> int:
    """Make what is missing of the assets' drafts; returns how many there are. Nothing that exists is paid again."""
    w = current()
    run, assets = await asyncio.to_thread(run_and_assets, w, run_id, asset_keys)
    async with w.open_vendors() as vendors:
        gates = gates_of(vendors)
        counts = await gather_all([_of_asset(w, vendors, gates, run, asset) for asset in assets])
    return sum(count for count in counts if isinstance(count, int))


async def _of_asset(w: Wiring, vendors: Mapping[str, Vendor], gates: Gates, run: Run, asset: Asset) -> int:
    specs = await asyncio.to_thread(wanted_drafts, w, run, asset)
    there = len(asset.plan["draft"]["calls"]) - len(specs)
    w.progress.step("drafts", there)
    results = await gather_all([make_image(w, vendors, gates, run, asset, spec) for spec in specs])
    problems = [str(result) for result in results if isinstance(result, DraftlineError)]
    made = there + len(results) - len(problems)
    await asyncio.to_thread(_conclude, w, asset, made, problems)
    return made


def _conclude(w: Wiring, asset: Asset, made: int, problems: list[str]) -> None:
    """One draft is enough to go on; without any the asset failed, with the first reason."""
    if made == 0:
        w.runs.move_asset(asset.run_id, asset.asset_key, "failed", f"no draft: {problems[0] if problems else '?'}")
    elif asset.state in ("planned", "failed"):
        w.runs.move_asset(asset.run_id, asset.asset_key, "drafted", "; ".join(problems))
