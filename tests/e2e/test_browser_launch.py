"""The launch page in a real browser: the price follows the typing, nothing is lost, no script is needed."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from review.access.roles import Role
from tests.support.board_browser import PHONE
from tests.support.browser import Site, no_violations, seeded_folder, site
from tests.support.fake_prefect import FakePrefect

__all__ = ["seeded_folder", "site"]
pytestmark = pytest.mark.server
PHOTO = Path(__file__).parents[2] / "samples" / "photos" / "stoneware-mug.png"
SUBJECT = "A stoneware mug on an oak table"


@pytest.fixture
def prefect(site: Site) -> FakePrefect:
    made = FakePrefect()
    site.under.board.prefect = made.api()
    return made


def priced(page: Page) -> None:
    expect(page.locator("#launch-side .totals")).to_be_visible()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_price_prompts_and_errors_follow_the_typing_and_the_run_starts(site: Site, prefect: FakePrefect) -> None:
    page = site.page(Role.CREATOR)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/launch")
    no_violations(page)
    page.fill("[name=subject]", SUBJECT)
    priced(page)
    expect(page.locator(".prompt").first).to_contain_text("stoneware mug on an oak table")
    page.set_input_files("[name=photos]", [PHOTO, PHOTO.with_name("cedar-room-mist.png")])
    expect(page.locator(".reference")).to_have_count(2)
    first = page.locator(".reference-words span").first.inner_text()
    page.locator("[data-move=down]").first.click()
    expect(page.locator(".reference-words span").first).not_to_have_text(first)
    page.fill("[name=palette]", "#c9a27a, #zz")
    expect(page.locator("#field-palette-error")).to_contain_text("neither #rrggbb nor a colour name")
    no_violations(page)
    page.get_by_role("button", name="Take #zz out").click()
    expect(page.locator("#field-palette-error")).to_have_count(0)
    page.reload()
    expect(page.locator("[name=subject]")).to_have_value(SUBJECT)
    expect(page.locator("[name=palette]")).to_have_value("#c9a27a")
    expect(page.locator(".reference")).to_have_count(2)
    priced(page)
    no_violations(page)
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/campaign-*")
    assert prefect.params[0]["subject"] == SUBJECT
    assert len(prefect.params[0]["references"]) == 2
    # a preview that was under way when the page was left: HTMX says so, and nobody is hurt
    assert not [text for text in said if not text.startswith(("htmx:sendAbort", "htmx:afterRequest"))]
    page.context.close()


def test_a_session_that_ends_in_the_middle_of_a_brief_loses_no_word(site: Site, prefect: FakePrefect) -> None:
    window = site.signed_in(Role.CREATOR)
    (cookie,) = (one for one in window.cookies() if one["name"] == "draftline_session")
    page = window.new_page()
    page.goto("/launch")
    page.fill("[name=subject]", f"{SUBJECT}, interrupted")
    priced(page)
    window.clear_cookies()
    page.fill("[name=setting]", "By a window")
    page.wait_for_url("**/sign-in?next=/launch")
    _back(page, cookie)
    expect(page.locator("[name=subject]")).to_have_value(f"{SUBJECT}, interrupted")
    expect(page.locator("[name=setting]")).to_have_value("By a window")
    priced(page)
    window.clear_cookies()
    page.get_by_role("button", name="Approve and start").click()
    expect(page.get_by_text("nothing was sent, and nothing is changed")).to_be_visible()
    no_violations(page)
    assert not prefect.started
    page.get_by_role("link", name="Sign in").click()
    page.wait_for_url("**/sign-in?next=/launch")
    _back(page, cookie)
    expect(page.locator("[name=setting]")).to_have_value("By a window")
    priced(page)
    page.get_by_role("button", name="Approve and start").dblclick()
    page.wait_for_url("**/runs/campaign-*")
    assert len(prefect.started) == 1
    page.goto("/launch")
    expect(page.locator("[name=subject]")).to_have_value("")
    window.close()


def test_a_brief_in_the_tab_is_its_writer_s_alone(site: Site, prefect: FakePrefect) -> None:
    window = site.signed_in(Role.CREATOR, user_id="writes")
    page = window.new_page()
    page.goto("/launch")
    words = page.locator("[name=subject]")
    words.fill(SUBJECT)
    page.reload()
    expect(words).to_have_value(SUBJECT)
    (other,) = (one for one in site.signed_in(Role.CREATOR, user_id="comes").cookies() if "session" in one["name"])
    window.add_cookies([other])
    page.goto("/launch")
    expect(words).to_have_value("")
    words.fill(f"{SUBJECT}, too")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('launch:'))") == []
    window.close()


def _back(page: Page, cookie: Any) -> None:
    """Signed in again: the sign-in page leads on by itself."""
    page.context.add_cookies([cookie])
    page.reload()
    page.wait_for_url("**/launch")


def test_without_a_script_a_brief_is_previewed_asked_for_and_approved(site: Site, prefect: FakePrefect) -> None:
    site.under.w.settings.board_approval_limit_cents = 5
    page = site.page(Role.CREATOR, java_script_enabled=False)
    page.goto("/launch")
    page.fill("[name=subject]", f"{SUBJECT}, without a script")
    page.set_input_files("[name=photos]", PHOTO)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".reference")).to_have_count(1)
    page.locator(".keep").get_by_role("button", name="Preview").click()
    priced(page)
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("Waits for an approver.")).to_be_visible()
    page.context.close()
    page = site.page(Role.APPROVER, java_script_enabled=False, color_scheme="dark")
    page.goto("/launch/approvals")
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/campaign-*")
    assert prefect.params[0]["subject"] == f"{SUBJECT}, without a script"
    page.context.close()


def test_every_launch_page_fits_a_phone_in_the_dark_and_axe_finds_nothing(site: Site, prefect: FakePrefect) -> None:
    page = site.page(Role.APPROVER, viewport=PHONE, color_scheme="dark")
    for path in ("/launch/catalog", "/launch/briefs", "/launch/approvals", "/launch"):
        page.goto(path)
        assert fits(page), path
        no_violations(page)
    page.fill("[name=subject]", SUBJECT)
    priced(page)
    page.evaluate("document.querySelector('[name=quote_hash]').value = '0'.repeat(64)")
    page.get_by_role("button", name="Approve and start").click()
    expect(page.get_by_text("The quote is another one now")).to_be_visible()
    assert fits(page)
    no_violations(page)
    assert not prefect.started
    page.context.close()
