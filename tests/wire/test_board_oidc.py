"""Sign-in with OpenID Connect against a real provider on loopback: who comes in, and every way in which nobody does."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from review.access.roles import Role
from review.options import BoardOptions, OidcOptions
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider

GROUPS = {"art": frozenset({Role.REVIEWER}), "money": frozenset({Role.FINANCE})}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    fresh = Provider(issuer=running.issuer, key=running.key)
    for name in ("person", "fault", "groups_in_userinfo", "codes", "asked"):
        setattr(running, name, getattr(fresh, name))
    return running


def board_with(provider: Provider, folder: Path, **options: object) -> BoardUnderTest:
    oidc = OidcOptions(provider.issuer, CLIENT_ID, CLIENT_SECRET)
    values: dict[str, object] = {"sign_in": "oidc", "oidc": oidc, "group_roles": GROUPS, **options}
    return BoardUnderTest.on(folder, BoardOptions(**values))  # type: ignore[arg-type]


@pytest.fixture
def under(provider: Provider, tmp_path: Path) -> BoardUnderTest:
    return board_with(provider, tmp_path)


def at_provider(client: BoardClient, next_path: str = "/") -> str:
    """Go to the provider and sign in there; the path and query with which it sends the browser back."""
    begun = client.get("/sign-in/oidc", params={"next": next_path})
    assert begun.status_code == 303, begun.text
    back = httpx.get(begun.headers["location"]).headers["location"]
    return back.removeprefix("http://127.0.0.1:4300")


def finish(client: BoardClient, back: str) -> httpx.Response:
    answer: httpx.Response = client.get(back)
    return answer


def test_a_person_of_the_directory_comes_in_with_the_roles_of_her_groups(under: BoardUnderTest) -> None:
    client = under.client()
    answer = finish(client, at_provider(client, "/password"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/password")
    assert "Ada Lovelace" in client.get("/").text
    assert client.get("/people").status_code == 403
    person = under.board.accounts.people()[0]
    assert (person.source, person.roles, person.display_name) == ("oidc", ("reviewer",), "Ada Lovelace")
    assert [e.action for e in under.board.audits.newest(9)] == ["sign_in.ok", "roles.changed"]


def test_the_browser_keeps_no_trace_of_a_sign_in_that_is_done(under: BoardUnderTest) -> None:
    client = under.client()
    finish(client, at_provider(client))
    assert "draftline_oidc" not in client.cookies


def test_nothing_secret_is_in_the_address_that_the_browser_is_sent_to(under: BoardUnderTest) -> None:
    client = under.client()
    url = client.get("/sign-in/oidc").headers["location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    kept = parse_qs(client.cookies["draftline_oidc"].strip('"'))
    assert CLIENT_SECRET not in url
    assert kept["verifier"][0] not in url
    assert (query["state"], query["nonce"]) == (kept["state"][0], kept["nonce"][0])
    assert query["redirect_uri"] == "http://127.0.0.1:4300/sign-in/callback"


@pytest.mark.parametrize(
    "fault",
    [
        "wrong nonce",
        "no nonce",
        "wrong audience",
        "for another client",
        "wrong issuer",
        "answer of another issuer",
        "discovery of another issuer",
        "expired",
        "from tomorrow",
        "no exp",
        "no sub",
        "wrong signature",
        "no signature",
        "shared secret as key",
        "refused",
        "plain http elsewhere",
    ],
)
def test_nobody_comes_in_when_one_proof_does_not_hold(fault: str, provider: Provider, under: BoardUnderTest) -> None:
    provider.fault = fault
    client = under.client()
    begun = client.get("/sign-in/oidc")
    if begun.status_code == 303:
        back = httpx.get(begun.headers["location"]).headers["location"]
        begun = client.get(back.removeprefix("http://127.0.0.1:4300"))
    assert begun.status_code == 403
    assert "draftline_session" not in client.cookies
    assert client.get("/").status_code == 303
    assert under.board.accounts.people() == []
    assert [e.action for e in under.board.audits.newest(9)] == ["sign_in.failed"]


def test_an_answer_that_was_begun_in_another_browser_is_refused(under: BoardUnderTest) -> None:
    hers, mine = under.client(), under.client()
    stolen = at_provider(hers)
    at_provider(mine)
    assert finish(mine, stolen).status_code == 403
    assert "draftline_session" not in mine.cookies
    assert finish(under.client(), stolen).status_code == 403


def test_an_answer_is_good_once(under: BoardUnderTest) -> None:
    client = under.client()
    back = at_provider(client)
    assert finish(client, back).status_code == 303
    assert finish(client, back).status_code == 403


def test_new_keys_of_the_provider_are_fetched_when_the_old_ones_do_not_fit(
    provider: Provider, under: BoardUnderTest
) -> None:
    now = under.w.now()
    assert under.board.oidc is not None
    under.board.oidc._clock = lambda: now
    first = under.client()
    assert finish(first, at_provider(first)).status_code == 303
    provider.rotate()
    again = under.client()
    assert finish(again, at_provider(again)).status_code == 403, "not more often than once a minute"
    now += timedelta(seconds=61)
    later = under.client()
    assert finish(later, at_provider(later)).status_code == 303
    assert provider.asked == ["discovery", "keys", "keys"]


def test_groups_may_come_from_userinfo_if_it_is_about_the_same_person(provider: Provider, tmp_path: Path) -> None:
    provider.groups_in_userinfo = True
    provider.person["groups"] = ["money"]
    under = board_with(provider, tmp_path)
    client = under.client()
    assert finish(client, at_provider(client)).status_code == 303
    assert under.board.accounts.people()[0].roles == ("finance",)
    provider.fault = "userinfo of another"
    other = under.client()
    assert finish(other, at_provider(other)).status_code == 403


def test_who_loses_a_group_loses_its_role_at_the_next_sign_in(provider: Provider, under: BoardUnderTest) -> None:
    client = under.client()
    finish(client, at_provider(client))
    provider.person["groups"] = ["money", "unknown"]
    finish(client, at_provider(client))
    assert under.board.accounts.people()[0].roles == ("finance",)


def test_without_a_mapping_a_newcomer_gets_the_newcomers_roles_and_an_admin_s_word_stays(
    provider: Provider, tmp_path: Path
) -> None:
    under = board_with(provider, tmp_path, group_roles={}, newcomer_roles=frozenset({Role.VIEWER}))
    client = under.client()
    finish(client, at_provider(client))
    person = under.board.accounts.people()[0]
    assert person.roles == ("viewer",)
    under.board.accounts.set_roles(person.user_id, ["creator"])
    finish(client, at_provider(client))
    assert under.board.accounts.people()[0].roles == ("creator",)


def test_who_is_shut_out_here_stays_out_whatever_the_directory_says(under: BoardUnderTest) -> None:
    client = under.client()
    finish(client, at_provider(client))
    under.board.accounts.set_disabled(under.board.accounts.people()[0].user_id, True)
    answer = finish(client, at_provider(client))
    assert answer.status_code == 403
    assert "no access" in answer.text


def test_passwords_and_links_do_nothing_here(under: BoardUnderTest) -> None:
    client = under.client()
    assert client.submit("/sign-in", name="ada", password="x").status_code == 403
    assert client.submit("/sign-in/link", token="x").status_code == 403


def test_a_provider_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    options = BoardOptions(sign_in="oidc", oidc=OidcOptions("http://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET))

    answer = BoardUnderTest.on(tmp_path, options).client().get("/sign-in/oidc")
    assert answer.status_code == 403
    assert "127.0.0.1 does not answer" in answer.text
