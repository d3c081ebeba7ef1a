"""The contact sheet in a real browser: keys, two people at once, drafts that come in, a board away.

500 drafts at once are in test_browser_sheet_of_500.py.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, Route, expect

from domain.run import label_of
from review.access.roles import Role
from storage.database.tables import images, scores
from tests.support.board_browser import DESK, PHONE
from tests.support.browser import Site, no_violations, seeded_folder, site

pytestmark = pytest.mark.server
__all__ = ["seeded_folder", "site"]

KEY = "slow-mornings"
CAPS_P = """document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", {key: "P", modifierCapsLock: true, bubbles: true}))"""


@contextmanager
def sheet_of(site: Site, run_id: str, key: str = KEY, *roles: Role, **more: Any) -> Iterator[Page]:
    """The open sheet in a window of its own; what went wrong in its scripts fails the test."""
    page = site.page(*(roles or (Role.REVIEWER,)), **more)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(f"/runs/{run_id}/sheet/{key}")
    yield page
    assert broken == []
    page.context.close()


def place(page: Page, label: str) -> Any:
    return page.locator(f"#draft-{label}")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def said(page: Page) -> Any:
    return page.locator("#said")


def current(page: Page) -> str:
    return str(page.locator(".is-current").get_attribute("data-label"))


def test_a_reviewer_picks_with_the_keyboard_and_it_is_there_after_a_reload(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="keys") as page:
        place(page, "A1").locator(".cell").focus()
        press(page, "ArrowRight", "ArrowRight", "p")
        expect(said(page)).to_have_text("C1 picked. 1 of 6 picked")
        with page.expect_response("**/marks"):
            press(page, "4")
        press(page, "End", "x", "Home")
        assert current(page) == "A1"
        expect(page.locator("#sheet-status")).to_contain_text("2 by everybody")
        page.reload()
        flags = [place(page, label).get_attribute("data-flag") for label in ("A1", "C1", "B2")]
        assert flags == ["", "pick", "reject"]
        assert place(page, "C1").get_attribute("data-stars") == "4"
        press(page, "Control+z")
        expect(said(page)).to_have_text("Undone: B2 unflagged. 1 of 6 picked")
        press(page, "Control+z", "Control+z")
        expect(place(page, "C1")).to_have_attribute("data-flag", "")


def test_arrows_follow_the_rows_and_caps_lock_goes_on_after_a_flag(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="rows", viewport=PHONE) as page:
        place(page, "A1").locator(".cell").focus()
        press(page, "ArrowDown")
        assert current(page) == "C1", "two columns on a phone"
        press(page, "ArrowRight", "ArrowUp")
        assert current(page) == "B1"
        page.evaluate(CAPS_P)
        assert current(page) == "C1"
        expect(place(page, "B1")).to_have_attribute("data-flag", "pick")


def test_two_reviewers_see_each_other_s_picks(site: Site) -> None:
    with (
        sheet_of(site, site.data.campaign, user_id="ada") as ada,
        sheet_of(site, site.data.campaign, user_id="bo") as bo,
    ):
        place(bo, "D1").locator(".cell").focus()
        place(ada, "D1").locator(".cell").focus()
        press(ada, "p")
        expect(place(bo, "D1").locator(".chip-pick")).to_contain_text("Ada picked it")
        assert bo.evaluate("document.activeElement.closest('li').id") == "draft-D1", "the focus stays"
        press(bo, "x")
        expect(place(ada, "D1").locator(".chip-reject")).to_contain_text("Bo rejected it")
        expect(place(ada, "D1")).to_have_attribute("data-flag", "pick")


def test_drafts_appear_while_they_are_made(site: Site) -> None:
    with sheet_of(site, site.data.running, "first-frost", user_id="waits") as page:
        place(page, "B1").locator(".cell").focus()
        expect(page.locator(".waiting")).to_have_count(5)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/cells?labels=" in request.url else None)
        add_draft(site, site.data.running, 3)
        expect(page.locator(".waiting")).to_have_count(4)
        expect(place(page, "D1").locator("img")).to_be_visible()
        expect(page.locator("#sheet-status")).to_contain_text("4 of 8 drafts")
        assert {url.partition("labels=")[2] for url in asked} <= {"D1", ""}, "only what is new is fetched"
        assert page.evaluate("document.activeElement.closest('li').id") == "draft-B1"
        press(page, "ArrowRight", "ArrowRight", "p")
        expect(said(page)).to_have_text("D1 picked. 1 of 4 picked")
        assert [slot.get_attribute("data-label") for slot in page.locator(".slot").all()][:5] == [
            "A1",
            "B1",
            "C1",
            "D1",
            "A2",
        ]


