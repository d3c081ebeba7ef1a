"""People, sessions, links and limits on SQLite and on a real PostgreSQL, also when several ask at the same instant."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from storage.database import Database
from storage.records.accounts import Accounts
from storage.records.audits import Audits

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
pytest_plugins = ["tests.support.both_engines"]


@pytest.fixture
def accounts(database: Database) -> Accounts:
    made = Accounts(database, lambda: NOW)
    made.add_user("ada", name="Ada", roles=["viewer", "creator"])
    return made


def test_a_person_is_added_once_and_changed(accounts: Accounts) -> None:
    assert not accounts.add_user("ada", name="Another")
    accounts.set_roles("ada", ["finance"])
    accounts.set_name("ada", "Ada L.", "ada@example.com")
    found = accounts.user("ada")
    assert found is not None
    assert (found.display_name, found.roles, found.disabled, found.created_at) == ("Ada L.", ("finance",), False, NOW)
    assert accounts.user("bob") is None


def test_a_session_is_found_until_its_time_or_its_person_is_over(database: Database, accounts: Accounts) -> None:
    accounts.open_session("s1", "ada", "c", lasts=timedelta(hours=1))
    found = accounts.session("s1")
    assert found is not None
    assert (found.user.user_id, found.user.roles, found.csrf_token) == ("ada", ("creator", "viewer"), "c")
    assert Accounts(database, lambda: NOW + timedelta(hours=1)).session("s1") is None
    accounts.touch_session(found, expires_at=NOW + timedelta(hours=2))
    assert Accounts(database, lambda: NOW + timedelta(hours=1)).session("s1") is not None
    accounts.set_disabled("ada", True)
    assert accounts.session("s1") is None


def test_of_many_who_use_a_link_at_once_one_comes_in(accounts: Accounts) -> None:
    accounts.add_link("l1", "ada", lasts=WINDOW)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: accounts.use_link("l1"), range(16)))
    assert sorted(found) == [""] * 15 + ["ada"]


def test_of_many_tries_at_once_no_more_get_through_than_the_limit(accounts: Accounts) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: accounts.try_sign_in({"user:x": 5, "address:y": 50}, window=WINDOW), range(24)))
    assert sum(found) == 5


def test_a_try_is_taken_back_alone_or_with_all_of_its_key(accounts: Accounts) -> None:
    for _ in range(3):
        assert accounts.try_sign_in({"k": 3}, window=WINDOW)
    accounts.forgive("k", newest_only=True)
    assert accounts.try_sign_in({"k": 3}, window=WINDOW)
    assert not accounts.try_sign_in({"k": 3}, window=WINDOW)
    accounts.forgive("k")
    assert accounts.try_sign_in({"k": 1}, window=WINDOW)


def test_the_audit_log_is_read_newest_first_by_person_and_kind(database: Database) -> None:
    audits = Audits(database, lambda: NOW)
    for number in range(5):
        audits.add(
            "ada" if number % 2 else "bob", "cap.changed" if number < 3 else "run.cancelled", str(number), n=number
        )
    assert [e.target for e in audits.newest(3)] == ["4", "3", "2"]
    assert [e.target for e in audits.newest(9, user_id="bob", action="cap.changed")] == ["2", "0"]
    assert audits.newest(9, before_id=audits.newest(9)[1].audit_id)[0].detail == {"n": 2}
    assert audits.actions() == ["cap.changed", "run.cancelled"]
