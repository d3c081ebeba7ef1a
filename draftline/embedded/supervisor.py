"""Start, re-use, inspect and stop the embedded services. The package's docstring says how it holds together.

What lives here: ensure(), stop(), inspect(). What may not: what a particular service is; printing.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from domain.canonical import digest
from domain.errors import RunError
from draftline.embedded import guard
from draftline.embedded.board import Board
from draftline.embedded.prefect import PrefectServer
from draftline.embedded.processes import give_ports_back, rotate, tail, take_port
from draftline.embedded.sandbox import Sandbox
from draftline.embedded.seaweed import Seaweed
from draftline.embedded.service import Address, Launch, Options, Service, Setup, base_environment
from draftline.embedded.state import NOBODY, Home, OnEvent, Record, process_id
from draftline.embedded.worker import Worker

POLL_S = 0.1
GUARD_MARGIN_S = 15.0  # beyond a service's own stop_s: killing, and what it left over
GUARD_START_S = 60.0
STARTS = 2  # a free port can be taken by somebody else before the service binds it

ENDED = "ended by itself"

SERVICES: Mapping[str, type[Service]] = {s.name: s for s in (Seaweed, Sandbox, PrefectServer, Worker, Board)}


@dataclass
class Running:
    """The services that run for this command; None for those that were not asked for."""

    home: Path
    addresses: dict[str, Address] = field(default_factory=dict)

    @property
    def s3(self) -> Address | None:
        return self.addresses.get("s3")

    @property
    def sandbox(self) -> Address | None:
        return self.addresses.get("sandbox")

    @property
    def prefect(self) -> Address | None:
        return self.addresses.get("prefect")

    @property
    def worker(self) -> Address | None:
        return self.addresses.get("worker")

    @property
    def board(self) -> Address | None:
        return self.addresses.get("board")

    def environment(self) -> dict[str, str]:
        """What clients of all of them need in their environment."""
        return {k: v for name in sorted(self.addresses) for k, v in self.addresses[name].environment().items()}


@dataclass(frozen=True)
class Status:
    """One service as inspect() sees it. `users` counts commands with a lease; `kept` means that none is needed."""

    service: str
    running: bool
    pid: int
    ports: Mapping[str, int]
    users: int
    kept: bool
    log: Path


def _nothing(_: str) -> None:
    return None


@contextmanager
def ensure(
    services: set[str],
    home: Path,
    *,
    keep: bool = False,
    options: Options | None = None,
    on_event: OnEvent = _nothing,
) -> Iterator[Running]:
    """The services, running and ready, for the length of the `with`; what they need is started as well.

    At the end those that no other command uses are stopped, unless `keep` (now or by an earlier command). The same
    happens, by their guards, when this process is killed. Raises RunError with the log's end of what did not start.
    """
    place = Home(home)
    running = Running(place.path)
    names = _in_order(services)
    with ExitStack() as leases:
        leases.callback(_stop_unused, place, names, on_event)
        with place.locked(on_event):
            for name in names:
                leases.callback(place.take_lease(name).release)
        _bring_up(place, names, running, options or Options(), on_event)
        for name in names if keep else []:
            place.keep(name)
        yield running


def stop(home: Path, *, on_event: OnEvent = _nothing) -> list[str]:
    """Stop everything that runs, used or kept by whomever. The names of what was stopped."""
    place = Home(home)
    if not place.state.exists():
        return []
    with place.locked(on_event):
        records = place.read()
        running = [name for name in reversed(_known(records)) if records[name].alive()]
        for name in _known(records):
            place.unkeep(name)
        _end_all(running, records, on_event)
    return running


def inspect(home: Path) -> list[Status]:
    """Every service that was ever started under this home, in the order of starting. Starts and changes nothing."""
    place = Home(home)
    records = place.read()
    return [
        Status(
            service=name,
            running=records[name].alive(),
            pid=records[name].process.pid if records[name].alive() else 0,
            ports=records[name].ports,
            users=place.users(name),
            kept=place.kept(name),
            log=place.log(name),
        )
        for name in _known(records)
    ]


def _in_order(services: set[str]) -> list[str]:
    """The wanted services and what they need, those that are needed first. Raises RunError for an unknown name."""
    if unknown := sorted(services - SERVICES.keys()):
        raise RunError(f"there is no embedded service {unknown[0]!r}; there are {', '.join(SERVICES)}")
    wanted = services.union(*(SERVICES[name].needs for name in services))
    return [name for name in SERVICES if name in wanted]


def _known(records: Mapping[str, Record]) -> list[str]:
    return [name for name in SERVICES if name in records]


def _bring_up(place: Home, names: list[str], running: Running, options: Options, on_event: OnEvent) -> None:
    """Start in waves, so that independent services start at the same time; then wait for each of the wave."""
    left = list(names)
    while left:
        wave = [name for name in left if not set(SERVICES[name].needs) - running.addresses.keys()]
        left = [name for name in left if name not in wave]
        others = dict(running.addresses)
        begun = {name: _begin(place, name, others, options, on_event) for name in wave}
        for name, (setup, reused) in begun.items():
            running.addresses[name] = _await(place, SERVICES[name](), setup, reused, on_event)


def _begin(
    place: Home, name: str, others: Mapping[str, Address], options: Options, on_event: OnEvent
) -> tuple[Setup, bool]:
    """Under the lock: adopt the service that runs, or start it. (its setup, whether it ran before)."""
    service = SERVICES[name]()
    with place.locked(on_event):
        record = place.read().get(name)
        if record is not None and record.alive():
            setup = Setup(place.path, record.ports, record.secrets, options, others)
            same = record.fingerprint == _fingerprint(service.launch(setup))
            if same or place.users(name) > 1:
                if not same:
                    on_event(f"{name} runs with other options for another command; used as it is")
                return setup, True
            on_event(f"restarting {name}: its options have changed")
        return _start(place, service, record, others, options, on_event), False


def _start(
    place: Home,
    service: Service,
    record: Record | None,
    others: Mapping[str, Address],
    options: Options,
    on_event: OnEvent,
    *,
    new_ports: bool = False,
) -> Setup:
    """Start a service (the caller holds the lock), on its earlier ports if they are free, with its earlier secrets."""
    if record is not None:
        _end(service.name, record)
    place.unkeep(service.name)
    ports = {} if record is None or new_ports else record.ports
    if not ports or not all(map(take_port, ports.values())):
        taken = {f"{n}.{p}": v for n, r in place.read().items() if n != service.name for p, v in r.ports.items()}
        ports = service.ports(taken)
    secrets = (record.secrets if record is not None else {}) or service.secrets()
    setup = Setup(place.path, ports, secrets, options, others)
    launch = service.launch(setup)
    on_event(f"starting {service.name}")
    guard_pid, pid = _spawn(place, service, launch)
    started = Record(process_id(guard_pid), process_id(pid), ports, secrets, _fingerprint(launch))
    place.put(service.name, started)
    return setup


def _spawn(place: Home, service: Service, launch: Launch) -> tuple[int, int]:
    """(pid of the guard, pid of the service)."""
    log = place.log(service.name)
    rotate(log)
    job = {
        "command": launch.command,
        "cwd": str(launch.cwd),
        "log": str(log),
        "leases": str(place.leases(service.name)),
        "lock": str(place.lock_path),
        "stop_s": service.stop_s,
    }
    with log.open("ab") as errors:
        begun = subprocess.run(
            [sys.executable, "-I", "-S", guard.__file__, json.dumps(job)],
            env=base_environment(inherits_all=launch.inherits_all) | dict(launch.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the command in the terminal, not for us
            timeout=GUARD_START_S,
            check=False,
        )
    pids = begun.stdout.split()
    if len(pids) != 2:
        raise RunError(f"{service.name} could not be started; {log} ends with:\n{tail(log)}")
    return int(pids[0]), int(pids[1])


def _await(place: Home, service: Service, setup: Setup, reused: bool, on_event: OnEvent) -> Address:
    """Wait until a service is ready; start it again when it ended by itself, or was adopted and does not answer."""
    for attempt in range(1, STARTS + 1):
        record = place.read()[service.name]
        why = _wait(record, service, setup)
        if not why:
            address = replace(service.address(setup), pid=record.process.pid, reused=reused)
            on_event(f"{service.name} {'is already running' if reused else 'is ready'}: {address.url}")
            return address
        if attempt == STARTS or not (reused or why == ENDED):
            break
        setup = _again(place, service, setup, record, reused, why, on_event)
        reused = False
    log = place.log(service.name)
    raise RunError(f"{service.name} {why}; {log} ends with:\n{tail(log)}")


def _again(
    place: Home, service: Service, setup: Setup, failed: Record, reused: bool, why: str, on_event: OnEvent
) -> Setup:
    """Start a failed service once more, unless another command has done so meanwhile."""
    with place.locked(on_event):
        record = place.read()[service.name]
        if record.process != failed.process and record.alive():
            return replace(setup, ports=record.ports, secrets=record.secrets)
        on_event(f"{service.name} {why}: starting it again")
        return _start(place, service, record, setup.others, setup.options, on_event, new_ports=not reused)


def _wait(record: Record, service: Service, setup: Setup) -> str:
    """ "" when the service is ready, else why not: it ended, or the deadline passed."""
    try:
        return _until_ready(record, service, setup)
    finally:
        give_ports_back(record.ports.values())


def _until_ready(record: Record, service: Service, setup: Setup) -> str:
    deadline = time.monotonic() + service.deadline_s
    while True:
        missing = service.waiting_for(setup)
        if not record.alive():  # asked second: an answer may come from a stranger on the same port
            return ENDED
        if not missing:
            return ""
        if time.monotonic() > deadline:
            return f"was not ready within {service.deadline_s:.0f} s ({missing})"
        time.sleep(POLL_S)


def _stop_unused(place: Home, names: list[str], on_event: OnEvent) -> None:
    """Stop what nobody uses any more: the guards would do it within a moment, but a command ends with a clean table."""
    with place.locked(on_event):
        records = place.read()
        unused = [name for name in reversed(names) if name in records and not place.kept(name)]
        unused = [name for name in unused if not place.users(name) and records[name].alive()]
        _end_all(unused, records, on_event)


def _end_all(names: list[str], records: Mapping[str, Record], on_event: OnEvent) -> None:
    """End services: first those that need others, then the rest at the same time (the caller holds the lock)."""
    waves = [[n for n in names if SERVICES[n].needs], [n for n in names if not SERVICES[n].needs]]
    for wave in waves:
        for name in wave:
            on_event(f"stopping {name}")
            records[name].guard.signal(signal.SIGTERM)
        for name in wave:
            _end(name, records[name])


def _end(name: str, record: Record) -> None:
    """End a service through its guard, or itself if its guard is gone (the caller holds the lock)."""
    stop_s = SERVICES[name].stop_s
    record.guard.signal(signal.SIGTERM)
    if record.guard != NOBODY and not record.guard.gone_within(stop_s + GUARD_MARGIN_S):
        record.guard.signal(signal.SIGKILL)
    record.process.end(stop_s)


def _fingerprint(launch: Launch) -> str:
    return digest({"command": list(launch.command), "environment": dict(launch.environment), "cwd": str(launch.cwd)})
