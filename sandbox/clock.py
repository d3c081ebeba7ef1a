"""The sandbox's own time: the machine's UTC clock plus an offset that tests push forward instead of sleeping."""

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, UTC. `advance` moves it forward, never back: tasks age, signed links expire."""

    def __init__(self, offset_s: float = 0.0) -> None:
        self.offset_s = offset_s

    def now_s(self) -> float:
        return time.time() + self.offset_s

    def advance(self, seconds_s: float) -> None:
        if seconds_s < 0:
            raise ValueError(f"the sandbox's clock cannot go back ({seconds_s} s)")
        self.offset_s += seconds_s


def iso(at_s: float) -> str:
    """2026-11-21T03:00:00.123456Z"""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
