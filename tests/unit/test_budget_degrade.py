"""Degrade policies: steps at exact percents, never below the floor, and a wrong file is named with its key."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget.caps import Cap, CapUse
from budget.degrade import Change, DegradePolicy, Lowering, Making, Pressure, lowered_note, pressure_of
from budget.price_book import PriceBook
from domain.errors import InputError
from domain.render import Usage
from wiring.degrade_files import degrade_policy, policy_names
from wiring.ladder_files import roles

KNOWN = roles()
GENTLE = degrade_policy("gentle", KNOWN)
assert GENTLE is not None
WISHED = Making(4, "flux-flex", "flux-max")


def use(cap_id: str, limit: int, held: int, spent: int = 0) -> CapUse:
    return CapUse(Cap(cap_id, "global", "", "day", limit), "2026-11-21", held, spent)


def at(steps: int, making: Making = WISHED, policy: DegradePolicy = GENTLE, able: bool = True) -> Making:
    return Lowering(policy, steps, "a test").apply(making, lambda _stage, _role: able)


@pytest.mark.parametrize(
    ("committed", "steps"), [(0, 0), (599_999, 0), (600_000, 1), (799_999, 1), (800_000, 2), (900_000, 3), (10**6, 3)]
)
def test_a_step_is_taken_exactly_at_its_percent_of_what_is_held_and_spent(committed: int, steps: int) -> None:
    pressure = pressure_of([use("day", 1_000_000, committed // 2, committed - committed // 2)])
    assert GENTLE.steps_at(pressure) == steps


def test_the_tightest_cap_counts_and_a_cap_of_nothing_is_full() -> None:
    wide, narrow = use("day", 1_000_000, 500_000), use("month", 1_000, 610)
    assert pressure_of([wide, narrow]) == Pressure("month (2026-11-21)", 610, 1_000)
    assert pressure_of([wide, use("closed", 0, 0), narrow]).percent == 100
    assert pressure_of([]).percent == 0


def test_steps_add_up_and_say_what_they_changed_from_what_to_what() -> None:
    assert at(0) == WISHED
    assert at(1).drafts == 2
    third = at(3)
    assert (third.drafts, third.draft_role, third.final_role) == (2, "flux-klein-9b", "flux-pro")
    assert third.changes == (
        Change("drafts", "4", "2", 60),
        Change("draft model", "flux-flex", "flux-klein-9b", 80),
        Change("final model", "flux-max", "flux-pro", 90),
    )
    (note,) = lowered_note(Lowering(GENTLE, 3, "cap day is 91 % committed").facts(third))
    assert note == (
        "lowered by policy gentle: drafts 4 -> 2; draft model flux-flex -> flux-klein-9b; "
        "final model flux-max -> flux-pro (cap day is 91 % committed)"
    )


def test_nothing_goes_below_the_floor_and_fewer_wished_drafts_stay_fewer() -> None:
    assert at(3, Making(1, "flux-klein-4b", "flux-pro")) == Making(1, "flux-klein-4b", "flux-pro")
    assert lowered_note(Lowering(GENTLE, 3).facts(at(3, Making(2, "flux-klein-4b", "flux-pro")))) == ()


def test_a_role_that_cannot_make_the_asset_is_passed_over() -> None:
    assert at(3, able=False) == Making(2, "flux-flex", "flux-max", (Change("drafts", "4", "2", 60),))


@given(drafts=st.integers(1, 16), steps=st.integers(0, 3), more=st.integers(0, 3))
def test_a_further_step_never_gives_more_than_the_one_before(drafts: int, steps: int, more: int) -> None:
    here, there = (at(n, Making(drafts, "flux-flex", "flux-max")) for n in (steps, steps + more))
    assert min(drafts, GENTLE.floor.drafts) <= there.drafts <= here.drafts <= drafts
    assert there.changes[: len(here.changes)] == here.changes


def test_campaigns_and_cost_centres_can_be_left_alone() -> None:
    policy = DegradePolicy.model_validate(
        GENTLE.model_dump() | {"leave_alone": {"campaigns": ["launch"], "cost_centres": ["CC-1"]}}
    )
    assert policy.leaves_alone(campaign="launch", cost_centre="")
    assert policy.leaves_alone(campaign="x", cost_centre="CC-1")
    assert not policy.leaves_alone(campaign="x", cost_centre="")


@pytest.mark.parametrize("name", policy_names())
def test_every_step_of_our_own_policies_is_cheaper_by_todays_prices(name: str) -> None:
    policy, book = degrade_policy(name, KNOWN), PriceBook.load()
    assert policy is not None
    day = date(2026, 11, 21)
    usage = Usage(output_mp=1, image_out_tokens=1_120, text_out_tokens=350)

    def price(role: str) -> int:
        return book.price(book.choose(role, day).model_id, usage, day)

    for step in policy.steps:
        for role, to in {**step.draft_roles, **step.final_roles}.items():
            assert price(to) < price(role), (role, to)


HEAD = "name: mine\ntitle: x\nsteps:\n"
STEP = "  - {at_percent: 60, drafts: 2}\n"


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (
            f"name: mine\ntitle: x\nsteps:\n{STEP}  - {{at_percent: 60, drafts: 1}}\n",
            "mine.yaml",
            "must be higher",
        ),
        ("name: mine\ntitle: x\nsteps:\n  - {at_percent: 60}\n", "steps.0", "it lowers nothing"),
        (
            "name: mine\ntitle: x\nsteps:\n  - {at_percent: 101, drafts: 2}\n",
            "steps.0.at_percent",
            "less than",
        ),
        (f"name: mine\ntitle: x\nsteps:\n{STEP}floor: {{drafts: 3}}\n", "mine.yaml", "steps.0.drafts: 2 is below"),
        (f"name: mine\ntitle: x\nsteps:\n{STEP}whenever: 3\n", "whenever", "Extra inputs"),
        (
            "name: mine\ntitle: x\nsteps:\n  - {at_percent: 9, final_roles: {flux-max: gold}}\n",
            "steps.0.final_roles",
            "gold",
        ),
        (f"name: yours\ntitle: x\nsteps:\n{STEP}", "mine.yaml: name", "calls itself 'yours'"),
        ("name: [", "mine.yaml", "not YAML"),
        (
            "name: mine\ntitle: x\nsteps:\n  - {at_percent: 9, final_roles: {flux-max: flux-pro}}\n"
            "floor: {finals: [flux-max]}\n",
            "mine.yaml",
            "flux-max is a floor",
        ),
    ],
)
def test_a_wrong_policy_is_refused_with_its_file_and_key(tmp_path: Path, text: str, key: str, says: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        degrade_policy(str(tmp_path / "mine.yaml"), KNOWN)
    assert str(tmp_path / "mine.yaml") in str(refused.value)
    assert key in str(refused.value)
    assert says in str(refused.value)


def test_off_is_no_policy_and_an_unknown_name_lists_what_there_is() -> None:
    assert degrade_policy("off", KNOWN) is None
    with pytest.raises(InputError, match=r"unknown degrade policy 'harsh'. Known: off, gentle"):
        degrade_policy("harsh", KNOWN)
