"""A campaign: one brief from words to published pictures."""

from pathlib import Path

from prefect import flow

from flows.line import Report, draft_to_final
from flows.params import CampaignParams
from tasks.opening import open_run
from tasks.wishes import wishes_of_brief
from wiring import current


@flow(name="campaign")
async def campaign(params: CampaignParams) -> Report:
    """Brief -> drafts -> contact sheet -> selection -> finals -> upscales -> renditions -> manifest."""
    wishes = await wishes_of_brief(current(), params.brief(), Path())
    opened = await open_run(wishes, params.options(), approved_quote=params.approved_quote)
    return await draft_to_final(opened)
