"""500 drafts on one contact sheet: what the browser fetches, draws and changes, counted. Times are in bench/sheet.py.

The bounds are far above what is counted today and far below what a sheet that is built anew would need.
"""

from collections.abc import Iterator
from functools import partial
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Response, expect

from review.access.roles import Role
from review.pages.pictures import KEPT
from review.thumbs import MEDIA_TYPE
from storage.records.marks import MarkChange
from tests.support.board_browser import DESK
from tests.support.browser import Site, seeded_folder, site
from tests.support.rendering import changes_of, counters, until, work_of

pytestmark = pytest.mark.server
__all__ = ["seeded_folder", "site"]

DRAFTS = 500
LAST = "D125"
MAX_FETCHED_AT_START = 200
MAX_DRAWN = 150
MAX_THUMB_BYTES = 20_000
MAX_NODES_A_DRAFT = 25
"""Elements, texts and what the browser adds to them."""
MAX_PAGE_BYTES = 1_000 * DRAFTS
MAX_CHANGED_BY_A_MARK = 60
MAX_STYLED_BY_A_KEY, MAX_LAID_OUT_BY_A_KEY = 150, 150
MAX_IN_REACH_OF_A_MARK = 60
MAX_STYLED_BY_A_RETURN, MAX_LAID_OUT_BY_A_RETURN = 400, 400
DRAWN = """[...document.querySelectorAll("#grid img")]
  .filter((image) => image.checkVisibility({contentVisibilityAuto: true}))"""
IS_DRAWN = "document.querySelector('#draft-{} img').checkVisibility({{contentVisibilityAuto: true}})"
SEEN = f"{DRAWN}.every((image) => image.naturalWidth > 0)"
FLAG_AND_STARS = """(slot) => {
  slot.dataset.flag = "pick";
  slot.querySelector(".name").after(" ", "★★★");
}"""
SENT_AGAIN = """performance.getEntriesByType("resource")
  .filter((entry) => entry.name.endsWith("/thumb") && entry.transferSize > 0).length"""


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """The sheet of somebody without marks, with the pictures that are in sight, and the keys on its first draft."""
    made = site.page(Role.REVIEWER, viewport=DESK, user_id=f"counts-{uuid4().hex[:8]}")
    opened(made, site)
    made.locator("#draft-A1 .cell").focus()
    yield made
    made.context.close()


def opened(page: Page, site: Site) -> Response:
    answer = page.goto(f"/runs/{site.data.big}/sheet/five-hundred")
    assert answer is not None
    until(page, SEEN)
    return answer


def mark(page: Page, key: str) -> None:
    """Press it, and wait till it is saved: the board has answered which version the draft has now."""
    version = page.locator(".is-current").get_attribute("data-version")
    page.keyboard.press(key)
    until(page, f"document.querySelector('.is-current').dataset.version !== '{version}'")


def test_thumbnails_are_small_and_kept_and_only_those_near_the_window_are_fetched(site: Site) -> None:
    page = site.page(Role.REVIEWER, viewport=DESK)
    thumbs: list[Response] = []
    page.on("response", lambda response: thumbs.append(response) if response.url.endswith("/thumb") else None)
    opened(page, site)
    assert page.locator(".slot").count() == DRAFTS
    at_start = len(thumbs)
    assert 0 < at_start < MAX_FETCHED_AT_START
    assert {(t.headers["cache-control"], t.headers["content-type"]) for t in thumbs} == {(KEPT, MEDIA_TYPE)}
    assert max(len(thumb.body()) for thumb in thumbs) < MAX_THUMB_BYTES
    page.keyboard.press("End")
    until(page, f"document.querySelector('#draft-{LAST} img').naturalWidth > 0")
    assert at_start < len(thumbs) < 2 * MAX_FETCHED_AT_START, "what was jumped over is not fetched"
    again = page.context.new_page()
    opened(again, site)
    assert again.evaluate(SENT_AGAIN) == 0, "a thumbnail crosses the wire once"
    page.context.close()


