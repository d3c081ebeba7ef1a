"""The review queue as pages and forms: decide, undo, approve in one go, make finals. A browser is in e2e."""

import re

import pytest

from review.access.roles import Role
from review.queries.queue import review_queue
from review.queries.standing import standing
from storage.records.marks import MarkChange
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import BoardData
from tests.support.board_prefect import FakePrefect

VASE, MIST = "terracotta-vase", "cedar-room-mist"
SEEN = re.compile(r'name="seen" value="([^"]+)"')
pytest_plugins = ["tests.support.board_seeded"]


@pytest.fixture
def her(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.REVIEWER)


def exceptions(under: BoardUnderTest, data: BoardData) -> list[str]:
    return [item.asset_key for item in review_queue(under.w.database, run_id=data.catalog).items]


def decide(her: BoardClient, run_id: str, asset: str, **fields: str) -> str:
    answer = her.submit("/queue/decide", run=run_id, run_id=run_id, asset=asset, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


# -- looking -----------------------------------------------------------------------------------------------------------


def test_the_gravest_exception_comes_first_with_its_reason(her: BoardClient, data: BoardData) -> None:
    text = her.get(f"/queue?run={data.catalog}").text
    assert "Stoneware Mug" in text
    assert "Request Moderated" in text
    assert "1 of 4" in text
    second = her.get(f"/queue?run={data.catalog}&at=1").text
    assert "Mara Lindqvist picked A1, Jonas Weber rejected it" in second
    assert "The rim is bent" in second


def test_a_place_behind_the_end_shows_the_last_and_a_wrong_run_is_not_there(her: BoardClient, data: BoardData) -> None:
    assert "4 of 4" in her.get(f"/queue?run={data.catalog}&at=99").text
    assert her.get("/queue?run=nothing").status_code == 404
    assert her.get("/queue?show=nonsense&at=-1").status_code == 200


# -- deciding ----------------------------------------------------------------------------------------------------------


def test_approving_picks_the_draft_and_goes_on_to_the_next(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    before = exceptions(under, data)
    assert decide(her, data.catalog, MIST, at="2", draft="B1") == f"/queue?run={data.catalog}&at=2"
    assert exceptions(under, data) == [key for key in before if key != MIST]
    assert standing(under.w.database, data.catalog).picks == {MIST: ("B1",)}


def test_another_draft_replaces_the_first_choice(under: BoardUnderTest, her: BoardClient, data: BoardData) -> None:
    decide(her, data.catalog, MIST, draft="B1")
    decide(her, data.catalog, MIST, draft="C1")
    assert standing(under.w.database, data.catalog).picks == {MIST: ("C1",)}


def test_the_last_word_ends_a_disagreement_even_when_it_repeats_itself(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    decide(her, data.catalog, VASE, draft="A1")
    assert VASE not in exceptions(under, data)
    drafts = under.w.images.of_run(data.catalog, "draft", [VASE])
    under.w.marks.change(drafts[0].image_id, "finn", MarkChange(flag="reject"))
    assert VASE in exceptions(under, data), "somebody rejected what was picked"
    decide(her, data.catalog, VASE, draft="A1")
    assert standing(under.w.database, data.catalog).picks == {VASE: ("A1",)}


def test_leaving_a_product_out_rejects_all_its_drafts_and_keeps_the_note(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    decide(her, data.catalog, MIST, do="reject", note="label is unreadable")
    assert MIST not in exceptions(under, data)
    assert standing(under.w.database, data.catalog).left_out == 1
    text = her.get(f"/queue?run={data.catalog}&show=left-out").text
    assert "label is unreadable" in text
    entry = under.board.audits.newest(1)[0]
    assert (entry.action, entry.target) == ("queue.not_good", f"{data.catalog}/{MIST}")


def test_undo_takes_back_the_whole_last_decision(under: BoardUnderTest, her: BoardClient, data: BoardData) -> None:
    before = exceptions(under, data)
    decide(her, data.catalog, VASE, draft="B1")
    decide(her, data.catalog, MIST, do="reject")
    her.submit("/queue/undo", run=data.catalog)
    assert exceptions(under, data) == [key for key in before if key != VASE]
    her.submit("/queue/undo")
    assert exceptions(under, data) == before
    her.submit("/queue/undo")
    assert exceptions(under, data) == before


def test_htmx_gets_the_next_product_and_what_was_said(her: BoardClient, data: BoardData) -> None:
    answer = her.submit("/queue/decide", htmx=True, run=data.catalog, run_id=data.catalog, asset=VASE, at="1")
    assert "<html" not in answer.text
    assert "Terracotta Bud Vase: A1 approved." in answer.text
    assert answer.headers["hx-push-url"] == f"/queue?run={data.catalog}&at=1"
    assert "Cedar &amp; Smoke" in answer.text


def test_what_is_not_there_cannot_be_decided(her: BoardClient, under: BoardUnderTest, data: BoardData) -> None:
    nothing = her.submit("/queue/decide", run_id=data.catalog, asset="nothing")
    assert nothing.status_code == 404
    assert her.submit("/queue/decide", run_id=data.catalog, asset=VASE, draft="Z9").status_code == 422
    assert her.submit("/queue/decide", run_id=data.catalog, asset="stoneware-mug", do="reject").status_code == 422
    assert under.client(Role.CREATOR).submit("/queue/decide", run_id=data.catalog, asset=VASE).status_code == 403


def test_a_published_choice_that_is_no_good_is_listed(her: BoardClient, under: BoardUnderTest, data: BoardData) -> None:
    under.w.selections.close(data.catalog, {MIST: ("A1",)}, by="machine", reasons={})
    assert "Not good" in her.get(f"/queue?run={data.catalog}&at=2").text
    decide(her, data.catalog, MIST, do="reject", note="cut off")
    listed = review_queue(under.w.database, run_id=data.catalog, show="left-out").items
    assert [(i.asset_key, i.decision.note if i.decision else "") for i in listed] == [(MIST, "cut off")]
    assert MIST not in standing(under.w.database, data.catalog).picks


# -- in one go ---------------------------------------------------------------------------------------------------------


def test_bulk_approval_says_how_many_and_what_they_cost_and_can_be_undone(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    url = f"/queue/{data.catalog}/approve"
    shown = her.get(url).text
    assert "Approve 5 products in one go" in shown
    assert "about $" in shown
    assert her.submit(url, seen="4").status_code == 409
    where = her.submit(url, seen="5").headers["location"]
    assert len(standing(under.w.database, data.catalog).picks) == 5
    assert "Undo these 5 approvals" in her.get(where).text
    assert her.submit(url, seen="5").status_code == 409, "nothing is left to approve"
    her.submit("/queue/undo", run=data.catalog, count="5")
    assert not standing(under.w.database, data.catalog).picks


# -- finals ------------------------------------------------------------------------------------------------------------


def test_finals_are_quoted_and_start_once_with_every_decision(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    prefect, url = FakePrefect().serves(under), f"/queue/{data.catalog}/finals"
    assert "Nothing is decided yet" in her.get(url).text
    decide(her, data.catalog, VASE, draft="A1")
    stale = SEEN.search(her.get(url).text).group(1)  # type: ignore[union-attr]
    decide(her, data.catalog, MIST, draft="B1")
    assert her.submit(url, seen=stale).status_code == 409
    shown = her.get(url).text
    assert "2 finals of 2 products" in shown
    assert "7 products undecided" in shown
    assert "left" in shown
    seen = SEEN.search(shown).group(1)  # type: ignore[union-attr]
    for _ in range(2):
        assert her.submit(url, seen=seen).headers["location"] == f"/runs/{data.catalog}"
    ((deployment, params),) = prefect.started
    assert deployment == "promote/promote"
    assert sorted(params["params"]["picks"]) == [f"{MIST}=B1", f"{VASE}=A1"]
    assert params["params"]["approve"] == "approve"


def test_above_the_limit_a_reviewer_decides_and_an_approver_starts(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    object.__setattr__(under.w.settings, "board_approval_limit_cents", 1)
    prefect, url = FakePrefect().serves(under), f"/queue/{data.catalog}/finals"
    decide(her, data.catalog, VASE, draft="A1")
    shown = her.get(url).text
    assert "an approver starts it" in shown
    assert "Make 1 final for" not in shown
    seen = SEEN.search(shown).group(1)  # type: ignore[union-attr]
    assert her.submit(url, seen=seen).status_code == 403
    assert not prefect.started
    assert under.client(Role.APPROVER).submit(url, seen=seen).status_code == 303
