"""Promotion: a person's picks become finals and are published. Hours or deploys after the drafts; safe to repeat."""

from prefect import flow

from domain.errors import InputError, RunCancelled
from flows.line import Report, finals_to_manifest
from flows.params import PromoteParams
from tasks.alerts import telling
from tasks.approving import check_promotion
from tasks.endings import end_cancelled, mark_running, record_stop
from tasks.presence import until_cancelled, working_on
from tasks.recoveries import recover_before_run
from tasks.selections import picked_assets, take_picks
from wiring import current


@flow(name="promote")
async def promote(params: PromoteParams) -> Report:
    """Picks -> finals -> upscales -> renditions -> manifest."""
    if params.approve != "approve":
        raise InputError("finals cost money and nobody approved them", where="approve", hint="Choose approve")
    await recover_before_run(current())
    try:
        async with telling(current()), working_on(current(), params.run_id):
            # a refusal is no stop: the picks stay open
            await check_promotion(params.run_id, params.picks, params.approved_quote)
            async with record_stop(params.run_id):
                await take_picks(params.run_id, params.picks, params.picked_by)
                await mark_running(params.run_id)
                async with until_cancelled(current(), params.run_id):
                    return await finals_to_manifest(params.run_id, await picked_assets(params.run_id))
    except RunCancelled as stop:
        return end_cancelled(stop)
