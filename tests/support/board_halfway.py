"""Runs for the board to cancel and to retry: one caught halfway in every state of its calls, one with a product that
fails. What lives here: what the vendors do, starting it from the launch pages, waiting. What may not: judging.
"""

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from budget.reports import list_attempts
from tests.support.board_stack import ROOT, Stack

WITHIN_S = 120.0
HALFWAY_S = 10_000
"""The two that are under way stay so, whatever the machine's speed, until the vendor's clock is put on by this."""
DONE, LATE, WAITING = 2, 2, 2
HALFWAY = {"settled": DONE, "accepted": LATE, "held": WAITING}
MAX_SENDINGS = 60
FAILS = "cedar-room-mist"


def halfway() -> list[dict[str, Any]]:
    """Two drafts are made, two are slow, and the rest is put off again and again: held, never sent."""
    match = {"vendor": "bfl", "model": "flux-2-klein-4b"}
    slow = [{"match": {**match, "nth": DONE + n}, "fault": "late", "seconds": HALFWAY_S} for n in range(1, LATE + 1)]
    put_off = [
        {"match": {**match, "nth": n}, "fault": "rate_limit", "retry_after_s": HALFWAY_S}
        for n in range(DONE + LATE + 1, MAX_SENDINGS)
    ]
    return slow + put_off


def one_product_fails() -> list[dict[str, Any]]:
    """The vendor breaks down over every draft of one product; asked again, it may well succeed."""
    return [{"match": {"vendor": "bfl", "prompt_contains": "Cedar"}, "fault": "task_failed"}]


def launch_campaign(page: Page, subject: str, title: str) -> str:
    """From the launch page, with as many drafts as HALFWAY has; the run's id."""
    page.goto("/launch")
    page.get_by_role("textbox", name="Subject", exact=True).fill(subject)
    page.get_by_role("textbox", name="Title", exact=True).fill(title)
    drafts = str(sum(HALFWAY.values()))
    page.get_by_label("Drafts", exact=True).fill(drafts)
    aside = page.get_by_role("complementary", name="Quote and preview")
    expect(aside.get_by_role("row", name=re.compile("draft", re.I))).to_contain_text(drafts)
    return _started(page)


def launch_catalog(page: Page, stack: Stack, products: int) -> str:
    """Of the sample shop's first products, one draft each; feed and photos are where board and worker stand."""
    for name in ("feed.csv", "style.yaml"):
        shutil.copy(ROOT / "samples" / name, stack.home.parent / name)
    shutil.copytree(ROOT / "samples" / "photos", stack.home.parent / "photos")
    page.goto("/launch/catalog")
    for label, text in (("Feed", "feed.csv"), ("Photos", "photos"), ("Style", "style.yaml")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("At most", exact=True).fill(str(products))
    page.get_by_label("Drafts a picture", exact=True).fill("1")
    page.get_by_label("Who chooses", exact=True).select_option("auto")
    page.get_by_role("button", name="Price it", exact=True).click()
    return _started(page)


def _started(page: Page) -> str:
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url("**/runs/*")
    return page.url.rsplit("/", 1)[-1]


def states(stack: Stack, run_id: str) -> Counter[str]:
    """How many calls of the run stand where."""
    return Counter(attempt.state for attempt in list_attempts(stack.w.database, run_id=run_id))


def workers(stack: Stack, run_id: str) -> set[str]:
    """The living processes that calls of the run belong to."""
    found = {attempt.process_id for attempt in list_attempts(stack.w.database, run_id=run_id)}
    return {name for name in found if stack.w.processes.is_alive(name)}


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)
