"""How a run stands outside our tables: what Prefect says of its flow run, in words for people. Knows no template."""

import asyncio
from datetime import timedelta

from starlette.requests import Request

from domain.errors import DraftlineError
from review.prefect_api import NOT_STARTED, FlowRun
from review.request import prefect

ACTIVE = ("planned", "running")
ASK_AT_MOST_S = 2.0
"""A page does not wait longer for Prefect: what it says is worth a sentence, not a delay."""
LATE_AFTER = timedelta(minutes=2)


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
