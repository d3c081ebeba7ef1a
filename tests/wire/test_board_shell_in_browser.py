"""The shell of the board in a real Chromium: axe finds nothing, in both colours, on a phone; no script is needed."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from review.access import local
from review.access.roles import Role
from tests.support.board import BoardUnderTest
from tests.support.board_browser import CHROMIUM, DESK, PHONE, chromium, complaints, served, signed_in

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
PAGES = ("/", "/people", "/audit", "/password", "/no-such-page")
LOOKS: list[dict[str, Any]] = [
    {"viewport": DESK, "color_scheme": "light"},
    {"viewport": DESK, "color_scheme": "dark"},
    {"viewport": PHONE, "color_scheme": "dark", "has_touch": True},
]


@pytest.fixture(scope="module")
def under(tmp_path_factory: pytest.TempPathFactory) -> BoardUnderTest:
    made = BoardUnderTest.on(tmp_path_factory.mktemp("browser"))
    _ = made.w.ledger
    for name, roles in (("ada", {Role.APPROVER}), ("grace", {Role.FINANCE, Role.CREATOR}), ("mary", set())):
        local.add_person(made.board.accounts, name, name.title(), frozenset(roles), f"{name}@example.com")
    made.board.accounts.set_disabled("mary", True)
    for number in range(3):
        made.board.audits.add("ada", "cap.changed", "day", address="10.0.0.7", limit_micros=number)
    return made


@pytest.fixture(scope="module")
def url(under: BoardUnderTest) -> Iterator[str]:
    with served(under) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def quiet(page: Page) -> list[str]:
    """Collects what the browser's console complains about: a refused script or style is said there."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    look: dict[str, Any], under: BoardUnderTest, url: str, browser: Browser
) -> None:
    window = signed_in(under, browser, url, Role.ADMIN, **look)
    page = window.new_page()
    said = quiet(page)
    for path in PAGES:
        page.goto(path)
        assert complaints(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert [line for line in said if "404" not in line] == []
    window.close()


def test_the_header_has_room_for_its_words_at_every_width_and_says_sandbox_at_each(
    under: BoardUnderTest, url: str, browser: Browser
) -> None:
    window = signed_in(under, browser, url, Role.ADMIN, color_scheme="dark")
    page = window.new_page()
    page.goto("/")
    page.evaluate("document.querySelector('.account-name').textContent = 'Somebody With A Long Name'")
    badge = page.locator(".play-money")
    for width in (320, 360, 390, 601, 861, 941, 1101, 1181, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert badge.is_visible() is (width >= 360), width
    expect(badge).to_have_text("sandbox, no real money")
    page.set_viewport_size({"width": 320, "height": 700})
    page.locator(".account summary").click()
    expect(page.get_by_text("Sandbox: no vendor is asked")).to_be_visible()
    assert complaints(page) == []
    window.close()


def test_the_sign_in_pages_are_as_good_and_a_link_needs_one_key_without_any_script(
    under: BoardUnderTest, url: str, browser: Browser
) -> None:
    window = browser.new_context(base_url=url, java_script_enabled=False)
    page = window.new_page()
    page.goto(local.link_path(local.new_link(under.board.accounts, "ada")))
    expect(page.get_by_role("button", name="Sign in as")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    assert page.get_by_role("heading", name="Today").is_visible()
    window.close()
    window = browser.new_context(base_url=url)
    page = window.new_page()
    for path in ("/sign-in", local.link_path(local.new_link(under.board.accounts, "ada"))):
        page.goto(path)
        assert complaints(page) == [], path
    window.close()


def test_the_colour_switch_works_at_once_and_stays(under: BoardUnderTest, url: str, browser: Browser) -> None:
    window = signed_in(under, browser, url, Role.VIEWER, color_scheme="light")
    page = window.new_page()
    page.goto("/")
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark colours").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto("/password")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    window.close()


def test_the_skip_link_is_the_first_stop_and_a_menu_closes_with_escape(
    under: BoardUnderTest, url: str, browser: Browser
) -> None:
    window = signed_in(under, browser, url, Role.VIEWER, viewport=PHONE)
    page = window.new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.locator(".nav-narrow summary").click()
    assert page.get_by_role("link", name="Runs").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Runs").is_visible()
    window.close()
