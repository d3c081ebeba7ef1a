"""One story on the whole of `draftline up`, in a real Chromium: a brief becomes published pictures, by the board alone.

The tests are its chapters, in order, on one stack. People do what people do: they read, press, type. The numbers at
the end are the vendors' invoice and our ledger, to the micro-dollar. Two more runs follow on the same stack: one is
cancelled in its middle, and of one a product failed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from budget.reports import list_attempts
from domain.money import show
from review.access.roles import Role
from review.amounts import money
from tests.support.board_browser import CHROMIUM, DESK, chromium, complaints
from tests.support.board_forgery import closed_to, forge, rows_of
from tests.support.board_halfway import (
    FAILS,
    HALFWAY,
    HALFWAY_S,
    halfway,
    launch_campaign,
    launch_catalog,
    one_product_fails,
    states,
    until,
    workers,
)
from tests.support.board_stack import Stack, draftline_up
from tests.support.prefect_pages import PrefectPages

DRAFTS = 4
# Two drafts at once; the third and the fourth when the vendor's clock has been put on by LATE_S, once and again.
LATE_S = 100
RULES = [
    {"match": {"vendor": "bfl", "model": "flux-2-klein-4b", "nth": nth}, "fault": "late", "seconds": seconds}
    for nth, seconds in ((3, LATE_S), (4, 2 * LATE_S))
]
SPEED = 20.0
WAITS_MS = 60_000
MUCH = 40  # routes that are closed to a viewer: fewer would mean that the list was not read
TITLES = {
    "campaign": ("Short name", "Subject", "Placements (Optional)", "Ladder (Optional)", "Cap in US cents (Optional)"),
    "catalog": ("Feed", "Photos (Optional)", "Products without a photo (Optional)", "Catalog (Optional)"),
    "promote": ("Run", "Picks", "Approve", "Picked by"),
    "recovery": ("Only look (Optional)", "Call out doubts older than (Optional)"),
}

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs a chromium (make test installs Debian's)"),
]


@dataclass
class Tale:
    """Where the story is: who sits at which window, and what the run is called."""

    stack: Stack
    browser: Browser
    failed_before: int
    run_id: str = ""
    asset_key: str = ""
    windows: dict[str, BrowserContext] = field(default_factory=dict)

    def comes_in(self, user_id: str, name: str, *roles: Role) -> Page:
        """By a link that is made for her, on a machine of her own."""
        return self.opens_link(user_id, self.stack.let_in(user_id, name, *roles))

    def opens_link(self, who: str, link: str) -> Page:
        window = self.browser.new_context(base_url=self.stack.url("board"), viewport=DESK)
        window.set_default_timeout(WAITS_MS)
        self.windows[who] = window
        page = window.new_page()
        page.goto(link)
        page.get_by_role("button", name="Sign in as").click()
        page.wait_for_url("**/")
        return page

    def prefect(self) -> PrefectPages:
        """Prefect's own pages, in a window that is nobody's; close it with `page.context.close()`."""
        window = self.browser.new_context()
        window.set_default_timeout(WAITS_MS)
        return PrefectPages(window.new_page(), self.stack.url("prefect"))

    def page(self, who: str) -> Page:
        return self.windows[who].pages[0]

    @property
    def sheet(self) -> str:
        return f"/runs/{self.run_id}/sheet/{self.asset_key}"


@pytest.fixture(scope="module")
def tale(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tale]:
    expect.set_options(timeout=WAITS_MS)
    with draftline_up(tmp_path_factory.mktemp("tale"), speed=SPEED) as stack, chromium() as browser:
        yield Tale(stack, browser, request.session.testsfailed)


@pytest.fixture(autouse=True)
def chapters_in_order(request: pytest.FixtureRequest, tale: Tale) -> None:
    if request.session.testsfailed > tale.failed_before:
        pytest.skip("an earlier chapter of this story failed")


def both_colours(page: Page) -> None:
    """axe finds nothing in light and in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert complaints(page) == [], (page.url, scheme)


