"""Who lives, where a review broke it: containers of one name, a beat that fails, a lease given back in between."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import StorageError
from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.records import processes as records
from storage.records.processes import Processes
from tasks import presence
from tasks.presence import working_on

GIVE_UP_S = 20


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path}/p.db")
    migrate(made)
    yield made
    made.close()


def process(database: Database, name: str) -> Processes:
    return Processes(database, process_id=name, clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))


def test_a_process_in_another_container_of_the_same_name_lives_while_it_beats(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same host name, same pid 1, other space of pids: our own /proc says nothing about it."""
    one, two = process(database, "one"), process(database, "two")
    one.beat()
    here, started = records._host(), records._started
    monkeypatch.setattr(records, "_host", lambda: here.replace("pid:[", "pid:[9"))
    monkeypatch.setattr(records, "_started", lambda pid: started(pid) + 7)
    assert two.is_alive("one")


def test_a_lease_that_is_given_back_at_that_very_moment_is_taken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "insert_once", lambda *_: False)
    process(database, "two").take("run:r", "run r")


@pytest.mark.anyio
async def test_a_beat_that_fails_is_not_the_last_and_the_lease_comes_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, beats, often = process(database, "one"), [], asyncio.Event()
    real = one.beat

    def flaky() -> None:
        beats.append(1)
        if len(beats) == 2:
            raise StorageError("the database did not answer")
        if len(beats) == 4:
            loop.call_soon_threadsafe(often.set)
        real()

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(one, "beat", flaky)
    monkeypatch.setattr(presence, "HEARTBEAT_EVERY_S", 0.0)
    w: Any = SimpleNamespace(processes=one)
    async with asyncio.timeout(GIVE_UP_S), working_on(w, "r"):
        await often.wait()
    process(database, "two").take("run:r", "run r")
