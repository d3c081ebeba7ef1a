"""The one draft-to-final line that every flow shares."""

from collections.abc import Sequence
from typing import Any

from domain.errors import RunCancelled
from tasks.alerts import telling
from tasks.assets import batches
from tasks.bills import make_bill
from tasks.drafts import make_drafts
from tasks.endings import end_cancelled, leave_open, mark_running, record_stop
from tasks.finals import check_finals, make_finals
from tasks.manifests import publish_manifest
from tasks.opening import Opened
from tasks.presence import until_cancelled, working_on
from tasks.renditions import make_renditions
from tasks.scores import score_drafts
from tasks.selections import select_automatically
from tasks.sheets import make_sheets
from tasks.totals import announce
from tasks.upscales import make_upscales
from wiring import current

Report = dict[str, Any]


async def draft_to_final(opened: Opened) -> Report:
    """Drafts to publication; with a person's selection it ends at the contact sheet, and `promote` goes on.

    Returns Prefect's Cancelled where somebody cancelled the run meanwhile.
    """
    if opened.idle:
        aside = {"set_aside": opened.set_aside} if opened.set_aside else {}
        return {"run_id": opened.run_id, "idle": opened.idle, **aside}
    if opened.is_hidden:
        return await show_again(opened.run_id)
    try:
        async with telling(current()), working_on(current(), opened.run_id), record_stop(opened.run_id):
            await mark_running(opened.run_id)
            async with until_cancelled(current(), opened.run_id):
                return await _drafts_to_manifest(opened)
    except RunCancelled as stop:
        return end_cancelled(stop)


async def _drafts_to_manifest(opened: Opened) -> Report:
    await drafts_to_sheet(opened.run_id, opened.asset_keys)
    if opened.select_mode == "person":
        return await leave_open(opened.run_id)
    await each_batch(select_automatically, "selection", opened.run_id, opened.asset_keys)
    return await finals_to_manifest(opened.run_id, opened.asset_keys)


async def show_again(run_id: str) -> Report:
    """A published run whose place another one took: its manifest once more. Nothing is made, nothing is paid."""
    async with working_on(current(), run_id):
        return {"run_id": run_id, **await publish_manifest(run_id, again=True), "bill": await make_bill(run_id)}


async def drafts_to_sheet(run_id: str, asset_keys: Sequence[str]) -> None:
    await each_batch(make_drafts, "drafts", run_id, asset_keys)
    await each_batch(score_drafts, "scores", run_id, asset_keys)
    await each_batch(make_sheets, "contact sheets", run_id, asset_keys)


async def finals_to_manifest(run_id: str, asset_keys: Sequence[str]) -> Report:
    await check_finals(run_id, asset_keys)
    await each_batch(make_finals, "finals", run_id, asset_keys)
    await each_batch(make_upscales, "upscales", run_id, asset_keys)
    await each_batch(make_renditions, "renditions", run_id, asset_keys)
    await announce("manifest", run_id, asset_keys)
    summary = await publish_manifest(run_id)
    bill = await make_bill(run_id)
    return {"run_id": run_id, **summary, "bill": bill}


async def each_batch(stage: Any, name: str, run_id: str, asset_keys: Sequence[str]) -> None:
    """One task run a stage and batch of assets: Prefect sees dozens of task runs, not thousands (facts/prefect.md)."""
    await announce(name, run_id, asset_keys)
    for batch in batches(asset_keys):
        await stage(run_id, batch)
    current().progress.end(name)
