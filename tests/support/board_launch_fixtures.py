"""A board to launch from: its fake Prefect, a creator and an approver, as a plugin of the tests that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from review.access.roles import Role
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import board_wiring
from tests.support.fake_prefect import FakePrefect


@pytest.fixture
def prefect() -> FakePrefect:
    return FakePrefect()


@pytest.fixture
def under(tmp_path: Path, prefect: FakePrefect) -> Iterator[BoardUnderTest]:
    made = BoardUnderTest(board_wiring(tmp_path / "home", board_approval_limit_cents=20, board_files=tmp_path))
    made.board.prefect = prefect.api()
    yield made
    made.w.close()


@pytest.fixture
def creator(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.CREATOR)


@pytest.fixture
def approver(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.APPROVER)
