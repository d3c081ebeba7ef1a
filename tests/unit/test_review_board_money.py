"""What an adversary of the board found about money and files: each test failed before it was mended."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import NotApproved
from review.access.roles import Role
from review.pages.launch_form import LaunchForm
from review.pages.launch_quote import plan_form
from tasks.approving import check_approval
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import board_wiring
from tests.support.fake_prefect import FakePrefect
from tests.support.quotes import change_book, dearer

SAMPLES = Path(__file__).parents[2] / "samples"
BRIEF = {"subject": "a stoneware mug on an oak table", "placements": "web", "form_id": "f1", "ladder": "economy"}
QUOTE_HASH = re.compile(r'name="quote_hash" value="([^"]*)"')
LAUNCH_ID = re.compile(r'name="launch_id" value="([^"]+)"')


@pytest.fixture
def prefect() -> FakePrefect:
    return FakePrefect()


@pytest.fixture
def under(tmp_path: Path, prefect: FakePrefect) -> Iterator[BoardUnderTest]:
    (tmp_path / "shop").mkdir()
    made = BoardUnderTest(board_wiring(tmp_path / "home", board_files=tmp_path / "shop"))
    made.board.prefect = prefect.api()
    yield made
    made.w.close()


@pytest.fixture
def creator(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.CREATOR)


# -- start again --


@pytest.fixture
def stopped(under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect) -> str:
    """A run that was launched and approved on the board, and stopped before it made anything. Its id."""
    quote_hash = _one(QUOTE_HASH, creator.submit("/launch/preview", **BRIEF).text)
    assert creator.submit("/launch/start", **BRIEF, quote_hash=quote_hash).status_code == 303
    planned = asyncio.run(plan_form(under.w, LaunchForm.of_params(prefect.params[0]), "Creator"))
    run_id = planned.run.run_id
    opened = replace(planned.run, plan=planned.run.plan | {"approved_quote": quote_hash})
    assert under.w.runs.open(opened, planned.assets)
    under.w.runs.update(run_id, "incomplete", "stopped")
    return run_id


def test_a_run_from_the_board_starts_again_with_what_its_flow_takes(
    creator: BoardClient, prefect: FakePrefect, stopped: str
) -> None:
    page = creator.get(f"/runs/{stopped}/again").text
    seen = {"quote_hash": _one(QUOTE_HASH, page), "launch_id": _one(LAUNCH_ID, page)}
    for _ in range(2):
        assert creator.submit(f"/runs/{stopped}/again", **seen).status_code == 303
    first, again = prefect.params
    assert again == first
    assert "a stoneware mug" in creator.get(f"/launch?from_run={stopped}").text


def test_starting_again_is_a_yes_to_the_price_of_now_and_to_no_other(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect, stopped: str, tmp_path: Path
) -> None:
    page = creator.get(f"/runs/{stopped}/again").text
    seen = {"quote_hash": _one(QUOTE_HASH, page), "launch_id": _one(LAUNCH_ID, page)}
    change_book(under.w, tmp_path, dearer("flux-2-pro", "first_mp", 50_000))
    refused = creator.submit(f"/runs/{stopped}/again", **seen)
    assert refused.status_code == 409
    assert "another quote than the one that you saw" in refused.text
    assert len(prefect.params) == 1
    assert creator.submit(f"/runs/{stopped}/again", **seen | {"quote_hash": ""}).status_code == 409

    now = {"quote_hash": _one(QUOTE_HASH, refused.text), "launch_id": _one(LAUNCH_ID, refused.text)}
    assert creator.submit(f"/runs/{stopped}/again", **now).status_code == 303
    params = prefect.params[1]
    planned = asyncio.run(plan_form(under.w, LaunchForm.of_params(params), "Creator"))
    check_approval(under.w, planned, params["approved_quote"])  # as the flow does before it spends


def test_with_four_eyes_nobody_says_yes_to_a_dearer_second_start_alone(
    under: BoardUnderTest, prefect: FakePrefect, stopped: str, tmp_path: Path
) -> None:
    under.w.settings.board_approval_limit_cents = 1
    under.w.settings.board_four_eyes = True
    change_book(under.w, tmp_path, dearer("flux-2-pro", "first_mp", 50_000))
    approver = under.client(Role.APPROVER)
    page = approver.get(f"/runs/{stopped}/again").text
    assert "Start again for" not in page
    seen = {"quote_hash": _one(QUOTE_HASH, page), "launch_id": _one(LAUNCH_ID, page)}
    assert approver.submit(f"/runs/{stopped}/again", **seen).status_code == 403
    planned = asyncio.run(plan_form(under.w, LaunchForm.of_params(prefect.params[0]), "Creator"))
    with pytest.raises(NotApproved):
        check_approval(under.w, planned, seen["quote_hash"])
    assert len(prefect.params) == 1


# -- files --


def test_the_board_reads_no_file_outside_its_folder_for_whoever_may_launch(
    under: BoardUnderTest, creator: BoardClient, tmp_path: Path
) -> None:
    shop, secret = tmp_path / "shop", tmp_path / "keys.txt"
    secret.write_text("API_KEY=sk-live-1234\n")
    (shop / "link.txt").symlink_to(secret)
    (under.w.settings.home / "notes.txt").write_text("API_KEY=sk-live-1234\n")
    (shop / "feed.csv").write_bytes((SAMPLES / "feed.csv").read_bytes())
    for name in (secret, shop / "link.txt", shop / ".." / "keys.txt", under.w.settings.home / "notes.txt"):
        answer = creator.submit("/launch/catalog/quote", feed=str(name))
        assert answer.status_code == 422
        assert "The board does not see this file" in answer.text
        assert "API_KEY" not in answer.text
    elsewhere = creator.submit("/launch/catalog/quote", feed=str(shop / "feed.csv"), photos=str(SAMPLES / "photos"))
    assert "The board does not see this folder" in elsewhere.text


def test_a_files_name_that_no_disk_can_hold_is_told_not_a_failure(creator: BoardClient) -> None:
    for name in ("a" * 300 + ".csv", "\0.csv", "shop/" * 300 + "feed.csv"):
        answer = creator.submit("/launch/catalog/quote", feed=name)
        assert answer.status_code == 422
        assert "The board does not see this file" in answer.text


def _one(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    assert found is not None, pattern.pattern
    return found[1]
