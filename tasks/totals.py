"""How many steps a stage will have, for the progress of whoever watches."""

import asyncio
from collections.abc import Sequence

from wiring import current


async def announce(stage: str, run_id: str, asset_keys: Sequence[str]) -> None:
    """Tell the progress how much this stage has to do."""
    w = current()
    total = await asyncio.to_thread(_total, stage, run_id, asset_keys)
    w.progress.start(stage, total)


def _total(stage: str, run_id: str, asset_keys: Sequence[str]) -> int:
    w = current()
    if stage == "drafts":
        return sum(len(a.plan["draft"]["calls"]) for a in w.runs.assets(run_id, asset_keys))
    if stage == "scores":
        return len(w.images.of_run(run_id, "draft", asset_keys))
    if stage == "finals":
        return sum(len(s.picks) for k, s in w.selections.of_run(run_id).items() if k in set(asset_keys))
    if stage in ("upscales", "renditions"):
        return len(w.images.of_run(run_id, "final", asset_keys))
    if stage == "manifest":
        return 1
    return sum(a.state != "failed" for a in w.runs.assets(run_id, asset_keys))
