"""A stream that is open ends for whoever may not look any more. 4 s."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from review.access.roles import Role
from storage.records.marks import MarkChange
from tests.support.board import BoardUnderTest
from tests.support.board_browser import served
from tests.support.board_data import board_wiring, seed_board


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BoardUnderTest, str, str]]:
    w = board_wiring(tmp_path_factory.mktemp("streams"))
    data = seed_board(w, pictures=False, drafts=10, days=1)
    under = BoardUnderTest(w)
    with served(under) as url:
        yield under, url, data.campaign
    w.close()


SHUT_OUT: dict[str, Callable[[BoardUnderTest, str], None]] = {
    "shut out": lambda under, token: under.board.accounts.set_disabled("viewer", True),
    "without a role": lambda under, token: under.board.accounts.set_roles("viewer", []),
    "signed out": lambda under, token: under.board.sessions.close(token),
}


@pytest.mark.parametrize("why", SHUT_OUT)
def test_who_may_not_look_any_more_hears_nothing_more(seeded: tuple[BoardUnderTest, str, str], why: str) -> None:
    under, url, run_id = seeded
    under.client(Role.VIEWER)
    under.board.accounts.set_disabled("viewer", False)
    under.board.accounts.set_roles("viewer", ["viewer"])
    token = under.board.sessions.open("viewer")
    with httpx.stream(
        "GET", f"{url}/runs/{run_id}/events", cookies={"draftline_session": token}, timeout=60, trust_env=False
    ) as stream:
        lines = stream.iter_lines()
        heard = next(line for line in lines if line.startswith("event:"))
        assert heard == "event: sheet"
        SHUT_OUT[why](under, token)
        draft = under.w.images.of_asset(run_id, "slow-mornings", "draft")[0]
        under.w.marks.change(draft.image_id, "mara", MarkChange(note=f"seen, {why}"))
        assert not [line for line in lines if line.startswith("event:")]


def test_who_may_look_hears_what_changes(seeded: tuple[BoardUnderTest, str, str]) -> None:
    under, url, run_id = seeded
    token = under.client(Role.REVIEWER).cookies["draftline_session"]
    with httpx.stream(
        "GET", f"{url}/runs/{run_id}/events", cookies={"draftline_session": token}, timeout=60, trust_env=False
    ) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: sheet"
        draft = under.w.images.of_asset(run_id, "slow-mornings", "draft")[0]
        under.w.marks.change(draft.image_id, "mara", MarkChange(note="again"))
        assert next(line for line in lines if line.startswith("event:")) == "event: sheet"
