"""`draftline spend`: who spent what, to the micro-dollar."""

import csv
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from budget.reports import SPEND_BY, SpendRow
from budget.reports import spend as spend_rows
from domain.errors import InputError
from domain.money import show
from draftline import options as o
from draftline.console import print_json, table
from draftline.session import known_run, session


def spend(
    by: Annotated[str, typer.Option("--by", help=f"One of: {', '.join(SPEND_BY)}.")] = "run",
    run: Annotated[str | None, typer.Option("--run", help="Only this run.")] = None,
    as_json: o.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout, amounts in micro-dollars.")] = False,
) -> None:
    """Spend, holds and money in doubt, by flow, run, SKU, stage, model, day …

    Example:  draftline spend --by model
    """
    if by not in SPEND_BY:
        raise InputError(f"{by!r} is not one of {', '.join(SPEND_BY)}", where="--by")
    with session(frozenset(), quiet=True) as w:
        if run:
            known_run(w, run)
        rows = spend_rows(w.database, by, run_id=run)  # type: ignore[arg-type]
    if as_json:
        print_json({"by": by, "rows": [asdict(row) for row in rows], "total_spent_micros": _sum(rows, "spent_micros")})
    elif as_csv:
        _csv(rows)
    else:
        _table(by, rows)


def _table(by: str, rows: list[SpendRow]) -> None:
    amounts = ("spent_micros", "held_micros", "in_doubt_micros")
    table(
        f"Spend by {by}",
        (by, "calls", "images", "spent", "held", "in-doubt"),
        [(r.key or "-", r.calls, r.images, *(show(getattr(r, a)) for a in amounts)) for r in rows],
        total=("total", _sum(rows, "calls"), _sum(rows, "images"), *(show(_sum(rows, a)) for a in amounts)),
    )


def _sum(rows: list[SpendRow], name: str) -> int:
    return sum(int(getattr(row, name)) for row in rows)


def _csv(rows: list[SpendRow]) -> None:
    writer = csv.DictWriter(sys.stdout, fieldnames=list(SpendRow.__dataclass_fields__))
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