def add_draft(site: Site, run_id: str, ordinal: int) -> None:
    """As the line would: one more image, with the picture and the score of the first."""
    with site.under.w.database.write() as connection:
        query = sa.select(images).where(images.c.run_id == run_id, images.c.ordinal == 0, images.c.stage == "draft")
        first = dict(connection.execute(query).mappings().one())
        score = dict(
            connection.execute(sa.select(scores).where(scores.c.image_id == first["image_id"])).mappings().one()
        )
        made = {"image_id": f"more-{ordinal}", "ordinal": ordinal, "label": label_of(ordinal)}
        connection.execute(images.insert().values({**first, **made}))
        connection.execute(
            scores.insert().values({**score, "image_id": made["image_id"], "signature": "f" * len(score["signature"])})
        )


def test_marks_wait_in_memory_while_the_board_is_away(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="away") as page:
        page.route("**/marks", lambda route: route.abort())
        place(page, "A1").locator(".cell").focus()
        press(page, "p", "ArrowRight", "x")
        expect(page.locator("#unsaved")).to_have_text("2 changes not saved yet")
        page.unroute("**/marks")
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("#unsaved")).to_be_hidden()
        page.reload()
        assert [place(page, label).get_attribute("data-flag") for label in ("A1", "B1")] == ["pick", "reject"]


def test_a_mark_that_is_refused_is_taken_back_with_a_message(site: Site) -> None:
    told = {"HX-Trigger": json.dumps({"board:flash": [{"text": "This sheet is gone.", "kind": "bad"}]})}
    refuse: Callable[[Route], None] = lambda route: route.fulfill(status=409, headers=told)  # noqa: E731
    with sheet_of(site, site.data.campaign, user_id="refused") as page:
        page.route("**/marks", refuse)
        place(page, "A1").locator(".cell").focus()
        press(page, "p")
        expect(page.locator(".toast")).to_contain_text("This sheet is gone.")
        expect(place(page, "A1")).to_have_attribute("data-flag", "")


def test_large_compare_and_one_zoom_for_all(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="large", viewport=DESK) as page:
        place(page, "B1").locator(".cell").focus()
        press(page, "e")
        expect(page.locator(".pane img")).to_have_attribute("alt", "Draft B1")
        press(page, "ArrowRight", "p")
        expect(page.locator(".pane figcaption")).to_have_text("C1  picked")
        assert "draft=C1" in page.url
        page.reload()
        expect(page.locator(".pane img")).to_have_attribute("alt", "Draft C1")
        press(page, "i")
        expect(page.locator("#details")).to_contain_text("Seed")
        press(page, "g", "Shift+ArrowRight", "Shift+ArrowRight", "c")
        expect(page.locator(".pane")).to_have_count(3)
        press(page, "z")
        scales = page.locator(".pane img").evaluate_all("found => found.map((image) => image.style.transform)")
        assert len(set(scales)) == 1, scales
        box = page.locator(".pane").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 40, box["y"] + 60)
        page.mouse.up()
        moved = page.locator(".pane img").evaluate_all("found => found.map((image) => image.style.transform)")
        assert len(set(moved)) == 1
        assert moved != scales
        press(page, "Escape")
        expect(page.locator("#grid")).to_be_visible()


def test_whichever_draft_is_current_beside_another_is_one_of_those_that_are_seen(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="beside") as page:
        shown = page.locator(".pane figcaption")
        active = page.locator(".pane.is-active figcaption")
        place(page, "A1").locator(".cell").focus()
        press(page, "c")
        expect(shown).to_have_text(["A1", "B1"])
        page.evaluate(CAPS_P)
        page.evaluate(CAPS_P)
        assert current(page) == "C1", "caps lock went on past the two"
        expect(shown).to_have_text(["A1  picked", "C1"])
        expect(active).to_have_text("C1")
        press(page, "Control+z")
        expect(page.locator(".is-current")).to_have_attribute("data-label", "B1")
        expect(shown).to_have_text(["A1  picked", "B1"])
        expect(active).to_have_text("B1")


