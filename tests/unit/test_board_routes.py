"""The table of routes: every route with every role and with nobody. Each page is replaced by one that says yes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from review.access.csrf import SAFE_METHODS
from review.access.roles import INCLUDES, Role, expand
from review.access.shield import Shield
from review.pages import ALL
from review.routing import Page, routes
from tests.support.board import ADDRESS, BoardClient, BoardUnderTest

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/static/{path:path}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/link"),
    ("POST", "/sign-in/link"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/callback"),
    ("POST", "/sign-out"),
    ("POST", "/theme"),
}
ROUTES = [(method, page) for page in ALL for method in page.methods]
CHANGES = [(method, page) for method, page in ROUTES if method not in SAFE_METHODS]
# What somebody who may only look can change: their own password.
VIEWERS_CHANGE = {"/password"}
NOBODY = "nobody"


async def _yes(_request: Request) -> Response:
    return PlainTextResponse("yes")


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BoardClient]:
    under = BoardUnderTest.on(tmp_path_factory.mktemp("routes"))
    app = Starlette(
        routes=routes(replace(page, endpoint=_yes) for page in ALL),
        middleware=[Middleware(Shield, options=under.board.options)],
    )
    app.state.board = under.board
    under.app = app
    return {NOBODY: under.client()} | {role.value: under.client(role) for role in Role}


def _address(page: Page) -> str:
    return re.sub(r"\{[^}]+\}", "1", page.path)


def _token(client: BoardClient) -> str:
    """The session's own; for nobody that of a visit that has no cookie yet, which is refused."""
    session = client.under_test.board.sessions.find(client.cookies.get("draftline_session", ""))
    return session.csrf_token if session else "none"


@pytest.mark.parametrize("who", [NOBODY, *Role])
def test_every_route_lets_in_whom_the_table_says_and_nobody_else(who: str, clients: dict[str, BoardClient]) -> None:
    client = clients[who]
    has = frozenset() if who == NOBODY else expand([Role(who)])
    headers = {"origin": ADDRESS, "x-csrf-token": _token(client)}
    for method, page in ROUTES:
        if page.needs is None:
            continue
        answer = client.request(method, _address(page), headers=headers)
        told = (who, method, page.path, answer.status_code)
        if page.needs in has:
            assert (answer.status_code, answer.text) == (200, "yes"), told
        elif who == NOBODY and method == "GET":
            assert answer.status_code == 303, told
            assert answer.headers["location"].startswith("/sign-in"), told
        else:
            assert answer.status_code == (401 if who == NOBODY else 403), told


def test_only_sign_in_health_and_static_files_are_public() -> None:
    assert {(method, page.path) for method, page in ROUTES if page.needs is None} == PUBLIC


def test_whoever_may_only_look_can_change_nothing_but_her_password() -> None:
    assert {page.path for _, page in CHANGES if page.needs is Role.VIEWER} <= VIEWERS_CHANGE


def test_the_same_method_and_path_is_there_once() -> None:
    found = [(method, page.path) for method, page in ROUTES]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("who", [NOBODY, *Role])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": ADDRESS}, id="without a token"),
        pytest.param({"origin": ADDRESS, "x-csrf-token": "another"}, id="with a wrong token"),
        pytest.param({"origin": "https://evil.example", "x-csrf-token": "own"}, id="from another site"),
        pytest.param({"origin": "null", "x-csrf-token": "own"}, id="from a sandboxed frame"),
        pytest.param({"sec-fetch-site": "cross-site", "x-csrf-token": "own"}, id="cross-site without an origin"),
        pytest.param({"sec-fetch-site": "same-site", "x-csrf-token": "own"}, id="from a sister domain"),
    ],
)
def test_no_route_changes_anything_without_both_proofs(
    who: str, headers: dict[str, str], clients: dict[str, BoardClient]
) -> None:
    client = clients[who]
    sent = {**headers, **({"x-csrf-token": _token(client)} if headers.get("x-csrf-token") == "own" else {})}
    for method, page in CHANGES:
        answer = client.request(method, _address(page), headers=sent)
        assert answer.status_code in (401, 403), (who, page.path, answer.status_code)
        assert answer.text != "yes"


def test_roles_include_what_the_table_says() -> None:
    assert set(INCLUDES) == set(Role)
    assert all(INCLUDES[inner] <= included for included in INCLUDES.values() for inner in included)
    assert expand([Role.APPROVER]) == {Role.APPROVER, Role.CREATOR, Role.REVIEWER, Role.VIEWER}
    assert expand([Role.ADMIN]) == set(Role)
    assert not {Role.FINANCE, Role.ADMIN} & expand([Role.APPROVER])


def test_an_address_that_is_no_page_asks_for_a_sign_in_too(tmp_path: Path) -> None:
    under = BoardUnderTest.on(tmp_path)
    assert under.client().get("/wp-admin").headers["location"] == "/sign-in?next=/wp-admin"
    assert under.client(Role.VIEWER).get("/wp-admin").status_code == 404


def test_every_route_says_what_it_needs_with_a_role_or_is_public_on_purpose() -> None:
    assert all(page.needs is None or isinstance(page.needs, Role) for page in ALL)
