"""What every answer of the board has in common: headers, hosts, limits, errors, messages, the log; people, audit."""

import io
import json
import logging
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import CapRefused, InputError, StorageError
from review import render
from review.access.roles import Role
from review.access.shield import security_headers
from review.options import BoardOptions, from_settings
from review.routing import Page, routes
from tests.support.board import ADDRESS, BoardUnderTest
from wiring import Settings


@pytest.fixture
def under(tmp_path: Path) -> BoardUnderTest:
    return BoardUnderTest.on(tmp_path)


def add_page(under: BoardUnderTest, page: Page) -> None:
    under.app.router.routes.insert(0, routes([page])[0])


async def _takes_upload(request: Request) -> Response:
    form = await request.form()
    return Response(str(len(await form["picture"].read())))  # type: ignore[union-attr]


async def _breaks(_request: Request) -> Response:
    raise RuntimeError("a secret detail")


def test_every_answer_has_the_security_headers_errors_too(under: BoardUnderTest) -> None:
    add_page(under, Page("/breaks", _breaks, Role.VIEWER))
    client = under.client(Role.VIEWER)
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    for path in ("/", "/nope", "/breaks", "/sign-in", "/healthz", "/static/board.css", "/sign-out"):
        answer = client.get(path)
        assert security_headers(under.board.options).items() <= answer.headers.items(), path
        assert ("no-store" in answer.headers["cache-control"]) is not path.startswith("/static/"), path


def test_the_policy_allows_nothing_inline_and_pictures_of_the_store_only() -> None:
    settings = Settings.model_validate(
        {"s3_endpoint_url": "https://s3.example.com/x", "board_base_url": "https://board.example.com/"}
    )
    headers = security_headers(from_settings(settings))
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "img-src 'self' https://s3.example.com;" in policy
    assert "unsafe" not in policy
    assert "max-age" in headers["strict-transport-security"]
    assert "strict-transport-security" not in security_headers(BoardOptions())


def test_no_template_has_an_inline_style_script_or_handler() -> None:
    import re

    for path in Path(render.__file__).parent.joinpath("templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)|javascript:", text), path


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4300", "127.0.0.1.evil.example", "board.example.com", ""]
)
def test_a_host_that_is_not_ours_gets_nothing(under: BoardUnderTest, host: str) -> None:
    assert under.client().get("/sign-in", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:4300", "localhost:4300", "[::1]:4300", "localhost"])
def test_loopback_is_ours(under: BoardUnderTest, host: str) -> None:
    assert under.client().get("/healthz", headers={"host": host}).text == "ok\n"


def test_an_upload_is_cut_off_at_the_page_s_limit_declared_or_not(under: BoardUnderTest) -> None:
    add_page(under, Page("/upload", _takes_upload, Role.CREATOR, methods=("POST",), max_body_bytes=50_000))
    client = under.client(Role.CREATOR)
    fits, too_much = b"x" * 40_000, b"x" * 60_000
    assert client.submit("/upload", files={"picture": ("a.png", fits)}).text == "40000"
    assert client.submit("/upload", files={"picture": ("a.png", too_much)}).status_code == 413
    headers = {"origin": ADDRESS, "content-type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
    body = io.BytesIO(head + too_much + b"\r\n--b--\r\n")
    chunks = iter(lambda: body.read(4096), b"")
    assert client.post("/upload", content=chunks, headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("the subject is missing"), 422),
        (CapRefused("day", limit_micros=1, committed_micros=0, asked_micros=2), 409),
    ],
)
def test_an_error_of_ours_is_a_sentence_on_a_page_or_a_toast(
    error: Exception, status: int, under: BoardUnderTest
) -> None:
    async def fails(_request: Request) -> Response:
        raise error

    add_page(under, Page("/fails", fails, Role.VIEWER, methods=("POST",)))
    client = under.client(Role.VIEWER)
    answer = client.submit("/fails")
    assert answer.status_code == status
    assert str(error)[1:].split("'")[0] in answer.text
    toast = client.submit("/fails", htmx=True)
    assert (toast.status_code, toast.text, toast.headers["hx-reswap"]) == (status, "", "none")
    assert str(error)[1:] in toast.headers["hx-trigger"]