def test_on_a_phone_a_swipe_goes_to_the_next_large_draft_and_the_way_back_is_in_sight(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="finger", viewport=PHONE, has_touch=True) as page:
        place(page, "A1").locator(".cell").focus()
        press(page, "e")
        shown = page.locator(".pane figcaption")
        expect(page.locator(".pane img")).to_be_visible()
        swipe(page, -120)
        expect(shown).to_have_text("B1")
        swipe(page, -120)
        swipe(page, 120)
        expect(shown).to_have_text("B1")
        swipe(page, -10)
        expect(shown).to_have_text("B1")
        way_back = page.get_by_role("button", name="Grid")
        expect(way_back).to_be_in_viewport(ratio=1)
        way_back.tap()
        expect(page.locator("#grid")).to_be_visible()
        assert current(page) == "B1"


def swipe(page: Page, by_px: int) -> None:
    """A finger over the large draft."""
    box = page.locator(".pane").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = page.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in (1, 2, 3, 4):
        point = {"x": x + by_px * part / 4, "y": y}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_chosen_drafts_that_a_filter_took_away_are_not_marked_with_the_next_one(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="taken") as page:
        page.get_by_label("Show", exact=True).select_option("unflagged")
        place(page, "A1").locator(".cell").focus()
        press(page, "Shift+ArrowRight", "p")
        expect(page.locator(".slot:visible")).to_have_count(4)
        assert current(page) == "C1"
        with page.expect_response("**/marks"):
            press(page, "x")
        flags = [place(page, label).get_attribute("data-flag") for label in ("A1", "B1", "C1")]
        assert flags == ["pick", "pick", "reject"]


def test_one_undo_takes_back_the_whole_step_sent_or_not_and_after_a_reload(site: Site) -> None:
    def flags(page: Page) -> list[str]:
        return [str(place(page, label).get_attribute("data-flag")) for label in ("A1", "B1", "C1")]

    with sheet_of(site, site.data.campaign, user_id="steps") as page:
        place(page, "A1").locator(".cell").focus()
        with page.expect_response("**/marks"):
            press(page, "x")
        press(page, "Shift+ArrowRight", "Shift+ArrowRight")
        with page.expect_response("**/marks") as answer:
            press(page, "p")
        assert len(answer.value.json()["marks"]) == 3
        press(page, "Control+z")
        expect(said(page)).to_have_text("Undone: 3 drafts. 0 of 6 picked")
        assert flags(page) == ["reject", "", ""]
        with page.expect_response("**/marks"):
            press(page, "p")
        page.reload()
        page.get_by_role("button", name="Undo").click()
        expect(said(page)).to_have_text("Undone: 3 drafts. 0 of 6 picked")
        page.reload()
        assert flags(page) == ["reject", "", ""]
        page.route("**/marks", lambda route: route.abort())
        place(page, "A1").locator(".cell").focus()
        press(page, "Shift+ArrowRight", "Shift+ArrowRight", "5", "p")
        expect(page.locator("#unsaved")).to_have_text("6 changes not saved yet")
        press(page, "Control+z")
        assert flags(page) == ["reject", "", ""]
        assert [place(page, label).get_attribute("data-stars") for label in ("A1", "B1", "C1")] == ["5"] * 3
        page.unroute("**/marks")
        with page.expect_response("**/marks"):
            page.evaluate("dispatchEvent(new Event('online'))")


def test_a_filter_chosen_with_the_mouse_gives_the_keys_back_to_the_drafts(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="mouse") as page:
        show = page.get_by_label("Show", exact=True)
        show.dispatch_event("pointerdown")
        show.select_option("unflagged")
        assert page.evaluate("document.activeElement.closest('li')?.id") == "draft-A1"
        with page.expect_response("**/marks"):
            press(page, "p")
        expect(show).to_have_value("unflagged")
        show.focus()
        press(page, "ArrowDown")
        expect(show).not_to_have_value("unflagged")
        expect(show).to_be_focused()


def test_a_stack_opens_and_closes_and_a_filter_goes_on_to_the_next(site: Site) -> None:
    make_alike(site, site.data.published, "A1", "C1")
    with sheet_of(site, site.data.published, "harvest-table", user_id="stacks") as page:
        under = page.locator(".slot[hidden]").get_attribute("data-label")
        assert under in ("A1", "C1")
        best = "C1" if under == "A1" else "A1"
        expect(place(page, best).locator(".pile")).to_contain_text("2")
        place(page, best).locator(".cell").focus()
        press(page, "s")
        expect(place(page, under)).to_be_visible()
        place(page, best).locator(".pile").click()
        expect(place(page, under)).to_be_hidden()
        page.get_by_label("Show", exact=True).select_option("unflagged")
        expect(page.locator(".slot:visible")).to_have_count(4)
        place(page, "B1").locator(".cell").focus()
        press(page, "x")
        expect(page.locator(".slot:visible")).to_have_count(3)
        assert current(page) == "C1"
        assert "show=unflagged" in page.url


