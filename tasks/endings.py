"""How a run stands between and after its stages: running, waiting for a person, stopped by a cap, a fault, somebody."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from prefect.context import FlowRunContext
from prefect.states import Cancelled

from domain.errors import DraftlineError, RunCancelled, RunError, SelectionError
from storage.records.flow_runs import FlowRun
from tasks.bills import make_bill
from tasks.out import out_folder
from wiring import current


async def mark_running(run_id: str) -> None:
    """The run is being worked on, and by which flow run: people find Prefect's page from there."""
    await asyncio.to_thread(current().runs.update, run_id, "running")
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    # ours are named like their flows; asking Prefect for the name could fail, and this is only for looking
    deployment = context.flow.name if context.flow is not None and context.flow_run.deployment_id else ""
    flow_run = FlowRun(str(context.flow_run.id), run_id, deployment, _who(context.parameters))
    await asyncio.to_thread(current().flow_runs.add, flow_run)


def _who(parameters: Mapping[str, Any] | None) -> str:
    """The name that a person gave in the form, under whatever field a flow asks for it."""
    params = (parameters or {}).get("params")
    # a deployment's parameters may still be what the form sent
    given = params if isinstance(params, Mapping) else vars(params) if params is not None else {}
    return str(given.get("requested_by") or given.get("picked_by") or "")


@asynccontextmanager
async def record_stop(run_id: str) -> AsyncIterator[None]:
    """Write why a run stopped; what was made stays, and starting it again goes on from there."""
    try:
        yield
    except (SelectionError, RunCancelled):
        # picks that do not exist stop nothing, and who cancelled is noted already
        raise
    except DraftlineError as error:
        await asyncio.to_thread(current().runs.update, run_id, "incomplete", str(error))
        raise


def end_cancelled(stop: RunCancelled) -> dict[str, Any]:
    """How a flow ends whose run was cancelled: called directly it raises `stop`; from a deployment it returns what
    Prefect takes in the place of a result, its own state for it.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        raise stop
    return cast("dict[str, Any]", Cancelled(message=str(stop)))


async def leave_open(run_id: str) -> dict[str, Any]:
    """End with the contact sheet: no process waits for a person."""
    w = current()
    selections = await asyncio.to_thread(w.selections.of_run, run_id)
    if not selections:
        reasons = [a.problem for a in await asyncio.to_thread(w.runs.assets, run_id) if a.problem]
        raise RunError(f"run {run_id} has no contact sheet: {reasons[0] if reasons else 'no brief has a draft'}")
    await asyncio.to_thread(w.runs.update, run_id, "awaiting_selection")
    open_keys = sorted(key for key, s in selections.items() if s.state == "open")
    folder = str(out_folder(w, run_id))
    return {"run_id": run_id, "awaiting": open_keys, "sheets": folder, "bill": await make_bill(run_id)}