def test_a_store_that_is_away_is_told_without_its_address(under: BoardUnderTest) -> None:
    async def fails(_request: Request) -> Response:
        raise StorageError("the database at postgresql://db.internal/draftline did not answer")

    add_page(under, Page("/fails", fails, Role.VIEWER))
    answer = under.client(Role.VIEWER).get("/fails")
    assert (answer.status_code, "does not answer. Try again" in answer.text) == (503, True)
    assert "db.internal" not in answer.text


def test_what_breaks_is_told_with_an_id_and_without_the_reason(
    under: BoardUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    add_page(under, Page("/breaks", _breaks, Role.VIEWER))
    client = under.client(Role.VIEWER)
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    answer = client.get("/breaks")
    assert answer.status_code == 500
    assert "a secret detail" not in answer.text
    line = next(record for record in caplog.records if record.message.startswith("board_failed"))
    assert line.message.split("id=")[1].split()[0] in answer.text


def test_the_log_line_has_person_and_status_and_never_a_token(
    under: BoardUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "draftline.board")
    client = under.client(Role.VIEWER)
    client.get("/people?token=very-secret")
    line = caplog.records[-1].message
    assert "path='/people' status=403 user='viewer'" in line
    under.client().submit("/sign-in/link", token="very-secret")
    assert "very-secret" not in caplog.text
    assert client.cookies["draftline_session"] not in caplog.text


def test_a_message_is_shown_once_on_the_page_after(under: BoardUnderTest) -> None:
    client = under.client(Role.ADMIN)
    assert client.submit("/people", user_id="bob", roles="viewer").headers["location"] == "/people#bob"
    assert "bob may come in now" in client.get("/people").text
    assert "bob may come in now" not in client.get("/people").text


@pytest.mark.parametrize("text", ["ü" * 2_000, "朝" * 2_000, "🫖" * 2_000, '"' * 2_000, "\x01" * 2_000, "word " * 500])
def test_five_long_messages_in_any_script_fit_a_cookie_and_a_header(under: BoardUnderTest, text: str) -> None:
    async def speaks(request: Request) -> Response:
        for number in range(5):
            render.flash(request, f"{number}{text}", "good")
        return Response() if render.wants_fragment(request) else render.see_other(request, "/")

    add_page(under, Page("/speaks", speaks, Role.VIEWER, methods=("POST",)))
    client = under.client(Role.VIEWER)
    answer = client.submit("/speaks")
    (cookie,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith("draftline_flash="))
    assert len(cookie.partition(";")[0]) <= 4_096, "a browser drops a longer one whole"
    page = client.get("/").text
    assert page.count('class="flash flash-good"') == 5
    assert page.count("…</p>") == 5, "cut at a character, and marked as cut"
    header = client.submit("/speaks", htmx=True).headers["hx-trigger"]
    assert len(header) <= 4_096
    assert [one["text"][0] for one in json.loads(header)["board:flash"]] == list("01234")


def test_whoever_was_signed_out_comes_back_to_the_page_that_she_looked_at(under: BoardUnderTest) -> None:
    nobody, sent_by = under.client(), {"origin": ADDRESS}
    page = {"hx-request": "true", "hx-current-url": f"{ADDRESS}/launch?copy=b1"}
    assert nobody.post("/launch/preview", headers={**sent_by, **page}).headers["hx-redirect"] == (
        "/sign-in?next=/launch%3Fcopy%3Db1"
    )
    elsewhere = {"hx-request": "true", "hx-current-url": "https://evil.example/launch"}
    assert nobody.post("/launch/preview", headers={**sent_by, **elsewhere}).headers["hx-redirect"] == "/sign-in"
    broken = {"hx-request": "true", "hx-current-url": "http://[half"}
    assert nobody.post("/launch/preview", headers={**sent_by, **broken}).headers["hx-redirect"] == "/sign-in"
    told = nobody.post("/launch/start", headers={**sent_by, "referer": f"{ADDRESS}/launch"})
    assert told.status_code == 401
    assert "nothing was sent, and nothing is changed" in told.text
    assert 'href="/sign-in?next=/launch"' in told.text


@pytest.mark.parametrize("cookie", ["%%%", "AAAA", "bnVsbA==", "WzEsMl0=", "W3sidGV4dCI6IFsxXX1d"])
def test_a_broken_message_cookie_breaks_no_page(under: BoardUnderTest, cookie: str) -> None:
    client = under.client(Role.VIEWER)
    client.cookies.set("draftline_flash", cookie)
    assert client.get("/").status_code == 200


def test_the_colours_are_in_the_page_as_it_comes_from_the_server(under: BoardUnderTest) -> None:
    client = under.client(Role.VIEWER)
    assert 'data-theme="auto"' in client.get("/").text
    assert client.submit("/theme", theme="dark", back="/people").headers["location"] == "/people"
    assert 'data-theme="dark"' in client.get("/").text
    client.submit("/theme", theme="nonsense")
    assert 'data-theme="auto"' in client.get("/").text


def test_the_colour_switch_without_a_script_leads_back_to_a_page_that_can_be_opened(under: BoardUnderTest) -> None:
    client = under.client(Role.ADMIN)

    def back(page: str) -> str:
        return page.partition('name="back" value="')[2].partition('"')[0]

    assert back(client.get("/spend?by=model&range=today").text) == "/spend?by=model&amp;range=today"
    form = {"csrf_token": client.csrf_token, "subject": "a jug"}
    for before, expected in (("/launch?template=x", "/launch?template=x"), ("/launch/preview", "/")):
        answer = client.post("/launch/preview", data=form, headers={"origin": ADDRESS, "referer": ADDRESS + before})
        assert answer.status_code == 200
        assert back(answer.text) == expected


def test_static_files_are_kept_for_ever_by_their_hash_and_nothing_else_is_served(under: BoardUnderTest) -> None:
    client = under.client()
    assert "immutable" in client.get(render.static_url("board.css")).headers["cache-control"]
    assert "immutable" not in client.get("/static/board.css?v=old").headers["cache-control"]
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "vendor/../../app.py", "vendor/htmx.LICENSE", "nope.css"):
        assert client.get(f"/static/{path}").status_code in (303, 404), path


