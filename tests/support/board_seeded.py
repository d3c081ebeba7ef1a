"""A seeded board for a module of tests, and a fresh copy of it for each: a plugin of the tests that ask for it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.board import BoardUnderTest
from tests.support.board_data import BoardData, board_wiring, seed_board


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BoardData]:
    folder = tmp_path_factory.mktemp("board")
    w = board_wiring(folder)
    data = seed_board(w, pictures=False, drafts=4, days=1)
    w.close()
    return folder, data


@pytest.fixture
def data(seeded: tuple[Path, BoardData]) -> BoardData:
    return seeded[1]


@pytest.fixture
def under(seeded: tuple[Path, BoardData], tmp_path: Path) -> Iterator[BoardUnderTest]:
    shutil.copytree(seeded[0], tmp_path / "home", ignore=shutil.ignore_patterns("store"))
    w = board_wiring(tmp_path / "home")
    yield BoardUnderTest(w)
    w.close()
