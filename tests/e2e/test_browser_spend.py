"""Spend and caps in a real Chromium: axe finds nothing, numbers keep up by themselves, paper looks right, and all of it
works without any script. About 15 s on a quiet machine.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from budget.reports import list_attempts
from domain.attempt import Dimensions, Intent
from review.access.roles import Role
from tests.support.board import BoardUnderTest
from tests.support.board_browser import CHROMIUM, DESK, PHONE, chromium, served
from tests.support.board_data import board_wiring, seed_board
from tests.support.browser import Site, no_violations

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no {CHROMIUM} on this machine"),
]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "dark", "has_touch": True},
}
PATHS = ("/spend?range=7-days&tier=final", "/caps")
# axe takes its time: what these are made of has the same colours and widths as the others
MORE_PATHS = (
    "/spend/attempts?state=in_doubt&tier=draft",
    "/caps/new",
    "/caps/cap/day",
    "/spend?campaign=nobody",
    "/spend?first_day=2026-13-01&by=tier",
    "/spend/attempts?run=nothing",
    "/spend/drift",
    "/spend/approvals",
)
A4_PX = {"width": 688, "height": 980}
BEATS = 2
"""The page's next question, and one that was under way already."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Seeded without pictures, which no page of money needs; in a thread, for the planner runs an event loop."""
    w = board_wiring(tmp_path_factory.mktemp("spend"))
    with ThreadPoolExecutor(1) as pool:
        data = pool.submit(seed_board, w, pictures=False, drafts=20, days=40).result()
    under = BoardUnderTest(w)
    _ = w.ledger
    with served(under) as url, chromium() as browser:
        yield Site(under, data, url, browser)
    w.close()


def hold(site: Site, name: str, micros: int) -> str:
    d = Dimensions("late-run", "campaign", "", "late-idea", "brand", "k", "SKU-9", "draft", "draft", "bfl", "d", "m")
    return site.under.w.ledger.hold(Intent(name, micros, "2026-11", d), slots=99).attempt_id


def doubtful(site: Site, name: str) -> str:
    attempt_id = hold(site, name, 20_000)
    site.under.w.ledger.send(attempt_id)
    site.under.w.ledger.doubt(attempt_id, code="cut", note="no answer in 600 s")
    return attempt_id


def listen(page: Page) -> list[str]:
    """What the console complains about; a page with status 422 is one of ours."""
    said: list[str] = []
    page.on(
        "console", lambda m: said.append(m.text) if m.type in ("error", "warning") and "422" not in m.text else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(look: str, site: Site) -> None:
    page = site.page(Role.FINANCE, **LOOKS[look])
    said = listen(page)
    doubt = list_attempts(site.under.w.database, states=("in_doubt",))[0]
    for path in (*PATHS, f"/spend/attempts/{doubt.attempt_id}", *(MORE_PATHS if look == "light" else ())):
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        no_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert said == []
    page.context.close()


def beats_of(page: Page) -> list[int]:
    """The statuses of what the page asks each second, as they come: 200 has new numbers."""
    beats: list[int] = []
    page.on("response", lambda response: beats.append(response.status) if "version=" in response.url else None)
    return beats


def test_a_hold_is_on_an_open_page_with_its_next_beat_and_nothing_that_is_open_closes(site: Site) -> None:
    page = site.page(Role.FINANCE)
    page.goto("/spend?range=today")
    page.locator("#chart-table > summary").click()
    page.locator("#total-settled").focus()
    hold(site, "live", 1_234_500)
    beats = beats_of(page)
    expect(page.locator(".spend-table")).to_contain_text("late-idea")
    assert 200 in beats[:BEATS]
    assert page.locator("#chart-table").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.id") == "total-settled"
    no_violations(page)
    caps = site.page(Role.FINANCE)
    caps.goto("/caps")
    before = caps.locator(".cap-card").first.inner_text()
    hold(site, "live again", 2_000_000)
    beats = beats_of(caps)
    expect(caps.locator(".cap-card").first).not_to_have_text(before, use_inner_text=True)
    assert 200 in beats[:BEATS]
    page.context.close()
    caps.context.close()


def test_on_paper_it_is_white_and_says_what_it_is_and_leaves_the_controls_out(site: Site) -> None:
    page = site.page(Role.FINANCE, viewport=A4_PX, color_scheme="dark")
    page.goto("/spend?range=7-days&by=vendor&tier=draft")
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    assert len(paper) < 300_000, "textures are lines, not pixels"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".for-print").inner_text().startswith("By vendor, ")
    assert "Tier draft" in page.locator(".for-print").inner_text()
    for control in (".pills", ".tabs", ".head .button", ".more-filters"):
        assert not page.locator(control).first.is_visible(), control
    assert page.locator(".chart-bars").bounding_box()["width"] > 500  # type: ignore[index]
    assert page.locator(".table-wrap").first.evaluate("e => e.scrollWidth <= e.clientWidth"), "no column is cut off"
    page.context.close()


def test_without_any_script_a_report_is_narrowed_and_leads_down_to_an_attempt_that_is_closed(site: Site) -> None:
    attempt_id = doubtful(site, "by hand")
    page = site.page(Role.FINANCE, java_script_enabled=False)
    page.goto("/spend?range=today&by=vendor")
    page.get_by_text("Days and filters").click()
    page.get_by_label("Campaign").select_option("late-idea")
    page.get_by_role("button", name="Show").click()
    assert page.url.endswith("/spend?by=vendor&range=today&campaign=late-idea")
    page.locator("#total-doubt").click()
    page.locator(f'a[href="/spend/attempts/{attempt_id}"]').click()
    page.get_by_label("billed this much").check()
    page.get_by_label("Evidence").fill("line 12 of the May invoice")
    page.get_by_label("Amount in US dollars").fill("0,0336")
    page.get_by_role("button", name="Close it by this evidence").click()
    expect(page.get_by_role("alert")).to_contain_text("not an amount in dollars")
    page.get_by_label("Amount in US dollars").fill("0.0336")
    page.get_by_role("button", name="Close it by this evidence").click()
    expect(page.get_by_role("status").first).to_contain_text("The attempt is settled at $0.0336")
    assert site.under.w.ledger.get(attempt_id).evidence == "resolved by finance: line 12 of the May invoice"
    page.context.close()


def test_without_any_script_a_cap_is_made_raised_and_lowered_after_a_second_look(site: Site) -> None:
    page = site.page(Role.FINANCE, java_script_enabled=False)
    page.goto("/caps")
    page.get_by_role("link", name="Set a new cap").click()
    page.get_by_label("Name").fill("google-month")
    page.get_by_label("Limit in US dollars").fill("200")
    page.get_by_label("Covers").select_option("vendor")
    page.get_by_label("Which one").fill("google")
    page.get_by_label("Period").select_option("month")
    page.get_by_label("Why").fill("the plan for winter")
    page.get_by_role("button", name="Set the cap").click()
    expect(page.get_by_role("heading", name="Cap google-month")).to_be_visible()
    page.goto("/caps/cap/day")
    page.get_by_label("Limit in US dollars").fill("1")
    page.get_by_label("Why").fill("stop for today")
    page.get_by_role("button", name="Set the limit").click()
    expect(page.get_by_role("alert")).to_contain_text("stops new holds at once, and touches nothing that is running")
    page.get_by_label("Lower it all the same").check()
    page.get_by_role("button", name="Set the limit").click()
    expect(page.get_by_role("status").first).to_contain_text("day is $1.00 now.")
    expect(page.locator("main")).to_contain_text("no new hold fits")
    page.context.close()
