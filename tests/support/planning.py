"""Planning without a server: a wiring whose database is a file, and vendors that only measure."""

from pathlib import Path
from typing import Any

from domain.brief import Brief
from tasks.planning import Planned, Planner, RunOptions
from tasks.wishes import Wish, Wishes
from tests.support.money import bench_wiring
from wiring import Wiring


def planning_wiring(folder: Path, **settings: Any) -> Wiring:
    return bench_wiring(folder, "http://127.0.0.1:9", **settings)


async def planned(w: Wiring, brief: Brief, ladder: str, *, drafts: int = 4, wish: Wish | None = None) -> Planned:
    """The plan of a campaign with one brief."""
    options = RunOptions("campaign", ladder, "auto", drafts)
    async with w.open_vendors() as vendors:
        return Planner(w, vendors, options).plan(Wishes(brief.name, (wish or Wish(brief),)))
