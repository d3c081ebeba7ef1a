"""PostgreSQL where a review tried to break the ledger: lost commits, strange words, many processes on shared work."""

import multiprocessing
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from budget.caps import Cap
from budget.ledger import Ledger
from domain.attempt import Dimensions, Intent
from domain.errors import CapRefused, LedgerConflict
from storage.database import Database, open_database
from tests.support.money import audit_counters
from tests.support.postgres import emptied, postgres_url
from vendors.reading import as_text, tidy

pytestmark = pytest.mark.server
CAPS = (
    Cap("day", "global", "", "day", 200_000, "Europe/Berlin"),
    Cap("z-flow", "flow", "*", "day", 120_000),
    Cap("a-vendor", "vendor", "*", "month", 150_000),
    Cap("m-sku", "sku", "*", "total", 40_000),
)
PROCESSES, STEPS, KEYS, SLOTS, MAX_MICROS = 4, 80, 60, 20, 9_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_url() as address:
        yield address


def ledger(database: Database, name: str) -> Ledger:
    made = Ledger(database, process_id=name, clock=lambda: datetime.now(UTC), new_id=lambda: uuid.uuid4().hex)
    for cap in CAPS if name == "main" else ():
        made.set_cap(cap, by="test", why="test")
    return made


def test_a_servers_lazy_commits_are_not_ours(url: str) -> None:
    """A commit that a server's crash forgets would be a second paid image."""
    database = emptied(url)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ALTER DATABASE postgres SET synchronous_commit = off"))
        connection.execute(sa.text("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'"))
    database.close()
    database = open_database(url)
    with database.write() as connection:
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(sa.text("SHOW transaction_isolation")).scalar() == "read committed"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ALTER DATABASE postgres RESET ALL"))
    database.close()


def test_a_vendors_words_can_always_be_booked(url: str) -> None:
    database = emptied(url)
    books = ledger(database, "main")
    attempt = books.hold(Intent("k", 1, "p", Dimensions(run_id="r", flow="a", vendor="bfl")), slots=1)
    books.send(attempt.attempt_id)
    books.doubt(attempt.attempt_id, code="x", note=tidy("no\x00words") + as_text("of\x00mine"))
    assert books.get(attempt.attempt_id).error == "nowordsofmine"
    database.close()


def _storm(url: str, seed: int) -> None:
    """Any other error (a deadlock, a driver's) ends the process with an exit code."""
    chance, database, mine = random.Random(seed), open_database(url), list[str]()
    books = ledger(database, f"p{seed}")
    for _ in range(STEPS):
        try:
            _step(chance, books, mine)
        except (LedgerConflict, CapRefused):
            continue
    database.close()


def _step(chance: random.Random, books: Ledger, mine: list[str]) -> None:
    if chance.random() < 0.45 or not mine:
        flow, vendor, sku = chance.choice("ab"), chance.choice(["bfl", "google"]), chance.choice(["", "s1", "s2"])
        by = Dimensions(run_id=f"r{chance.randrange(3)}", flow=flow, vendor=vendor, sku=sku)
        intent = Intent(f"k{chance.randrange(KEYS)}", chance.randrange(MAX_MICROS), "p", by)
        mine.append(books.hold(intent, slots=SLOTS).attempt_id)
        return
    attempt_id, act = chance.choice(mine), chance.choice(["send", "bounce", "settle", "release", "doubt", "cap"])
    if act == "send":
        books.send(attempt_id)
    elif act == "bounce":
        books.bounce(attempt_id, "")
    elif act == "settle":
        books.settle(attempt_id, books.get(attempt_id).hold_micros // 2, source="vendor")
    elif act == "release":
        books.release(attempt_id, code="c", note="")
    elif act == "doubt":
        books.doubt(attempt_id, code="d", note="")
    else:
        books.set_cap(chance.choice(CAPS), by="test", why="again")


def test_processes_on_shared_work_and_overlapping_caps_never_lock_up_or_pass_a_cap(url: str) -> None:
    database = emptied(url)
    books = ledger(database, "main")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_storm, args=(url, seed)) for seed in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    w: Any = type("Books", (), {"database": database, "ledger": books})
    perhaps_paid = [a.work_key for a in audit_counters(w) if a.state != "released"]
    assert len(perhaps_paid) == len(set(perhaps_paid))
    query = "SELECT max(held_micros + spent_micros - limit_micros) FROM cap_windows JOIN caps USING (cap_id)"
    with database.read() as connection:
        assert connection.execute(sa.text(query)).scalar_one() <= 0
    database.close()
