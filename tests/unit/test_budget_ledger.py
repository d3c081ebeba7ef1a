"""The ledger holds before a send, never over a cap, never twice for one work, and every hold ends visibly."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import get_args

import pytest

from budget.alerts import CapAlert
from budget.caps import Cap, Period, Scope
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


def test_work_in_doubt_keeps_since_when_and_by_what_it_was_resolved(bench: Bench) -> None:
    bench.cap("day", 10**9)
    settled, released = (bench.ledger.hold(bench.intent(w, 10), slots=9).attempt_id for w in ("w1", "w2"))
    for attempt_id in (settled, released):
        bench.ledger.send(attempt_id)
        bench.ledger.doubt(attempt_id, code="cut", note="silence")
    since = bench.now
    bench.now += timedelta(hours=3)
    bench.ledger.settle(settled, 10, source="person", evidence="line 12 of the May invoice")
    bench.ledger.release(released, code="resolved", note="", evidence="balance unchanged")
    found = [bench.ledger.get(settled), bench.ledger.get(released)]
    assert [a.evidence for a in found] == ["line 12 of the May invoice", "balance unchanged"]
    assert {(a.in_doubt_at, a.ended_at) for a in found} == {(since, bench.now)}


def test_a_job_that_is_found_ends_the_doubt(bench: Bench) -> None:
    bench.cap("day", 10**9)
    attempt = bench.ledger.hold(bench.intent("w1", 10), slots=9)
    bench.ledger.send(attempt.attempt_id)
    bench.ledger.doubt(attempt.attempt_id, code="cut", note="silence")
    bench.ledger.accept(attempt.attempt_id, Job("j1", "https://poll", 7))
    bench.ledger.settle(attempt.attempt_id, 7, source="vendor")
    assert bench.use() == [("2026-11-21", 0, 7)]


def test_a_bill_above_the_hold_is_booked_as_a_fact_and_stops_the_next_hold(bench: Bench) -> None:
    bench.cap("day", 100)
    attempt = bench.ledger.hold(bench.intent("w1", 90), slots=9)
    bench.ledger.send(attempt.attempt_id)
    bench.ledger.settle(attempt.attempt_id, 120, source="vendor")
    assert bench.use() == [("2026-11-21", 0, 120)]
    with pytest.raises(CapRefused):
        bench.ledger.hold(bench.intent("w2", 1), slots=9)


def test_what_a_hold_returns_is_what_was_written(bench: Bench) -> None:
    bench.cap("day", 100)
    attempt = bench.ledger.hold(bench.intent("w1", 90, sku="mug"), slots=9)
    assert bench.ledger.get(attempt.attempt_id) == attempt == bench.ledger.find("w1")


def test_a_lowered_cap_stops_new_holds_and_leaves_running_work_alone(bench: Bench) -> None:
    bench.cap("day", 100)
    attempt = bench.ledger.hold(bench.intent("w1", 60), slots=9)
    bench.cap("day", 30)
    with pytest.raises(CapRefused):
        bench.ledger.hold(bench.intent("w2", 1), slots=9)
    bench.ledger.send(attempt.attempt_id)
    bench.ledger.settle(attempt.attempt_id, 20, source="vendor")
    bench.ledger.hold(bench.intent("w2", 10), slots=9)
    assert bench.use() == [("2026-11-21", 10, 20)]


def test_a_crossed_threshold_is_told_once_with_the_hold_that_crossed_it(bench: Bench) -> None:
    told: list[CapAlert] = []
    bench.ledger.on_alert = told.extend
    bench.cap("day", 100)
    first = bench.ledger.hold(bench.intent("w1", 49), slots=9)
    assert told == []
    second = bench.ledger.hold(bench.intent("w2", 31), slots=9)
    assert [(a.percent, a.committed_micros, a.attempt_id) for a in told] == [
        (50, 80, second.attempt_id),
        (80, 80, second.attempt_id),
    ]
    assert (told[0].cap_id, told[0].scope, told[0].window, told[0].run_id) == ("day", "global", "2026-11-21", "r1")
    assert (told[0].limit_micros, told[0].at) == (100, bench.now)
    bench.ledger.release(first.attempt_id, code="x", note="x")
    bench.ledger.hold(bench.intent("w3", 40), slots=9)
    assert len(told) == 2  # back under 80 and over it again: it was told


def test_another_limit_or_another_day_tells_its_thresholds_again(bench: Bench) -> None:
    told: list[CapAlert] = []
    bench.ledger.on_alert = told.extend
    bench.cap("day", 100)
    bench.ledger.hold(bench.intent("w1", 50), slots=9)
    bench.cap("day", 200)
    bench.ledger.hold(bench.intent("w2", 60), slots=9)
    bench.now += timedelta(days=1)
    bench.ledger.hold(bench.intent("w3", 110), slots=9)
    assert [(a.window, a.limit_micros, a.percent) for a in told] == [
        ("2026-11-21", 100, 50),
        ("2026-11-21", 200, 50),
        ("2026-11-22", 200, 50),
    ]


def test_a_refused_hold_tells_nothing_and_untold_alerts_wait_for_whoever_tells_them(bench: Bench) -> None:
    bench.cap("day", 100)
    bench.cap("small", 40)
    with pytest.raises(CapRefused):
        bench.ledger.hold(bench.intent("w1", 60), slots=9)
    assert bench.ledger.untold_alerts() == []
    bench.ledger.hold(bench.intent("w2", 39), slots=9)
    waiting = bench.ledger.untold_alerts()
    assert [(a.cap_id, a.percent) for a in waiting] == [("small", 50), ("small", 80), ("small", 95)]
    assert [bench.ledger.told(waiting[0].alert_id), bench.ledger.told(waiting[0].alert_id)] == [True, False]
    assert bench.ledger.untold_alerts() == waiting[1:]


def test_a_hold_stands_when_nobody_can_be_told_of_its_alerts(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def broken(alerts: Sequence[CapAlert]) -> None:
        raise RuntimeError("no telephone")

    bench.ledger.on_alert = broken
    bench.cap("day", 100)
    assert bench.ledger.hold(bench.intent("w1", 60), slots=9).state == "held"
    assert "alerts.not_handed_on" in caplog.text
    assert len(bench.ledger.untold_alerts()) == 1


def test_a_cap_of_every_scope_and_period_refuses_by_itself(bench: Bench) -> None:
    values = {scope: f"my {scope}" for scope in get_args(Scope) if scope != "global"}
    bench.now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # another day, month and year in Berlin, the same week
    bench.cap("wide", 10**6)
    for n, (scope, period) in enumerate((s, p) for s in get_args(Scope) for p in get_args(Period)):
        for each in ("*", values.get(scope, "")):
            cap = {"scope": scope, "scope_value": each, "period": period, "time_zone": "Europe/Berlin"}
            bench.cap("narrow", 9, **cap)
            with pytest.raises(CapRefused) as refused:
                bench.ledger.hold(bench.intent(f"w{n}", 10, **values), slots=9)
            part = {"run": "run my run_id", "day": "2027-01-01", "week": "2026-W53", "month": "2027-01"}.get(
                period, "total"
            )
            window = f"{values[scope]}|{part}" if each == "*" and scope != "global" else part
            assert refused.value.cap == f"narrow ({window})"
    assert bench.use() == [("2026-12-31", 0, 0)]
