"""The board behind a real server, and a real Chromium in front of it: for what only a browser shows."""

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from review.access.local import add_person
from review.access.roles import Role
from tests.support.board import BoardUnderTest

# The names that tools/browser.sh looks for; a path that is not there where there is none.
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = Path(next(filter(None, map(shutil.which, NAMES)), "/usr/bin/chromium"))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
STARTS_WITHIN_S = 60.0
WAITS_MS = 60_000
"""How long a test waits for what must come: long, for a machine that does five other things."""
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
AXE_RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


@contextlib.contextmanager
def served(under: BoardUnderTest) -> Iterator[str]:
    """The board on a port of the system's choice; its address."""
    settings = {"log_level": "error", "access_log": False, "timeout_graceful_shutdown": 1}  # event streams stay open
    server = uvicorn.Server(uvicorn.Config(under.app, host="127.0.0.1", port=0, **settings))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not server.started:
        assert time.monotonic() < deadline, "the board did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STARTS_WITHIN_S)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=WAITS_MS)
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS, timeout=2 * WAITS_MS)
        try:
            yield browser
        finally:
            browser.close()


def signed_in(under: BoardUnderTest, browser: Browser, url: str, *roles: Role, **context: Any) -> BrowserContext:
    """A browser's window of somebody with these roles; `context` goes to Playwright (viewport, color_scheme …)."""
    made = browser.new_context(base_url=url, **context)
    made.set_default_timeout(WAITS_MS)
    user_id = "+".join(sorted(roles))
    if under.board.accounts.user(user_id) is None:
        add_person(under.board.accounts, user_id, user_id.title(), frozenset(roles))
    made.add_cookies([{"name": "draftline_session", "value": under.board.sessions.open(user_id), "url": url}])
    return made


def complaints(page: Page) -> list[str]:
    """What axe finds wrong with a page, one line a finding; [] is good."""
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    return [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]]
