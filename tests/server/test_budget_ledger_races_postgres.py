"""PostgreSQL only: limits that change under holds, connections that break in the middle, functions that are missing."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from budget.caps import Cap
from budget.functions import function_name
from budget.ledger import Ledger, SlotBusy
from domain.attempt import Attempt, Dimensions, Intent
from domain.errors import CapRefused, StorageError
from storage.database import Database, open_database
from tests.support.postgres import emptied, postgres_url

pytestmark = pytest.mark.server
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOLD_MICROS = 10
WAIT_S = 30.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_url() as address:
        yield address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = emptied(url)
    yield made
    made.close()


def ledger(database: Database, name: str = "p") -> Ledger:
    ids = count(1)
    return Ledger(database, process_id=name, clock=lambda: NOW, new_id=lambda: f"{name}-{next(ids)}")


def intent(work: str, micros: int = HOLD_MICROS, **by: str) -> Intent:
    return Intent(work, micros, "book", Dimensions(**{"run_id": "r1", "flow": "campaign", "vendor": "bfl", **by}))


def set_cap(database: Database, limit: int, name: str = "day", **more: Any) -> None:
    values = {"scope": "global", "scope_value": "", "period": "day"} | more
    ledger(database).set_cap(Cap(name, limit_micros=limit, **values), by="test", why="test")


def value(database: Database, query: str) -> Any:
    with database.read() as connection:
        return connection.execute(sa.text(query)).scalar()


def administer(database: Database, *statements: str) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def wait_until(database: Database, query: str) -> Any:
    """The first true answer; the server is asked, no time is guessed."""
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        if found := value(database, query):
            return found
        pause.wait(0.02)
    raise AssertionError(f"never true: {query}")


WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = '{}' AND query LIKE 'SELECT draftline_%'"


@contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    """Some other transaction that keeps every row of a table."""
    with database.write() as connection:
        connection.execute(sa.text(f"SELECT * FROM {table} FOR UPDATE")).all()
        yield


@pytest.mark.parametrize("windows_are_there", [True, False])
def test_once_a_cap_is_lowered_no_hold_passes_the_new_limit(database: Database, windows_are_there: bool) -> None:
    """Holds run all the time while the limit goes down and up; each look after set_cap finds the rule kept."""
    flows = 8
    set_cap(database, 10**6, "flow-day", scope="flow", scope_value="*")
    if windows_are_there:
        for n in range(flows):
            ledger(database, f"first{n}").hold(intent(f"first{n}", flow=f"f{n}"), slots=10**6)
    over, stop = "SELECT coalesce(max(held_micros + spent_micros), 0) FROM cap_windows", threading.Event()

    def hold_on(n: int) -> int:
        mine, held = ledger(database, f"p{n}"), 0
        for turn in count():
            if stop.is_set():
                return held
            try:
                mine.hold(intent(f"w{n}-{turn}", flow=f"f{(n + turn) % flows}"), slots=10**6)
                held += 1
            except CapRefused:
                continue
        raise AssertionError("count never ends")

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(hold_on, n) for n in range(4)]
        try:
            for _ in range(12):
                most = value(database, over)
                set_cap(database, most // 2, "flow-day", scope="flow", scope_value="*")
                settled = value(database, over)
                for _ in range(5):
                    assert value(database, over) == settled
                set_cap(database, settled + 5 * HOLD_MICROS, "flow-day", scope="flow", scope_value="*")
        finally:
            stop.set()
        assert sum(work.result() for work in working) > 0


def test_a_hold_that_waits_for_a_change_of_its_cap_obeys_the_new_limit(database: Database) -> None:
    set_cap(database, 100)
    ledger(database).hold(intent("w0", 20), slots=9)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            # as set_cap does it: the cap, its windows, then the limit
            connection.execute(sa.text("SELECT 1 FROM caps FOR UPDATE"))
            connection.execute(sa.text("SELECT 1 FROM cap_windows FOR UPDATE"))
            connection.execute(sa.text("UPDATE caps SET limit_micros = 25"))
            held = pool.submit(ledger(database, "q").hold, intent("w1"), slots=9)
            wait_until(database, WAITING.format("Lock"))
        with pytest.raises(CapRefused, match=r"limit \$0\.0000") as refused:
            held.result(WAIT_S)
    assert (refused.value.limit_micros, refused.value.committed_micros) == (25, 20)
    assert value(database, "SELECT count(*) FROM attempts") == 1


def test_a_hold_under_which_the_cap_gets_another_period_starts_again(database: Database) -> None:
    set_cap(database, 100)
    ledger(database).hold(intent("w0", 20), slots=9)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            connection.execute(sa.text("SELECT 1 FROM caps FOR UPDATE"))
            connection.execute(sa.text("SELECT 1 FROM cap_windows FOR UPDATE"))
            connection.execute(sa.text("UPDATE caps SET period = 'month'"))
            held = pool.submit(ledger(database, "q").hold, intent("w1"), slots=9)
            wait_until(database, WAITING.format("Lock"))
        attempt = held.result(WAIT_S)
    query = f"SELECT \"window\" FROM attempt_caps WHERE attempt_id = '{attempt.attempt_id}'"
    assert value(database, query) == "2026-11"


def test_the_last_slot_goes_to_one_of_two_that_saw_it_free(database: Database) -> None:
    set_cap(database, 10**6)
    ledger(database).hold(intent("w0"), slots=9)
    with ThreadPoolExecutor(2) as pool:
        with locked(database, "vendor_slots"):
            both = [pool.submit(ledger(database, f"q{n}").hold, intent(f"w{n}"), slots=2) for n in (1, 2)]
            wait_until(database, f"SELECT count(*) = 2 FROM ({WAITING.format('Lock')}) AS w")
        ends = [type(work.exception(WAIT_S)) for work in both]
    assert sorted(ends, key=str) == sorted([SlotBusy, type(None)], key=str)
    assert value(database, "SELECT held_micros FROM cap_windows") == 2 * HOLD_MICROS


def test_a_connection_that_dies_before_the_commit_leaves_nothing_and_the_next_call_works(database: Database) -> None:
    set_cap(database, 10**6)
    ledger(database).hold(intent("w0"), slots=9)
    with ThreadPoolExecutor(1) as pool, locked(database, "cap_windows"):
        held = pool.submit(ledger(database, "q").hold, intent("w1"), slots=9)
        pid = wait_until(database, WAITING.format("Lock"))
        administer(database, f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(StorageError, match="did not answer"):
            held.result(WAIT_S)
    assert ledger(database).find("w1") is None
    assert ledger(database, "q2").hold(intent("w1"), slots=9).try_no == 1


def test_a_hold_whose_answer_is_lost_after_the_commit_is_found_and_not_held_again(database: Database) -> None:
    """A standby that never answers keeps a committed hold waiting; then its connection is cut."""
    set_cap(database, 10**6)
    try:
        administer(database, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
        wait_until(database, "SELECT current_setting('synchronous_standby_names') = 'nobody'")
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(ledger(database, "q").hold, intent("w1"), slots=9)
            pid = wait_until(database, WAITING.format("IPC"))
            administer(database, f"SELECT pg_terminate_backend({pid})")
            with pytest.raises(StorageError):
                held.result(WAIT_S)
    finally:
        administer(database, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    found = ledger(database).find("w1")
    assert found is not None
    assert (found.state, found.process_id) == ("held", "q")
    assert value(database, "SELECT held_micros FROM cap_windows") == HOLD_MICROS


def test_connections_that_died_while_idle_are_replaced_without_a_word(database: Database) -> None:
    set_cap(database, 10**6)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port = -1"
    second = open_database(database.engine.url.render_as_string(hide_password=False))
    attempt = ledger(database).hold(intent("w1"), slots=9)
    administer(second, others)
    wait_until(second, "SELECT count(*) = 1 FROM pg_stat_activity WHERE client_port = -1")
    ledger(database).send(attempt.attempt_id)
    administer(second, others)
    wait_until(second, "SELECT count(*) = 1 FROM pg_stat_activity WHERE client_port = -1")
    assert ledger(database).get(attempt.attempt_id).state == "sent"
    second.close()


def test_many_that_first_miss_the_functions_make_them_once(database: Database) -> None:
    for function in ("hold", "move"):
        name = function_name(function)  # type: ignore[arg-type]
        drop = f"SELECT 'DROP FUNCTION ' || oid::regprocedure FROM pg_proc WHERE proname = '{name}'"
        administer(database, f"DO $$ BEGIN EXECUTE ({drop}); END $$")
    set_cap(database, 10**6)
    start = threading.Barrier(6)

    def one(n: int) -> Attempt:
        mine = ledger(database, f"p{n}")
        start.wait()
        attempt = mine.hold(intent(f"w{n}"), slots=99)
        mine.send(attempt.attempt_id)
        return attempt

    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(one, range(6)))) == 6
    made = value(database, "SELECT count(*) FROM pg_proc WHERE proname LIKE 'draftline_hold_%'")
    assert made == 1
