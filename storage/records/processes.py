"""Who is alive. A lease belongs to a process; it can be taken over once that process is gone.

Gone means: on this host and no such process (at once, also after kill -9), or elsewhere and silent for HEARTBEAT_TTL.
A host is a machine since its last start and one space of pids: containers share names, and all begin with pid 1.
No money depends on these times: they only say who may work on a run.
"""

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import RunBusy
from storage.database import Database
from storage.database.tables import leases, processes
from storage.database.upsert import insert_once, replace

HEARTBEAT_TTL = timedelta(seconds=60)
HEARTBEAT_EVERY_S = 10.0
Clock = Callable[[], datetime]


class Processes:
    """This process among the others."""

    def __init__(self, database: Database, *, process_id: str, clock: Clock) -> None:
        self._database, self.process_id, self._clock = database, process_id, clock

    def beat(self) -> None:
        """Say that this process lives."""
        pid = os.getpid()
        row = {"process_id": self.process_id, "host": _host(), "pid": pid, "pid_started": _started(pid)}
        with self._database.write() as connection:
            replace(connection, processes, {**row, "heartbeat_at": self._clock()})

    def is_alive(self, process_id: str) -> bool:
        with self._database.read() as connection:
            return self._is_alive(connection, process_id)

    def take(self, name: str, what: str) -> None:
        """Take the lease `name`, or take it over from a process that is gone. Raises RunBusy naming who works there."""
        with self._database.write() as connection:
            mine = {"name": name, "process_id": self.process_id, "taken_at": self._clock()}
            if insert_once(connection, leases, mine):
                return
            query = sa.select(leases.c.process_id).where(leases.c.name == name).with_for_update()
            # None: it was given back between the two statements
            holder = connection.execute(query).scalar()
            if holder not in (None, self.process_id) and self._is_alive(connection, holder):
                raise RunBusy(f"{what} is being worked on by {self._who(connection, holder)}; wait for it or stop it")
            replace(connection, leases, mine)

    def is_held(self, name: str) -> bool:
        """Whether a living process has the lease `name`."""
        with self._database.read() as connection:
            holder = connection.execute(sa.select(leases.c.process_id).where(leases.c.name == name)).scalar()
            return holder is not None and self._is_alive(connection, holder)

    def give_back(self, name: str) -> None:
        with self._database.write() as connection:
            connection.execute(leases.delete().where(leases.c.name == name, leases.c.process_id == self.process_id))

    def _is_alive(self, connection: Connection, process_id: str) -> bool:
        if process_id == self.process_id:
            return True
        row = connection.execute(sa.select(processes).where(processes.c.process_id == process_id)).first()
        if row is None:
            return False
        if row.host == _host():
            return bool(row.pid_started == _started(row.pid) != 0)
        return bool(self._clock() - row.heartbeat_at < HEARTBEAT_TTL)

    def _who(self, connection: Connection, process_id: str) -> str:
        row = connection.execute(sa.select(processes).where(processes.c.process_id == process_id)).first()
        return f"process {row.pid} on {row.host.partition(' ')[0]}" if row else f"process {process_id}"


@cache
def _host() -> str:
    """This machine's name, start and space of pids: a pid means nothing outside of it."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        return f"{socket.gethostname()} {boot.read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 if there is none. A pid alone may be another's by now."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return _started_without_proc(pid)
    fields = stat.rsplit(")", 1)[1].split()
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def _started_without_proc(pid: int) -> int:
    if Path("/proc/self/stat").exists():
        return 0
    try:
        os.kill(pid, 0)
    except OSError:
        return 0
    return pid
