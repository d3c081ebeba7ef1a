"""Small truths about processes, ports and log files.

What lives here: is that still the same process, which ports are free, the end of a log. What may not: services.
"""

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from domain.errors import RunError

LOOPBACK = "127.0.0.1"
# Below the range from which kernels take the ports of outgoing connections, so a port that we come back to is free.
FIRST_PORT, LAST_PORT = 20_000, 29_999
GRPC_OFFSET = 10_000
MAX_PORT_TRIES = 500
MAX_LOG_BYTES = 5 * 1024 * 1024
TAIL_LINES, TAIL_BYTES = 15, 8_192
POLL_S = 0.05


@dataclass(frozen=True)
class ProcessId:
    """A process for sure: its pid, and when it started, since pids are used again."""

    pid: int
    started: str

    def alive(self) -> bool:
        return bool(self.started) and started(self.pid) == self.started

    def signal(self, number: int) -> None:
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def gone_within(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True

    def end(self, timeout_s: float) -> None:
        """SIGTERM, and SIGKILL after `timeout_s`."""
        self.signal(signal.SIGTERM)
        if not self.gone_within(timeout_s):
            self.signal(signal.SIGKILL)
            self.gone_within(timeout_s)


def started(pid: int) -> str:
    """When a process started, as the system tells it; "" if there is none, or only its body waiting for its parent."""
    if sys.platform != "linux":
        return _started_by_ps(pid)
    try:
        # The second field is the name in brackets, and may hold anything: count from the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]


def _started_by_ps(pid: int) -> str:
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


_claims: dict[int, TextIO] = {}


def take_port(port: int) -> bool:
    """Claim a port on which nobody listens. False where somebody does, or another command of this user will at once.

    Between a look at a free port and a server that listens on it lie seconds: without the claim two commands would
    start on the same one, and the second would take the first one's server for its own. Give it back when it listens.
    """
    return port not in _claims and _nobody_listens(port) and _claim(port)


def give_ports_back(ports: Iterable[int]) -> None:
    for port in ports:
        if (claim := _claims.pop(port, None)) is not None:
            claim.close()


def _nobody_listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _claim(port: int) -> bool:
    """A locked file: the kernel forgets it with this process, however that ends."""
    folder = Path(tempfile.gettempdir()) / f"draftline-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    claim = (folder / str(port)).open("w", encoding="ascii")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True


def port_answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def free_port(taken: Iterable[int] = (), *, with_grpc: bool = False) -> int:
    """A free port that is not in `taken`, claimed; `with_grpc` also wants the one GRPC_OFFSET above it."""
    taken = set(taken)
    for _ in range(MAX_PORT_TRIES):
        port = random.randint(FIRST_PORT, LAST_PORT)
        wanted = {port, port + GRPC_OFFSET} if with_grpc else {port}
        if not wanted & taken and all(map(take_port, wanted)):
            return port
    raise RunError(f"no free port between {FIRST_PORT} and {LAST_PORT} on {LOOPBACK}")


def rotate(log: Path) -> None:
    """Keep one older log of at most MAX_LOG_BYTES and some; called before a service starts."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def tail(log: Path) -> str:
    """The last lines of a log, indented, or a word on its absence."""
    if not log.exists():
        return "  (no log was written)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
    return "\n".join(f"  {line}" for line in lines) or "  (the log is empty)"
