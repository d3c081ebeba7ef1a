"""An approval that is withdrawn while a run is under way, on both engines: nothing more is held or sent under it."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from budget.approvals import Approvals
from budget.caps import Cap
from budget.ledger import Ledger
from budget.quote import Quote, QuoteLine
from domain.attempt import Dimensions, Intent
from domain.errors import ApprovalWithdrawn, CapRefused
from domain.money import Micros, PriceRange
from domain.render import Job
from storage.database import Database
from storage.database.money_tables import attempt_caps, attempt_events, attempts, cap_windows, vendor_slots

pytest_plugins = ["tests.support.both_engines"]
pytestmark = pytest.mark.server
EACH = PriceRange(Micros(10), Micros(20), Micros(30))
QUOTE = Quote((QuoteLine("kettle", "", "draft", "draft", "r", "klein", "bfl", 4, EACH),), "book")
BY = Dimensions(run_id="r1", flow="campaign", vendor="bfl", model_id="klein")
THREADS, ENOUGH, MAX_TURNS = 4, 12, 100_000
DEADLINE_S = 60.0


def ledger(database: Database, limit: int = 10**9) -> Ledger:
    made = Ledger(database, process_id="p", clock=lambda: datetime.now(UTC), new_id=lambda: uuid.uuid4().hex)
    made.set_cap(Cap("all", "global", "", "total", limit), by="test", why="test")
    return made


def approved(database: Database) -> Approvals:
    made = Approvals(database, lambda: datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    made.record_quote(QUOTE, "r1", "campaign", "kettle", "test")
    made.approve(QUOTE.hash, "Ada", "")
    return made


def intent(work: str, quote_hash: str = QUOTE.hash) -> Intent:
    return Intent(work, 30, "book", BY, {}, quote_hash)


def books(database: Database) -> list[tuple[object, ...]]:
    tables = (attempts, attempt_events, attempt_caps, cap_windows, vendor_slots)
    with database.read() as connection:
        return [tuple(row) for table in tables for row in connection.execute(sa.select(table))]


def test_a_withdrawn_approval_refuses_holds_and_changes_nothing(database: Database) -> None:
    its, approvals = ledger(database), approved(database)
    its.hold(intent("before"), slots=24)
    approvals.withdraw(QUOTE.hash, "Grace")
    before = books(database)
    with pytest.raises(ApprovalWithdrawn, match=r"Grace withdrew the approval of quote \w{12} on 2026-11-21 09:30 UTC"):
        its.hold(intent("after"), slots=24)
    assert books(database) == before
    its.hold(intent("of a run without an approval", ""), slots=24)
    approvals.approve(QUOTE.hash, "Ada", "after all")
    its.hold(intent("after"), slots=24)


def test_a_quote_that_nobody_approved_refuses_holds(database: Database) -> None:
    with pytest.raises(ApprovalWithdrawn, match="nobody approved quote"):
        ledger(database).hold(intent("work", "f" * 64), slots=24)


def test_who_holds_already_cannot_send_any_more_and_gives_the_hold_back(database: Database) -> None:
    its, approvals = ledger(database), approved(database)
    attempt_id = its.hold(intent("work"), slots=24).attempt_id
    approvals.withdraw(QUOTE.hash, "Grace")
    before = books(database)
    with pytest.raises(ApprovalWithdrawn, match="Grace withdrew"):
        its.send(attempt_id, QUOTE.hash)
    assert books(database) == before
    its.give_up(attempt_id, code="approval-withdrawn", note="")
    assert [use.committed_micros for use in its.uses(BY)] == [0]


def test_what_was_sent_before_is_collected_and_settled(database: Database) -> None:
    its, approvals = ledger(database), approved(database)
    attempt_id = its.hold(intent("work"), slots=24).attempt_id
    its.send(attempt_id, QUOTE.hash)
    approvals.withdraw(QUOTE.hash, "Grace")
    its.accept(attempt_id, Job("j", ""))
    its.deliver(attempt_id, sha256="0", key="k", usage={}, model_answered="", receipt={})
    its.settle(attempt_id, 20, source="vendor")
    assert its.get(attempt_id).state == "settled"


def test_once_it_is_withdrawn_no_process_sends_however_many_are_at_it(database: Database) -> None:
    its, approvals, enough = ledger(database), approved(database), threading.Event()

    def work(number: int) -> None:
        for turn in range(MAX_TURNS):
            attempt_id = its.hold(intent(f"{number} {turn}"), slots=10**6).attempt_id
            its.send(attempt_id, QUOTE.hash)
            if turn == ENOUGH:
                enough.set()

    with ThreadPoolExecutor(THREADS) as pool:
        working = [pool.submit(work, number) for number in range(THREADS)]
        assert enough.wait(DEADLINE_S)
        approvals.withdraw(QUOTE.hash, "Grace")
        sent = _sent(database)
    assert [type(done.exception()) for done in working] == THREADS * [ApprovalWithdrawn]
    assert _sent(database) == sent > ENOUGH


def test_a_cap_that_refuses_is_told_while_the_approval_stands(database: Database) -> None:
    its, _ = ledger(database, limit=10), approved(database)
    with pytest.raises(CapRefused):
        its.hold(intent("work"), slots=24)


def _sent(database: Database) -> int:
    query = sa.select(sa.func.count()).where(attempt_events.c.state == "sent")
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())
