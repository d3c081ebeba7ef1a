"""Plans where a review broke them: going on after a crash, caps of a vendor, quotes that were a little too small."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from budget.caps import Cap
from domain.attempt import Intent
from domain.brief import Brief
from domain.errors import CapRefused
from domain.placement import Placement
from domain.render import Reference, RenderRequest
from tasks.charging import dimensions
from tasks.opening import check_caps
from tasks.planning import Planned, draft_requests, requests_with_ordinals
from tests.support.planning import planned, planning_wiring
from wiring import Wiring
from wiring.settings import ALL_VENDORS

pytestmark = pytest.mark.anyio
MIXED = """\
name: mixed
title: Drafts of one vendor, finals of the other
draft: {role: nano-banana-flash, megapixels: 1}
finals:
  - {when: always, role: flux-pro, megapixels: 1, why: a test}
"""


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    (tmp_path / "mixed.yaml").write_text(MIXED)
    made = planning_wiring(tmp_path / "home", ladders=tmp_path)
    yield made
    made.close()


def brief(**more: Any) -> Brief:
    return Brief.model_validate({"name": "kettle", "subject": "a red kettle on an oak table", **more})


async def hold_drafts(w: Wiring, plan: Planned, *, end: str = "") -> None:
    """As a process that was killed after holding (`end` "" ) or that left every call in doubt ("doubt")."""
    asset = plan.assets[0]
    draft = asset.plan["draft"]
    async with w.open_vendors() as vendors:
        for ordinal, asked in requests_with_ordinals(draft_requests(draft, ()), 1):
            worst = w.price_book.price(asked.model_id, vendors[draft["vendor"]].measure(asked).worst, w.today())
            by = dimensions(plan.run, asset, w, draft, "draft")
            attempt = w.ledger.hold(Intent(asked.work_key(ordinal), worst, "p", by), slots=24)
            if end:
                w.ledger.send(attempt.attempt_id)
                w.ledger.doubt(attempt.attempt_id, code="no-answer", note="")


def run_limit(w: Wiring, plan: Planned) -> int:
    name = f"run:{plan.run.run_id}"
    return next(u.cap.limit_micros for u in w.ledger.uses(dimensions(plan.run, None, w)) if u.cap.cap_id == name)


@pytest.mark.parametrize("end", ["", "doubt"])
async def test_a_killed_run_goes_on_inside_the_cap_that_it_started_with(w: Wiring, end: str) -> None:
    """Its held money is committed already: counted as still to be held it would not fit a second time."""
    plan = await planned(w, brief(), "economy")
    cents = -(-plan.quote.range.worst // 10_000)
    check_caps(w, plan, cents)
    await hold_drafts(w, plan, end=end)
    again = await planned(w, brief(), "economy")
    check_caps(w, again, cents)
    assert sum(line.asked_micros for line in again.quote.lines) == again.quote.lines[1].range.worst
    assert again.quote.hash == plan.quote.hash


async def test_sending_doubtful_work_again_asks_for_its_money_again(w: Wiring) -> None:
    plan = await planned(w, brief(), "economy")
    cents = -(-plan.quote.range.worst // 10_000)
    check_caps(w, plan, cents)
    await hold_drafts(w, plan, end="doubt")
    w.settings.resend_in_doubt = ALL_VENDORS
    with pytest.raises(CapRefused):
        check_caps(w, await planned(w, brief(), "economy"), cents)


async def test_a_plan_above_a_vendors_cap_is_refused_before_anything_is_sent(w: Wiring) -> None:
    plan = await planned(w, brief(), "google")
    w.ledger.set_cap(Cap("google-month", "vendor", "google", "month", plan.quote.range.worst - 1), by="Ada", why="plan")
    with pytest.raises(CapRefused, match="refused by cap google-month"):
        check_caps(w, plan, 0)


async def test_a_run_keeps_its_own_cap_when_it_goes_on_without_one(w: Wiring) -> None:
    plan = await planned(w, brief(), "economy")
    check_caps(w, plan, 200)
    check_caps(w, plan, 0)
    assert run_limit(w, plan) == 2_000_000
    name = f"run:{plan.run.run_id}"
    w.ledger.set_cap(Cap(name, "run_id", plan.run.run_id, "total", 77_000_000), by="Ada", why="more")
    check_caps(w, plan, 0)
    assert run_limit(w, plan) == 77_000_000
    check_caps(w, plan, 300)
    assert run_limit(w, plan) == 3_000_000


async def test_a_cap_that_somebody_gave_a_run_stands_also_where_it_was_the_limit_of_the_settings(w: Wiring) -> None:
    plan = await planned(w, brief(), "economy")
    check_caps(w, plan, 0)
    assert run_limit(w, plan) == 10_000_000
    check_caps(w, plan, 1_000)
    w.settings.cap_run_cents = 5_000
    check_caps(w, plan, 0)
    assert run_limit(w, plan) == 10_000_000


async def test_a_finals_quote_counts_the_draft_at_the_size_in_which_it_comes(w: Wiring) -> None:
    """1360x768 are asked for, Gemini's 16:9 comes as 1376x768: a started second megapixel for FLUX."""
    wide = Placement(name="wide", width_px=1600, height_px=900, formats=("jpeg",))
    plan = await planned(w, brief(placements=(wide,)), "mixed")
    draft, final = plan.assets[0].plan["draft"], plan.assets[0].plan["final"]
    async with w.open_vendors() as vendors:
        comes = vendors["google"].measure(draft_requests(draft, ())[0])
        select = Reference("0" * 64, "image/jpeg", comes.width_px, comes.height_px, b"?")
        asked = RenderRequest(final["model_id"], "x", final["width_px"], final["height_px"], (select,))
        worst = w.price_book.price(asked.model_id, vendors["bfl"].measure(asked).worst, w.today())
    assert plan.quote.lines[1].range.worst >= worst
