"""Four more like this, in a real browser: the draft is seen, priced, taken out and put back in; no script needed."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from review.access.roles import Role
from tests.support.board_browser import PHONE
from tests.support.browser import Site, no_violations, seeded_folder, site
from tests.support.fake_prefect import FakePrefect
from vendors.bfl.models import models

__all__ = ["seeded_folder", "site"]
pytestmark = pytest.mark.server
KEY, TITLE = "slow-mornings", "Draft B1 of slow-mornings"
STYLE = "Take the style and colour grading from image 2."
SECOND_PHOTO = sorted((Path(__file__).parents[2] / "samples" / "photos").glob("*.png"))[0]
WITHIN_MS = 60_000
SHOWN = "image => image.complete && image.naturalWidth > 0"


@pytest.fixture
def prefect(site: Site) -> FakePrefect:
    made = FakePrefect()
    site.under.board.prefect = made.api()
    return made


def opened(site: Site, page: Page) -> str:
    """The form by the contact sheet's own link; how a brief names the draft's picture."""
    page.goto(f"/launch?from_run={site.data.campaign}&asset={KEY}&round=next&like=B1")
    drafts = site.under.w.images.of_asset(site.data.campaign, KEY, "draft")
    return f"upload:{next(draft.sha256 for draft in drafts if draft.label == 'B1')}"


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_draft_is_seen_and_priced_taken_out_sent_along_again_and_starts(site: Site, prefect: FakePrefect) -> None:
    page = site.page(Role.CREATOR)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    name = opened(site, page)
    mine, offer = page.locator(f"[data-reference='{name}']"), page.locator("[data-like]")
    price = page.locator(".quote-added")
    expect(mine).to_contain_text(TITLE)
    mine.scroll_into_view_if_needed()
    image = mine.locator("img")
    expect(image).to_be_visible()
    page.wait_for_function(f"({SHOWN})(document.querySelector('[data-reference=\"{name}\"] img'))", timeout=WITHIN_MS)
    expect(price).to_contain_text("$0.001 to each draft and $0.015 to the final")
    expect(offer).to_be_hidden()
    no_violations(page)

    page.get_by_role("button", name=f"{TITLE}: take out", exact=False).click()
    expect(offer).to_be_visible()
    expect(price).to_have_count(0, timeout=WITHIN_MS)
    no_violations(page)
    page.reload()
    expect(mine).to_have_count(0)
    expect(offer).to_be_visible()
    offer.get_by_role("button", name="Send it along").click()
    expect(mine).to_have_count(1)
    expect(price).to_be_visible(timeout=WITHIN_MS)
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/campaign-*")
    assert prefect.params[0]["references"][-1] == name
    assert not said
    page.context.close()


def test_it_is_there_for_its_look_until_somebody_says_otherwise_and_a_reload_keeps_that(
    site: Site, prefect: FakePrefect
) -> None:
    page = site.page(Role.CREATOR)
    name = opened(site, page)
    shows = page.locator("[data-reference]").get_by_label(f"{TITLE} shows")
    prompts = page.locator("#launch-side")
    expect(shows).to_have_value(name)
    expect(prompts).to_contain_text(STYLE)
    shows.select_option("the product")
    expect(prompts).not_to_contain_text(STYLE, timeout=WITHIN_MS)
    expect(prompts).to_contain_text("The product is the one in images 1 and 2, unchanged")
    page.reload()
    expect(shows).to_have_value("")
    expect(prompts).not_to_contain_text(STYLE, timeout=WITHIN_MS)
    page.locator("[data-reference]").first.get_by_label("shows").select_option("the look")
    page.get_by_role("button", name=f"{TITLE}: earlier").click()
    expect(prompts).to_contain_text(STYLE, timeout=WITHIN_MS)
    page.locator("#field-photos").set_input_files(SECOND_PHOTO)
    expect(page.locator("[data-reference]")).to_have_count(3, timeout=WITHIN_MS)
    expect(page.locator("[data-reference] option:checked")).to_have_text(["the product", "the look", "the product"])
    no_violations(page)
    expect(page.locator("#launch-side.htmx-request")).to_have_count(0, timeout=WITHIN_MS)
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/campaign-*")
    assert prefect.params[0]["references"][0] == name
    assert prefect.params[0]["style_references"] == prefect.params[0]["references"][1:2]
    page.context.close()


def test_without_a_script_on_a_phone_in_the_dark_it_works_the_same(site: Site, prefect: FakePrefect) -> None:
    page = site.page(Role.CREATOR, java_script_enabled=False, viewport=PHONE, color_scheme="dark")
    name = opened(site, page)
    mine, offer = page.locator(f"[data-reference='{name}']"), page.locator("[data-like]")
    expect(mine).to_contain_text(TITLE)
    expect(offer).to_be_hidden()
    mine.get_by_role("button", name="take out").click()
    expect(mine).to_have_count(0)
    expect(offer).to_contain_text("its picture is not sent along")
    offer.get_by_role("button", name="Send it along").click()
    expect(mine).to_have_count(1)
    mine.get_by_label("shows").select_option("the product")
    page.get_by_role("button", name="Preview", exact=True).last.click()
    expect(mine.get_by_label("shows")).to_have_value("")
    expect(page.locator("#launch-side")).not_to_contain_text(STYLE)
    assert fits(page)
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/campaign-*")
    assert prefect.params[0]["references"][-1] == name
    assert prefect.params[0]["style_references"] == []
    page.context.close()


def test_a_draft_that_finds_no_room_says_so_on_a_phone_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    own = models()["flux-2-klein-4b"].model_copy(update={"max_references": 1})
    monkeypatch.setitem(models(), "flux-2-klein-4b", own)
    page = site.page(Role.CREATOR, viewport=PHONE, color_scheme="dark")
    name = opened(site, page)
    expect(page.locator(f"[data-reference='{name}']")).to_have_count(0)
    expect(page.locator("[data-like]")).to_contain_text("takes at most 1 reference photo: take one out first.")
    assert fits(page)
    no_violations(page)
    page.context.close()