def make_alike(site: Site, run_id: str, *labels: str) -> None:
    with site.under.w.database.write() as connection:
        where = (images.c.run_id == run_id, images.c.stage == "draft", images.c.label.in_(labels))
        ids = list(connection.execute(sa.select(images.c.image_id).where(*where)).scalars())
        first = connection.execute(sa.select(scores.c.signature).where(scores.c.image_id == ids[0])).scalar()
        connection.execute(scores.update().where(scores.c.image_id.in_(ids)).values(signature=first))


def test_keys_do_nothing_while_somebody_types_and_notes_are_kept(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="notes") as page:
        place(page, "A2").locator(".cell").focus()
        press(page, "n")
        page.keyboard.type("px5 too dark")
        with page.expect_response("**/marks"):
            page.get_by_role("button", name="Save").click()
        expect(place(page, "A2")).to_have_attribute("data-note", "px5 too dark")
        assert place(page, "A2").get_attribute("data-flag") == ""
        press(page, "?")
        page.get_by_label("Single keys are on").uncheck()
        press(page, "Escape", "p")
        expect(place(page, "A2")).to_have_attribute("data-flag", "")


def test_somebody_who_may_only_look_changes_nothing_with_any_key(site: Site) -> None:
    with sheet_of(site, site.data.campaign, KEY, Role.VIEWER) as page:
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        place(page, "A1").locator(".cell").focus()
        press(page, *"px123450un", "Control+z", "e", "c", "g")
        assert sent == []
        expect(place(page, "A1")).to_have_attribute("data-flag", "")


def test_without_a_script_picks_notes_and_the_promotion_work(site: Site) -> None:
    with sheet_of(site, site.data.campaign, user_id="plain", java_script_enabled=False, viewport=DESK) as page:
        page.get_by_role("button", name="Pick D1").click()
        expect(place(page, "D1")).to_have_attribute("data-flag", "pick")
        no_violations_without_script(page)
        place(page, "D1").locator("a").click()
        page.get_by_role("textbox", name="Note").fill("the one")
        page.locator("#opened-stars").select_option("5")
        page.get_by_role("button", name="Save").click()
        assert place(page, "D1").get_attribute("data-stars") == "5"
        page.get_by_label("Show", exact=True).select_option("picked")
        page.get_by_role("button", name="Show").click()
        assert page.locator(".slot:visible").count() == 1
        page.get_by_role("button", name="Undo my last mark").click()
        assert page.locator(".slot[data-stars='5']").count() == 0
        page.get_by_role("link", name="Make finals…").click()
        page.get_by_label("Only mine").check()
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("button", name="Make 1 final for about")).to_be_visible()


def no_violations_without_script(page: Page) -> None:
    """axe is a script itself: here only that all forms have names for their buttons."""
    assert all(
        button.inner_text() or button.get_attribute("aria-label") for button in page.locator("button:visible").all()
    )


def test_axe_finds_nothing_in_any_state(site: Site) -> None:
    with sheet_of(site, site.data.campaign, KEY, Role.APPROVER, viewport=DESK) as page:
        place(page, "B1").locator(".cell").focus()
        press(page, "p", "3")
        no_violations(page)
        press(page, "e", "i")
        expect(page.locator("#details")).to_contain_text("Seed")
        no_violations(page)
        press(page, "c", "?")
        no_violations(page)
        press(page, "Escape", "g")
        page.locator("#promote").click()
        expect(page.locator("#promote-dialog .promote-picks")).to_be_visible()
        no_violations(page)


@pytest.mark.parametrize(
    "look", [{"viewport": DESK, "color_scheme": "dark"}, {"viewport": PHONE}], ids=["dark", "phone"]
)
def test_dark_and_on_a_phone_it_is_as_good(look: dict[str, Any], site: Site) -> None:
    with sheet_of(site, site.data.running, "first-frost", Role.REVIEWER, **look) as page:
        place(page, "B1").locator(".cell").focus()
        press(page, "x", "2")
        no_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
