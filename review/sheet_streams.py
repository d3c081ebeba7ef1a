"""Server-sent events of a contact sheet: one event whenever the run's pulse changed. Knows no HTTP and no template.

However many browsers watch a run, the database is asked once a second for it. A stream ends after ten minutes, so that
whoever watches is asked again who they are; browsers come back by themselves and say which event was their last.
"""

import asyncio
import json
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from domain.errors import StorageError

POLL_EVERY_S = 1.0
HEARTBEAT_EVERY_S = 15.0
LASTS_AT_MOST_S = 600.0
QUIET_AFTER_END_S = 60.0
RETRY_MS = 2_000
MAX_STREAMS = 200
MAX_STREAMS_A_PERSON = 8
MAX_RUNS_KEPT = 64


class Pulses:
    """The pulse of each run, read at most once in `every_s` whoever asks. Blocking: call it in a thread."""

    def __init__(self, read: Callable[[str], str], *, every_s: float = POLL_EVERY_S * 0.9) -> None:
        self._read, self._every_s = read, every_s
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run_id: str) -> str:
        with self._lock:
            at, pulse = self._kept.get(run_id, (float("-inf"), ""))
            if time.monotonic() - at >= self._every_s:
                pulse = self._read(run_id)
                self._kept[run_id] = time.monotonic(), pulse
            self._kept.move_to_end(run_id)
            while len(self._kept) > MAX_RUNS_KEPT:
                self._kept.popitem(last=False)
            return pulse


class Seats:
    """How many streams are open, in all and for each person: a bound that says no instead of starving the pages."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def is_free(self, user_id: str) -> bool:
        return self._taken.total() < MAX_STREAMS and self._taken[user_id] < MAX_STREAMS_A_PERSON

    @contextmanager
    def taken(self, user_id: str) -> Iterator[None]:
        self._taken[user_id] += 1
        try:
            yield
        finally:
            self._taken[user_id] -= 1


@dataclass
class Watch:
    """One browser's stream. `pulse` and `state` do their blocking work elsewhere and are awaited.

    `state` answers the versions of all cells, and whether the run has ended. `sleep` and `clock` are handed in.
    """

    pulse: Callable[[], Awaitable[str]]
    state: Callable[[], Awaitable[tuple[dict[str, str], bool]]]
    last: str = ""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    _spoke: float = field(default=0.0, init=False)
    _changed: float = field(default=0.0, init=False)
    _has_ended: bool = field(default=False, init=False)

    async def events(self) -> AsyncIterator[str]:
        """Texts as they go over the wire, till the run is over and quiet, or the time is up."""
        begun = self._spoke = self._changed = self.clock()
        yield f"retry: {RETRY_MS}\n\n"
        _, self._has_ended = await self.state()
        while self.clock() - begun < LASTS_AT_MOST_S:
            said = await self._look()
            if said or self.clock() - self._spoke >= HEARTBEAT_EVERY_S:
                self._spoke = self.clock()
                yield said or ": still here\n\n"
            if self._has_ended and self.clock() - self._changed >= QUIET_AFTER_END_S:
                yield "event: end\ndata: {}\n\n"
                return
            await self.sleep(POLL_EVERY_S)

    async def _look(self) -> str:
        """The event of a change, "" when nothing changed. A database that is away for a moment is no change."""
        try:
            pulse = await self.pulse()
            if pulse == self.last:
                return ""
            versions, self._has_ended = await self.state()
        except StorageError:
            return ""
        self.last, self._changed = pulse, self.clock()
        return f"id: {pulse}\nevent: sheet\ndata: {json.dumps(versions, separators=(',', ':'))}\n\n"
