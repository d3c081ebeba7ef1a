"""What is remembered about the embedded services: `services.json`, leases and the lock, all under one home.

What lives here: files. What may not: processes being started.

    services.json            mode 0600: per service its guard, process, ports, credentials
    run/services.lock        held while anything is started or stopped
    run/leases/<service>/    one locked file for each command that uses the service, and `kept`
    log/<service>.log
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from domain.errors import RunError
from draftline.embedded.guard import KEPT
from draftline.embedded.processes import ProcessId, started

VERSION = 1
LOCK_WAIT_S = 120.0
LOCK_POLL_S = 0.05
NOBODY = ProcessId(0, "")

OnEvent = Callable[[str], None]


@dataclass(frozen=True)
class Record:
    """One service as it was last started. `fingerprint` is of command and environment: another one means a restart."""

    guard: ProcessId
    process: ProcessId
    ports: dict[str, int]
    secrets: dict[str, str] = field(repr=False)
    fingerprint: str

    def alive(self) -> bool:
        return self.guard.alive() and self.process.alive()


class Home:
    """The folder of everything embedded, `.draftline/` by default. Created with the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.state = self.path / "services.json"
        self.lock_path = self.path / "run" / "services.lock"

    def log(self, service: str) -> Path:
        return self._made(self.path / "log") / f"{service}.log"

    def leases(self, service: str) -> Path:
        return self._made(self.path / "run" / "leases" / service)

    @contextmanager
    def locked(self, on_event: OnEvent) -> Iterator[None]:
        """Hold the lock. Raises RunError after LOCK_WAIT_S."""
        self._made(self.lock_path.parent)
        with self.lock_path.open("ab") as lock:
            _wait_for(lock, on_event)
            yield

    def read(self) -> dict[str, Record]:
        if not self.state.exists():
            return {}
        try:
            body = json.loads(self.state.read_text(encoding="utf-8"))
            if body["version"] == VERSION:
                return {name: _record(entry) for name, entry in body["services"].items()}
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{self.state} cannot be read; delete it after ending what it names") from error
        raise RunError(f"{self.state} was written by another version of Draftline; run that version's `stop` first")

    def write(self, records: dict[str, Record]) -> None:
        """Replace the file in one step, readable by its owner alone: it holds generated credentials."""
        body = {"version": VERSION, "services": {name: asdict(record) for name, record in records.items()}}
        self._made(self.path)
        scratch = self.state.with_name(f".services.{secrets.token_hex(4)}.json")
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(body, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.state)

    def put(self, service: str, record: Record) -> None:
        """Remember one service; call it under the lock."""
        self.write(self.read() | {service: record})

    def take_lease(self, service: str) -> "Lease":
        return Lease(self.leases(service))

    def keep(self, service: str) -> None:
        (self.leases(service) / KEPT).touch(mode=0o600)

    def unkeep(self, service: str) -> None:
        (self.leases(service) / KEPT).unlink(missing_ok=True)

    def kept(self, service: str) -> bool:
        return (self.leases(service) / KEPT).exists()

    def users(self, service: str) -> int:
        """How many commands hold a lease on a service, this one included."""
        return sum(map(_is_held, self.leases(service).glob("*.lease")))

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Lease:
    """A file locked by this process. Locked under another name first, so that no guard finds it unlocked."""

    def __init__(self, folder: Path) -> None:
        scratch = folder / f".{secrets.token_hex(8)}.new"
        self._descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self.path = folder / f"{scratch.name[1:-4]}.lease"
        scratch.rename(self.path)

    def release(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def process_id(pid: int) -> ProcessId:
    return ProcessId(pid, started(pid))


def _wait_for(lock: IO[bytes], on_event: OnEvent) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RunError(f"another process holds {lock.name} for more than {LOCK_WAIT_S:.0f} s") from None
        if not told:
            on_event("waiting for another draftline command that starts or stops services")
            told = True
        time.sleep(LOCK_POLL_S)


def _is_held(lease: Path) -> bool:
    try:
        with lease.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def _record(entry: dict[str, Any]) -> Record:
    return Record(
        guard=ProcessId(**entry["guard"]),
        process=ProcessId(**entry["process"]),
        ports={str(name): int(port) for name, port in entry["ports"].items()},
        secrets={str(name): str(value) for name, value in entry["secrets"].items()},
        fingerprint=str(entry["fingerprint"]),
    )
