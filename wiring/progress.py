"""Where long work says how far it is. The command line draws bars, a worker writes log lines, a test stays silent."""

import logging
from typing import Protocol

log = logging.getLogger("draftline.progress")


class Progress(Protocol):
    """Counts of one stage of one run; calls may come from any thread."""

    def start(self, stage: str, total: int, note: str = "") -> None: ...

    def step(self, stage: str, done: float = 1, note: str = "") -> None: ...

    def end(self, stage: str, note: str = "") -> None: ...


class Silent:
    """Says nothing."""

    def start(self, stage: str, total: int, note: str = "") -> None:
        return None

    def step(self, stage: str, done: float = 1, note: str = "") -> None:
        return None

    def end(self, stage: str, note: str = "") -> None:
        return None


class Logged:
    """One line when a stage starts and one when it ends; a step is only worth a line at debug level."""

    def start(self, stage: str, total: int, note: str = "") -> None:
        log.info("stage_started stage=%s items=%d note=%s", stage, total, note)

    def step(self, stage: str, done: float = 1, note: str = "") -> None:
        log.debug("stage_step stage=%s done=%s note=%s", stage, done, note)

    def end(self, stage: str, note: str = "") -> None:
        log.info("stage_ended stage=%s note=%s", stage, note)
