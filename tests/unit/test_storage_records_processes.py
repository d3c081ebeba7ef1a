"""Leases: a dead process's is taken over at once, a living one's is refused, a far one's falls after a minute."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.errors import RunBusy
from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.database.tables import processes
from storage.records.processes import HEARTBEAT_TTL, Processes


class Bench:
    def __init__(self, folder: Path) -> None:
        self.database: Database = open_database(f"sqlite:///{folder}/p.db")
        migrate(self.database)
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def process(self, name: str) -> Processes:
        made = Processes(self.database, process_id=name, clock=lambda: self.now)
        made.beat()
        return made

    def changed(self, name: str, **values: object) -> None:
        with self.database.write() as connection:
            connection.execute(processes.update().where(processes.c.process_id == name).values(**values))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.database.close()


def test_a_living_processs_lease_is_refused_and_names_it(bench: Bench) -> None:
    bench.process("one").take("run:r", "run r")
    with pytest.raises(RunBusy, match=rf"run r is being worked on by process {os.getpid()} on "):
        bench.process("two").take("run:r", "run r")


def test_a_lease_that_was_given_back_is_free_and_only_its_holder_gives_it_back(bench: Bench) -> None:
    one, two = bench.process("one"), bench.process("two")
    one.take("run:r", "run r")
    one.take("run:r", "run r")
    two.give_back("run:r")
    with pytest.raises(RunBusy):
        two.take("run:r", "run r")
    one.give_back("run:r")
    two.take("run:r", "run r")


def test_a_dead_processs_lease_is_taken_over_at_once(bench: Bench) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    bench.process("dead").take("run:r", "run r")
    bench.changed("dead", pid=ended.pid)
    two = bench.process("two")
    assert not two.is_alive("dead")
    two.take("run:r", "run r")


def test_another_process_under_a_dead_ones_pid_is_not_taken_for_it(bench: Bench) -> None:
    bench.process("dead").take("run:r", "run r")
    bench.changed("dead", pid_started=1)
    bench.process("two").take("run:r", "run r")


def test_a_zombie_is_dead(bench: Bench) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    bench.process("dead")
    bench.changed("dead", pid=zombie.pid)
    assert not bench.process("two").is_alive("dead")
    zombie.wait()


def test_a_process_elsewhere_is_alive_while_it_beats_and_for_a_minute(bench: Bench) -> None:
    bench.process("far").take("run:r", "run r")
    bench.changed("far", host="another-machine")
    two = bench.process("two")
    bench.now += HEARTBEAT_TTL - timedelta(seconds=1)
    assert two.is_alive("far")
    with pytest.raises(RunBusy):
        two.take("run:r", "run r")
    bench.now += timedelta(seconds=1)
    assert not two.is_alive("far")
    two.take("run:r", "run r")


def test_a_process_that_nobody_ever_heard_of_is_not_alive_and_oneself_always_is(bench: Bench) -> None:
    one = Processes(bench.database, process_id="one", clock=lambda: bench.now)
    assert one.is_alive("one")
    assert not one.is_alive("nobody")
    with bench.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(processes)).scalar_one() == 0
