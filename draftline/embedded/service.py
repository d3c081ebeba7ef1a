"""The contract of an embedded service: what the supervisor asks, and what each service answers.

What lives here: the seam and the options. What may not: a particular service, processes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

# What a service of ours needs of the caller's environment. The rest (AWS_*, PREFECT_*, vendor keys) stays outside.
PLAIN_NAMES = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
SOURCE_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """How the services are set up. `worker_environment` goes to the worker and so to every flow run that it starts."""

    private_bucket: str = "draftline-private"
    public_bucket: str = "draftline-public"
    sandbox_speed: float | None = None
    work_pool: str = "draftline"
    worker_environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Setup:
    """What a service is started from: its home, its ports and secrets by name, and who already runs."""

    home: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str] = field(repr=False)
    options: Options
    others: Mapping[str, "Address"]


@dataclass(frozen=True)
class Launch:
    """A command, and what its environment adds to the base one."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    cwd: Path
    inherits_all: bool = False


@dataclass(frozen=True)
class Address:
    """A running service: where it answers, and what its clients need in their environment."""

    service: str
    url: str
    log: Path
    variables: Mapping[str, str] = field(repr=False)
    pid: int = 0
    reused: bool = False

    def environment(self) -> dict[str, str]:
        """Environment variables for a client; they may hold credentials of this embedded service."""
        return dict(self.variables)


class Service(Protocol):
    """One embedded service. `needs` start before it; `deadline_s` is for a loaded machine; SIGKILL after `stop_s`."""

    name: str
    needs: tuple[str, ...]
    deadline_s: float
    stop_s: float

    def ports(self, taken: Mapping[str, int]) -> dict[str, int]:
        """Fresh ports by name; `taken` are those of the other services."""
        ...

    def secrets(self) -> dict[str, str]:
        """Fresh credentials by name."""
        ...

    def launch(self, setup: Setup) -> Launch:
        """The command; may prepare files. Raises RunError where something is not installed."""
        ...

    def address(self, setup: Setup) -> Address: ...

    def waiting_for(self, setup: Setup) -> str:
        """ "" when it is ready, else what is still missing."""
        ...


def base_environment(*, inherits_all: bool) -> dict[str, str]:
    """The caller's environment for a child: the plain names alone, or all but Prefect's (which would be another's)."""
    if inherits_all:
        return {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return {name: os.environ[name] for name in PLAIN_NAMES if name in os.environ}


def python_path() -> dict[str, str]:
    """For children that import our packages: found from a checkout too, and never from the working directory."""
    parts = [str(SOURCE_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(parts)), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
