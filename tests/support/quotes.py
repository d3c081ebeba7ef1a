"""Price books with other prices, and plans as `draftline quote` and `open_run` see them."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from budget.price_book import PriceBook
from domain.brief import Brief
from tasks.planning import Planned, RunOptions
from tasks.plans import plan_run
from tasks.wishes import Wish, Wishes
from wiring import Wiring

Change = Callable[[dict[str, Any]], None]


def change_book(w: Wiring, folder: Path, change: Change) -> None:
    """From now on `w` prices by our own book with one change."""
    content = yaml.safe_load(resources.files("budget").joinpath("prices/book.yaml").read_text())
    change(content)
    path = folder / "book.yaml"
    path.write_text(yaml.safe_dump(content))
    w.__dict__["price_book"] = PriceBook.load(path)


def dearer(model_id: str, field: str, micros: int) -> Change:
    """The newest price of a model has another figure."""

    def change(content: dict[str, Any]) -> None:
        content["models"][model_id]["prices"][-1][field] = micros

    return change


def served_by(role: str, model_id: str) -> Change:
    """A role is served by another id."""

    def change(content: dict[str, Any]) -> None:
        content["roles"][role][-1]["model"] = model_id

    return change


async def whole_plan(
    w: Wiring, brief: Brief, ladder: str = "economy", *, drafts: int = 4, wish: Wish | None = None, round_: int = 1
) -> Planned:
    """The plan of a campaign with one brief, with its whole quote."""
    options = RunOptions("campaign", ladder, "auto", drafts, round=round_)
    return await plan_run(w, Wishes(brief.name, (wish or Wish(brief),)), options)
