"""Working on a run: one living process at a time, with a heartbeat. No Prefect, no money."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from domain.errors import StorageError
from storage.records.processes import HEARTBEAT_EVERY_S
from wiring import Wiring

log = logging.getLogger("draftline.presence")


@asynccontextmanager
async def working_on(w: Wiring, run_id: str) -> AsyncIterator[None]:
    """Hold the run's lease and keep saying that we live. Raises RunBusy when another living process has it."""
    name = f"run:{run_id}"
    await asyncio.to_thread(w.processes.beat)
    await asyncio.to_thread(w.processes.take, name, f"run {run_id}")
    beats = asyncio.create_task(_beat(w))
    try:
        yield
    finally:
        beats.cancel()
        with suppress(asyncio.CancelledError):
            await beats
        await asyncio.to_thread(w.processes.give_back, name)


async def _beat(w: Wiring) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY_S)
        try:
            await asyncio.to_thread(w.processes.beat)
        except StorageError as error:
            # one beat that did not get through must not be the last: others would take a living process for dead
            log.warning("presence.beat_failed error=%s", error)