def drafts(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Drafts").get_by_role("option")


def draft(page: Page, label: str) -> Locator:
    return drafts(page).filter(has_text=label)


def caps_lock(page: Page, key: str) -> None:
    """A key while caps lock is on: Playwright's keyboard has no lamp, so the event says it, as a real one does."""
    event = "e => e.dispatchEvent(new KeyboardEvent('keydown', {key: '%s', modifierCapsLock: true, bubbles: true}))"
    page.evaluate(f"({event % key})(document.activeElement)")


def everything(stack: Stack) -> dict[str, object]:
    """What a stranger's hand would have changed: our rows, the vendors' invoice, what was started."""
    started = [one["id"] for one in stack.flow_runs("campaign", "catalog", "promote")]
    return {**rows_of(stack.w.database), "invoice": stack.invoice(), "started": started}


def test_the_printed_link_lets_an_administrator_in_once(tale: Tale) -> None:
    page = tale.opens_link("admin", tale.stack.link)
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    both_colours(page)
    again = tale.browser.new_page()
    again.goto(tale.stack.link)
    expect(again.get_by_role("alert")).to_contain_text("This link was used already")
    both_colours(again)
    again.close()


def test_a_brief_is_previewed_and_quoted_while_she_writes_and_started_by_its_approval(tale: Tale) -> None:
    tale.stack.rules(RULES)
    page = tale.comes_in("mara", "Mara Lindqvist", Role.APPROVER, Role.FINANCE)
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Launch").click()
    aside = page.get_by_role("complementary", name="Quote and preview")
    expect(aside).to_contain_text("Say what the picture is of")
    page.get_by_role("textbox", name="Subject", exact=True).fill("an oat-glazed stoneware mug of coffee")
    page.get_by_role("textbox", name="Setting", exact=True).fill("an oak kitchen table by a window")
    expect(aside).to_contain_text("oak kitchen table by a window")
    page.get_by_role("textbox", name="Light", exact=True).fill("low morning sun from the left")
    page.get_by_role("textbox", name="Title", exact=True).fill("Slow Mornings")
    page.get_by_role("checkbox", name=re.compile(r"^thumb\b")).check()
    page.get_by_role("checkbox", name=re.compile(r"^web\b(?!-)")).uncheck()
    page.get_by_label("Drafts", exact=True).fill("3")
    expect(aside.get_by_role("row", name=re.compile("draft", re.I))).to_contain_text("3")
    page.get_by_label("Drafts", exact=True).fill(str(DRAFTS))
    expect(aside.get_by_role("row", name=re.compile("draft", re.I))).to_contain_text(str(DRAFTS))
    expect(aside).to_contain_text("low morning sun from the left")
    both_colours(page)
    assert tale.stack.invoice()["total_micros"] == 0
    aside.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/*")
    tale.run_id = page.url.rsplit("/", 1)[-1]


def test_drafts_appear_while_they_are_made_through_a_reload_and_a_killed_board(tale: Tale) -> None:
    page = tale.page("mara")
    page.get_by_role("link", name=re.compile("Contact sheet|See the drafts|Pick drafts")).click()
    page.wait_for_url("**/sheet/*")
    tale.asset_key = page.url.rsplit("/", 1)[-1]
    expect(drafts(page)).to_have_count(2)
    expect(page.get_by_text("being made")).to_have_count(2)
    page.evaluate("window.unturned = true")
    tale.stack.pass_time(LATE_S)
    expect(drafts(page)).to_have_count(3)
    assert page.evaluate("window.unturned"), "the third draft came without a reload"
    page.reload()
    expect(drafts(page)).to_have_count(3)
    page.evaluate("window.unturned = true")
    tale.stack.kill_board()
    tale.stack.pass_time(LATE_S)
    tale.stack.start_board()
    expect(drafts(page)).to_have_count(DRAFTS)
    expect(page.get_by_role("link", name="Make finals…")).to_be_visible()
    assert page.evaluate("window.unturned"), "the last draft came over the new board's stream, and she is still in"
    both_colours(page)


def test_prefects_own_pages_offer_the_same_flows_and_show_quote_and_contact_sheet(tale: Tale) -> None:
    pages = tale.prefect()
    forms = {one["name"]: one["id"] for one in tale.stack.prefect("/deployments/filter", {})}
    pages.form(forms["promote"])
    pages.fill("Run", tale.run_id)
    pages.add("Picks", "Z9")
    pages.choose("Approve", "approve")
    pages.fill("Picked by", "Ann")
    pages.submit()  # the answer is read two chapters on
    for name, titles in TITLES.items():
        pages.form(forms[name])
        shown = pages.titles()
        assert set(titles) <= set(shown), (name, shown)
        assert pages.page.get_by_text(titles[0], exact=True).first.is_visible()
    made = {one["key"]: one for one in tale.stack.prefect("/artifacts/filter", {}) if one["key"]}
    pages.artifact(made["quote"]["id"])
    expect(pages.page.get_by_role("table")).to_contain_text("flux-2-klein-4b")
    pages.artifact(made["contact-sheet"]["id"])
    assert pages.thumbnails_px() == [240] * DRAFTS, "thumbnails are inside the artifact, and whole"
    pages.page.context.close()


def test_two_reviewers_see_each_others_picks_and_pick_with_keys(tale: Tale) -> None:
    mara, jonas = tale.page("mara"), tale.comes_in("jonas", "Jonas Weber", Role.REVIEWER)
    jonas.goto(tale.sheet)
    draft(mara, "A1").focus()
    mara.keyboard.press("p")
    expect(mara.get_by_text("1 of 4 picked by you")).to_be_visible()
    first = draft(jonas, "A1")
    expect(first).to_have_accessible_name(re.compile("Mara Lindqvist picked it"))
    first.focus()
    jonas.keyboard.press("ArrowRight")
    jonas.keyboard.press("p")
    jonas.keyboard.press("4")
    second = draft(mara, "B1")
    expect(second).to_have_accessible_name(re.compile("Jonas Weber picked it, 4 stars"))
    mara.keyboard.press("ArrowRight")
    caps_lock(mara, "X")
    expect(second).to_have_accessible_name(re.compile("rejected by you"))
    caps_lock(mara, "P")
    expect(draft(mara, "C1")).to_have_accessible_name(re.compile("picked by you"))
    mara.keyboard.press("Control+z")
    expect(draft(mara, "C1")).not_to_have_accessible_name(re.compile("picked by you"))
    both_colours(jonas)


def test_a_label_that_does_not_exist_was_refused_in_a_sentence_before_anything_was_spent(tale: Tale) -> None:
    refused = tale.stack.ended("promote")
    assert refused["state"]["type"] == "FAILED"
    pages = tale.prefect()
    pages.flow_run(refused["id"])
    sentence = "there is no draft Z9 on its sheet; there are A1, B1, C1, D1"
    expect(pages.page.get_by_text(sentence).first).to_be_visible()
    assert tale.stack.invoice()["images"] == DRAFTS
    pages.page.context.close()


def test_promotion_from_the_sheet_makes_the_finals_and_publishes(tale: Tale) -> None:
    page = tale.page("mara")
    page.get_by_role("link", name="Make finals…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("picked by Mara Lindqvist")
    dialog.get_by_label("Only mine").check()
    expect(dialog).not_to_contain_text("Jonas Weber")
    both_colours(page)
    dialog.get_by_role("button", name=re.compile(r"Make 1 final for about \$")).click()
    page.wait_for_url(f"**/runs/{tale.run_id}")
    page.evaluate("window.unturned = true")
    expect(page.get_by_role("heading", level=1)).to_contain_text("published")
    assert page.evaluate("window.unturned"), "the page showed it by itself"
    expect(page.get_by_text("A1 picked by Mara Lindqvist")).to_be_visible()
    both_colours(page)


def test_the_lineage_the_cents_and_the_bill_agree_with_the_vendors_invoice(tale: Tale) -> None:
    page, stack = tale.page("mara"), tale.stack
    page.goto(f"/runs/{tale.run_id}/assets/{tale.asset_key}")
    expect(page.get_by_role("heading", name="From draft A1 to the published files")).to_be_visible()
    for word in ("flux-2-klein-4b", "flux-2-pro", "thumb", "Manifest"):
        expect(page.get_by_role("main")).to_contain_text(word)
    both_colours(page)
    billed, spent = stack.invoice(), stack.spent()
    assert (spent.settled_micros, spent.held_micros, spent.in_doubt_micros) == (billed["total_micros"], 0, 0)
    assert (billed["images"], billed["duplicates"]) == (DRAFTS + 1, 0)
    page.goto("/spend")
    total = page.get_by_role("region", name="Spend by").get_by_role("row", name="Together")
    expect(total).to_contain_text(money(billed["total_micros"]))
    both_colours(page)
    bills = [one for one in stack.prefect("/artifacts/filter", {}) if one["key"] == "bill"]
    assert any(show(billed["total_micros"]) in bill["data"] for bill in bills)


def test_a_viewer_is_refused_whatever_she_tries_and_nothing_changes(tale: Tale) -> None:
    page = tale.comes_in("vera", "Vera Lund", Role.VIEWER)
    mark = [("POST", f"{tale.sheet}/marks")]
    assert 403 not in forge(tale.page("jonas"), mark).values(), "the same form, sent by somebody who may, is taken"
    before = everything(tale.stack)
    page.goto(tale.sheet)
    assert page.get_by_role("button", name="Pick").count() == 0
    assert page.get_by_role("link", name="Make finals…").count() == 0
    tried = closed_to(Role.VIEWER, run_id=tale.run_id, asset_key=tale.asset_key, user_id="mara")
    assert len(tried) > MUCH
    assert {path: status for path, status in forge(page, tried).items() if status != 403} == {}
    page.goto("/launch")
    expect(page.get_by_role("heading", name="Not for you")).to_be_visible()
    both_colours(page)
    assert everything(tale.stack) == before


def paid_in_full(stack: Stack) -> int:
    """The vendors' bill, once nothing is open: ours to the micro-dollar, and nothing in it twice."""
    billed, spent = stack.invoice(), stack.spent()
    assert (spent.settled_micros, spent.held_micros, spent.in_doubt_micros) == (billed["total_micros"], 0, 0)
    assert billed["duplicates"] == 0
    return int(billed["images"])


def test_a_run_is_cancelled_in_its_middle_and_recovery_brings_its_money_to_an_end(tale: Tale) -> None:
    page, stack = tale.comes_in("cleo", "Cleo Marsh", Role.APPROVER), tale.stack
    images = paid_in_full(stack)
    stack.rules(halfway())
    run_id = launch_campaign(page, "a salt-glazed jug of water", "Too Slow")
    until(lambda: states(stack, run_id) == HALFWAY)
    each = stack.invoice()["lines"][-1]["micros"]
    at_work = workers(stack, run_id)
    assert at_work
    page.get_by_role("link", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog", name="Cancel this run?")
    expect(dialog).to_contain_text(f"Committed, and stays so{money(4 * each)}")
    expect(dialog).to_contain_text(f"2 calls that were never sent{money(2 * each)}")
    dialog.get_by_label("Why").fill("the wrong jug")
    dialog.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_role("status").first).to_contain_text(f"{money(4 * each)} stays committed")
    expect(page.get_by_text("Cancelled by Cleo Marsh: the wrong jug")).to_be_visible()
    both_colours(page)
    assert stack.ended("campaign")["state"]["type"] == "CANCELLED"
    until(lambda: not any(stack.w.processes.is_alive(name) for name in at_work))
    sent = stack.sendings()
    stack.pass_time(HALFWAY_S)
    assert stack.recover()["state"]["type"] == "COMPLETED"
    assert stack.sendings() == sent, "nobody sends for a cancelled run"
    assert states(stack, run_id) == {"settled": 4, "released": 2}
    assert paid_in_full(stack) == images + 4
    expect(page.get_by_text("Freed: 2 calls never sent")).to_be_visible()
    expect(page.get_by_role("region", name="Money")).to_contain_text(f"Spent{money(4 * each)}")


def test_a_failed_product_is_retried_alone_and_the_others_cost_nothing_again(tale: Tale) -> None:
    page, stack = tale.comes_in("omar", "Omar Haddad", Role.APPROVER), tale.stack
    images = paid_in_full(stack)
    stack.rules(one_product_fails())
    launch_catalog(page, stack, products=2)
    assert stack.ended("catalog")["state"]["type"] == "COMPLETED"
    expect(page.get_by_role("heading", level=1)).to_contain_text("incomplete")
    assert paid_in_full(stack) == images + 2, "a draft and a final of the product that did not fail"
    before = {attempt.attempt_id for attempt in list_attempts(stack.w.database)}
    stack.rules([])
    page.get_by_role("link", name="Retry 1 failed product").click()
    dialog = page.get_by_role("dialog", name="Retry what failed")
    expect(dialog).to_contain_text("1 draft and 1 final")
    both_colours(page)
    dialog.get_by_role("button", name="Start again for about").click()
    expect(page.get_by_text("Started again. What is there already is kept")).to_be_visible()
    assert stack.ended("catalog")["state"]["type"] == "COMPLETED"
    went_on = page.get_by_text("What had failed went on as a run of its own")
    expect(went_on).to_contain_text("published")
    expect(page.get_by_role("link", name="Retry")).to_have_count(0)
    assert paid_in_full(stack) == images + 4, "only what had failed is paid"
    paid_anew = [attempt for attempt in list_attempts(stack.w.database) if attempt.attempt_id not in before]
    assert {attempt.dimensions.asset_key for attempt in paid_anew} == {FAILS}
    both_colours(page)
    went_on.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("published")
    expect(page.get_by_role("region", name="Products")).not_to_contain_text("Stoneware Mug")
