"""Sign-in by a trusted proxy's headers: believed from its address, ignored from everywhere else."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from review.access.roles import Role
from review.options import BoardOptions
from tests.support.board import BoardClient, BoardUnderTest

PROXY = "10.0.0.7"
GROUPS = {"art": frozenset({Role.REVIEWER}), "boss": frozenset({Role.ADMIN})}
ADA = {"x-forwarded-user": "ada@example.com", "x-forwarded-groups": "art, unknown"}


@pytest.fixture
def under(tmp_path: Path) -> BoardUnderTest:
    networks = (ip_network("10.0.0.0/24"),)
    return BoardUnderTest.on(tmp_path, BoardOptions(sign_in="proxy", trusted_proxies=networks, group_roles=GROUPS))


def behind_proxy(under: BoardUnderTest, peer: str = PROXY) -> BoardClient:
    return BoardClient(under, peer=peer)


def test_whom_the_proxy_names_is_in_with_the_roles_of_the_groups(under: BoardUnderTest) -> None:
    client = behind_proxy(under)
    answer = client.get("/", headers=ADA)
    assert answer.status_code == 200
    assert "ada@example.com" in answer.text
    assert client.get("/people", headers=ADA).status_code == 403
    person = under.board.accounts.people()[0]
    assert (person.user_id, person.source, person.roles) == ("proxy:ada@example.com", "proxy", ("reviewer",))


def test_one_session_serves_all_her_requests(under: BoardUnderTest) -> None:
    client = behind_proxy(under)
    client.get("/", headers=ADA)
    first = client.cookies["draftline_session"]
    client.get("/", headers=ADA)
    assert client.cookies["draftline_session"] == first
    assert [e.action for e in under.board.audits.newest(9)] == ["sign_in.ok", "roles.changed"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.1.7", "203.0.113.9", "testclient"])
def test_the_header_is_nothing_from_another_address(under: BoardUnderTest, peer: str) -> None:
    headers = {**ADA, "x-forwarded-groups": "boss", "x-forwarded-for": PROXY}
    assert behind_proxy(under, peer).get("/", headers=headers).status_code == 303
    assert under.board.accounts.people() == []


def test_a_session_without_the_header_is_nothing(under: BoardUnderTest) -> None:
    client = behind_proxy(under)
    client.get("/", headers=ADA)
    assert client.get("/").status_code == 303
    stolen = behind_proxy(under, "203.0.113.9")
    stolen.cookies.set("draftline_session", client.cookies["draftline_session"])
    assert stolen.get("/", headers=ADA).status_code == 303


def test_another_name_in_the_header_is_another_session(under: BoardUnderTest) -> None:
    client = behind_proxy(under)
    client.get("/", headers=ADA)
    before = client.cookies["draftline_session"]
    assert "bob" in client.get("/", headers={**ADA, "x-forwarded-user": "bob"}).text
    assert client.cookies["draftline_session"] != before
    assert under.board.sessions.find(before) is None


def test_a_group_that_is_lost_is_lost_with_the_next_request(under: BoardUnderTest) -> None:
    client = behind_proxy(under)
    assert client.get("/people", headers={**ADA, "x-forwarded-groups": "boss"}).status_code == 200
    assert client.get("/people", headers=ADA).status_code == 403


def test_a_header_that_stands_there_twice_names_nobody(under: BoardUnderTest) -> None:
    twice = [("x-forwarded-user", "ada"), ("x-forwarded-user", "boss"), ("x-forwarded-groups", "boss")]
    assert behind_proxy(under).get("/", headers=twice).status_code == 303


@pytest.mark.parametrize("name", ["", "x" * 300, "a\tb"])
def test_an_absurd_name_is_nobody(under: BoardUnderTest, name: str) -> None:
    assert behind_proxy(under).get("/", headers={"x-forwarded-user": name}).status_code == 303


def test_who_is_shut_out_stays_out(under: BoardUnderTest) -> None:
    client = behind_proxy(under)
    client.get("/", headers=ADA)
    under.board.accounts.set_disabled("proxy:ada@example.com", True)
    assert client.get("/", headers=ADA).status_code == 303


def test_the_address_in_the_audit_log_is_the_client_s_not_the_proxy_s_nor_what_the_client_says(
    under: BoardUnderTest,
) -> None:
    headers = {**ADA, "x-forwarded-for": "1.2.3.4, 198.51.100.8, 10.0.0.9"}
    behind_proxy(under).get("/", headers=headers)
    assert {entry.address for entry in under.board.audits.newest(5)} == {"198.51.100.8"}


def test_a_header_opens_nothing_where_people_sign_in_another_way(tmp_path: Path) -> None:
    options = BoardOptions(trusted_proxies=(ip_network("10.0.0.0/24"),))
    assert behind_proxy(BoardUnderTest.on(tmp_path, options)).get("/", headers=ADA).status_code == 303
