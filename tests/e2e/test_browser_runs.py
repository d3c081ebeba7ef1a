"""Runs, assets and the review queue in a real Chromium: live progress, dialogs, the keyboard, no JavaScript, axe."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from review.access.roles import Role
from review.pages.queue import take_back
from review.queries.standing import standing
from tests.support.board_browser import PHONE
from tests.support.board_prefect import FakePrefect
from tests.support.browser import Site, no_violations, seeded_folder, site

__all__ = ["seeded_folder", "site"]
pytestmark = pytest.mark.server
CONNECTIONS = 6
"""So many a browser has to one address, for all of its tabs together."""
HIDDEN = """hidden => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


PRESSED_TWICE = """(button) => {
  button.click();
  button.click();
  return [button.textContent, button.getAttribute("aria-disabled"), button.getAttribute("aria-busy")];
}"""


@pytest.fixture
def said(site: Site) -> list[str]:
    """What the console complained about: a refusal by the content-security policy would be there."""
    return []


def opened(site: Site, said: list[str], *roles: Role, **context: object) -> Page:
    page = site.page(*roles, **context)
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page


def test_every_state_is_accessible_in_both_themes_and_on_a_phone(site: Site, said: list[str]) -> None:
    data = site.data
    busiest = [
        f"/runs/{data.catalog}", f"/runs/{data.published}/assets/harvest-table", f"/queue?run={data.catalog}&at=1",
    ]  # fmt: skip
    others = [f"/runs/{data.catalog}/again", f"/queue?run={data.catalog}&show=left-out"]
    for addresses, context in (
        ([*others, *busiest], {"color_scheme": "light"}),
        (["/runs", *busiest], {"color_scheme": "dark", "viewport": PHONE}),
    ):
        page = opened(site, said, Role.ADMIN, **context)
        for address in addresses:
            page.goto(address)
            no_violations(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} scrolls sideways"
        page.context.close()
    assert said == []


def test_a_run_page_follows_its_run_without_a_reload(site: Site, said: list[str]) -> None:
    page = opened(site, said, Role.CREATOR)
    page.goto(f"/runs/{site.data.running}")
    page.evaluate("window.sameDocument = true")
    page.locator("#bill summary").click()
    site.under.w.runs.update(site.data.running, "running", "a vendor is slow")
    expect(page.locator("#live")).to_contain_text("a vendor is slow", ignore_case=True)
    assert page.evaluate("window.sameDocument") is True
    expect(page.locator("#bill")).to_have_attribute("open", "")
    assert said == []
    page.context.close()


def test_tabs_of_runs_that_nobody_looks_at_leave_the_browser_its_connections(site: Site, said: list[str]) -> None:
    window = site.signed_in(Role.CREATOR)
    tabs = [window.new_page() for _ in range(CONNECTIONS)]
    for tab in tabs:
        with tab.expect_request("**/events?*"):
            tab.goto(f"/runs/{site.data.running}")
        tab.evaluate(HIDDEN, True)
    one_more = window.new_page()
    one_more.goto("/runs", timeout=20_000)
    expect(one_more.get_by_role("heading", name="Runs")).to_be_visible()
    site.under.w.runs.update(site.data.running, "running", "looked at again")
    tabs[0].evaluate(HIDDEN, False)
    expect(tabs[0].locator("#live")).to_contain_text("looked at again", ignore_case=True)
    window.close()


def test_cancel_is_a_dialog_with_the_money_and_a_page_without_javascript(site: Site, said: list[str]) -> None:
    prefect = FakePrefect().serves(site.under)
    flow_run_id = f"flow-{site.data.running[-10:]}"
    prefect.knows(flow_run_id, "RUNNING")
    page = opened(site, said, Role.CREATOR)
    page.goto(f"/runs/{site.data.running}")
    page.get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel this run?")
    expect(dialog).to_contain_text("Committed, and stays so")
    no_violations(page)
    page.get_by_role("link", name="Let it run").click()
    expect(dialog).not_to_be_visible()
    assert prefect.state_of(flow_run_id) == "RUNNING"
    assert said == []
    page.context.close()
    plain = opened(site, said, Role.CREATOR, java_script_enabled=False)
    plain.goto(f"/runs/{site.data.running}")
    plain.get_by_role("link", name="Cancel").click()
    plain.get_by_role("button", name="Cancel the run").click()
    expect(plain.get_by_role("status").first).to_contain_text("Cancelled")
    assert prefect.state_of(flow_run_id) == "CANCELLING"
    plain.context.close()


