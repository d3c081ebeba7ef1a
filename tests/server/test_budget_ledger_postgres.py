"""The ledger on a real PostgreSQL: all its unit tests again, and what only many processes and connections can show."""

import inspect
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import tests.unit.test_budget_ledger as unit
from budget.ledger import AlreadyHeld, Ledger, SlotBusy
from budget.reports import list_attempts, spend
from domain.attempt import Attempt, Dimensions, Intent
from domain.errors import CapRefused, RunBusy
from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.records.processes import Processes
from tests.support.postgres import emptied, postgres_url

pytestmark = pytest.mark.server
HOLD_MICROS = 33_600
BARRIER_S = 60.0
ENGINES = ("sqlite", "postgresql")


class Bench(unit.Bench):
    """The unit tests' bench on a given database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
        ids = count(1)
        self.ledger = Ledger(database, process_id="p1", clock=lambda: self.now, new_id=lambda: f"a{next(ids)}")

    def ledger_of(self, process_id: str) -> Ledger:
        """Another process's ledger on the same database."""
        ids = count(1)
        return Ledger(
            self.database, process_id=process_id, clock=lambda: self.now, new_id=lambda: f"{process_id}-{next(ids)}"
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


@pytest.fixture
def bench(postgres: str) -> Iterator[Bench]:
    made = Bench(emptied(postgres))
    yield made
    made.database.close()


@pytest.fixture(params=ENGINES)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A bench on each engine in turn."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/ledger.db")
        migrate(database)
    else:
        database = emptied(request.getfixturevalue("postgres"))
    yield Bench(database)
    database.close()


def _with_bench_only() -> dict[str, Callable[..., Any]]:
    """The unit tests that take nothing but a bench: they mean the same on every engine."""
    tests = {name: test for name, test in vars(unit).items() if name.startswith("test_")}
    return {name: test for name, test in tests.items() if list(inspect.signature(test).parameters) == ["bench"]}


globals().update(_with_bench_only())


def test_the_unit_tests_of_the_ledger_are_really_here() -> None:
    assert len(_with_bench_only()) >= 17


def test_a_burst_of_threads_gets_exactly_what_fits(either: Bench) -> None:
    """Forty at once through a pool of connections, against room for ten under two caps."""
    either.cap("day", 10 * HOLD_MICROS)
    either.cap("flow-day", 30 * HOLD_MICROS, scope="flow", scope_value="*")
    start = threading.Barrier(20)

    def one(n: int) -> str:
        start.wait()
        try:
            return either.ledger_of(f"p{n}").hold(either.intent(f"w{n}", HOLD_MICROS), slots=99).attempt_id
        except CapRefused:
            return ""

    with ThreadPoolExecutor(20) as pool:
        held = [found for found in pool.map(one, range(20)) if found]
    assert len(held) == 10
    assert {h for _, h, _ in either.use()} == {10 * HOLD_MICROS}


def test_one_work_is_held_once_however_many_ask_at_once(either: Bench) -> None:
    either.cap("day", 10**9)
    start = threading.Barrier(12)

    def one(n: int) -> str:
        start.wait()
        try:
            return either.ledger_of(f"p{n}").hold(either.intent("w", HOLD_MICROS), slots=99).attempt_id
        except AlreadyHeld:
            return ""

    with ThreadPoolExecutor(12) as pool:
        held = [found for found in pool.map(one, range(12)) if found]
    assert len(held) == 1
    assert either.use() == [("2026-11-21", HOLD_MICROS, 0)]


def test_slots_are_never_more_than_allowed_and_all_come_back(either: Bench) -> None:
    either.cap("day", 10**9)
    start = threading.Barrier(12)
    most, going, lock = [0], [0], threading.Lock()

    def one(n: int) -> bool:
        ledger = either.ledger_of(f"p{n}")
        start.wait()
        try:
            attempt = ledger.hold(either.intent(f"w{n}", HOLD_MICROS), slots=3)
        except SlotBusy:
            return False
        with lock:
            going[0] += 1
            most[0] = max(most[0], going[0])
        ledger.send(attempt.attempt_id)
        with lock:
            going[0] -= 1
        ledger.settle(attempt.attempt_id, HOLD_MICROS, source="vendor")
        return True

    with ThreadPoolExecutor(12) as pool:
        done = sum(pool.map(one, range(12)))
    assert 3 <= done <= 12
    assert most[0] <= 3
    with either.database.read() as connection:
        assert connection.execute(sa.text("SELECT used FROM vendor_slots")).scalar_one() == 0
    assert either.use() == [("2026-11-21", 0, done * HOLD_MICROS)]


