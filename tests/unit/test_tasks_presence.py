"""Work on a run ends when somebody cancels it, and when a signal is raised where the event loop swallows it."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import RunCancelled
from domain.run import Run
from tasks import presence
from tests.support.board_data import board_wiring
from wiring import Wiring

PATIENCE_S = 60.0
pytestmark = pytest.mark.anyio


class Terminated(BaseException):
    """What a signal's handler raises, like Prefect's: no Exception."""


@pytest.fixture
def w(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    monkeypatch.setattr(presence, "CANCEL_SEEN_WITHIN_S", 0.01)
    made = board_wiring(tmp_path / "home")
    made.runs.open(Run("r1", "campaign", "kettle", "campaign", "tiny", "person", "running", {}, {}), [])
    yield made
    made.close()


async def _work(w: Wiring, begun: asyncio.Event) -> None:
    async with presence.until_cancelled(w, "r1"):
        begun.set()
        await asyncio.Event().wait()


async def _begun(w: Wiring) -> "asyncio.Task[None]":
    begun = asyncio.Event()
    work = asyncio.create_task(_work(w, begun))
    await begun.wait()
    return work


async def test_a_noted_cancel_ends_the_work_and_says_who_and_why(w: Wiring) -> None:
    work = await _begun(w)
    w.runs.cancel("r1", "Mara", "the wrong kettle")
    with pytest.raises(RunCancelled, match="cancelled by Mara: the wrong kettle"):
        await asyncio.wait_for(work, PATIENCE_S)
    assert work.cancelling() == 0, "later waits of the same task are not cancelled"


async def test_a_signal_that_is_raised_in_a_callback_ends_the_work(w: Wiring, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    heard_by, work = loop.get_exception_handler(), await _begun(w)
    before = signal.signal(signal.SIGUSR1, _terminate)
    try:
        with caplog.at_level(logging.CRITICAL, logger="asyncio"):
            loop.call_soon(signal.raise_signal, signal.SIGUSR1)
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(work, PATIENCE_S)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert loop.get_exception_handler() is heard_by


async def test_a_cancel_from_elsewhere_is_passed_on_and_work_that_ends_is_left_alone(w: Wiring) -> None:
    work = await _begun(w)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, PATIENCE_S)
    async with presence.until_cancelled(w, "r1"):
        pass
    w.runs.cancel("r1", "Mara")
    await asyncio.sleep(0)


def _terminate(*_: object) -> None:
    raise Terminated