def test_drafts_out_of_sight_are_not_drawn(page: Page) -> None:
    assert 0 < page.evaluate(f"{DRAWN}.length") < MAX_DRAWN
    page.keyboard.press("End")
    until(page, f"{IS_DRAWN.format(LAST)} && !{IS_DRAWN.format('A1')}")
    assert 0 < page.evaluate(f"{DRAWN}.length") < MAX_DRAWN


def test_a_draft_costs_the_page_few_bytes_and_few_nodes(site: Site) -> None:
    page = site.page(Role.REVIEWER, viewport=DESK)
    answer = opened(page, site)
    assert len(answer.body()) < MAX_PAGE_BYTES
    session, counted = counters(page)
    session.send("HeapProfiler.collectGarbage")
    assert counted()["Nodes"] < MAX_NODES_A_DRAFT * DRAFTS
    page.context.close()


@pytest.mark.parametrize("key", ["ArrowRight", "ArrowDown", "p", "x", "4", "u"])
def test_a_key_draws_what_it_changes_and_not_the_sheet(page: Page, key: str) -> None:
    if key == "u":
        mark(page, "p")
    work = work_of(page, lambda: page.keyboard.press(key))
    assert work.styled < MAX_STYLED_BY_A_KEY
    assert work.laid_out < MAX_LAID_OUT_BY_A_KEY


def test_a_mark_on_a_draft_has_no_way_to_move_another(page: Page) -> None:
    """Its frame and its line have sizes that do not depend on what is in them: a layout ends there."""
    work = work_of(page, lambda: page.locator("#draft-B1").evaluate(FLAG_AND_STARS))
    assert 0 < work.in_reach < MAX_IN_REACH_OF_A_MARK


def test_a_mark_changes_one_draft_and_a_few_words_around_the_grid(page: Page) -> None:
    page.keyboard.press("ArrowRight")
    for key in ("p", "3", "x", "u"):
        nodes, labels = changes_of(page, partial(mark, page, key))
        assert labels == ["B1"]
        assert nodes < MAX_CHANGED_BY_A_MARK


def test_a_colleague_s_pick_changes_one_draft(page: Page, site: Site) -> None:
    seventh = site.under.w.images.of_run(site.data.big, "draft")[6]

    def colleague_picks() -> None:
        with page.expect_response("**/cells?*"):
            site.under.w.marks.change(seventh.image_id, "mara", MarkChange(flag="pick"))
        expect(page.locator(f"#draft-{seventh.label} .chip-pick")).to_be_attached()

    nodes, labels = changes_of(page, colleague_picks)
    assert labels == [seventh.label]
    assert nodes < MAX_CHANGED_BY_A_MARK


def test_coming_back_from_one_draft_or_two_builds_no_grid_again(page: Page) -> None:
    for key in ("e", "c"):
        page.keyboard.press(key)
        expect(page.locator(".pane:not(.is-loading) img").first).to_be_visible()
        work = work_of(page, lambda: page.keyboard.press("g"))
        assert work.styled < MAX_STYLED_BY_A_RETURN
        assert work.laid_out < MAX_LAID_OUT_BY_A_RETURN
        until(page, SEEN)


def test_a_score_moves_one_draft_and_not_the_others(page: Page, site: Site) -> None:
    """The order by score of a sheet that is in that order already, but for one."""
    page.get_by_label("Sort", exact=True).select_option("score")
    first = page.locator(".slot").first.get_attribute("data-label")
    moved = "(slot) => { slot.dataset.score = '0.0001'; sheet.order(); }"
    nodes, _ = changes_of(page, lambda: page.locator(f"#draft-{first}").evaluate(moved))
    assert page.locator(".slot").last.get_attribute("data-label") == first
    assert nodes < MAX_CHANGED_BY_A_MARK
