"""Coming in by password or link, and staying in: what is let in, what is refused, and what is told."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from domain.errors import InputError, SettingError
from review.__main__ import Listen, check_open
from review.access import local
from review.access.roles import Role
from review.access.secrets import Passwords, token_sha256
from review.options import BoardOptions, from_settings
from tests.support.board import CHEAP, BoardClient, BoardUnderTest
from wiring import Settings

PASSWORD = "four plain words here"
LINK = re.compile(r"/sign-in/link\?token=([\w-]+)")


class Clock:
    """The board's time, moved by hand."""

    def __init__(self, under: BoardUnderTest) -> None:
        self.now = under.w.now()
        under.board.accounts._clock = self
        under.board.sessions._clock = self

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def under(tmp_path: Path) -> BoardUnderTest:
    made = BoardUnderTest.on(tmp_path)
    local.add_person(made.board.accounts, "ada", "Ada Lovelace", frozenset({Role.VIEWER}))
    made.board.accounts.set_password_hash("ada", CHEAP.hashed(PASSWORD))
    return made


def sign_in(client: BoardClient, name: str = "ada", password: str = PASSWORD, **more: str) -> int:
    return int(client.submit("/sign-in", name=name, password=password, **more).status_code)


def without_tokens(page: str) -> str:
    return re.sub(r'(name="csrf_token" value|content|back" value)="[^"]*"|X-CSRF-Token": "[^"]*"', "", page)


def actions(under: BoardUnderTest) -> list[str]:
    return [entry.action for entry in under.board.audits.newest(50)]


def test_a_right_password_opens_a_session_and_goes_on_where_it_was_wanted(under: BoardUnderTest) -> None:
    client = under.client()
    assert client.get("/runs?state=open").headers["location"] == "/sign-in?next=/runs%3Fstate%3Dopen"
    answer = client.submit("/sign-in", name="Ada ", password=PASSWORD, next="/runs?state=open")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?state=open")
    cookie = answer.headers.get_list("set-cookie")[0]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Ada Lovelace" in client.get("/").text
    assert actions(under) == ["sign_in.ok"]


