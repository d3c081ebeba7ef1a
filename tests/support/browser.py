"""Fixtures of the board's browser tests: one Chromium a module, and a seeded board of its own behind a real server.

A test module imports the fixture that it asks for: `from tests.support.browser import Site, site`.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from review.access.local import add_person
from review.access.roles import Role
from tests.support.board import BoardUnderTest
from tests.support.board_browser import CHROMIUM, WAITS_MS, chromium, complaints, served
from tests.support.board_data import BoardData, board_wiring, seed_board


@dataclass
class Site:
    """A seeded board (`under`, `data`) at `url`, and a browser."""

    under: BoardUnderTest
    data: BoardData
    url: str
    browser: Browser

    def signed_in(self, *roles: Role, user_id: str = "", **context: Any) -> BrowserContext:
        """A window of somebody with these roles; `context` goes to Playwright (viewport, color_scheme …)."""
        accounts, who = self.under.board.accounts, user_id or "+".join(sorted(roles))
        if accounts.user(who) is None:
            add_person(accounts, who, who.title(), frozenset(roles))
        made = self.browser.new_context(base_url=self.url, **context)
        made.set_default_timeout(WAITS_MS)
        made.add_cookies([{"name": "draftline_session", "value": self.under.board.sessions.open(who), "url": self.url}])
        return made

    def page(self, *roles: Role, **more: Any) -> Page:
        """A page in a window of its own; close it with `page.context.close()`."""
        return self.signed_in(*roles, **more).new_page()


def no_violations(page: Page) -> None:
    """axe finds nothing wrong with the page as it is now."""
    found = complaints(page)
    assert not found, "\n".join(found)


@pytest.fixture(scope="session")
def seeded_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BoardData]:
    """Seeded once, in a thread: the planner runs an event loop, and Playwright keeps one in the main thread."""
    folder = tmp_path_factory.mktemp("seeded-board")

    def seed() -> BoardData:
        w = board_wiring(folder)
        try:
            return seed_board(w)
        finally:
            w.close()

    with ThreadPoolExecutor(1) as pool:
        return folder, pool.submit(seed).result()


@pytest.fixture(scope="module")
def site(seeded_folder: tuple[Path, BoardData], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the seeded board for this module, which may change it."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM} on this machine")
    seeded, data = seeded_folder
    folder = tmp_path_factory.mktemp("board") / "home"
    shutil.copytree(seeded, folder)
    w = board_wiring(folder)
    under = BoardUnderTest(w)
    with served(under) as url, chromium() as browser:
        yield Site(under, data, url, browser)
    w.close()
