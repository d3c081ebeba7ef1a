"""The contact sheet as pages and forms: marks, undo, what is shown, promotion, and the stream. A browser is in e2e."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from review.access.roles import Role
from review.promotions import Choice, promotion
from review.queries.sheet_picks import run_picks
from review.queries.sheets import sheet
from review.sheet_streams import MAX_STREAMS_A_PERSON, Seats
from review.sheet_view import View, cells, versions
from storage.database.tables import scores
from storage.records.marks import MarkChange
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import BoardData, board_wiring, seed_board
from tests.support.board_promotions import Prefect, with_prefect

KEY = "slow-mornings"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BoardData]:
    folder = tmp_path_factory.mktemp("sheets")
    w = board_wiring(folder)
    data = seed_board(w, pictures=False, drafts=40, days=1)
    w.close()
    return folder, data


@pytest.fixture
def data(seeded: tuple[Path, BoardData]) -> BoardData:
    return seeded[1]


@pytest.fixture
def under(seeded: tuple[Path, BoardData], tmp_path: Path) -> Iterator[BoardUnderTest]:
    yield from board_on(seeded[0], tmp_path)


def board_on(folder: Path, tmp_path: Path, **settings: Any) -> Iterator[BoardUnderTest]:
    """A board on a copy of the seeds, for the test to change."""
    shutil.copytree(folder, tmp_path / "home", ignore=shutil.ignore_patterns("store"))
    w = board_wiring(tmp_path / "home", **settings)
    yield BoardUnderTest(w)
    w.close()


@pytest.fixture
def her(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.REVIEWER)


def slots(html: str) -> dict[str, dict[str, str]]:
    """Label to the attributes of its place in the grid."""
    found = {}
    for tag in re.findall(r'<li class="slot[^>]*>', html):
        facts = dict(re.findall(r'data-([a-z]+)="([^"]*)"', tag))
        found[facts["label"]] = facts | {"hidden": "yes" if tag.endswith(" hidden>") else ""}
    return found


def url_of(data: BoardData, key: str = KEY) -> str:
    run_id = {KEY: data.campaign, "harvest-table": data.published, "first-frost": data.running}.get(key, data.catalog)
    return f"/runs/{run_id}/sheet/{key}"


# -- looking -----------------------------------------------------------------------------------------------------------


def test_the_sheet_shows_every_draft_and_what_others_marked(her: BoardClient, data: BoardData) -> None:
    page = her.get(url_of(data))
    assert page.status_code == 200
    assert list(slots(page.text)) == ["A1", "B1", "C1", "D1", "A2", "B2"]
    assert "Mara Lindqvist picked it" in page.text
    assert "0 of 6 picked" in page.text


def test_drafts_that_are_still_made_have_a_place_and_the_page_comes_again_without_a_script(
    her: BoardClient, data: BoardData
) -> None:
    page = her.get(url_of(data, "first-frost")).text
    assert [label for label, facts in slots(page).items() if facts["version"] == "waiting"] == [
        "D1",
        "A2",
        "B2",
        "C2",
        "D2",
    ]
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "3 of 8 drafts" in page


def test_a_viewer_sees_the_sheet_and_nothing_to_mark_with(under: BoardUnderTest, data: BoardData) -> None:
    viewer = under.client(Role.VIEWER)
    page = viewer.get(url_of(data)).text
    assert 'data-act="pick"' not in page
    assert "Make finals" not in page
    assert 'name="do"' not in page
    assert viewer.submit(f"{url_of(data)}/marks", do="pick A1").status_code == 403


def test_the_run_leads_to_the_first_sheet_that_needs_a_pick(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    first = her.get(f"/runs/{data.catalog}/sheet").headers["location"]
    key = first.rpartition("/")[2]
    draft = sheet(under.w.database, data.catalog, key).drafts[0]
    under.w.marks.change(draft.image_id, "mara", MarkChange(flag="pick"))
    second = her.get(f"/runs/{data.catalog}/sheet").headers["location"]
    assert second != first
    assert her.get(first).status_code == her.get(second).status_code == 200


@pytest.mark.parametrize(
    "path", ["/runs/no-such/sheet", "/runs/no-such/sheet/x", "/runs/{}/sheet/x", "/runs/{}/sheet/x/cells"]
)
def test_what_is_not_there_is_404_with_a_sentence(path: str, her: BoardClient, data: BoardData) -> None:
    answer = her.get(path.format(data.campaign))
    assert answer.status_code == 404
    assert "There is no" in answer.text


def test_one_draft_opens_large_with_forms_details_and_neighbours(her: BoardClient, data: BoardData) -> None:
    page = her.get(f"{url_of(data)}?draft=B1").text
    opened = page[page.index('id="opened"') : page.index('id="tools"')]
    assert "Before: A1" in opened
    assert "Next: C1" in opened
    assert 'name="note"' in opened
    assert "flux-2-klein" in opened
    assert "Seed" in opened
    assert "Four more like this" not in opened, "she may not launch"


def test_four_more_like_this_leads_a_creator_to_a_new_quoted_round(under: BoardUnderTest, data: BoardData) -> None:
    details = under.client(Role.CREATOR).get(f"{url_of(data)}/drafts/A1").text
    assert f"/launch?from_run={data.campaign}&amp;asset={KEY}&amp;round=next&amp;like=A1" in details


def test_filters_hide_and_sorting_orders(her: BoardClient, data: BoardData) -> None:
    her.submit(f"{url_of(data)}/marks", do="pick C1")
    her.submit(f"{url_of(data)}/marks", label="D1", stars="4")

    def shown(query: str) -> list[str]:
        return [label for label, facts in slots(her.get(url_of(data) + query).text).items() if not facts["hidden"]]

    assert shown("?show=picked") == ["C1"]
    assert shown("?show=anybody") == ["B1", "C1"]
    assert "C1" not in shown("?show=unflagged")
    assert shown("?stars=3") == ["D1"]
    assert shown("?show=nonsense&stars=x&sort=%00&draft=%22%3E")[:2] == shown("")[:2]
    found = [float(facts["score"]) for facts in slots(her.get(f"{url_of(data)}?sort=score").text).values()]
    assert found == sorted(found, reverse=True)


def test_near_duplicates_lie_under_the_best_till_the_stack_is_opened_or_somebody_picks_one(
    under: BoardUnderTest, data: BoardData
) -> None:
    found = sheet(under.w.database, data.campaign, KEY)
    stack = ("A1", "C1", "D1")
    piled = [replace(d, stack=stack, double_of="" if d.label == "A1" else "A1", marks=()) for d in found.drafts[:4]
             if d.label in stack]  # fmt: skip
    shown = replace(found, drafts=tuple(piled))

    def seen(s: Any, view: View) -> list[str]:
        return [cell.label for cell in cells(s, "her", view) if not cell.is_hidden]

    assert seen(shown, View()) == ["A1"]
    assert seen(shown, View(stacks="open")) == ["A1", "C1", "D1"]
    assert seen(shown, View(show="unflagged")) == ["A1", "C1", "D1"]
    picked = replace(piled[2], marks=tuple(replace(m, flag="pick") for m in found.drafts[1].marks[:1]))
    assert seen(replace(shown, drafts=(*piled[:2], picked)), View()) == ["A1", "D1"]


# -- marks -------------------------------------------------------------------------------------------------------------


def test_a_mark_by_a_form_goes_back_to_where_the_form_was(her: BoardClient, data: BoardData) -> None:
    back = f"{url_of(data)}?show=anybody"
    answer = her.submit(f"{url_of(data)}/marks", do="pick A1", back=back)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{back}#draft-A1")
    assert slots(her.get(url_of(data)).text)["A1"]["flag"] == "pick"
    elsewhere = her.submit(f"{url_of(data)}/marks", do="unflag A1", back="https://evil.example/")
    assert elsewhere.headers["location"] == f"{url_of(data)}#draft-A1"


def test_a_mark_by_script_answers_with_the_versions_that_the_page_would_have(her: BoardClient, data: BoardData) -> None:
    told = her.submit(
        f"{url_of(data)}/marks", htmx=True, label="a1", flag="reject", stars="2", note=" too dark "
    ).json()
    (made,) = told["marks"]
    assert (made["label"], made["flag"], made["stars"], made["note"]) == ("A1", "reject", 2, "too dark")
    page = her.get(url_of(data)).text
    assert slots(page)["A1"]["version"] == made["version"]
    assert f'id="sheet-status" class="status" data-version="{told["status_version"]}"' in page


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"do": "burn A1"}, 422), ({"label": "A1", "stars": "6"}, 422), ({"label": "A1", "stars": "²"}, 422),
     ({"label": "A1", "flag": "maybe"}, 422), ({"label": "A1", "note": "x" * 501}, 422), ({"do": "pick Z9"}, 404),
     ({}, 404)],
)  # fmt: skip
def test_a_mark_that_cannot_be_is_refused_in_words(
    fields: dict[str, str], status: int, her: BoardClient, data: BoardData
) -> None:
    answer = her.submit(f"{url_of(data)}/marks", htmx=True, **fields)
    assert answer.status_code == status
    assert json.loads(answer.headers["hx-trigger"])["board:flash"][0]["text"]


def test_undo_takes_back_the_last_change_and_says_when_nothing_is_left(her: BoardClient, data: BoardData) -> None:
    url = url_of(data)
    her.submit(f"{url}/marks", do="pick A1")
    her.submit(f"{url}/marks", do="reject B1")
    assert [one["label"] for one in her.submit(f"{url}/undo", htmx=True).json()["marks"]] == ["B1"]
    assert her.submit(f"{url}/undo").headers["location"] == f"{url}#draft-A1"
    assert [facts["flag"] for facts in slots(her.get(url).text).values()] == [""] * 6
    assert her.submit(f"{url}/undo", htmx=True).json() == {"marks": []}


def test_what_was_marked_at_once_is_taken_back_at_once_and_no_more(her: BoardClient, data: BoardData) -> None:
    url = url_of(data)
    her.submit(f"{url}/marks", do="pick A1")
    told = her.submit(f"{url}/marks", htmx=True, label=["B1", "C1", "a1"], flag="reject").json()
    assert [(one["label"], one["flag"]) for one in told["marks"]] == [(label, "reject") for label in ("A1", "B1", "C1")]
    undone = her.submit(f"{url}/undo", htmx=True).json()
    assert [(one["label"], one["flag"]) for one in undone["marks"]] == [("A1", "pick"), ("B1", ""), ("C1", "")]
    page = slots(her.get(url).text)
    assert [page[one["label"]]["version"] for one in undone["marks"]] == [one["version"] for one in undone["marks"]]
    her.submit(f"{url}/marks", htmx=True, label=["B1", "C1"], stars="3")
    her.submit(f"{url}/undo", back=url)
    assert "Undone: 2 drafts are as they were." in her.get(url).text
    assert [one["label"] for one in her.submit(f"{url}/undo", htmx=True).json()["marks"]] == ["A1"]


def test_of_several_drafts_none_is_marked_where_one_is_not_there(her: BoardClient, data: BoardData) -> None:
    url = url_of(data)
    assert her.submit(f"{url}/marks", htmx=True, label=["A1", "Z9"], flag="pick").status_code == 404
    assert her.submit(f"{url}/marks", htmx=True, label=[f"A{n}" for n in range(501)], flag="pick").status_code == 422
    assert slots(her.get(url).text)["A1"]["flag"] == ""


def test_only_the_cells_that_are_asked_for_come_and_only_changed_ones_have_a_new_version(
    her: BoardClient, data: BoardData
) -> None:
    url = url_of(data)
    before = her.get(f"{url}/versions").json()
    her.submit(f"{url}/marks", do="pick D1")
    after = her.get(f"{url}/versions").json()
    assert {label for label in after if after[label] != before[label]} == {"D1", "*"}
    part = her.get(f"{url}/cells?labels=D1", headers={"hx-request": "true"}).text
    assert list(slots(part)) == ["D1"]
    assert "<html" not in part
    assert "1 of 6 picked" in part


# -- promotion ---------------------------------------------------------------------------------------------------------


def seen(under: BoardUnderTest, client: BoardClient, data: BoardData, **choice: str) -> str:
    sheets = run_picks(under.w.database, data.campaign)
    return promotion(under.w, data.campaign, KEY, sheets, Choice.of(choice), client.user_id).key


def test_the_promotion_says_what_is_picked_by_whom_and_what_it_costs(her: BoardClient, data: BoardData) -> None:
    her.submit(f"{url_of(data)}/marks", do="pick A1")
    everybody = her.get(f"{url_of(data)}/promote").text
    assert "2 finals" in everybody
    assert "picked by Jonas Weber, Mara Lindqvist" in everybody
    assert "$0.15" in everybody
    assert "All spend a day" in everybody
    assert "after this at worst" in everybody
    mine = her.get(f"{url_of(data)}/promote?whose=mine", headers={"hx-request": "true"}).text
    assert "1 final" in mine
    assert "<html" not in mine
    assert "Lindqvist" not in mine


def test_picks_become_one_flow_run_however_often_the_button_is_pressed(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    prefect = with_prefect(under, Prefect())
    fields = {"whose": "everybody", "scope": "sheet", "seen": seen(under, her, data)}
    for _ in range(2):
        answer = her.submit(f"{url_of(data)}/promote", **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{data.campaign}")
    assert len(prefect.runs) == 1
    params = {"run_id": data.campaign, "picks": [f"{KEY}=B1"], "approve": "approve", "picked_by": "Reviewer"}
    assert prefect.sent[0]["parameters"] == {"params": params}
    (launch,) = under.w.launches.of_run(data.campaign)
    assert (launch.state, launch.flow_run_id, launch.deployment) == ("started", "flow-0", "promote/promote")
    assert under.board.audits.newest(1)[0].action == "picks.promoted"


def test_the_flow_takes_the_parameters_that_the_board_sends(under: BoardUnderTest, data: BoardData) -> None:
    params = pytest.importorskip("flows.params")
    wanted = promotion(under.w, data.campaign, KEY, run_picks(under.w.database, data.campaign), Choice(), "")
    given = {"run_id": wanted.run_id, "picks": wanted.texts, "approve": "approve", "picked_by": "Mara"}
    assert params.PromoteParams.model_validate(given).picks == [f"{KEY}=B1"]


def test_where_the_flow_run_of_these_picks_failed_the_next_is_started(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    prefect = with_prefect(under, Prefect(state="FAILED"))
    assert her.submit(f"{url_of(data)}/promote", seen=seen(under, her, data)).status_code == 303
    assert len(prefect.runs) == 2


def test_picks_that_changed_after_she_looked_start_nothing(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    prefect, before = with_prefect(under, Prefect()), seen(under, her, data)
    her.submit(f"{url_of(data)}/marks", do="pick C1")
    answer = her.submit(f"{url_of(data)}/promote", seen=before)
    assert (answer.status_code, prefect.sent) == (409, [])
    assert "The picks have changed" in answer.text
    assert "2 finals" in answer.text


def test_a_sheet_that_somebody_closed_with_other_picks_says_who(under: BoardUnderTest, data: BoardData) -> None:
    approver = under.client(Role.APPROVER)
    approver.submit(f"{url_of(data, 'harvest-table')}/marks", do="pick A1")
    page = approver.get(f"{url_of(data, 'harvest-table')}/promote").text
    assert "closed already with B1, picked by Mara Lindqvist" in page
    assert "Make 1 final" not in page
    answer = approver.submit(f"{url_of(data, 'harvest-table')}/promote", seen="x")
    assert answer.status_code == 409
    assert "Mara Lindqvist" in answer.text


def test_nothing_picked_and_drafts_not_finished_are_said_before_anything_starts(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    assert "Nothing is picked yet" in her.get(f"{url_of(data)}/promote?whose=mine").text
    her.submit(f"{url_of(data, 'first-frost')}/marks", do="pick A1")
    assert "is not finished" in her.get(f"{url_of(data, 'first-frost')}/promote").text


def test_above_the_limit_only_an_approver_starts_it(
    seeded: tuple[Path, BoardData], data: BoardData, tmp_path: Path
) -> None:
    for under in board_on(seeded[0], tmp_path, board_approval_limit_cents=5):
        prefect, her = with_prefect(under, Prefect()), under.client(Role.REVIEWER)
        page = her.get(f"{url_of(data)}/promote").text
        assert "Above $0.05 an approver starts it" in page
        assert "Make 1 final for" not in page
        key = seen(under, her, data)
        assert her.submit(f"{url_of(data)}/promote", seen=key).status_code == 403
        assert prefect.sent == []
        assert under.client(Role.APPROVER).submit(f"{url_of(data)}/promote", seen=key).status_code == 303


def test_with_four_eyes_an_approver_starts_no_dear_finals_that_she_alone_picked(
    seeded: tuple[Path, BoardData], data: BoardData, tmp_path: Path
) -> None:
    for under in board_on(seeded[0], tmp_path, board_approval_limit_cents=5, board_four_eyes=True):
        prefect, approver = with_prefect(under, Prefect()), under.client(Role.APPROVER)
        approver.submit(f"{url_of(data)}/marks", do="pick A1")
        page = approver.get(f"{url_of(data)}/promote").text
        assert "ask somebody else with that role" in page
        assert "Make 2 finals for" not in page
        key = seen(under, approver, data)
        assert approver.submit(f"{url_of(data)}/promote", seen=key).status_code == 403
        assert prefect.sent == []
        other = under.client(Role.APPROVER, user_id="other")
        assert other.submit(f"{url_of(data)}/promote", seen=key).status_code == 303


def test_when_prefect_is_away_nothing_is_started_and_the_page_says_so(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    with_prefect(under, Prefect(status=500))
    answer = her.submit(f"{url_of(data)}/promote", seen=seen(under, her, data))
    assert answer.status_code == 503
    assert "server answered 500" in answer.text
    assert under.w.launches.of_run(data.campaign)[0].state == "failed"


def test_pressing_again_while_prefect_is_away_does_not_call_failed_what_was_started(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    key = seen(under, her, data)
    with_prefect(under, Prefect())
    assert her.submit(f"{url_of(data)}/promote", seen=key).status_code == 303
    with_prefect(under, Prefect(status=500))
    assert her.submit(f"{url_of(data)}/promote", seen=key).status_code == 503
    (launch,) = under.w.launches.of_run(data.campaign)
    assert (launch.state, launch.flow_run_id) == ("started", "flow-0")


def test_while_somebody_works_on_the_run_its_finals_wait(
    under: BoardUnderTest, her: BoardClient, data: BoardData, tmp_path: Path
) -> None:
    worker = board_wiring(tmp_path / "home")
    worker.processes.beat()
    worker.processes.take(f"run:{data.campaign}", "the run")
    prefect = with_prefect(under, Prefect())
    assert her.submit(f"{url_of(data)}/promote", seen=seen(under, her, data)).status_code == 409
    worker.processes.give_back(f"run:{data.campaign}")
    worker.close()
    assert prefect.sent == []
    assert her.submit(f"{url_of(data)}/promote", seen=seen(under, her, data)).status_code == 303


def test_all_sheets_of_a_run_can_be_promoted_together(under: BoardUnderTest, her: BoardClient, data: BoardData) -> None:
    sheets = run_picks(under.w.database, data.catalog)
    open_ones = [s.asset_key for s in sheets if s.selection == "open" and s.state == "open"][:2]
    for key in open_ones:
        draft = sheet(under.w.database, data.catalog, key).drafts[0]
        under.w.marks.change(draft.image_id, her.user_id, MarkChange(flag="pick"))
    page = her.get(f"/runs/{data.catalog}/sheet/{open_ones[0]}/promote?scope=run&whose=mine").text
    assert "2 finals" in page
    one = her.get(f"/runs/{data.catalog}/sheet/{open_ones[0]}/promote?whose=mine").text
    assert "1 final<" in one


def test_a_person_has_so_many_streams_and_is_told_to_ask_now_and_then_beyond(
    under: BoardUnderTest, her: BoardClient, data: BoardData
) -> None:
    seats = under.app.state.sheet_seats = Seats()
    with ExitStack() as streams:
        for _ in range(MAX_STREAMS_A_PERSON):
            streams.enter_context(seats.taken(her.user_id))
        assert her.get(f"{url_of(data)}/events").status_code == 204
    assert seats.is_free(her.user_id)
    assert set(her.get(f"{url_of(data)}/versions").json()) == {"A1", "B1", "C1", "D1", "A2", "B2", "*"}


def test_a_score_that_moves_everybody_s_rank_changes_no_other_place(under: BoardUnderTest, data: BoardData) -> None:
    before = sheet(under.w.database, data.campaign, KEY)
    worst = max(before.drafts, key=lambda draft: draft.rank)
    with under.w.database.write() as connection:
        connection.execute(scores.update().where(scores.c.image_id == worst.image_id).values(overall=0.999))
    after = sheet(under.w.database, data.campaign, KEY)
    assert all(old.rank != new.rank for old, new in zip(before.drafts, after.drafts, strict=True))
    told, then = versions(before, ()), versions(after, ())
    assert {label for label in then if then[label] != told[label]} == {worst.label}


def test_versions_do_not_depend_on_who_looks(under: BoardUnderTest, data: BoardData) -> None:
    found, sheets = sheet(under.w.database, data.campaign, KEY), run_picks(under.w.database, data.campaign)
    told = versions(found, sheets)
    for user_id in ("mara", "jonas"):
        assert {cell.label: cell.version for cell in cells(found, user_id, View())} == {
            k: told[k] for k in told if k != "*"
        }
