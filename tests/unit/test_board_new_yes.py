"""Finals of a run that goes by an approval: more picks than were approved ask for a yes to the whole run, once."""

import asyncio
import re

import pytest

from budget.approvals import Approvals
from review.access.roles import Role
from tasks.plans import plan_stored
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import BoardData
from tests.support.board_promotions import Prefect, with_prefect
from wiring import Wiring

pytest_plugins = ["tests.support.board_seeded"]
KEY = "slow-mornings"


@pytest.fixture
def approved(under: BoardUnderTest, data: BoardData) -> str:
    """The run that waits for picks goes by an approved quote, with one final; B1 is picked by somebody."""
    w, planned = under.w, asyncio.run(plan_stored(under.w, data.campaign))
    hash_ = approvals(w).record_quote(planned.quote, data.campaign, "campaign", planned.run.name, "test")
    approvals(w).approve(hash_, "Ada", "spring")
    run = w.runs.get(data.campaign)
    w.runs.update(run.run_id, run.status, plan=run.plan | {"approved_quote": hash_})
    return hash_


@pytest.fixture
def her(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.REVIEWER)


def approvals(w: Wiring) -> Approvals:
    return Approvals(w.database, w.now)


def url_of(data: BoardData) -> str:
    return f"/runs/{data.campaign}/sheet/{KEY}"


def seen(page: str) -> str:
    (key,) = re.findall(r'name="seen" value="([^"]+)"', page)
    return str(key)


def test_one_pick_a_brief_needs_no_other_yes(
    under: BoardUnderTest, her: BoardClient, data: BoardData, approved: str
) -> None:
    prefect, page = with_prefect(under, Prefect()), her.get(f"{url_of(data)}/promote").text
    assert "Make 1 final for" in page
    assert "approves the whole run" not in page
    assert her.submit(f"{url_of(data)}/promote", seen=seen(page)).status_code == 303
    assert "approved_quote" not in prefect.sent[0]["parameters"]["params"]


def test_more_picks_are_approved_by_who_starts_them_and_the_run_goes_by_that(
    under: BoardUnderTest, her: BoardClient, data: BoardData, approved: str
) -> None:
    prefect = with_prefect(under, Prefect())
    her.submit(f"{url_of(data)}/marks", do="pick A1")
    page = her.get(f"{url_of(data)}/promote").text
    assert "another quote than the run was approved with: 1 final became 2" in page
    assert "Approve and make 2 finals for" in page
    for _ in range(2):
        assert her.submit(f"{url_of(data)}/promote", seen=seen(page)).status_code == 303
    assert len(prefect.runs) == 1
    sent = prefect.sent[0]["parameters"]["params"]
    yes = approvals(under.w).standing(sent["approved_quote"])
    assert yes is not None
    assert (yes.by, yes.quote_hash != approved) == (her.user_id, True)
    whole = asyncio.run(plan_stored(under.w, data.campaign, {KEY: ("A1", "B1")}))
    assert sent["approved_quote"] == whole.quote.hash


def test_the_whole_run_with_more_picks_counts_against_the_limit(
    under: BoardUnderTest, data: BoardData, approved: str
) -> None:
    offer = approvals(under.w).quote(approved)
    assert offer is not None
    finals = [line["each"]["worst"] for line in offer.body["lines"] if line["stage"] == "final"]
    under.w.settings.board_approval_limit_cents = 2 * finals[0] // 10_000 + 1
    her = under.client(Role.REVIEWER)
    her.submit(f"{url_of(data)}/marks", do="pick A1")
    page = her.get(f"{url_of(data)}/promote").text
    assert "Approve and make" not in page
    assert her.submit(f"{url_of(data)}/promote", seen=seen(page)).status_code == 403
    assert "Approve and make 2 finals" in under.client(Role.APPROVER).get(f"{url_of(data)}/promote").text


def test_picks_of_a_run_whose_approval_was_withdrawn_start_nothing(
    under: BoardUnderTest, her: BoardClient, data: BoardData, approved: str
) -> None:
    prefect, key = with_prefect(under, Prefect()), seen(her.get(f"{url_of(data)}/promote").text)
    approvals(under.w).withdraw(approved, "Grace")
    page = her.get(f"{url_of(data)}/promote").text
    assert "Grace withdrew the approval" in page
    assert "Make 1 final for" not in page
    assert her.submit(f"{url_of(data)}/promote", seen=key).status_code == 409
    assert prefect.sent == []


def test_the_queues_finals_ask_for_the_same_yes(
    under: BoardUnderTest, her: BoardClient, data: BoardData, approved: str
) -> None:
    """The queue has one of each product, so there it is something else that voids the first yes."""
    prefect = with_prefect(under, Prefect())
    under.w.settings.cost_centre = "hats"
    page = her.get(f"/queue/{data.campaign}/finals").text
    assert "the cost centre went from none to hats" in page
    assert "Approve and make 1 final for" in page
    assert her.submit(f"/queue/{data.campaign}/finals", seen=seen(page)).status_code == 303
    assert prefect.sent[0]["parameters"]["params"]["approved_quote"] != approved
    approvals(under.w).withdraw(approved, "Grace")
    assert "Grace withdrew the approval" in her.get(f"/queue/{data.campaign}/finals").text


def test_another_quote_of_the_same_picks_has_to_be_seen_before_it_is_approved(
    under: BoardUnderTest, her: BoardClient, data: BoardData, approved: str
) -> None:
    her.submit(f"{url_of(data)}/marks", do="pick A1")
    before = seen(her.get(f"{url_of(data)}/promote").text)
    under.w.settings.cost_centre = "hats"
    page = her.get(f"{url_of(data)}/promote").text
    assert "the cost centre went from none to hats; 1 final became 2" in page
    assert seen(page) != before
    assert her.submit(f"{url_of(data)}/promote", seen=before).status_code == 409


def test_a_promotion_under_a_yes_of_its_own_is_started_again_as_that_promotion(
    under: BoardUnderTest, her: BoardClient, data: BoardData, approved: str
) -> None:
    prefect = with_prefect(under, Prefect())
    her.submit(f"{url_of(data)}/marks", do="pick A1")
    her.submit(f"{url_of(data)}/promote", seen=seen(her.get(f"{url_of(data)}/promote").text))
    under.w.runs.update(data.campaign, "incomplete", "a worker was lost")
    creator = under.client(Role.CREATOR)
    page = creator.get(f"/runs/{data.campaign}/again").text
    (launch_id,) = re.findall(r'name="launch_id" value="([^"]+)"', page)
    assert creator.submit(f"/runs/{data.campaign}/again", launch_id=launch_id).status_code == 303
    assert prefect.sent[1]["parameters"] == prefect.sent[0]["parameters"]
