"""Quotes and approvals on a real PostgreSQL: kept once a hash, approved, withdrawn, and the reason of a run's cap."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from budget.approvals import WHY_CAPPED, Approvals
from budget.caps import Cap
from budget.ledger import Ledger
from budget.quote import Quote, QuoteLine
from domain.money import Micros, PriceRange
from storage.database import Database
from tests.support.postgres import emptied, postgres_url

pytestmark = pytest.mark.server
EACH = PriceRange(Micros(1), Micros(2), Micros(60_000))
QUOTE = Quote((QuoteLine("kettle", "", "draft", "draft", "r", "klein", "bfl", 4, EACH),), "book")


@pytest.fixture
def database() -> Iterator[Database]:
    with postgres_url() as url:
        made = emptied(url)
        yield made
        made.close()


def test_quotes_are_kept_approved_and_withdrawn_as_on_sqlite(database: Database) -> None:
    ticks = count()
    approvals = Approvals(database, lambda: datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=next(ticks)))
    for _ in range(2):
        hash_ = approvals.record_quote(QUOTE, "r1", "campaign", "kettle", "test")
    offer = approvals.quote(hash_)
    assert offer is not None
    assert approvals.difference(offer.body, QUOTE) == []
    approval = approvals.approve(hash_, "Ada", "spring")
    assert approvals.standing(hash_) == approval
    approvals.withdraw(hash_, "Grace")
    assert approvals.standing(hash_) is None
    assert [(o.quote_hash, a and a.withdrawn_by) for o, a in approvals.offers()] == [(hash_, "Grace")]

    ledger = Ledger(database, process_id="p", clock=lambda: datetime(2026, 11, 21, tzinfo=UTC), new_id=lambda: "a")
    ledger.set_cap(Cap("run:r1", "run_id", "r1", "total", 50), by="Ada", why="--cap-cents")
    ledger.set_cap(Cap("run:r1", "run_id", "r1", "total", 40), by="Ada", why=WHY_CAPPED + hash_)
    assert approvals.given_cap_micros("run:r1") == 50