def test_the_queue_is_worked_through_by_keyboard_alone(site: Site, said: list[str]) -> None:
    page = opened(site, said, Role.REVIEWER, user_id="keys")
    spoken = page.locator("#spoken")
    page.goto(f"/queue?run={site.data.catalog}")
    expect(page.locator("#item-title")).to_have_text("Stoneware Mug")
    page.keyboard.press("j")
    expect(spoken).to_have_text("Now: Terracotta Bud Vase")
    page.keyboard.press("2")
    expect(page.locator("#large-name")).to_have_text("B1")
    page.keyboard.press("a")
    expect(spoken).to_have_text("Terracotta Bud Vase: B1 approved. Now: Cedar & Smoke Room Mist")
    page.keyboard.press("n")
    page.keyboard.type("jar and xylophone")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(spoken).to_contain_text("Now: Undyed Wool Throw")
    page.keyboard.press("u")
    expect(spoken).to_contain_text("is undecided again")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    no_violations(page)
    page.keyboard.press("Escape")
    assert standing(site.under.w.database, site.data.catalog).picks == {"terracotta-vase": ("B1",)}
    page.keyboard.press("u")
    expect(spoken).to_contain_text("terracotta-vase is undecided again")
    assert said == []
    page.context.close()


def test_the_queue_s_run_is_chosen_by_pointer_at_once_and_by_keys_with_enter(site: Site, said: list[str]) -> None:
    page = opened(site, said, Role.REVIEWER, user_id="chooses")
    page.goto("/queue")
    run = page.get_by_label("Run", exact=True)
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_visible()
    run.focus()
    page.keyboard.press("ArrowDown")
    expect(run).not_to_have_value("")
    wanted = run.input_value()
    assert page.url.endswith("/queue")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/queue?run={wanted}&**")
    run = page.get_by_label("Run", exact=True)
    run.dispatch_event("pointerdown")
    run.select_option("")
    page.wait_for_url("**/queue?run=&**")
    assert said == []
    page.context.close()


def test_what_takes_long_says_so_and_is_not_sent_twice(site: Site, said: list[str]) -> None:
    page = opened(site, said, Role.ADMIN, user_id="waits")
    page.goto(f"/queue?run={site.data.catalog}&at=1")
    page.keyboard.press("a")
    page.locator("#to-finals").wait_for()
    held: list[Route] = []
    page.route("**/finals", lambda route: held.append(route))
    opener = page.locator("#to-finals")
    opener.click()
    expect(opener).to_have_attribute("aria-busy", "true")
    opener.click()
    assert len(held) == 1
    held.pop().continue_()
    make = page.get_by_role("dialog").get_by_role("button", name="Make")
    expect(make).to_be_visible()
    expect(opener).not_to_have_attribute("aria-busy", "true")
    assert make.evaluate(PRESSED_TWICE) == ["Starting…", "true", "true"]
    page.wait_for_timeout(100)
    assert len(held) == 1
    held.pop().abort()
    page.context.close()
    take_back(site.under.w, "waits", site.data.catalog, 1)


def test_the_queue_works_without_javascript(site: Site, said: list[str]) -> None:
    page = opened(site, said, Role.REVIEWER, user_id="plain", java_script_enabled=False)
    page.goto(f"/queue?run={site.data.catalog}&at=1")
    page.locator("label.draft", has_text="C1").click()
    page.get_by_role("button", name=re.compile("Approve")).click()
    expect(page.get_by_role("status").first).to_contain_text("C1 approved")
    page.get_by_role("link", name=re.compile("Approve the 5")).click()
    page.get_by_role("button", name="Approve 5 products").click()
    page.get_by_role("button", name="Undo these 5 approvals").click()
    expect(page.get_by_role("status").first).to_contain_text("5 decisions")
    assert standing(site.under.w.database, site.data.catalog).picks["terracotta-vase"] == ("C1",)
    page.context.close()
