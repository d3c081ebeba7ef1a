"""Drafts: n cheap candidates for each brief, concurrent inside the vendors' limits."""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from domain.errors import DraftlineError
from domain.render import RenderRequest
from domain.run import Asset, Run, label_of
from tasks.assets import gather_all, references_of, run_and_assets
from tasks.paid_images import Gates, ImageSpec, gates_of, make_image
from tasks.planning import draft_requests, requests_with_ordinals
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
    references = await asyncio.to_thread(references_of, w, asset)
    there = {i.ordinal for i in await asyncio.to_thread(w.images.of_asset, run.run_id, asset.asset_key, "draft")}
    requests = draft_requests(asset.plan["draft"], references)
    specs = [
        _spec(asset, number, ordinal, request)
        for number, (ordinal, request) in enumerate(requests_with_ordinals(requests, run.plan["round"]))
        if number not in there
    ]
    w.progress.step("drafts", len(there))
    results = await gather_all([make_image(w, vendors, gates, run, asset, spec) for spec in specs])
    problems = [str(result) for result in results if isinstance(result, DraftlineError)]
    made = len(there) + len(results) - len(problems)
    await asyncio.to_thread(_conclude, w, asset, made, problems)
    return made


def _spec(asset: Asset, number: int, ordinal: int, request: RenderRequest) -> ImageSpec:
    call = asset.plan["draft"]["calls"][number]
    return ImageSpec("draft", number, ordinal, request, call["version"], label_of(number), call["axes"])


def _conclude(w: Wiring, asset: Asset, made: int, problems: list[str]) -> None:
    """One draft is enough to go on; without any the asset failed, with the first reason."""
    if made == 0:
        w.runs.move_asset(asset.run_id, asset.asset_key, "failed", f"no draft: {problems[0] if problems else '?'}")
    elif asset.state in ("planned", "failed"):
        w.runs.move_asset(asset.run_id, asset.asset_key, "drafted", "; ".join(problems))
