"""`draftline runs` and `show`: what there is and what became of it."""

from typing import Annotated

import typer

from budget.reports import list_attempts
from domain.money import show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import known_run, session

NOTHING: frozenset[str] = frozenset()


def runs(limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20, as_json: o.Json = False) -> None:
    """The newest runs and how they stand.

    Example:  draftline runs
    """
    with session(NOTHING, quiet=True) as w:
        found = w.runs.newest(limit)
    if as_json:
        print_json([vars(run) for run in found])
        return
    rows = [(r.run_id, r.status, r.ladder, f"{r.created_at:%Y-%m-%d %H:%M}", r.status_note[:80]) for r in found]
    table("Runs", ("run", "status", "ladder", "started (UTC)", "note"), rows)


def show_run(run: Annotated[str, typer.Argument(help="The run's id.")], as_json: o.Json = False) -> None:
    """One run: its assets, its images with their descent, and its cost.

    Example:  draftline show RUN   (as `draftline runs` lists it)
    """
    with session(NOTHING, quiet=True) as w:
        found, assets, images = known_run(w, run), w.runs.assets(run), w.images.of_run(run)
        costs = {a.attempt_id: a.cost_micros or 0 for a in list_attempts(w.database, run_id=run)}
    if as_json:
        print_json({"run": vars(found), "assets": [vars(a) for a in assets], "images": [vars(i) for i in images]})
        return
    out.print(f"[bold]{found.run_id}[/bold]  {found.status} {found.status_note}\n")
    table("Assets", ("brief", "state", "problem"), [(a.asset_key, a.state, a.problem) for a in assets])
    rows = [
        (
            i.asset_key,
            i.stage,
            i.label,
            i.model_answered or "-",
            f"{i.width_px}x{i.height_px}",
            i.sha256[:12],
            show(costs.get(i.attempt_id, 0)) if i.attempt_id else "-",
        )
        for i in images
    ]
    table("Images", ("brief", "stage", "label", "model", "size", "sha256", "spent"), rows)
