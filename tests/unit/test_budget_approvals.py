"""Quotes that are kept and the yes to them: by hash, with a name, until it is withdrawn."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from budget.approvals import Approvals
from budget.quote import Quote, QuoteLine
from domain.errors import InputError
from domain.money import Micros, PriceRange
from storage.database import Database, open_database
from storage.database.migrate import migrate

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def approvals(database: Database) -> Approvals:
    return Approvals(database, Clock())


def quote(worst: int = 60_000, done: int = 0) -> Quote:
    each = PriceRange(Micros(10), Micros(20), Micros(worst))
    return Quote((QuoteLine("kettle", "", "draft", "draft", "r", "klein", "bfl", 4, each, done),), "book")


def record(approvals: Approvals, made: Quote) -> str:
    return approvals.record_quote(made, "campaign-kettle-1", "campaign", "kettle", "Ada")


def test_a_quote_is_approved_by_its_hash_with_who_and_why(approvals: Approvals) -> None:
    hash_ = record(approvals, quote())
    assert approvals.standing(hash_) is None
    approval = approvals.approve(hash_, "Ada", "spring")
    assert (approval.by, approval.why, approval.worst_micros) == ("Ada", "spring", 4 * 60_000)
    assert approval.at > START
    assert approvals.standing(hash_) == approval


def test_a_second_yes_leaves_the_first_one_standing(approvals: Approvals) -> None:
    hash_ = record(approvals, quote())
    first = approvals.approve(hash_, "Ada", "spring")
    assert approvals.approve(hash_, "Grace", "me too") == first


def test_a_withdrawn_approval_stands_no_more_and_can_be_given_again(approvals: Approvals) -> None:
    hash_ = record(approvals, quote())
    approvals.approve(hash_, "Ada", "spring")
    approvals.withdraw(hash_, "Grace")
    assert approvals.standing(hash_) is None
    newest = approvals.newest(hash_)
    assert newest is not None
    assert newest.withdrawn_by == "Grace"
    with pytest.raises(InputError, match="no approval of quote"):
        approvals.withdraw(hash_, "Grace")
    again = approvals.approve(hash_, "Ada", "after all")
    assert approvals.standing(hash_) == again


def test_nobody_approves_what_was_never_offered_or_without_a_name(approvals: Approvals) -> None:
    with pytest.raises(InputError, match="there is no quote 'abc'"):
        approvals.approve("abc", "Ada", "")
    hash_ = record(approvals, quote())
    for work in (lambda: approvals.approve(hash_, " ", ""), lambda: approvals.withdraw(hash_, "")):
        with pytest.raises(InputError, match="needs a name"):
            work()


def test_a_quote_made_again_shows_what_is_left_under_the_same_hash(approvals: Approvals) -> None:
    hash_ = record(approvals, quote())
    approvals.approve(hash_, "Ada", "")
    assert record(approvals, quote(done=3)) == hash_
    offer = approvals.quote(hash_)
    assert offer is not None
    assert offer.worst_micros == 60_000
    assert approvals.standing(hash_) is not None


def test_the_newest_quotes_come_first_with_their_approval(approvals: Approvals) -> None:
    older, newer = record(approvals, quote()), record(approvals, quote(70_000))
    approval = approvals.approve(older, "Ada", "")
    assert [(offer.quote_hash, found) for offer, found in approvals.offers()] == [(newer, None), (older, approval)]


def test_the_difference_is_told_from_what_was_kept(approvals: Approvals) -> None:
    offer = approvals.quote(record(approvals, quote()))
    assert offer is not None
    assert approvals.difference(offer.body, quote()) == []
    assert approvals.difference(offer.body, quote(70_000)) == ["price of klein went from $0.0600 to $0.0700 a draft"]
