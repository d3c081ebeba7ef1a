"""Runs under an approval: refused when anything is another, held to the approved worst, never void by progress."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from budget.approvals import Approvals
from budget.caps import Cap
from domain.attempt import Intent
from domain.brief import Brief
from domain.errors import CapRefused, NotApproved, QuoteChanged
from tasks.approving import check_approval
from tasks.charging import dimensions
from tasks.opening import check_caps
from tasks.planning import Planned, draft_requests, requests_with_ordinals
from tests.support.planning import planning_wiring
from tests.support.quotes import change_book, dearer, whole_plan
from wiring import Wiring

pytestmark = pytest.mark.anyio
BRIEF = Brief.model_validate({"name": "kettle", "subject": "a red kettle"})
END_MICROS = 1_000


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = planning_wiring(tmp_path / "home")
    yield made
    made.close()


def approved(w: Wiring, made: Planned) -> str:
    approvals = Approvals(w.database, w.now)
    hash_ = approvals.record_quote(made.quote, made.run.run_id, "campaign", made.run.name, "test")
    approvals.approve(hash_, "Ada", "spring")
    return hash_


def run_limit(w: Wiring, made: Planned) -> int:
    uses = w.ledger.uses(dimensions(made.run, None, w))
    return next(use.cap.limit_micros for use in uses if use.cap.scope == "run_id")


def pay_drafts(w: Wiring, made: Planned, each_micros: int) -> None:
    """Every draft is held at its worst and billed at `each_micros`."""
    (asset,) = made.assets
    draft = asset.plan["draft"]
    for ordinal, asked in requests_with_ordinals(draft_requests(draft, ()), 1):
        by = dimensions(made.run, asset, w, draft, "draft")
        held = w.ledger.hold(Intent(asked.work_key(ordinal), made.quote.lines[0].each.worst, "p", by), slots=24)
        w.ledger.send(held.attempt_id)
        w.ledger.settle(held.attempt_id, each_micros, source="vendor")


async def test_the_approved_plan_may_run(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    check_approval(w, made, approved(w, made))


async def test_a_price_of_another_day_voids_the_approval_and_is_named(w: Wiring, tmp_path: Path) -> None:
    hash_ = approved(w, await whole_plan(w, BRIEF))
    change_book(w, tmp_path, dearer("flux-2-klein-4b", "first_mp", 20_000))
    with pytest.raises(QuoteChanged, match=r"price of flux-2-klein-4b went from \$0.0140 to \$0.0200 a draft") as void:
        check_approval(w, await whole_plan(w, BRIEF, drafts=4), hash_)
    assert "nothing was sent" in str(void.value)


async def test_every_change_is_named_at_once(w: Wiring, tmp_path: Path) -> None:
    hash_ = approved(w, await whole_plan(w, BRIEF))
    change_book(w, tmp_path, dearer("flux-2-klein-4b", "first_mp", 20_000))
    with pytest.raises(QuoteChanged) as void:
        check_approval(w, await whole_plan(w, BRIEF.model_copy(update={"light": "noon"}), drafts=6), hash_)
    assert void.value.changes == [
        "price of flux-2-klein-4b went from $0.0140 to $0.0200 a draft",
        "4 drafts became 6",
        "the brief of kettle changed: light",
    ]


async def test_an_approval_for_one_cost_centre_is_none_for_another(w: Wiring) -> None:
    hash_ = approved(w, await whole_plan(w, BRIEF))
    w.settings.cost_centre = "hats"
    with pytest.raises(QuoteChanged, match="the cost centre went from none to hats"):
        check_approval(w, await whole_plan(w, BRIEF), hash_)


async def test_an_approval_given_where_no_deployment_is_known_counts_in_each(w: Wiring) -> None:
    hash_ = approved(w, await whole_plan(w, BRIEF))
    w.settings.deployment = "eu"
    made = await whole_plan(w, BRIEF)
    check_approval(w, made, hash_)
    in_eu = approved(w, made)
    w.settings.deployment = "us"
    with pytest.raises(QuoteChanged, match="the deployment went from eu to us"):
        check_approval(w, await whole_plan(w, BRIEF), in_eu)


async def test_a_quote_that_nobody_made_approved_or_still_approves_starts_nothing(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    with pytest.raises(NotApproved, match="there is no quote"):
        check_approval(w, made, "f" * 64)
    approvals = Approvals(w.database, w.now)
    hash_ = approvals.record_quote(made.quote, made.run.run_id, "campaign", "kettle", "test")
    with pytest.raises(NotApproved, match="nobody approved quote"):
        check_approval(w, made, hash_)
    approvals.approve(hash_, "Ada", "")
    approvals.withdraw(hash_, "Grace")
    with pytest.raises(NotApproved, match="Grace withdrew the approval"):
        check_approval(w, made, hash_)


async def test_above_the_setting_a_run_needs_an_approval(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    check_approval(w, made, "")
    w.settings.require_approval_above_cents = -(-made.quote.range.worst // 10_000)
    check_approval(w, made, "")
    w.settings.require_approval_above_cents -= 1
    with pytest.raises(NotApproved, match=r"DRAFTLINE_REQUIRE_APPROVAL_ABOVE_CENTS.*draftline approve HASH"):
        check_approval(w, made, "")
    check_approval(w, made, approved(w, made))


async def test_an_approved_run_can_spend_what_was_approved_and_no_more(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    check_caps(w, made, 0, approved(w, made))
    assert run_limit(w, made) == made.quote.range.worst
    alerted = {use.cap.cap_id: use.cap.thresholds for use in w.ledger.uses(dimensions(made.run, None, w))}
    assert alerted[f"run:{made.run.run_id}"] == ()
    assert alerted["day"]


async def test_a_lower_cap_stands_under_an_approval(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    hash_ = approved(w, made)
    with pytest.raises(CapRefused):
        check_caps(w, made, 1, hash_)
    assert run_limit(w, made) == 10_000
    check_caps(w, made, 900, hash_)
    assert run_limit(w, made) == made.quote.range.worst


async def test_a_persons_lower_cap_is_not_raised_by_going_on(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    hash_ = approved(w, made)
    check_caps(w, made, 0, hash_)
    why = "approved quote or not: slowly"
    w.ledger.set_cap(Cap(f"run:{made.run.run_id}", "run_id", made.run.run_id, "total", 20_000), by="Ada", why=why)
    with pytest.raises(CapRefused):
        check_caps(w, made, 0, hash_)
    assert run_limit(w, made) == 20_000


async def test_a_run_that_somebody_stopped_with_a_cap_of_nothing_is_not_started_by_an_approval(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    w.ledger.set_cap(Cap(f"run:{made.run.run_id}", "run_id", made.run.run_id, "total", 0), by="Ada", why="stop")
    with pytest.raises(CapRefused):
        check_caps(w, made, 0, approved(w, made))
    assert run_limit(w, made) == 0


async def test_another_setting_does_not_raise_the_cap_that_somebody_gave_a_run(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    check_caps(w, made, 0)
    given = Cap(f"run:{made.run.run_id}", "run_id", made.run.run_id, "total", 2_000_000)
    w.ledger.set_cap(given, by="Ada", why="not more")
    w.settings.cap_run_cents = 5_000
    check_caps(w, made, 0)
    assert run_limit(w, made) == 2_000_000


async def test_a_run_under_way_is_not_void_by_its_own_progress_and_its_cap_only_shrinks(w: Wiring) -> None:
    made = await whole_plan(w, BRIEF)
    hash_ = approved(w, made)
    check_caps(w, made, 0, hash_)
    w.runs.open(made.run, made.assets)
    pay_drafts(w, made, END_MICROS)
    again = await whole_plan(w, BRIEF)
    assert again.quote.range.worst < made.quote.range.worst
    check_approval(w, again, hash_)
    check_caps(w, again, 0, hash_)
    assert run_limit(w, made) == 4 * END_MICROS + again.quote.lines[1].range.worst


async def test_a_dearer_quote_approved_later_gives_its_run_the_room(w: Wiring, tmp_path: Path) -> None:
    first = await whole_plan(w, BRIEF)
    check_caps(w, first, 0, approved(w, first))
    change_book(w, tmp_path, dearer("flux-2-klein-4b", "first_mp", 20_000))
    second = await whole_plan(w, BRIEF)
    assert second.run.run_id == first.run.run_id
    check_caps(w, second, 0, approved(w, second))
    assert run_limit(w, second) == second.quote.range.worst > first.quote.range.worst