def test_a_wrong_method_is_told_and_changes_nothing(under: BoardUnderTest) -> None:
    assert under.client(Role.ADMIN).get("/sign-out").status_code in (404, 405)
    assert under.client(Role.ADMIN).delete("/people").status_code == 405


def test_people_are_added_given_roles_and_shut_out_and_all_of_it_is_recorded(under: BoardUnderTest) -> None:
    admin = under.client(Role.ADMIN)
    admin.submit("/people", user_id="Ada", name="Ada L.", roles=["creator", "reviewer"])
    assert under.board.accounts.user("ada").roles == ("creator", "reviewer")  # type: ignore[union-attr]
    assert admin.submit("/people", user_id="ada", roles="viewer").status_code == 422
    assert admin.submit("/people", user_id="<b>", roles="viewer").status_code == 422
    assert admin.submit("/people/ada/roles", roles="finance").status_code == 303
    assert admin.submit("/people/ada/roles", roles="king").status_code == 422
    assert admin.submit("/people/nobody/roles", roles="finance").status_code == 404
    assert admin.submit("/people/admin/roles", roles="viewer").status_code == 422, "the only administrator"
    assert admin.submit("/people/ada/access", disabled="yes").status_code == 303
    assert under.board.accounts.user("ada").disabled  # type: ignore[union-attr]
    page = admin.get("/audit").text
    for action in ("person.added", "roles.changed", "person.shut_out"):
        assert action in page
    assert "person.added" not in admin.get("/audit?action=roles.changed").text.partition("<tbody>")[2]


def test_a_link_is_shown_once_and_stands_in_no_log(under: BoardUnderTest) -> None:
    admin = under.client(Role.ADMIN)
    admin.submit("/people", user_id="ada", roles="viewer")
    text = admin.submit("/people/ada/link").text
    link = text.partition("/sign-in/link?token=")[2].partition('"')[0]
    assert under.client().submit("/sign-in/link", token=link).status_code == 303
    assert link not in admin.get("/people").text
    assert link not in admin.get("/audit").text


def test_old_audit_entries_are_on_further_pages(under: BoardUnderTest) -> None:
    for number in range(150):
        under.board.audits.add("ada", "thing.done", f"target-{number}")
    admin = under.client(Role.ADMIN)
    first = admin.get("/audit").text
    assert "target-149" in first
    assert "target-20<" not in first
    older = first.partition("before=")[2].partition('"')[0]
    assert "target-20<" in admin.get(f"/audit?before={older}").text