@pytest.mark.parametrize(
    "next_path", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_after_the_sign_in_nobody_is_sent_to_another_site(under: BoardUnderTest, next_path: str) -> None:
    assert under.client().submit("/sign-in", name="ada", password=PASSWORD, next=next_path).headers["location"] == "/"


def test_a_wrong_password_and_a_name_that_nobody_has_are_told_the_same(under: BoardUnderTest) -> None:
    wrong = under.client().submit("/sign-in", name="ada", password="wrong")
    nobody = under.client().submit("/sign-in", name="bob", password="wrong")
    assert wrong.status_code == nobody.status_code == 401
    assert "do not go together" in wrong.text
    assert without_tokens(wrong.text).replace("ada", "bob") == without_tokens(nobody.text)
    assert actions(under) == ["sign_in.failed", "sign_in.failed"]


def test_as_much_hashing_is_done_for_nobody_as_for_somebody() -> None:
    done = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            done.append(password)
            return super().verify(hash, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not passwords.fits("", PASSWORD)
    assert not passwords.fits(passwords.hashed("another"), PASSWORD)
    assert len(done) == 2


def test_after_too_many_tries_a_name_is_closed_whoever_has_it_and_whatever_the_password(under: BoardUnderTest) -> None:
    texts = []
    for name in ("ada", "bob"):
        for _ in range(local.TRIES_A_USER):
            assert sign_in(under.client(), name, "wrong") == 401
        answer = under.client().submit("/sign-in", name=name, password=PASSWORD)
        assert answer.status_code == 429
        texts.append(re.search(r"Too many [^<]+", answer.text))
    assert texts[0] is not None
    assert texts[1] is not None
    assert texts[0].group() == texts[1].group()


def test_a_closed_name_opens_again_after_the_window(under: BoardUnderTest) -> None:
    clock = Clock(under)
    for _ in range(local.TRIES_A_USER + 1):
        sign_in(under.client(), "ada", "wrong")
    assert sign_in(under.client()) == 429
    clock.pass_(minutes=16)
    assert sign_in(under.client()) == 303


def test_an_address_is_closed_after_tries_at_many_names_and_a_right_one_between_does_not_help(
    under: BoardUnderTest,
) -> None:
    for number in range(local.TRIES_AN_ADDRESS):
        assert sign_in(under.client(), f"somebody{number}", "wrong") == 401
        if number == 10:
            assert sign_in(under.client()) == 303
    assert sign_in(under.client()) == 429


def test_a_hash_of_earlier_parameters_is_made_new_at_the_sign_in(under: BoardUnderTest) -> None:
    before = under.board.accounts.user("ada")
    under.board.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert sign_in(under.client()) == 303
    after = under.board.accounts.user("ada")
    assert before is not None
    assert after is not None
    assert before.password_hash != after.password_hash
    assert "m=16,t=2" in after.password_hash
    assert sign_in(under.client()) == 303


def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(under: BoardUnderTest) -> None:
    path = local.link_path(local.new_link(under.board.accounts, "ada"))
    token = path.partition("=")[2]
    preview = under.client()
    assert "Ada Lovelace" in preview.get(path).text
    assert preview.get(path).status_code == 200
    client = under.client()
    assert client.submit("/sign-in/link", token=token).headers["location"] == "/"
    assert client.get("/").status_code == 200
    assert under.client().submit("/sign-in/link", token=token).status_code == 410
    assert under.client().get(path).status_code == 410


def test_a_link_is_too_old_after_a_quarter_of_an_hour(under: BoardUnderTest) -> None:
    clock = Clock(under)
    token = local.new_link(under.board.accounts, "ada")
    clock.pass_(minutes=15)
    assert under.client().submit("/sign-in/link", token=token).status_code == 410


def test_the_database_has_neither_a_session_s_nor_a_link_s_token(under: BoardUnderTest, tmp_path: Path) -> None:
    client = under.client()
    sign_in(client)
    link = local.new_link(under.board.accounts, "ada")
    session = client.cookies["draftline_session"]
    files = b"".join(path.read_bytes() for path in (tmp_path / "home").glob("draftline.db*"))
    for token in (link, session):
        assert token_sha256(token).encode() in files
        assert token.encode() not in files


def test_signing_in_again_closes_the_session_before(under: BoardUnderTest) -> None:
    client = under.client()
    sign_in(client)
    before = client.cookies["draftline_session"]
    client.submit("/sign-in/link", token=local.new_link(under.board.accounts, "ada"))
    assert client.cookies["draftline_session"] != before
    assert under.board.sessions.find(before) is None


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(under: BoardUnderTest) -> None:
    client = under.client()
    sign_in(client)
    kept = client.cookies["draftline_session"]
    client.user_id = "ada"
    assert client.submit("/sign-out").headers["location"] == "/sign-in"
    client.cookies.set("draftline_session", kept)
    assert client.get("/").status_code == 303
    assert "sign_in.out" in actions(under)


def test_a_session_lasts_while_it_is_used_but_never_longer_than_a_week(under: BoardUnderTest) -> None:
    clock = Clock(under)
    client = under.client(Role.VIEWER)
    for _ in range(14):
        clock.pass_(hours=11, minutes=59)
        assert client.get("/").status_code == 200
    clock.pass_(hours=1)
    assert client.get("/").status_code == 303


def test_a_session_that_is_not_used_ends_after_twelve_hours(under: BoardUnderTest) -> None:
    clock = Clock(under)
    client = under.client(Role.VIEWER)
    clock.pass_(hours=12)
    assert client.get("/").status_code == 303


def test_a_role_that_is_taken_away_is_gone_with_the_next_request_and_so_is_a_person(under: BoardUnderTest) -> None:
    client = under.client(Role.ADMIN, Role.FINANCE)
    assert client.get("/people").status_code == 200
    under.board.accounts.set_roles(client.user_id, [Role.VIEWER])
    assert client.get("/people").status_code == 403
    assert client.get("/").status_code == 200
    under.board.accounts.set_disabled(client.user_id, True)
    assert client.get("/").status_code == 303
    under.board.accounts.set_disabled(client.user_id, False)
    assert client.get("/").status_code == 303, "the old session must not come back"


def test_somebody_without_any_role_is_in_but_sees_nothing(under: BoardUnderTest) -> None:
    client = under.client(user_id="newcomer")
    answer = client.get("/")
    assert answer.status_code == 403
    assert "without a role" in answer.text
    assert client.submit("/sign-out").status_code == 303


def test_over_https_the_cookies_are_bound_to_this_host() -> None:
    from starlette.responses import Response

    from review.access import cookies

    answer = Response()
    cookies.put(answer, BoardOptions(base_url="https://board.example.com"), cookies.SESSION, "x")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-draftline_session=x;")
    assert {"Secure", "Path=/", "HttpOnly"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_changing_the_password_asks_for_the_present_one_and_ends_every_session(under: BoardUnderTest) -> None:
    one, other = under.client(), under.client()
    sign_in(one)
    sign_in(other)
    one.user_id = "ada"
    new = "another four plain words"
    assert one.submit("/password", present="wrong", new=new, again=new).status_code == 422
    assert one.submit("/password", present=PASSWORD, new="short", again="short").status_code == 422
    assert one.submit("/password", present=PASSWORD, new=new, again=new).headers["location"] == "/sign-in"
    assert other.get("/").status_code == 303
    assert sign_in(under.client()) == 401
    assert sign_in(under.client(), password=new) == 303


def test_the_first_administrator_is_made_when_there_is_none(under: BoardUnderTest) -> None:
    accounts = under.board.accounts
    assert local.first_admin(accounts) == "admin"
    assert local.first_admin(accounts) == "admin"
    accounts.set_roles("admin", [])
    accounts.set_roles("ada", [Role.ADMIN])
    assert local.first_admin(accounts) == "ada"
    with pytest.raises(InputError, match="only administrator"):
        local.check_one_admin_is_left(accounts, "ada", frozenset({Role.FINANCE}))


@pytest.mark.parametrize(
    ("listen", "base_url", "names"),
    [
        (Listen("0.0.0.0"), "", "plain http"),
        (Listen("192.168.0.4"), "http://192.168.0.4:4300", "plain http"),
        (Listen("0.0.0.0", insecure=True), "", "needs the address"),
    ],
)
def test_plain_http_is_not_opened_to_others_by_accident(listen: Listen, base_url: str, names: str) -> None:
    with pytest.raises(SettingError, match=names):
        check_open(listen, BoardOptions(base_url=base_url))
    check_open(Listen(), BoardOptions())
    check_open(Listen("0.0.0.0"), BoardOptions(base_url="https://board.example.com"))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"board_base_url": "board.example.com"}, "DRAFTLINE_BOARD_BASE_URL"),
        ({"board_base_url": "https://example.com/board"}, "DRAFTLINE_BOARD_BASE_URL"),
        ({"board_sign_in": "oidc"}, "DRAFTLINE_BOARD_OIDC_ISSUER"),
        ({"board_sign_in": "proxy"}, "DRAFTLINE_BOARD_PROXY_ADDRESSES"),
        ({"board_proxy_addresses": "not-a-network"}, "DRAFTLINE_BOARD_PROXY_ADDRESSES"),
        ({"board_group_roles": "art=painter"}, "DRAFTLINE_BOARD_GROUP_ROLES"),
        ({"board_group_roles": "admin"}, "DRAFTLINE_BOARD_GROUP_ROLES"),
        ({"board_newcomer_roles": "king"}, "DRAFTLINE_BOARD_NEWCOMER_ROLES"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], names: str) -> None:
    with pytest.raises(SettingError, match=names):
        from_settings(Settings.model_validate(settings))
