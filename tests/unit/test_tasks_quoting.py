"""Whole quotes: what their hash covers, what sending again may add, and what a known run is quoted by."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from budget.caps import Scope
from budget.quote_changes import changes
from domain.attempt import Intent
from domain.brief import Brief
from domain.errors import CapRefused, InputError
from domain.placement import Placement
from domain.render import Reference
from tasks.charging import dimensions
from tasks.opening import check_caps
from tasks.planning import Planned, RunOptions, draft_requests, requests_with_ordinals
from tasks.plans import plan_run
from tasks.quoting import asked_parts
from tasks.wishes import Wish, Wishes
from tests.support.planning import planning_wiring
from tests.support.quotes import change_book, dearer, served_by, whole_plan
from wiring import Wiring

pytestmark = pytest.mark.anyio
LADDER = {
    "name": "mine",
    "title": "A ladder of my own",
    "draft": {"role": "flux-klein-4b", "megapixels": 0.5},
    "finals": [{"when": "always", "role": "flux-pro", "megapixels": 1, "why": "a test"}],
}
PHOTO = Reference("a" * 64, "image/jpeg", 1024, 1024, b"jpeg")
TILE = Placement(name="tile", width_px=640, height_px=640, formats=("jpeg",))
WIDE = Placement(name="wide", width_px=1600, height_px=900, formats=("jpeg",))
HUGE = Placement(name="huge", width_px=4000, height_px=4000, formats=("jpeg",))


def wiring(folder: Path, home: str = "home", ladder: dict[str, Any] = LADDER) -> Wiring:
    (folder / "mine.yaml").write_text(yaml.safe_dump(ladder))
    return planning_wiring(folder / home, ladders=folder)


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = wiring(tmp_path)
    yield made
    made.close()


def brief(**more: Any) -> Brief:
    return Brief.model_validate({"name": "kettle", "subject": "a red kettle", "placements": [TILE], **more})


async def plan(w: Wiring, asked: Brief | None = None, **more: Any) -> Planned:
    asked = asked or brief()
    return await whole_plan(w, asked, "mine", wish=Wish(asked, (PHOTO,)), **more)


def difference(before: Planned, after: Planned) -> str:
    assert after.quote.hash != before.quote.hash
    return "; ".join(changes(before.quote.body, after.quote))


# -- what the hash covers ---------------------------------------------------------------------------------------------


async def test_a_change_of_a_price_in_the_book_is_another_hash(w: Wiring, tmp_path: Path) -> None:
    before = await plan(w)
    change_book(w, tmp_path, dearer("flux-2-pro", "first_mp", 40_000))
    told = difference(before, await plan(w))
    assert told == "price of flux-2-pro went from $0.0600 to $0.0700 a final"


async def test_a_price_that_this_plan_does_not_use_changes_the_books_version_and_not_the_hash(
    w: Wiring, tmp_path: Path
) -> None:
    before = await plan(w)
    change_book(w, tmp_path, dearer("gemini-3-pro-image", "image_out", 1))
    after = await plan(w)
    assert after.quote.price_version != before.quote.price_version
    assert after.quote.hash == before.quote.hash


async def test_another_id_behind_a_role_is_another_hash_even_at_the_same_price(w: Wiring, tmp_path: Path) -> None:
    before = await plan(w)
    change_book(w, tmp_path, served_by("flux-pro", "flux-2-pro-preview"))
    assert "the model of the final went from flux-2-pro to flux-2-pro-preview" in difference(before, await plan(w))


async def test_more_drafts_are_another_hash(w: Wiring) -> None:
    before = await plan(w)
    assert difference(before, await plan(w, drafts=6)) == "4 drafts became 6"


OTHER_WORDS: dict[str, Any] = {
    "title": "Kettle",
    "subject": "a blue kettle",
    "action": "steaming",
    "setting": "on a stove",
    "light": "noon",
    "camera": "from above",
    "mood": "calm",
    "palette": ("#ff0000",),
    "text_in_image": "TEA",
    "people": True,
    "references": ("b" * 64,),
    "placements": (TILE, WIDE),
    "final_megapixels": 0.5,
    "sku": "SKU-1",
}


@pytest.mark.parametrize("field", OTHER_WORDS)
async def test_every_field_of_the_brief_is_in_the_hash(w: Wiring, field: str) -> None:
    before = await plan(w)
    told = difference(before, await plan(w, brief(**{field: OTHER_WORDS[field]})))
    assert told


def test_no_field_of_the_brief_was_forgotten() -> None:
    assert {*OTHER_WORDS, "name", "style_references"} == set(Brief.model_fields)


async def test_what_a_photo_is_for_is_in_the_hash_and_told(w: Wiring) -> None:
    photos = (PHOTO.sha256,)
    before = await plan(w, brief(references=photos))
    after = await plan(w, brief(references=photos, style_references=photos))
    assert difference(before, after) == "the brief of kettle changed: style_references"


async def test_a_changed_brief_is_told_by_its_fields(w: Wiring) -> None:
    before = await plan(w)
    told = difference(before, await plan(w, brief(light="noon", mood="calm")))
    assert told == "the brief of kettle changed: light, mood"


async def test_a_placement_that_changes_the_finals_size_is_told_with_both_sizes(w: Wiring) -> None:
    told = difference(await plan(w), await plan(w, brief(placements=[WIDE])))
    assert "the brief of kettle changed: placements" in told
    assert "the final of kettle went from 1024x1024 to 1360x768" in told


async def test_other_bytes_of_a_photo_are_another_hash(w: Wiring) -> None:
    before, other = await plan(w), replace(PHOTO, sha256="c" * 64)
    after = await whole_plan(w, brief(), "mine", wish=Wish(brief(), (other,)))
    assert difference(before, after) == "the reference photos of kettle changed"


@pytest.mark.parametrize(
    "change",
    [
        lambda ladder: {**ladder, "draft": {**ladder["draft"], "megapixels": 0.25}},
        lambda ladder: {**ladder, "finals": [{**ladder["finals"][0], "role": "flux-max"}]},
        lambda ladder: {**ladder, "finals": [{**ladder["finals"][0], "why": "another reason"}]},
    ],
)
async def test_another_ladder_is_another_hash(tmp_path: Path, change: Callable[[Any], Any]) -> None:
    first = wiring(tmp_path, "one")
    before = await plan(first)
    first.close()
    second = wiring(tmp_path, "two", change(LADDER))
    after = await plan(second)
    second.close()
    assert difference(before, after)


async def test_whatever_decides_the_caps_is_in_the_hash(w: Wiring) -> None:
    """Each scope of a cap: by the lines, or by whose money the quote names."""
    made = await plan(w)
    named = {name.replace("_", " ") for name in get_args(Scope)} - {"global"}
    in_lines = {name.replace("_", " ") for name in made.quote.lines[0].terms}
    told = {*made.quote.whose} | ({"run id"} if "run" in made.quote.whose else set())
    assert named <= in_lines | told


SPENDING: dict[str, tuple[dict[str, str], str]] = {
    "cost centre": ({"cost_centre": "hats"}, "the cost centre went from shoes to hats"),
    "choice of drafts": ({"select_mode": "person"}, "the choice of drafts went from auto to person"),
}


@pytest.mark.parametrize("name", SPENDING)
async def test_an_approval_is_for_its_own_run_and_cost_centre(w: Wiring, name: str) -> None:
    change, words = SPENDING[name]
    asked = RunOptions("campaign", "mine", "auto", 4, cost_centre="shoes")
    wishes = Wishes("kettle", (Wish(brief(), (PHOTO,)),))
    before = await plan_run(w, wishes, asked)
    after = await plan_run(w, wishes, replace(asked, **change))  # type: ignore[arg-type]
    assert difference(before, after) == words


async def test_another_setting_of_the_cost_centre_is_another_hash(w: Wiring) -> None:
    before = await plan(w)
    w.settings.cost_centre = "hats"
    assert difference(before, await plan(w)) == "the cost centre went from none to hats"


async def test_another_name_of_the_campaign_is_another_hash(w: Wiring) -> None:
    asked = RunOptions("campaign", "mine", "auto", 4)
    before, after = [await plan_run(w, Wishes(name, (Wish(brief(), (PHOTO,)),)), asked) for name in ("one", "two")]
    assert difference(before, after) == "the campaign went from one to two"


async def test_another_catalog_is_another_hash(w: Wiring) -> None:
    asked = RunOptions("catalog", "mine", "auto", 4)
    wishes = Wishes("feed", (Wish(brief(sku="S-1"), (PHOTO,)),))
    before, after = [await plan_run(w, wishes, asked, name) for name in ("shop", "outlet")]
    assert difference(before, after) == "the catalog went from shop to outlet"


async def test_sending_again_what_is_in_doubt_is_another_hash(w: Wiring) -> None:
    before = await plan(w)
    w.settings.resend_in_doubt = frozenset({"bfl"})
    after = await plan(w)
    told = difference(before, after)
    assert told.startswith("sending again what is in doubt was switched on: $")
    assert after.quote.full.worst == 2 * before.quote.full.worst
    assert (after.quote.range.low, after.quote.range.expected) == (before.quote.range.low, before.quote.range.expected)


async def test_another_vendors_policy_adds_no_line(w: Wiring) -> None:
    before = await plan(w)
    w.settings.resend_in_doubt = frozenset({"google"})
    assert (await plan(w)).quote.hash == before.quote.hash


async def test_process_time_of_day_and_the_order_of_words_are_not_in_the_hash(
    w: Wiring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await plan(w)
    other = wiring(tmp_path, "another-machine")
    later = other.now() + timedelta(seconds=1)
    monkeypatch.setattr(other, "now", lambda: later)
    words = brief().model_dump()
    turned = Brief.model_validate(dict(reversed(words.items())))
    assert (await plan(other, turned)).quote.hash == before.quote.hash
    other.close()


# -- lines beside the paid calls --------------------------------------------------------------------------------------


async def test_an_upscale_is_a_line_of_its_own_and_costs_nothing(w: Wiring) -> None:
    assert [line.stage for line in (await plan(w)).quote.lines] == ["draft", "final"]
    big = await plan(w, brief(placements=[HUGE]))
    (upscale,) = [line for line in big.quote.lines if line.stage == "upscale"]
    assert (upscale.count, upscale.vendor, upscale.model_id) == (1, "local", "Real-ESRGAN x4plus")
    assert upscale.range.worst == 0
    assert big.quote.per("stage")["upscale"].worst == 0


async def test_what_sending_again_may_add_falls_under_the_vendors_cap(w: Wiring) -> None:
    w.settings.resend_in_doubt = frozenset({"bfl"})
    made = await plan(w)
    assert sum(micros for _, micros in asked_parts(w, made)) == made.quote.range.worst
    assert {by.tier for by, _ in asked_parts(w, made)} == {"draft", "final"}
    with pytest.raises(CapRefused):
        check_caps(w, made, -(-made.quote.range.worst // 20_000))


# -- going on ---------------------------------------------------------------------------------------------------------


async def in_doubt(w: Wiring, made: Planned, *, tries: int = 1) -> None:
    """Every draft was sent `tries` times and nobody knows how it ended."""
    (asset,) = made.assets
    draft = asset.plan["draft"]
    for ordinal, asked in requests_with_ordinals(draft_requests(draft, (PHOTO,)), 1):
        by = dimensions(made.run, asset, w, draft, "draft")
        for _ in range(tries):
            intent = Intent(asked.work_key(ordinal), made.quote.lines[0].each.worst, "p", by)
            held = w.ledger.hold(intent, slots=24, resend_in_doubt=True)
            w.ledger.send(held.attempt_id)
            w.ledger.doubt(held.attempt_id, code="no-answer", note="")


def committed(w: Wiring, made: Planned) -> int:
    uses = w.ledger.uses(dimensions(made.run, None, w))
    return next(use.committed_micros for use in uses if use.cap.scope == "run_id")


async def test_what_was_sent_again_is_not_offered_a_third_time(w: Wiring) -> None:
    """Committed and still to be held stay inside the worst that was quoted before the first call."""
    w.settings.resend_in_doubt = frozenset({"bfl"})
    first = await plan(w)
    check_caps(w, first, 10_000)
    await in_doubt(w, first)
    second = await plan(w)
    assert second.quote.hash == first.quote.hash
    assert committed(w, first) + second.quote.asked_micros == first.quote.range.worst


async def test_a_run_in_the_database_is_quoted_by_the_plan_that_will_be_made(w: Wiring, tmp_path: Path) -> None:
    """Its role is served by another id since: the rows' model is what the run goes on with, so that is its price."""
    first = await plan(w)
    w.runs.open(first.run, first.assets)
    change_book(w, tmp_path, served_by("flux-pro", "flux-2-max"))
    again = await plan(w)
    assert again.quote.hash == first.quote.hash
    assert again.assets[0].plan == first.assets[0].plan
    assert [line.model_id for line in again.quote.lines] == ["flux-2-klein-4b", "flux-2-pro"]
    w.runs.update(first.run.run_id, "published")
    assert [line.model_id for line in (await plan(w)).quote.lines] == ["flux-2-klein-4b", "flux-2-max"]


async def test_a_known_run_whose_model_is_gone_is_refused_with_its_successor(w: Wiring, tmp_path: Path) -> None:
    def retire(content: dict[str, Any]) -> None:
        served_by("flux-pro", "flux-2-max")(content)
        content["models"]["flux-2-pro"] |= {"retires_on": date(2026, 1, 1), "successor": "flux-2-max"}

    first = await plan(w)
    w.runs.open(first.run, first.assets)
    change_book(w, tmp_path, retire)
    with pytest.raises(InputError, match=r"flux-2-pro was retired on 2026-01-01; its successor is flux-2-max"):
        await plan(w)


async def test_a_known_run_is_quoted_with_the_prices_of_now(w: Wiring, tmp_path: Path) -> None:
    first = await plan(w)
    w.runs.open(first.run, first.assets)
    change_book(w, tmp_path, dearer("flux-2-pro", "first_mp", 40_000))
    assert difference(first, await plan(w)) == "price of flux-2-pro went from $0.0600 to $0.0700 a final"