def test_holds_and_ends_at_once_never_lock_each_other_up(either: Bench) -> None:
    """Many caps and both directions at the same time: PostgreSQL would name a deadlock, SQLite would time out."""
    for n in range(4):
        either.cap(f"cap-{3 - n}", 10**9)
    either.cap("model-day", 10**9, scope="model_id", scope_value="*")

    def one(n: int) -> None:
        ledger = either.ledger_of(f"p{n}")
        for turn in range(4):
            attempt = ledger.hold(either.intent(f"w{n}-{turn}", 100, model_id=f"m{n % 2}"), slots=99)
            if turn % 2:
                ledger.release(attempt.attempt_id, code="x", note="x")
            else:
                ledger.send(attempt.attempt_id)
                ledger.settle(attempt.attempt_id, 70, source="vendor")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    rows = spend(either.database, "model")
    assert sum(row.spent_micros for row in rows) == 8 * 2 * 70
    assert {(held, spent) for _, held, spent in either.use()} >= {(0, 8 * 2 * 70)}


def test_an_attempt_of_a_dead_process_is_taken_over_by_exactly_one(either: Bench) -> None:
    either.cap("day", 10**9)
    dead = either.ledger_of("dead").hold(either.intent("w", HOLD_MICROS), slots=9)
    start = threading.Barrier(8)

    def one(n: int) -> Attempt | None:
        start.wait()
        try:
            return either.ledger_of(f"p{n}").take_over(dead)
        except AlreadyHeld:
            return None

    with ThreadPoolExecutor(8) as pool:
        taken = [found for found in pool.map(one, range(8)) if found]
    assert len(taken) == 1
    assert taken[0].process_id == list_attempts(either.database)[0].process_id != "dead"


def test_a_lease_is_had_by_one_of_many(either: Bench) -> None:
    start = threading.Barrier(8)

    def one(n: int) -> bool:
        mine = Processes(either.database, process_id=f"p{n}", clock=lambda: either.now)
        mine.beat()
        start.wait()
        try:
            mine.take("run:r1", "run r1")
        except RunBusy:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1


_barrier: list[Any] = []


def _meet_at(barrier: Any) -> None:
    _barrier.append(barrier)


def _holds_in_a_process(url: str, name: str) -> int:
    database, ids, now = open_database(url), count(1), datetime(2026, 11, 21, tzinfo=UTC)
    ledger = Ledger(database, process_id=name, clock=lambda: now, new_id=lambda: f"{name}-{next(ids)}")
    _barrier[0].wait(BARRIER_S)
    held = 0
    for n in range(10):
        intent = Intent(f"{name}-{n}", HOLD_MICROS, "book", Dimensions(run_id="r1", flow="campaign", vendor="bfl"))
        try:
            ledger.hold(intent, slots=99)
            held += 1
        except CapRefused:
            break
    database.close()
    return held


@pytest.mark.parametrize("engine", ENGINES)
def test_four_processes_together_never_hold_more_than_the_cap(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db" if engine == "sqlite" else request.getfixturevalue("postgres")
    database = open_database(url) if engine == "sqlite" else emptied(url)
    migrate(database)
    Bench(database).cap("day", 13 * HOLD_MICROS)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, context, initializer=_meet_at, initargs=(context.Barrier(4),)) as pool:
        held = sum(pool.map(_holds_in_a_process, [url] * 4, [f"p{n}" for n in range(4)]))
    assert held == 13
    assert len(list_attempts(database)) == 13
    database.close()


def test_eight_processes_may_migrate_a_fresh_database_at_once(postgres: str) -> None:
    with open_database(postgres).engine.connect() as connection:
        raw = connection.execution_options(isolation_level="AUTOCOMMIT")
        raw.execute(sa.text("DROP DATABASE IF EXISTS together"))
        raw.execute(sa.text("CREATE DATABASE together"))
    url = sa.engine.make_url(postgres).set(database="together").render_as_string(hide_password=False)
    databases = [open_database(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(migrate, databases))
    assert list_attempts(databases[0]) == []
    for database in databases:
        database.close()
