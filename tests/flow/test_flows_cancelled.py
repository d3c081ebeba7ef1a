"""A run that is cancelled while it works stops by itself: also where the signal to its process got lost."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from domain.errors import RunCancelled
from flows.campaign import campaign
from flows.params import PromoteParams
from flows.promote import promote
from tests.support.line import Line

DRAFTS, PATIENCE_S = 4, 60.0
LATE = [
    {"match": {"vendor": "bfl", "model": "flux-2-klein-4b", "nth": 1}, "fault": "late", "seconds": 1_000},
    *(
        {"match": {"vendor": "bfl", "model": "flux-2-klein-4b", "nth": n}, "fault": "rate_limit", "retry_after_s": 900}
        for n in range(2, 40)
    ),
]

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  (another process's doing: nobody here could set an event)
            await asyncio.sleep(0.05)


async def test_a_cancelled_run_sends_nothing_more_and_goes_on_where_it_stopped(line: Line) -> None:
    line.sandbox.rules(*LATE)
    params = line.campaign("kettle", select="person", drafts=DRAFTS)
    work = asyncio.create_task(campaign(params))
    await until(lambda: Counter(a.state for a in line.attempts()) == {"accepted": 1, "held": DRAFTS - 1})
    (run,) = line.w.runs.newest()
    assert line.w.runs.cancel(run.run_id, "Mara", "the wrong kettle")
    with pytest.raises(RunCancelled, match="cancelled by Mara: the wrong kettle"):
        await asyncio.wait_for(work, PATIENCE_S)
    assert line.w.runs.standing(run.run_id) == ("incomplete", "cancelled by Mara: the wrong kettle")
    assert not line.w.processes.is_held(f"run:{run.run_id}")
    assert not line.w.runs.cancel(run.run_id, "Jonas"), "it is not under way any more"

    line.sandbox.rules()
    line.sandbox.advance(1_000)
    await campaign(params)
    assert line.w.runs.standing(run.run_id) == ("awaiting_selection", "")
    assert (line.sandbox.invoice()["images"], line.sandbox.invoice()["duplicates"]) == (DRAFTS, 0)


async def test_a_cancelled_promotion_stops_too_and_a_finished_one_is_left_as_it_is(line: Line) -> None:
    run_id = (await campaign(line.campaign("kettle", select="person")))["run_id"]
    line.sandbox.rules({"match": {"vendor": "bfl", "model": "flux-2-pro"}, "fault": "late", "seconds": 1_000})
    picks = PromoteParams(run_id=run_id, picks=["A1"], approve="approve", picked_by="Jonas")
    work = asyncio.create_task(promote(picks))
    await until(lambda: any(a.state == "accepted" for a in line.attempts()))
    line.w.runs.cancel(run_id, "Mara")
    with pytest.raises(RunCancelled):
        await asyncio.wait_for(work, PATIENCE_S)
    line.sandbox.advance(1_000)
    await promote(picks)
    assert not line.w.runs.cancel(run_id, "Mara")
    assert line.w.runs.standing(run_id)[0] == "published"
    assert line.sandbox.invoice()["duplicates"] == 0
