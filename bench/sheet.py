"""How much more a contact sheet of 500 drafts costs a browser than one of 50: opening, scrolling, keys, a colleague.

Run: python -m bench.sheet [--drafts 50 500] [--rounds 5]. All sheets are open in one headless Chromium in one run, and
the ratio of the largest to the smallest is what matters: 1.0 means that drafts out of sight cost nothing. Milliseconds
of CPU of the page's main thread, in all and of its longest task, the best of several rounds: they hold on a busy
machine. The last column is the longest task by the clock, which whatever else runs makes longer.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.sync_api import Page

from review.access.roles import Role
from storage.records.marks import MarkChange
from tests.support.board import BoardUnderTest
from tests.support.board_browser import DESK, chromium, served
from tests.support.board_data import board_wiring, seed_board
from tests.support.browser import Site
from tests.support.rendering import TWO_FRAMES, Work, counters, until, work_of
from wiring import Wiring

WHEEL_PX, TURNS = 400, 40
COLLEAGUE = "mara"
FLAGS, STARS = "pxu", "12345"
IN_SIGHT = """[...document.querySelectorAll("#grid img")]
  .filter((image) => image.checkVisibility({contentVisibilityAuto: true})).every((image) => image.naturalWidth > 0)"""
AT_THE_END = "scrollY + innerHeight >= document.documentElement.scrollHeight - 1"
FETCHED = "performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/thumb')).length"
LARGE_IS_THERE = "document.querySelector('.pane') && !document.querySelector('.pane.is-loading')"


@dataclass(frozen=True)
class Cost:
    """Milliseconds: CPU of the main thread in all, CPU of its longest task, its longest task by the clock."""

    cpu: float
    longest_cpu: float
    longest: float

    @classmethod
    def of(cls, work: Work) -> "Cost":
        return cls(sum(work.tasks_cpu_ms), max(work.tasks_cpu_ms, default=0), max(work.tasks_ms, default=0))

    def best(self, other: "Cost") -> "Cost":
        """The lower of each: what else the machine did only ever adds."""
        return Cost(*(min(pair) for pair in zip(vars(self).values(), vars(other).values(), strict=True)))


class Sheet:
    """One sheet in a window of its own, and what is done on it, round after round."""

    def __init__(self, site: Site) -> None:
        self._site, self._address = site, f"/runs/{site.data.big}/sheet/five-hundred"
        self.page: Page = site.page(Role.REVIEWER, viewport=DESK)
        self._draft = site.under.w.images.of_run(site.data.big, "draft")[6]
        self.costs: dict[str, Cost] = {}

    def facts(self) -> str:
        """What the server's part is, in bytes and milliseconds, and what the page is made of."""
        self._open()
        asked = []
        for _ in range(5):
            began_s = time.perf_counter()
            answer = self.page.request.get(self._address)
            asked.append(time.perf_counter() - began_s)
        size_kb = len(answer.body()) // 1000
        thumbs = self.page.evaluate(FETCHED)
        session, counted = counters(self.page)
        session.send("HeapProfiler.collectGarbage")
        nodes = int(counted()["Nodes"])
        session.detach()
        return f"{size_kb} kB, made and sent in {1000 * min(asked):.0f} ms, {nodes} nodes, {thumbs} thumbnails at first"

    def round(self, number: int) -> None:
        press, step = self.page.keyboard.press, self._step
        step("open", self._open)
        self.page.locator("#draft-A1 .cell").focus()
        step("scroll", self._scroll)
        step("first draft", partial(press, "Home"))
        step("next draft", partial(press, "ArrowRight"))
        step("next row", partial(press, "ArrowDown"))
        step("flag", partial(press, FLAGS[number % len(FLAGS)]))
        step("stars", partial(press, STARS[number % len(STARS)]))
        step("large", self._large)
        step("next, large", partial(press, "ArrowRight"))
        step("back", partial(press, "g"))
        step("compare", partial(press, "c"))
        press("g")
        step("legend", partial(press, "?"))
        press("Escape")
        step("a colleague's pick", partial(self._colleague, number))

    def _step(self, name: str, act: Callable[[], object]) -> None:
        cost = Cost.of(work_of(self.page, act))
        self.costs[name] = cost.best(self.costs.get(name, cost))
        until(self.page, IN_SIGHT)

    def _open(self) -> None:
        self.page.goto(self._address)
        until(self.page, IN_SIGHT)

    def _scroll(self) -> None:
        """As many turns of the wheel on every sheet: to the end, and where that is near, back and on again."""
        down = WHEEL_PX
        for _ in range(TURNS):
            self.page.mouse.wheel(0, down)
            self.page.evaluate(TWO_FRAMES)
            if self.page.evaluate(AT_THE_END if down > 0 else "scrollY === 0"):
                down = -down

    def _large(self) -> None:
        self.page.keyboard.press("e")
        until(self.page, LARGE_IS_THERE)

    def _colleague(self, number: int) -> None:
        flag = MarkChange(flag="reject" if number % 2 else "pick")
        with self.page.expect_response("**/cells?*"):
            self._site.under.w.marks.change(self._draft.image_id, COLLEAGUE, flag)


@contextmanager
def sheets(counts: list[int]) -> Iterator[list[Sheet]]:
    """A sheet of each size, each on a board of its own, all in one browser."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        # all before the browser starts: the planner runs an event loop of its own
        made = [(w, seed_board(w, drafts=count, days=1)) for count in counts for w in [_wiring(Path(folder), count)]]
        browser = stack.enter_context(chromium())
        opened = []
        for w, data in made:
            stack.callback(w.close)
            under = BoardUnderTest(w)
            opened.append(Sheet(Site(under, data, stack.enter_context(served(under)), browser)))
            # before its server stops: its stream is open
            stack.callback(opened[-1].page.context.close)
        yield opened


def _wiring(folder: Path, count: int) -> Wiring:
    home = folder / str(count)
    home.mkdir()
    return board_wiring(home)


def table(small: Sheet, large: Sheet) -> Iterator[str]:
    yield f"{'ms of CPU':<20}{'small':>9}{'large':>9}{'ratio':>8}{'longest task':>14}{'by the clock':>14}"
    for name, cost in large.costs.items():
        few = small.costs[name].cpu
        yield (
            f"{name:<20}{few:>9.1f}{cost.cpu:>9.1f}{cost.cpu / few:>8.2f}{cost.longest_cpu:>14.1f}{cost.longest:>14.1f}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--drafts", type=int, nargs=2, default=[50, 500], metavar=("SMALL", "LARGE"))
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    with sheets(asked.drafts) as (small, large):
        for count, sheet in zip(asked.drafts, (small, large), strict=True):
            print(f"{count} drafts: {sheet.facts()}")
        for number in range(asked.rounds):
            small.round(number)
            large.round(number)
        print(*table(small, large), sep="\n")


if __name__ == "__main__":
    main()
