"""How a run stands outside its own row: what Prefect says of its flow run, in words for people, and what became of its
retries. Knows no template."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request

from domain.errors import DraftlineError
from review.prefect_api import NOT_STARTED, FlowRun
from review.queries.runs import RunRow, rows_of
from review.request import in_thread, prefect, wiring
from storage.records.launches import Launch
from storage.records.runs import UNDER_WAY

ACTIVE = UNDER_WAY
PROMOTE = "promote/promote"
RETRY = "retry-"
"""How the id of a launch begins that started a run again."""
ASK_AT_MOST_S = 2.0
"""A page does not wait longer for Prefect: what it says is worth a sentence, not a delay."""
LATE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class StartedAgain:
    """The runs that a run's retries became (a catalog's failed products are a run of their own), and the newest one.

    `said` is a sentence on a retry that no flow has taken up yet, "" without one; `is_on_its_way`: it may still be.
    """

    runs: tuple[RunRow, ...] = ()
    said: str = ""
    is_on_its_way: bool = False


async def started_again(request: Request, run_id: str, launches: Sequence[Launch]) -> StartedAgain:
    w = wiring(request)
    mine = [launch for launch in launches if launch.flow_run_id and launch.launch_id.startswith(RETRY)]
    if not mine:
        return StartedAgain()
    known = await in_thread(w.flow_runs.run_ids, [launch.flow_run_id for launch in mine])
    others = tuple(dict.fromkeys(other for other in known.values() if other != run_id))
    runs = await in_thread(rows_of, w.database, others)
    if mine[0].flow_run_id in known:
        return StartedAgain(runs)
    flow_run = await flow_run_of(request, mine[0].flow_run_id)
    said = told(flow_run, w.now() - (mine[0].created_at or w.now()))
    return StartedAgain(runs, said, flow_run is not None and not flow_run.has_ended)


async def finals_asked_for(request: Request, launches: Sequence[Launch]) -> StartedAgain:
    """The finals that somebody asked for last and that no flow has taken up yet; `said` is "" where there are none."""
    newest = next((launch for launch in launches if launch.flow_run_id and launch.deployment == PROMOTE), None)
    if newest is None:
        return StartedAgain()
    known = await in_thread(wiring(request).flow_runs.run_ids, [newest.flow_run_id])
    if newest.flow_run_id in known:
        return StartedAgain()
    flow_run = await flow_run_of(request, newest.flow_run_id)
    if flow_run is None:
        return StartedAgain()
    waited = wiring(request).now() - (newest.created_at or wiring(request).now())
    return StartedAgain((), told(flow_run, waited), not flow_run.has_ended)


async def flow_run_of(request: Request, flow_run_id: str) -> FlowRun | None:
    """None where there is none, or nobody answers in time."""
    if not flow_run_id:
        return None
    try:
        async with asyncio.timeout(ASK_AT_MOST_S):
            return await prefect(request).flow_run(flow_run_id)
    except (DraftlineError, TimeoutError):
        return None


def told(flow_run: FlowRun | None, waited: timedelta) -> str:
    """A sentence on a flow run whose run says nothing by itself."""
    if flow_run is None:
        return "The workflow server does not answer just now, so how far it is cannot be said."
    if flow_run.state in NOT_STARTED:
        return "It waits for a worker." + (_NO_WORKER if waited > LATE_AFTER else "")
    if flow_run.state in ("RUNNING", "CANCELLING"):
        return "A worker has it and is planning." if flow_run.state == "RUNNING" else "It is being stopped."
    word = {"FAILED": "failed", "CRASHED": "was cut off", "CANCELLED": "was cancelled"}.get(flow_run.state, "ended")
    return f"It {word}" + (f": {flow_run.message}" if flow_run.message else ".")


_NO_WORKER = (
    " That should take seconds: probably no worker is running. An administrator starts one with `draftline up`; "
    "the run then begins by itself, nothing has to be launched again."
)
