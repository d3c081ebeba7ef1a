"""Plans under pressure: lowered at exact percents or until they fit, marked, and never changed once a run is open."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from budget.caps import Cap
from domain.attempt import Dimensions, Intent
from domain.brief import Brief
from domain.errors import CapRefused
from domain.placement import BUILTIN
from domain.render import Reference
from domain.run import Publication
from tasks.degrading import Request, plan_within_caps
from tasks.opening import check_caps
from tasks.planning import Planned, RunOptions
from tasks.plans import plan_run
from tasks.wishes import Wish, Wishes
from tests.support.planning import planning_wiring
from wiring import Wiring

pytestmark = pytest.mark.anyio
DAY = 50_000_000
OWN = """\
name: own
title: For this test
steps:
  - {at_percent: 60, drafts: 3}
  - {at_percent: 80, drafts: 1}
leave_alone: {campaigns: [launch]}
"""


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = planning_wiring(tmp_path / "home")
    yield made
    made.close()


def wishes(name: str = "kettle", **more: Any) -> Wishes:
    fields = {"name": name, "subject": "a red kettle", "placements": [BUILTIN["web"]], "people": True}
    return Wishes(name, (Wish(Brief.model_validate(fields), **more),))


def fill(w: Wiring, micros: int) -> None:
    """Hold so much of the day's cap, for somebody else's run."""
    used = next(u.committed_micros for u in w.ledger.uses(Dimensions(run_id="r0", flow="x")) if u.cap.cap_id == "day")
    by = Dimensions(run_id="r0", flow="x", vendor="bfl", model_id="m")
    w.ledger.hold(Intent(f"w{used}", micros - used, "book", by), slots=99)


async def plan(w: Wiring, what: Wishes, degrade: str = "gentle", ladder: str = "flux", **more: Any) -> Planned:
    return await plan_run(w, what, RunOptions("campaign", ladder, "auto", degrade=degrade, **more))


def made(planned: Planned) -> tuple[int, str, str]:
    (asset,) = planned.assets
    return len(asset.plan["draft"]["calls"]), asset.plan["draft"]["role"], asset.plan["final"]["role"]


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (DAY * 60 // 100 - 1, (4, "flux-flex", "flux-max")),
        (DAY * 60 // 100, (2, "flux-flex", "flux-max")),
        (DAY * 80 // 100 - 1, (2, "flux-flex", "flux-max")),
        (DAY * 80 // 100, (2, "flux-klein-9b", "flux-max")),
        (DAY * 90 // 100, (2, "flux-klein-9b", "flux-pro")),
    ],
)
async def test_a_plan_is_lowered_exactly_from_the_percent_on(
    w: Wiring, used: int, expected: tuple[int, str, str]
) -> None:
    fill(w, used)
    lowered, wished = await plan(w, wishes()), await plan(w, wishes(), "off")
    assert made(wished) == (4, "flux-flex", "flux-max")
    assert made(lowered) == expected
    assert (lowered.run.run_id == wished.run.run_id) == (expected == made(wished))
    assert lowered.quote.range.worst <= wished.quote.range.worst


async def test_a_lowered_plan_says_what_was_lowered_why_and_by_how_much(w: Wiring) -> None:
    fill(w, DAY * 91 // 100)
    lowered, wished = await plan(w, wishes()), await plan(w, wishes(), "off")
    (asset,) = lowered.assets
    assert asset.warnings[0].startswith(
        "lowered by policy gentle: drafts 4 -> 2; draft model flux-flex -> flux-klein-9b; "
        "final model flux-max -> flux-pro (cap day ("
    )
    assert asset.warnings[0].endswith(" is 91 % committed)")
    assert asset.plan["reason"].endswith("; lowered to flux-pro")
    facts = lowered.run.plan["degrade"]
    assert facts["before"]["worst"] == wished.quote.range.worst > facts["after"]["worst"] == lowered.quote.range.worst
    assert (facts["policy"], facts["assets"]) == ("gentle", 1)
    assert "lowered" not in wished.assets[0].plan
    assert "degrade" not in wished.run.plan


async def test_the_setting_asks_for_a_policy_where_nobody_else_does(w: Wiring) -> None:
    fill(w, DAY * 60 // 100)
    assert made(await plan(w, wishes(), ""))[0] == 4
    w.settings.degrade = "gentle"
    assert made(await plan(w, wishes(), ""))[0] == 2
    assert made(await plan(w, wishes(), "off"))[0] == 4


async def test_steps_are_taken_until_the_worst_price_fits_the_runs_own_cap(w: Wiring) -> None:
    wished = await plan(w, wishes(), "off")
    cents = wished.quote.range.worst // 10_000 - 1
    with pytest.raises(CapRefused):
        check_caps(w, wished, cents)
    fitted = await plan(w, wishes(), cap_cents=cents)
    assert made(fitted) == (2, "flux-flex", "flux-max")
    assert "the worst price does not fit the run's own cap" in fitted.assets[0].warnings[0]
    check_caps(w, fitted, cents)


async def test_a_plan_that_fits_at_no_step_is_refused_as_any_other(w: Wiring) -> None:
    least = await plan(w, wishes(), cap_cents=1)
    assert made(least) == (2, "flux-klein-9b", "flux-pro")
    with pytest.raises(CapRefused):
        check_caps(w, least, 1)


async def test_a_policy_that_would_make_a_plan_dearer_leaves_it_as_wished_and_says_so(
    w: Wiring, tmp_path: Path
) -> None:
    """$0.05 a megapixel of flux-flex against $0.07 of flux-max: a slip in a policy of one's own, or a risen price."""
    text = "name: up\ntitle: A slip\nsteps:\n  - {at_percent: 60, draft_roles: {flux-flex: flux-max}}\n"
    (tmp_path / "up.yaml").write_text(text)
    fill(w, DAY * 60 // 100)
    lowered, wished = await plan(w, wishes(), str(tmp_path / "up.yaml")), await plan(w, wishes(), "off")
    assert made(lowered) == made(wished) == (4, "flux-flex", "flux-max")
    assert (lowered.run.run_id, lowered.quote.hash) == (wished.run.run_id, wished.quote.hash)
    (told,) = set(lowered.quote.warnings) - set(wished.quote.warnings)
    assert told.startswith("not lowered, policy up would make it dearer: ")
    assert told in lowered.run.warnings
    assert "degrade" not in lowered.run.plan


async def test_more_photos_than_a_cheaper_model_takes_leave_the_model_as_it_is(w: Wiring) -> None:
    fill(w, DAY * 80 // 100)
    photos = tuple(Reference(f"{n:064d}", "image/jpeg", 1024, 1024, b"jpeg") for n in range(5))
    assert made(await plan(w, wishes(references=photos))) == (2, "flux-flex", "flux-max")


async def test_a_policy_of_ones_own_comes_from_a_file_and_may_leave_campaigns_alone(w: Wiring, tmp_path: Path) -> None:
    fill(w, DAY * 85 // 100)
    (tmp_path / "own.yaml").write_text(OWN)
    own = str(tmp_path / "own.yaml")
    assert made(await plan(w, wishes(), own))[0] == 1
    assert made(await plan(w, wishes("launch"), own))[0] == 4


async def test_an_open_run_keeps_its_plan_however_full_the_caps_are_later(w: Wiring) -> None:
    first = await plan(w, wishes())
    w.runs.open(first.run, first.assets)
    fill(w, DAY * 95 // 100)
    again = await plan(w, wishes())
    assert (again.run.run_id, made(again)) == (first.run.run_id, (4, "flux-flex", "flux-max"))
    other = await plan(w, wishes("vase"))
    assert made(other) == (2, "flux-klein-9b", "flux-pro")
    w.runs.open(other.run, other.assets)
    w.ledger.set_cap(Cap("day", "global", "", "day", 100 * DAY), by="Ada", why="room again")
    later = await plan(w, wishes("vase"))
    assert (later.run.run_id, made(later)) == (other.run.run_id, (2, "flux-klein-9b", "flux-pro"))
    assert later.run.plan["degrade"] == other.run.plan["degrade"]
    assert later.assets[0].warnings == other.assets[0].warnings


async def test_what_was_published_is_neither_lowered_later_nor_raised_again_by_the_same_policy(w: Wiring) -> None:
    brief = wishes("mug").items[0].brief.model_copy(update={"sku": "MUG-1"})
    what = Wishes("nightly", (Wish(brief),))

    async def night(published: Planned | None, degrade: str = "gentle") -> Planned:
        shown = {}
        if published is not None:
            shown = {"MUG-1": Publication("c", "MUG-1", published.assets[0].fingerprint, "r", 1, "k")}
        async with w.open_vendors() as vendors:
            asked = RunOptions("catalog", "flux", "auto", degrade=degrade)
            return await asyncio.to_thread(plan_within_caps, Request(w, vendors, asked, what, shown, "c"))

    calm = await night(None)
    fill(w, DAY * 90 // 100)
    assert (await night(calm)).unchanged == ("MUG-1",)
    pressed = await night(None)
    assert made(pressed)[0] == 2
    w.ledger.set_cap(Cap("day", "global", "", "day", 100 * DAY), by="Ada", why="room again")
    assert (await night(pressed)).unchanged == ("MUG-1",)
    assert made(await night(pressed, "off"))[0] == 4
