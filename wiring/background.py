"""One thread for work that nobody waits for, such as a webhook. Bounded; knows nothing of what it runs."""

import atexit
import logging
import queue
import threading
from collections.abc import Callable

MAX_WAITING = 1_000
"""Jobs that may wait; more are refused, and whoever handed them in keeps them for later."""

AT_EXIT_S = 5.0
"""How long the process waits at its end for what was submitted."""

Job = Callable[[], object]
log = logging.getLogger("draftline.background")


class Background:
    """Runs jobs one after the other, in a thread that starts with the first and dies with the process."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, job: Job) -> bool:
        """Run it soon; False when too much waits already. Returns at once."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return False
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="draftline-background", daemon=True)
                self._thread.start()
                atexit.register(self.drain, AT_EXIT_S)
        return True

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything that was submitted by now has run; False when that takes longer."""
        if self._thread is None:
            return True
        done = threading.Event()
        return self.submit(done.set) and done.wait(timeout_s)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:
                # the next job must not suffer for this one; what it was about is in the database
                log.exception("background.failed")
