"""The launch pages: what is asked becomes what the flow takes, the quote that was seen is what starts, once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import FormData

from budget.approvals import Approvals
from budget.caps import Cap
from flows.params import CampaignParams
from review.access.roles import Role
from review.pages.launch_form import LaunchForm
from storage.records.launches import Launch
from tasks.charging import dimensions
from tasks.plans import plan_run
from tasks.wishes import wishes_of_brief
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_launching import BRIEF, previewed, seen
from tests.support.fake_prefect import FakePrefect
from tests.support.quotes import change_book, dearer

pytest_plugins = ["tests.support.board_launch_fixtures"]


# -- preview and quote --


def test_an_empty_form_asks_for_a_subject_and_offers_every_ladder_with_its_price(creator: BoardClient) -> None:
    page = creator.get("/launch").text
    assert "Say what the picture is of" in page
    for words in ("economy", "google", "flux", "FLUX.2 [klein] 4B", "$0.014", "3840 × 2160", "stops no work"):
        assert words in page


def test_a_preview_shows_each_dialect_the_final_and_why_the_price_and_the_caps(creator: BoardClient) -> None:
    page = creator.submit("/launch/preview", htmx=True, **BRIEF, text_in_image="SLOW").text
    assert "<html" not in page
    for words in (
        "FLUX",
        "Nano Banana",
        "GPT Image",
        "letters need pixels",
        "Text in image:",
        "SLOW",
        "All spend a day",
    ):
        assert words in page, words
    assert "the brief as it is" in page
    assert "left after this, at worst" in page
    assert len(seen(page)["quote_hash"]) == 64


def test_the_quote_is_the_one_that_the_flow_makes_of_the_same_parameters(
    under: BoardUnderTest, creator: BoardClient
) -> None:
    async def flows_own() -> str:
        params = CampaignParams.model_validate(LaunchForm.of_sent(FormData(BRIEF)).params("creator"))
        wishes = await wishes_of_brief(under.w, params.brief(), Path())
        return (await plan_run(under.w, wishes, params.options())).quote.hash

    shown = previewed(creator)["quote_hash"]
    assert asyncio.run(flows_own()) == shown


def test_a_wrong_field_is_told_beside_it_and_nothing_that_was_typed_is_lost(creator: BoardClient) -> None:
    answer = creator.submit("/launch/preview", **{**BRIEF, "palette": "#zz", "mood": "calm <b>"})
    assert 'id="field-palette-error"' in answer.text
    assert "calm &lt;b&gt;" in answer.text
    assert "quote_hash" not in answer.text
    listed = answer.text.partition('class="problems"')[2].partition("</div>")[0]
    assert "<li>Palette: " in listed, "the list above the form says which field it means"
    beside = creator.submit("/launch/preview", htmx=True, **{**BRIEF, "drafts": "99", "cap_cents": "x"}).text
    assert '<li data-field="drafts">Drafts: <span>At most 16.</span></li>' in beside
    assert '<li data-field="cap_cents">Cap for this run: <span>Write a whole number.</span></li>' in beside


def test_a_cap_that_is_too_small_is_named_and_the_button_is_shut(under: BoardUnderTest, creator: BoardClient) -> None:
    cap = Cap("spring", "cost_centre", "spring", "month", 50_000)
    under.w.ledger.set_cap(cap, by="finn", why="small")
    fields = previewed(creator, cost_centre="spring")
    page = creator.submit("/launch/preview", htmx=True, **fields).text
    assert "Cost centre spring, a month" in page
    assert "too little: it would be refused" in page
    assert creator.submit("/launch/start", **fields).status_code == 409
    assert "too little" not in creator.submit("/launch/preview", htmx=True, **BRIEF).text


def test_a_runs_own_cost_centre_pays_for_its_calls(under: BoardUnderTest, creator: BoardClient) -> None:
    async def run() -> Any:
        form = LaunchForm.of_sent(FormData({**BRIEF, "cost_centre": "spring"}))
        wishes = await wishes_of_brief(under.w, form.brief(), Path())
        return (await plan_run(under.w, wishes, form.options("creator"))).run

    made = asyncio.run(run())
    assert dimensions(made, None, under.w).cost_centre == "spring"


# -- start --


def test_approve_and_start_starts_the_flow_with_the_form_under_its_hash(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect
) -> None:
    fields = previewed(creator, due_at="2026-12-01T10:00", cost_centre="spring")
    answer = creator.submit("/launch/start", **fields)
    (params,) = prefect.params
    taken = CampaignParams.model_validate(params)
    assert (taken.approved_quote, taken.cost_centre, taken.requested_by) == (fields["quote_hash"], "spring", "Creator")
    (launch,) = under.w.launches.newest()
    assert answer.headers["location"] == f"/runs/{launch.run_id}"
    assert (launch.state, launch.launched_by, launch.flow_run_id) == ("started", "creator", "flow-run-0")
    assert launch.due_at is not None
    assert launch.due_at.isoformat() == "2026-12-01T10:00:00+00:00"
    approval = Approvals(under.w.database, under.w.now).standing(fields["quote_hash"])
    assert approval is not None
    assert approval.by == "creator"
    assert {"quote.approved", "run.launched"} <= {one.action for one in under.board.audits.newest(10)}
    assert under.w.flow_runs.of_run(launch.run_id)[0].started_by == "creator"


def test_pressing_twice_starts_once(creator: BoardClient, under: BoardUnderTest, prefect: FakePrefect) -> None:
    fields = previewed(creator)
    first, second = (creator.submit("/launch/start", **fields) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(prefect.started) == prefect.calls == len(under.w.launches.newest()) == 1


def test_a_quote_that_changed_starts_nothing_and_says_what_changed(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect, tmp_path: Path
) -> None:
    fields = previewed(creator)
    more = creator.submit("/launch/start", **{**fields, "drafts": "6"})
    assert more.status_code == 409
    assert "4 drafts became 6" in more.text
    change_book(under.w, tmp_path, dearer("flux-2-pro", "first_mp", 50_000))
    dear = creator.submit("/launch/start", **fields)
    assert "Price of flux-2-pro went from" in dear.text
    assert not prefect.started
    assert not under.w.launches.newest()
    again = creator.submit("/launch/start", **{**fields, **seen(dear.text)})
    assert again.status_code == 303


@pytest.mark.parametrize("copy", ["", "{}", "[1]", '{"lines": []}', "nonsense"])
def test_a_quote_that_nobody_saw_starts_nothing(creator: BoardClient, prefect: FakePrefect, copy: str) -> None:
    answer = creator.submit("/launch/start", **BRIEF, quote_hash="0" * 64, quote_seen=copy)
    assert answer.status_code == 409
    assert "not known any more" in answer.text
    assert not prefect.started


def test_while_prefect_is_away_nothing_is_lost_and_the_same_button_starts_it_later(
    creator: BoardClient, prefect: FakePrefect, under: BoardUnderTest
) -> None:
    fields, prefect.away = previewed(creator), True
    answer = creator.submit("/launch/start", **fields)
    assert answer.status_code == 503
    assert "It did not start. Try again" in answer.text
    assert "a stoneware mug on an oak table" in answer.text
    assert "Approved, but not started yet" in creator.get("/launch/approvals").text
    prefect.away = False
    assert creator.submit("/launch/start", **fields).status_code == 303
    assert [one.state for one in under.w.launches.newest()] == ["started"]


def test_what_prefect_refuses_is_marked_as_failed(
    creator: BoardClient, prefect: FakePrefect, under: BoardUnderTest
) -> None:
    prefect.refuses = True
    assert creator.submit("/launch/start", **previewed(creator)).status_code == 503
    assert [one.state for one in under.w.launches.newest()] == ["failed"]


# -- above the limit --

DEAR = {"drafts": "16"}


def test_above_the_limit_a_creator_asks_and_an_approver_starts_it(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect
) -> None:
    fields = previewed(creator, **DEAR)
    assert "Ask for approval" in creator.submit("/launch/preview", htmx=True, **fields).text
    assert creator.submit("/launch/start", **fields).status_code == 409
    assert creator.submit("/launch/ask", **fields).headers["location"] == "/launch/approvals"
    assert "Waits for an approver" in creator.get("/launch/approvals").text
    (launch,) = under.w.launches.newest("waiting")
    page = approver.get("/launch/approvals").text
    assert "a stoneware mug on an oak table" in page
    url = f"/launch/approvals/{launch.launch_id}/approve"
    assert creator.submit(url, quote_hash=launch.quote_hash).status_code == 403
    assert not prefect.started
    answer = approver.submit(url, **seen(page))
    assert answer.headers["location"] == f"/runs/{launch.run_id}"
    assert prefect.params[0]["approved_quote"] == launch.quote_hash
    assert prefect.params[0]["requested_by"] == "Creator"
    assert approver.submit(url, **seen(page)).status_code == 404
    assert len(prefect.started) == 1
    approval = Approvals(under.w.database, under.w.now).standing(launch.quote_hash)
    assert approval is not None
    assert approval.by == "approver"


def test_an_approver_declines_with_a_reason_that_the_creator_reads(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect
) -> None:
    creator.submit("/launch/ask", **previewed(creator, **DEAR))
    (launch,) = under.w.launches.newest("waiting")
    url = f"/launch/approvals/{launch.launch_id}/decline"
    assert approver.submit(url, why=" ").status_code == 422
    assert approver.submit(url, why="too many drafts").status_code == 303
    assert "too many drafts" in creator.get("/launch/approvals").text
    assert not prefect.started


def test_a_launch_that_became_dearer_while_it_waited_is_shown_anew_and_not_started(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect, tmp_path: Path
) -> None:
    creator.submit("/launch/ask", **previewed(creator, **DEAR))
    (launch,) = under.w.launches.newest("waiting")
    change_book(under.w, tmp_path, dearer("flux-2-pro", "first_mp", 50_000))
    url = f"/launch/approvals/{launch.launch_id}/approve"
    answer = approver.submit(url, quote_hash=launch.quote_hash)
    assert answer.status_code == 409
    assert "Price of flux-2-pro went from" in answer.text
    assert not prefect.started
    now = seen(answer.text)
    assert approver.submit(url, **now).status_code == 303
    assert prefect.params[0]["approved_quote"] == now["quote_hash"] != launch.quote_hash


def test_an_approver_starts_her_own_unless_two_pairs_of_eyes_are_asked_for(
    under: BoardUnderTest, approver: BoardClient, prefect: FakePrefect
) -> None:
    fields = previewed(approver, **DEAR)
    under.w.settings.board_four_eyes = True
    assert approver.submit("/launch/start", **fields).status_code == 409
    approver.submit("/launch/ask", **fields)
    (launch,) = under.w.launches.newest("waiting")
    url = f"/launch/approvals/{launch.launch_id}/approve"
    assert approver.submit(url, quote_hash=launch.quote_hash).status_code == 409
    under.w.settings.board_four_eyes = False
    assert approver.submit("/launch/start", **fields).status_code == 303
    assert len(prefect.started) == 1


def test_small_launches_of_one_day_count_together_and_each_cost_centre_by_itself(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect
) -> None:
    """At $0.111 each, with $0.30 to start by oneself: two fit, the third needs an approver."""
    under.w.settings.board_approval_limit_cents = 30
    parts = [{**BRIEF, "name": f"part-{n}", "subject": f"mug {n}", "form_id": f"part-{n}"} for n in range(4)]
    for fields in parts[:2]:
        assert creator.submit("/launch/start", **previewed(creator, **fields)).status_code == 303
    third = previewed(creator, **parts[2])
    page = creator.submit("/launch/preview", htmx=True, **third).text
    assert "together with your others of today, $0.3" in page
    assert "is above the limit of $0.30: an approver has to say yes first" in page
    answer = creator.submit("/launch/start", **third)
    assert answer.status_code == 409
    assert "together with your others of today" in answer.text
    assert len(prefect.started) == 2
    # the same one again is no other one, another cost centre has its own sum, and so has another person
    under.w.settings.board_approval_limit_cents = 24
    assert creator.submit("/launch/start", **previewed(creator, **parts[0])).status_code == 303
    other = previewed(creator, **{**parts[3], "cost_centre": "hats"})
    assert creator.submit("/launch/start", **other).status_code == 303
    assert creator.submit("/launch/ask", **third).status_code == 303
    (launch,) = under.w.launches.newest("waiting")
    url = f"/launch/approvals/{launch.launch_id}/approve"
    assert approver.submit(url, quote_hash=launch.quote_hash).status_code == 303
    assert len(prefect.started) == 4


def test_what_she_launched_yesterday_or_an_approver_agreed_to_does_not_count_today(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect
) -> None:
    creator.submit("/launch/ask", **previewed(creator, **DEAR))
    (launch,) = under.w.launches.newest("waiting")
    approver.submit(f"/launch/approvals/{launch.launch_id}/approve", quote_hash=launch.quote_hash)
    parts = [{**BRIEF, "name": f"part-{n}", "subject": f"mug {n}", "form_id": f"part-{n}"} for n in range(2)]
    assert creator.submit("/launch/start", **previewed(creator, **parts[0])).status_code == 303
    today = under.w.now()
    under.w.__dict__["now"] = lambda: today + timedelta(days=1)
    assert creator.submit("/launch/start", **previewed(creator, **parts[1])).status_code == 303
    assert len(prefect.started) == 3


def test_launches_at_the_same_moment_count_too(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others of hers began after the page had looked is seen before the launch is sent."""
    under.w.settings.board_approval_limit_cents = 30
    parts = [{**BRIEF, "name": f"part-{n}", "subject": f"mug {n}", "form_id": f"part-{n}"} for n in range(3)]
    first, *others = [previewed(creator, **fields) for fields in parts]
    begin = under.w.launches.begin

    def others_begin_first(launch: Launch) -> tuple[Launch, bool]:
        monkeypatch.setattr(under.w.launches, "begin", begin)
        tab = under.client(Role.CREATOR)
        assert [tab.submit("/launch/start", **fields).status_code for fields in others] == [303, 303]
        return begin(launch)

    monkeypatch.setattr(under.w.launches, "begin", others_begin_first)
    answer = creator.submit("/launch/start", **first)
    assert answer.status_code == 503
    assert "together with your others of today" in answer.text
    assert sorted(one.state for one in under.w.launches.newest()) == ["failed", "started", "started"]
    assert len(prefect.started) == 2
