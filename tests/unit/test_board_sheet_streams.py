"""The stream of a contact sheet on a clock that the test turns; over real sockets it is in e2e."""

from collections.abc import AsyncIterator

import pytest

from domain.errors import StorageError
from review.sheet_streams import QUIET_AFTER_END_S, Pulses, Watch


class Run:
    """A run that is watched: a pulse that a test moves, a clock that sleeping turns."""

    def __init__(self, pulses: list[str], *, ended: bool = False) -> None:
        self.pulses, self.ended, self.now_s, self.asked = pulses, ended, 0.0, 0

    async def pulse(self) -> str:
        self.asked += 1
        found = self.pulses[0] if len(self.pulses) == 1 else self.pulses.pop(0)
        if found == "away":
            raise StorageError("the database is away")
        return found

    async def state(self) -> tuple[dict[str, str], bool]:
        return {"A1": "v1"}, self.ended

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def watch(self, last: str = "") -> AsyncIterator[str]:
        return Watch(self.pulse, self.state, last, self.sleep, lambda: self.now_s).events()


async def texts(stream: AsyncIterator[str], count: int) -> list[str]:
    return [await anext(stream) for _ in range(count)]


@pytest.mark.anyio
async def test_a_stream_tells_each_change_once_and_otherwise_that_it_lives() -> None:
    run = Run(["p1", "p1", "away", "p2"])
    retry, first, second, beat = await texts(run.watch(), 4)
    assert retry == "retry: 2000\n\n"
    assert first == 'id: p1\nevent: sheet\ndata: {"A1":"v1"}\n\n'
    assert second.startswith("id: p2\n")
    assert beat == ": still here\n\n"


@pytest.mark.anyio
async def test_a_browser_that_comes_back_hears_nothing_that_it_knows() -> None:
    assert (await texts(Run(["p1"]).watch("p1"), 2))[1] == ": still here\n\n"


@pytest.mark.anyio
async def test_a_stream_ends_when_the_run_is_over_and_quiet_or_its_time_is_up() -> None:
    over = Run(["p1"], ended=True)
    assert [text async for text in over.watch()][-1].startswith("event: end")
    assert over.now_s == QUIET_AFTER_END_S
    long = Run(["p1"])
    assert [text async for text in long.watch()][-1] == ": still here\n\n"
    assert long.now_s == 600


def test_however_many_watch_the_database_is_asked_once() -> None:
    asked: list[str] = []
    pulses = Pulses(lambda run_id: asked.append(run_id) or "p", every_s=60)  # type: ignore[func-returns-value]
    assert [pulses.of("r1") for _ in range(50)] == ["p"] * 50
    assert asked == ["r1"]
