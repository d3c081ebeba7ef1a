"""What a browser does for one action, counted: elements styled, boxes laid out, nodes changed, pictures fetched.

Counts are the same on every machine, so tests may bound them. The times beside them are for bench/sheet.py.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Page

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline"]
MAIN_THREAD = "CrRendererMain"
UNTIL_S = 60.0
LOOK_EVERY_MS = 50
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
WATCH = """() => {
  window.changes = [];
  window.nodesOf = (one) => [one.target, ...one.addedNodes, ...one.removedNodes];
  const note = (found) => changes.push(...found.flatMap(nodesOf));
  window.watcher = new MutationObserver(note);
  watcher.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
}"""
CHANGED = """() => {
  changes.push(...watcher.takeRecords().flatMap(nodesOf));
  const nodes = [...new Set(changes)];
  const slots = nodes.map((node) => (node.closest ? node : node.parentElement)?.closest(".slot")?.dataset.label);
  watcher.disconnect();
  return [nodes.length, [...new Set(slots.filter(Boolean))].sort()];
}"""


@dataclass(frozen=True)
class Work:
    """`styled` elements got a style computed, `laid_out` boxes needed a layout, `in_reach` boxes were under the roots
    from which it was made; of each task of the main thread its length and its share of a CPU, in milliseconds."""

    styled: int
    laid_out: int
    in_reach: int
    tasks_ms: tuple[float, ...]
    tasks_cpu_ms: tuple[float, ...]


def work_of(page: Page, act: Callable[[], object]) -> Work:
    """Do it, wait till two frames are drawn, and tell what the browser's pages did meanwhile."""
    browser = page.context.browser
    assert browser is not None, "a page of a launched browser"
    page.evaluate(TWO_FRAMES)
    browser.start_tracing(page=page, categories=CATEGORIES)
    try:
        act()
        page.evaluate(TWO_FRAMES)
    finally:
        trace = browser.stop_tracing()
    return _work(json.loads(trace)["traceEvents"])


def _work(events: list[dict[str, Any]]) -> Work:
    mains = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == MAIN_THREAD}
    done = [e for e in events if e.get("ph") == "X" and (e["pid"], e["tid"]) in mains]
    tasks = [e for e in done if e["name"] == "RunTask"]
    layouts = [e["args"]["beginData"] for e in done if e["name"] == "Layout"]
    return Work(
        styled=sum(e["args"].get("elementCount", 0) for e in done if e["name"] == "UpdateLayoutTree"),
        laid_out=sum(layout["dirtyObjects"] for layout in layouts),
        in_reach=sum(layout["totalObjects"] for layout in layouts),
        tasks_ms=tuple(e.get("dur", 0) / 1000 for e in tasks),
        tasks_cpu_ms=tuple(e.get("tdur", 0) / 1000 for e in tasks),
    )


def changes_of(page: Page, act: Callable[[], object]) -> tuple[int, list[str]]:
    """Do it, and tell how many nodes were changed, and in which drafts (their labels). `act` waits for its end."""
    page.evaluate(WATCH)
    act()
    count, labels = page.evaluate(CHANGED)
    return int(count), list(labels)


def counters(page: Page) -> tuple[CDPSession, Callable[[], dict[str, float]]]:
    """The browser's own counters of this page by name (Nodes, LayoutCount, RecalcStyleCount …)."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    return session, lambda: {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}


def until(page: Page, script: str) -> None:
    """Till the script answers something true. The page's policy forbids Playwright's own wait_for_function."""
    deadline = time.monotonic() + UNTIL_S
    while not page.evaluate(script):
        assert time.monotonic() < deadline, f"never true: {script}"
        page.wait_for_timeout(LOOK_EVERY_MS)
