"""Plans and their price: the quote's bounds, warnings with numbers, and what makes two plans the same run."""

from collections.abc import Iterator

import pytest

from domain.brief import Brief
from domain.errors import CapRefused, InputError
from domain.placement import BUILTIN
from domain.render import Reference
from tasks.opening import check_caps
from tasks.planning import Planned, draft_requests
from tasks.wishes import Wish
from tests.support.planning import planned, planning_wiring
from vendors.registry import VENDORS
from wiring import Wiring

pytestmark = pytest.mark.anyio
LADDERS = ("economy", "flux", "google")
PHOTO = Reference("a" * 64, "image/jpeg", 1024, 1024, b"jpeg")


@pytest.fixture(scope="module")
def w(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    made = planning_wiring(tmp_path_factory.mktemp("planning"))
    yield made
    made.close()


def brief(**more: object) -> Brief:
    fields = {"name": "kettle", "subject": "a red kettle", "placements": [BUILTIN["web"]], "light": "low sun"}
    return Brief.model_validate(fields | more)


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("references", [0, 1, 4])
async def test_every_line_of_a_quote_is_low_then_expected_then_worst(w: Wiring, ladder: str, references: int) -> None:
    photos = tuple(Reference(f"{n:064d}", "image/jpeg", 1024, 1024, b"jpeg") for n in range(references))
    plan = await planned(w, brief(), ladder, wish=Wish(brief(), photos))
    assert [(line.stage, line.count) for line in plan.quote.lines] == [("draft", 4), ("final", 1)]
    for line in plan.quote.lines:
        assert 0 < line.each.low <= line.each.expected <= line.each.worst
        assert line.range == line.each.times(line.count)
    assert plan.quote.range.worst == sum(line.range.worst for line in plan.quote.lines)


@pytest.mark.parametrize("ladder", LADDERS)
async def test_the_quotes_worst_covers_every_single_draft(w: Wiring, ladder: str) -> None:
    plan = await planned(w, brief(setting="a kitchen " * 40, mood="calm"), ladder, drafts=16)
    (asset,) = plan.assets
    line = plan.quote.lines[0]
    requests = draft_requests(asset.plan["draft"], [])
    assert len(requests) == 16
    async with w.open_vendors() as vendors:
        worst = [w.price_book.price(r.model_id, vendors[line.vendor].measure(r).worst, w.today()) for r in requests]
    assert max(worst) <= line.each.worst
    assert sum(worst) <= line.range.worst


async def test_the_flux_ladder_warns_that_its_draft_is_dearer_than_its_final_with_the_numbers(w: Wiring) -> None:
    small = brief(final_megapixels=1)
    plan = await planned(w, small, "flux")
    (warning,) = [text for text in plan.quote.warnings if text.startswith("tier inversion")]
    assert warning == (
        "tier inversion: a draft with flux-2-flex costs $0.0500, more than its final with flux-2-pro at $0.0450"
    )


@pytest.mark.parametrize("ladder", ["economy", "google"])
async def test_the_other_ladders_are_the_right_way_round_and_save_money(w: Wiring, ladder: str) -> None:
    plan = await planned(w, brief(), ladder)
    assert not [text for text in plan.quote.warnings if "inversion" in text]
    assert plan.saving_micros > 0


async def test_the_same_wish_is_the_same_run_and_any_other_wish_is_another(w: Wiring) -> None:
    first = await planned(w, brief(), "economy")
    assert (await planned(w, brief(), "economy")).run.run_id == first.run.run_id
    others = [
        await planned(w, brief(light="noon"), "economy"),
        await planned(w, brief(), "google"),
        await planned(w, brief(), "economy", drafts=3),
        await planned(w, brief(), "economy", wish=Wish(brief(), (PHOTO,))),
    ]
    assert len({first.run.run_id, *(plan.run.run_id for plan in others)}) == 5
    assert len({first.quote.hash, *(plan.quote.hash for plan in others)}) == 5


async def test_seeds_are_asked_for_only_where_they_are_honoured_and_differ_between_drafts(w: Wiring) -> None:
    flux = await planned(w, brief(), "economy")
    seeds = [call["seed"] for call in flux.assets[0].plan["draft"]["calls"]]
    assert len(set(seeds)) == 4
    assert None not in seeds
    google = await planned(w, brief(), "google")
    assert {call["seed"] for call in google.assets[0].plan["draft"]["calls"]} == {None}
    assert not [text for text in google.quote.warnings if "seed" in text]


async def test_the_final_is_chosen_by_rule_with_its_evidence(w: Wiring) -> None:
    plan = await planned(w, brief(text_in_image="HELLO"), "flux")
    final = plan.assets[0].plan["final"]
    assert final["model_id"] == "flux-2-max"
    assert 'text in image: "HELLO"' in final["reason"]


async def test_an_unknown_ladder_is_refused_with_what_there_is(w: Wiring) -> None:
    with pytest.raises(InputError, match=r"unknown ladder 'gold'.*economy, flux, google"):
        await planned(w, brief(), "gold")


async def test_a_plan_that_does_not_fit_is_refused_with_cap_use_and_missing_amount(w: Wiring) -> None:
    plan = await planned(w, brief(), "economy")
    worst = plan.quote.range.worst
    missing = worst - 20_000
    with pytest.raises(CapRefused) as refused:
        check_caps(w, plan, 2)
    text = str(refused.value)
    assert f"refused by cap run:{plan.run.run_id} (total): limit $0.0200, already committed $0.0000" in text
    assert f"missing ${missing / 1e6:.4f}; nothing was sent for run {plan.run.run_id}" in text
    check_caps(w, plan, -(-worst // 10_000))


async def test_the_default_cap_of_a_run_stands_when_none_is_named(w: Wiring) -> None:
    plan = await planned(w, brief(light="dawn"), "economy")
    check_caps(w, plan, 0)
    use = {u.cap.cap_id: u for u in w.ledger.uses(_dimensions(w, plan))}
    assert use[f"run:{plan.run.run_id}"].cap.limit_micros == 10_000_000
    assert use["day"].cap.limit_micros == 50_000_000


def _dimensions(w: Wiring, plan: Planned):  # type: ignore[no-untyped-def]
    from tasks.charging import dimensions

    return dimensions(plan.run, None, w)


def test_every_ladder_draws_on_vendors_that_exist(w: Wiring) -> None:
    for ladder in w.ladders.values():
        for role in ladder.roles():
            assert w.price_book.choose(role, w.today()).vendor in VENDORS
