"""Working on a run: one living process at a time, with a heartbeat, until somebody cancels it. No Prefect, no money."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from domain.errors import RunCancelled, StorageError
from domain.run import CANCELLED_BY
from storage.records.processes import HEARTBEAT_EVERY_S
from wiring import Wiring

CANCEL_SEEN_WITHIN_S = 1.0

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


@asynccontextmanager
async def until_cancelled(w: Wiring, run_id: str) -> AsyncIterator[None]:
    """Work on a run that is marked running until it is noted as cancelled: then the work inside is cancelled, which
    lets sends that are under way come to their end, and RunCancelled is raised.

    A signal to this process is not enough. Prefect raises it wherever the event loop just stands; inside a callback
    asyncio logs it and goes on, and the run would pay until it is killed. Such a one cancels the work here too.
    """
    work, is_inside = asyncio.current_task(), True
    assert work is not None
    watch = asyncio.create_task(_cancel_note(w, run_id))
    # however the watch ends by itself: work that nobody can stop any more must not go on
    watch.add_done_callback(lambda _: work.cancel() if is_inside else None)
    try:
        with _heeding_signals(work):
            yield
    except asyncio.CancelledError:
        if not watch.done() or watch.cancelled() or watch.exception() is not None:
            raise
        work.uncancel()
        raise RunCancelled(watch.result()) from None
    finally:
        is_inside = False
        watch.cancel()
        await asyncio.wait([watch])


@contextmanager
def _heeding_signals(work: "asyncio.Task[Any]") -> Iterator[None]:
    """Cancel `work` when something that is no Exception, and so a signal's doing, ended a callback of the loop."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def heed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        before(loop, context) if before else loop.default_exception_handler(context)
        error = context.get("exception")
        if isinstance(error, BaseException) and not isinstance(error, Exception):
            log.warning("presence.signal_heeded signal=%s", error)
            work.cancel()

    loop.set_exception_handler(heed)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


async def _cancel_note(w: Wiring, run_id: str) -> str:
    """The note of the run, once it says that somebody cancelled it."""
    while True:
        await asyncio.sleep(CANCEL_SEEN_WITHIN_S)
        try:
            _, note = await asyncio.to_thread(w.runs.standing, run_id)
        except StorageError as error:
            log.warning("presence.look_failed run=%s error=%s", run_id, error)
            continue
        if note.startswith(CANCELLED_BY):
            return note
