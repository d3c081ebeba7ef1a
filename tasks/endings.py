"""How a run stands between and after its stages: running, waiting for a person, stopped by a cap or a fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from domain.errors import DraftlineError, RunError, SelectionError
from tasks.bills import make_bill
from tasks.out import out_folder
from wiring import current


async def mark_running(run_id: str) -> None:
    await asyncio.to_thread(current().runs.update, run_id, "running")


@asynccontextmanager
async def record_stop(run_id: str) -> AsyncIterator[None]:
    """Write why a run stopped; what was made stays, and starting it again goes on from there."""
    try:
        yield
    except SelectionError:
        raise
    except DraftlineError as error:
        await asyncio.to_thread(current().runs.update, run_id, "incomplete", str(error))
        raise


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
