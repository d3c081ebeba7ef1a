"""PostgreSQL where it says no: a standby, a role with few rights, another schema. Nothing is sent without a hold."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
import sqlalchemy as sa

from budget.caps import Cap
from budget.functions import function_name
from budget.ledger import Ledger
from budget.reports import list_attempts
from domain.attempt import Dimensions, Intent
from domain.errors import LedgerConflict, StorageError
from storage.database import Database, open_database
from storage.database.migrate import migrate
from tests.support.postgres import postgres_url

pytestmark = pytest.mark.server
NUMBERS = count(1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_url() as made:
        database = open_database(made)
        migrate(database)
        with database.write() as connection:
            for statement in (
                "CREATE ROLE few_rights LOGIN",
                "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO few_rights",
                "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO few_rights",
                "CREATE SCHEMA elsewhere",
            ):
                connection.exec_driver_sql(statement)
        ledger(database).set_cap(Cap("all", "global", "", "total", 10**9), by="test", why="test")
        database.close()
        yield made


@pytest.fixture
def opened() -> Iterator[list[Database]]:
    made: list[Database] = []
    yield made
    for database in made:
        database.close()


def ledger(database: Database) -> Ledger:
    return Ledger(database, process_id="p", clock=lambda: datetime.now(UTC), new_id=lambda: f"a{next(NUMBERS)}")


def option(url: str, name: str, value: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-c{name}%3D{value}"


def pay(database: Database) -> str:
    its, by = ledger(database), Dimensions(run_id="r", flow="f", vendor="bfl")
    attempt_id = its.hold(Intent(f"w{next(NUMBERS)}", 10, "b", by), slots=9).attempt_id
    its.send(attempt_id)
    its.settle(attempt_id, 5, source="vendor")
    return its.get(attempt_id).state


def test_a_database_that_only_reads_is_storage_that_is_out_of_reach(url: str, opened: list[Database]) -> None:
    opened += [open_database(url), open_database(option(url, "default_transaction_read_only", "on"))]
    assert pay(opened[0]) == "settled"
    before = len(list_attempts(opened[0]))
    with pytest.raises(StorageError, match=r"refused to hold: .*read-only"):
        pay(opened[1])
    assert len(list_attempts(opened[0])) == before


def test_a_role_that_may_not_create_works_once_another_has_made_the_functions(url: str, opened: list[Database]) -> None:
    opened += [open_database(url), open_database(re.sub(r"//[^@/]*@", "//few_rights@", url))]
    assert pay(opened[0]) == "settled"
    with opened[0].write() as connection:
        connection.execute(sa.text(f"DROP FUNCTION {function_name('hold')}"))
    with pytest.raises(StorageError, match="refused to hold: permission denied for schema public"):
        pay(opened[1])
    assert pay(opened[0]) == "settled"
    assert pay(opened[1]) == "settled"


def test_two_schemas_of_one_database_have_books_of_their_own(url: str, opened: list[Database]) -> None:
    opened += [open_database(url), open_database(option(url, "search_path", "elsewhere"))]
    assert pay(opened[0]) == "settled"
    before = len(list_attempts(opened[0]))
    migrate(opened[1])
    ledger(opened[1]).set_cap(Cap("all", "global", "", "total", 10**9), by="test", why="test")
    assert pay(opened[1]) == "settled"
    assert (len(list_attempts(opened[0])), len(list_attempts(opened[1]))) == (before, 1)


def test_an_image_that_is_found_after_its_bill_moves_no_money(url: str, opened: list[Database]) -> None:
    opened.append(open_database(url))
    its, by = ledger(opened[0]), Dimensions(run_id="r", flow="f", vendor="bfl")
    attempt_id = its.hold(Intent(f"w{next(NUMBERS)}", 10, "b", by), slots=9).attempt_id
    its.send(attempt_id)
    image = {"sha256": "0", "key": "k", "model_answered": "m", "receipt": {"seed": 7}}
    with pytest.raises(LedgerConflict):
        its.attach(attempt_id, **image)
    its.doubt(attempt_id, code="cut", note="")
    its.settle(attempt_id, 10, source="person", evidence="the invoice")
    before = its.uses(by)
    its.attach(attempt_id, **image)
    with pytest.raises(LedgerConflict):
        its.attach(attempt_id, **image)
    assert its.uses(by) == before
    assert (its.get(attempt_id).result_key, its.get(attempt_id).cost_micros) == ("k", 10)
