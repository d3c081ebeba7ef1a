"""The ledger holds before a send, never over a cap, never twice for one work, and every hold ends visibly."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budget.caps import Cap
from budget.ledger import Ledger, SlotBusy
from budget.reports import list_attempts, spend
from domain.attempt import Dimensions, Intent
from domain.errors import CapRefused, LedgerConflict
from domain.render import Job
from storage.database import Database, open_database
from storage.database.migrate import migrate


class Bench:
    """A ledger on a fresh database with a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.database: Database = open_database(f"sqlite:///{folder}/ledger.db")
        migrate(self.database)
        self.now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
        ids = count(1)
        self.ledger = Ledger(self.database, process_id="p1", clock=lambda: self.now, new_id=lambda: f"a{next(ids)}")

    def cap(self, cap_id: str, limit: int, **kw: str) -> None:
        values = {"scope": "global", "scope_value": "", "period": "day"} | kw
        self.ledger.set_cap(Cap(cap_id, limit_micros=limit, **values), by="test", why="test")  # type: ignore[arg-type]

    def intent(self, work: str, micros: int, **kw: str) -> Intent:
        dimensions = Dimensions(**{"run_id": "r1", "flow": "campaign", "vendor": "bfl", "model_id": "m", **kw})
        return Intent(work, micros, "book", dimensions)

    def use(self) -> list[tuple[str, int, int]]:
        dimensions = Dimensions(run_id="r1", flow="campaign")
        return [(u.window, u.held_micros, u.spent_micros) for u in self.ledger.uses(dimensions)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.database.close()


def test_a_hold_that_does_not_fit_changes_nothing_and_says_what_is_missing(bench: Bench) -> None:
    bench.cap("day", 100_000)
    bench.ledger.hold(bench.intent("w1", 60_000), slots=9)
    with pytest.raises(CapRefused, match=r"day \(2026-11-21\).*\$0\.1000.*\$0\.0600.*missing \$0\.0200") as refused:
        bench.ledger.hold(bench.intent("w2", 60_000), slots=9)
    assert refused.value.missing_micros == 20_000
    assert bench.use() == [("2026-11-21", 60_000, 0)]


def test_without_any_cap_nothing_can_be_held(bench: Bench) -> None:
    with pytest.raises(CapRefused):
        bench.ledger.hold(bench.intent("w1", 1), slots=9)


def test_settling_after_midnight_moves_the_window_of_the_hold(bench: Bench) -> None:
    bench.cap("day", 100_000)
    attempt = bench.ledger.hold(bench.intent("w1", 60_000), slots=9)
    bench.ledger.send(attempt.attempt_id)
    bench.now += timedelta(minutes=2)
    assert bench.use() == [("2026-11-22", 0, 0)]
    bench.ledger.settle(attempt.attempt_id, 45_000, source="vendor")
    bench.now -= timedelta(minutes=2)
    assert bench.use() == [("2026-11-21", 0, 45_000)]


def test_one_work_is_not_held_twice_while_it_may_be_paid(bench: Bench) -> None:
    bench.cap("day", 10**9)
    attempt = bench.ledger.hold(bench.intent("w1", 10), slots=9)
    with pytest.raises(LedgerConflict, match="held already"):
        bench.ledger.hold(bench.intent("w1", 10), slots=9)
    bench.ledger.release(attempt.attempt_id, code="moderated", note="no")
    again = bench.ledger.hold(bench.intent("w1", 10), slots=9)
    assert again.try_no == 2


def test_only_one_caller_gets_to_send(bench: Bench) -> None:
    bench.cap("day", 10**9)
    attempt = bench.ledger.hold(bench.intent("w1", 10), slots=9)
    bench.ledger.send(attempt.attempt_id)
    with pytest.raises(LedgerConflict, match="is sent"):
        bench.ledger.send(attempt.attempt_id)


def test_doubt_keeps_the_money_but_frees_the_slot(bench: Bench) -> None:
    bench.cap("day", 10**9)
    attempt = bench.ledger.hold(bench.intent("w1", 10), slots=1)
    bench.ledger.send(attempt.attempt_id)
    with pytest.raises(SlotBusy):
        bench.ledger.hold(bench.intent("w2", 10), slots=1)
    bench.ledger.doubt(attempt.attempt_id, code="cut", note="silence")
    assert bench.use() == [("2026-11-21", 10, 0)]
    bench.ledger.hold(bench.intent("w2", 10), slots=1)
    row = spend(bench.database, "model")[0]
    assert (row.in_doubt, row.in_doubt_micros, row.held_micros) == (1, 10, 10)


def test_the_job_is_readable_by_a_later_process(bench: Bench) -> None:
    bench.cap("day", 10**9)
    attempt = bench.ledger.hold(bench.intent("w1", 10), slots=1)
    bench.ledger.send(attempt.attempt_id)
    bench.ledger.accept(attempt.attempt_id, Job("j1", "https://poll", 7, {"output_mp": 1}))
    found = bench.ledger.find("w1")
    assert found is not None
    assert found.job == Job("j1", "https://poll", 7, {"output_mp": 1})
    assert [a.state for a in list_attempts(bench.database, run_id="r1")] == ["accepted"]


def test_per_value_caps_count_each_run_by_itself(bench: Bench) -> None:
    bench.cap("run", 50, scope="run_id", scope_value="*", period="total")
    bench.ledger.hold(bench.intent("w1", 50), slots=9)
    bench.ledger.hold(bench.intent("w2", 50, run_id="r2"), slots=9)
    with pytest.raises(CapRefused):
        bench.ledger.hold(bench.intent("w3", 1), slots=9)


def test_a_burst_against_a_cap_with_room_for_ten_gets_exactly_ten(bench: Bench) -> None:
    bench.cap("day", 10 * 33_600)
    held: list[str] = []

    def one(n: int) -> None:
        try:
            held.append(bench.ledger.hold(bench.intent(f"w{n}", 33_600), slots=99).attempt_id)
        except CapRefused:
            return

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(held) == 10


steps = st.lists(
    st.tuples(st.sampled_from(["hold", "send", "bounce", "doubt", "settle", "release"]), st.integers(0, 5)), max_size=30
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_held_and_spent_never_exceed_the_cap_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("ledger"))
    bench.cap("day", 200)
    known: list[str] = []
    for n, (step, pick) in enumerate(steps):
        try:
            if step == "hold":
                known.append(bench.ledger.hold(bench.intent(f"w{n}", 20 + 15 * pick), slots=4).attempt_id)
            elif known:
                _do(bench.ledger, step, known[pick % len(known)])
        except (CapRefused, LedgerConflict):
            pass  # a refusal is one of the right answers; what counts stands below
        [(_, held, spent)] = bench.use() or [("", 0, 0)]
        assert held + spent <= 200
        _counters_equal_rows(bench, held, spent)
    bench.database.close()


def _do(ledger: Ledger, step: str, attempt_id: str) -> None:
    if step == "settle":
        ledger.settle(attempt_id, 20, source="vendor")
    elif step == "release":
        ledger.release(attempt_id, code="x", note="x")
    elif step == "doubt":
        ledger.doubt(attempt_id, code="x", note="x")
    elif step == "bounce":
        ledger.bounce(attempt_id, "429")
    else:
        ledger.send(attempt_id)


def _counters_equal_rows(bench: Bench, held: int, spent: int) -> None:
    rows = spend(bench.database, "day")
    assert sum(r.spent_micros for r in rows) == spent
    assert sum(r.held_micros + r.in_doubt_micros for r in rows) == held
