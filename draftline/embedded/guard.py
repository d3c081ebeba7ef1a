"""The parent of one embedded service: starts it, and stops it when nobody holds a lease on it any more.

What lives here: a script of the standard library alone, run by its path as `python -I -S guard.py JOB`, so that it
starts in 30 ms and stays small. What may not: imports of ours, and anything that a particular service needs.

JOB is JSON: command, cwd, log, leases (a folder), lock (a file), stop_s. The environment is the service's own. The pids
of the guard and of the service are printed as the only line.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

POLL_S = 0.2
KILL_WAIT_S = 5.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
KEPT = "kept"


def main(job: dict[str, Any]) -> int:
    if os.fork():
        return 0  # nobody's child: the command that started us need not wait for our end
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda seen, _: asked_to_stop.append(seen))
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what the service leaves behind becomes ours, to be ended with it
    child = _start(job)
    while _runs_within(child, POLL_S):
        if asked_to_stop:
            _end(child, job)
        elif not _leased(Path(job["leases"])):
            _end_if_unused(child, job)
    _end_left_over()
    _note(job, f"guard: the service ended with {child.returncode}")
    return 0


def _start(job: dict[str, Any]) -> "subprocess.Popen[bytes]":
    with Path(job["log"]).open("ab", buffering=0) as log:
        child = subprocess.Popen(
            job["command"],
            cwd=job["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_guard,  # noqa: PLW1509 - this process has one thread
        )
        print(os.getpid(), child.pid, flush=True)
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)  # whoever started us reads one line, and need not wait for more
    return child


def _die_with_guard() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


def _leased(folder: Path) -> bool:
    """Whether the service is kept, or any lease is still locked. Leases that nobody locks are removed."""
    held = False
    for path in list(folder.iterdir()) if folder.exists() else []:
        if path.name == KEPT:
            held = True
        elif path.suffix == ".lease":
            held = _locked(path) or held
    return held


def _locked(path: Path) -> bool:
    try:
        with path.open("rb") as lease:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def _end_if_unused(child: "subprocess.Popen[bytes]", job: dict[str, Any]) -> None:
    """Stop under the lock: who waits for it meanwhile finds the service stopped, never half stopped."""
    if not Path(job["lock"]).exists():
        _end(child, job)  # somebody has deleted the whole home
        return
    with Path(job["lock"]).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # a command is starting or stopping something, and may be about to take a lease
        if not _leased(Path(job["leases"])):
            _end(child, job)


def _end(child: "subprocess.Popen[bytes]", job: dict[str, Any]) -> None:
    _signal_group(child.pid, signal.SIGTERM)
    if _runs_within(child, float(job["stop_s"])):
        _note(job, f"guard: not stopped {job['stop_s']} s after SIGTERM, killed")
        _signal_group(child.pid, signal.SIGKILL)
        child.wait()


def _end_left_over() -> None:
    """End the children that the service left to us: SIGTERM, and after KILL_WAIT_S SIGKILL."""
    deadline = time.monotonic() + KILL_WAIT_S
    number = signal.SIGTERM
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for pid in _children():
            _signal(pid, number)
        time.sleep(0.05)
        number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except FileNotFoundError:  # not Linux: nothing is left to us there
        return []


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _runs_within(child: "subprocess.Popen[bytes]", seconds: float) -> bool:
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _note(job: dict[str, Any], text: str) -> None:
    if not Path(job["log"]).exists():
        return
    with Path(job["log"]).open("a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
