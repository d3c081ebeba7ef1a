"""Readings of a balance, on SQLite and on a real PostgreSQL: kept when quiet only, and cut at sends, not by clocks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from budget import credits
from budget.caps import Cap
from budget.credits import CreditReadings, Gap, judge
from budget.ledger import Ledger
from budget.unfinished import attempts_among, open_attempts_of, working_processes
from domain.attempt import Attempt, Dimensions, Intent
from domain.money import Micros
from domain.render import Job
from storage.database import Database, open_database
from storage.database.migrate import migrate
from tests.support.postgres import emptied, postgres_url

pytestmark = pytest.mark.server
NONE = timedelta()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


class Books:
    """A ledger and its readings, with one clock that every test may move."""

    def __init__(self, database: Database) -> None:
        ids = count(1)
        self.database, self.now, self.balance = database, datetime(2026, 11, 21, 12, tzinfo=UTC), 1_000_000
        self.ledger = Ledger(database, process_id="p1", clock=lambda: self.now, new_id=lambda: f"a{next(ids)}")
        self.ledger.set_cap(Cap("day", "global", "", "day", 10**9), by="test", why="test")
        self.readings = CreditReadings(database, lambda: self.now)

    def held(self, work: str, vendor: str = "bfl") -> str:
        dimensions = Dimensions(run_id="r1", flow="campaign", vendor=vendor, model_id="m")
        return self.ledger.hold(Intent(work, Micros(100), "book", dimensions), slots=24).attempt_id

    def settled(self, work: str, cost: int = 100, *, billed: int | None = None) -> None:
        attempt_id = self.held(work)
        self.ledger.send(attempt_id)
        self.balance -= cost if billed is None else billed
        self.ledger.settle(attempt_id, cost, source="vendor")

    def doubted(self, work: str, *, billed: int) -> Attempt:
        attempt_id = self.held(work)
        self.ledger.send(attempt_id)
        self.balance -= billed
        self.ledger.doubt(attempt_id, code="no-answer", note="silence")
        return self.ledger.get(attempt_id)

    def read(self, within: timedelta = NONE) -> bool:
        since = self.readings.quiet_since("bfl", charged_within=within)
        return since is not None and self.readings.keep("bfl", self.balance, since=since, by="t") is not None

    def gap(self, attempt: Attempt) -> Gap:
        found = self.readings.gap_of(attempt)
        assert found is not None
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/credits.db")
        migrate(database)
    else:
        database = emptied(request.getfixturevalue("postgres"))
    yield Books(database)
    database.close()


def test_a_sender_whose_clock_is_behind_is_known_by_what_others_wrote_before_it(books: Books) -> None:
    noon, hour = books.now, timedelta(hours=1)
    books.ledger.send(books.held("elsewhere", vendor="google"))
    books.now = noon - 2 * hour
    books.settled("just now, two hours behind")
    books.now = noon + hour / 2
    assert not books.read(within=hour)
    books.now = noon + hour
    assert books.read(within=hour)


@pytest.mark.parametrize(("billed", "finding"), [(0, "none-billed"), (100, "all-billed"), (40, "unclear")])
def test_two_readings_prove_what_was_sent_between_them(books: Books, billed: int, finding: str) -> None:
    books.settled("before")
    assert books.read()
    books.settled("one", 70)
    doubted = books.doubted("two", billed=billed)
    assert books.readings.gap_of(doubted) is None
    assert books.read()
    books.settled("after")
    assert books.read()
    gap = books.gap(doubted)
    assert [a.work_key for a in gap.attempts] == ["one", "two"]
    assert judge(gap).finding == finding


def test_clocks_that_go_wrong_move_nothing_into_another_gap(books: Books) -> None:
    """The number of the send decides: a host whose clock is an hour behind cannot hide its bill before a reading."""
    assert books.read()
    books.now -= timedelta(hours=1)
    books.settled("from a slow clock", 100)
    doubted = books.doubted("doubted", billed=0)
    books.now += timedelta(hours=1)
    assert books.read()
    assert judge(books.gap(doubted)).finding == "none-billed"


@pytest.mark.parametrize("step", ["held", "sent", "bounced"])
def test_no_reading_while_something_of_that_vendor_is_open(books: Books, step: str) -> None:
    attempt_id = books.held("open")
    if step != "held":
        books.ledger.send(attempt_id)
    if step == "bounced":
        books.ledger.bounce(attempt_id, "429")
    assert not books.read()
    books.ledger.release(attempt_id, code="refused", note="no")
    assert books.read()
    books.held("of another vendor", "google")
    assert books.read()


def test_a_hold_made_before_a_reading_and_sent_during_it_spoils_it(books: Books) -> None:
    since = books.readings.quiet_since("bfl", charged_within=NONE)
    assert since is not None
    books.settled("meanwhile")
    assert books.readings.keep("bfl", 1, since=since, by="t") is None


@pytest.mark.parametrize("ends", ["in doubt", "settled"])
def test_a_send_that_the_vendor_may_yet_charge_or_show_spoils_a_reading(books: Books, ends: str) -> None:
    books.doubted("young", billed=0) if ends == "in doubt" else books.settled("young")
    assert not books.read(timedelta(hours=1))
    books.now += timedelta(hours=2)
    assert books.read(timedelta(hours=1))


def test_a_look_back_that_is_too_short_gives_no_reading(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credits, "LOOK_BACK", 2)
    books.settled("young")
    books.held("of another vendor", "google")
    books.held("of another vendor, too", "google")
    assert not books.read(timedelta(hours=1))


def test_a_job_that_is_found_after_a_doubt_goes_on_with_the_money_that_was_held(books: Books) -> None:
    doubted = books.doubted("doubted", billed=100)
    (held,) = books.ledger.uses(doubted.dimensions)
    books.ledger.accept(doubted.attempt_id, Job("j1", "https://api.bfl.ai/j1", 100))
    assert books.ledger.get(doubted.attempt_id).state == "accepted"
    assert books.ledger.uses(doubted.dimensions) == [held]
    books.ledger.settle(doubted.attempt_id, 100, source="vendor")
    (use,) = books.ledger.uses(doubted.dimensions)
    assert (use.held_micros, use.spent_micros) == (0, 100)


def test_what_is_unfinished_is_found_by_its_process(books: Books) -> None:
    assert working_processes(books.database) == set()
    attempt_id = books.held("open")
    books.settled("ended")
    books.doubted("doubted", billed=0)
    assert working_processes(books.database) == {"p1"}
    assert [a.attempt_id for a in open_attempts_of(books.database, {"p1", "p2"})] == [attempt_id]
    assert open_attempts_of(books.database, {"p2"}) == []
    assert [a.attempt_id for a in attempts_among(books.database, {attempt_id, "unknown"})] == [attempt_id]
