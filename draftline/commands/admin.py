"""`draftline runs`, `show` and `attempts`: what there is, what became of it, and what is in doubt."""

import asyncio
from typing import Annotated, get_args

import typer

from budget.reports import list_attempts
from domain.attempt import State
from domain.errors import InputError
from domain.money import from_usd, show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import known_run, session

NOTHING: frozenset[str] = frozenset()
attempts_app = typer.Typer(
    help="Paid calls, one by one; and the word of a person on those in doubt.", no_args_is_help=True
)


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

    Example:  draftline show campaign-slow-mornings-ef8c104f37
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


@attempts_app.command(name="list", epilog="Example:  draftline attempts list --state in_doubt")
def list_(
    run: Annotated[str | None, typer.Option("--run", help="Only this run.")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only these states.")] = None,
    as_json: o.Json = False,
) -> None:
    """Every paid call: its state, what was held, what it cost, why it failed."""
    for given in state or ():
        if given not in get_args(State):
            raise InputError(f"{given!r} is not one of {', '.join(get_args(State))}", where="--state")
    with session(NOTHING, quiet=True) as w:
        if run:
            known_run(w, run)
        found = list_attempts(w.database, run_id=run, states=tuple(state or ()))
    if as_json:
        print_json([vars(a) | {"dimensions": vars(a.dimensions)} for a in found])
        return
    rows = [
        (
            a.attempt_id[:12],
            f"{a.held_at:%m-%d %H:%M:%S}",
            a.dimensions.stage,
            a.dimensions.model_id,
            a.state,
            show(a.hold_micros),
            show(a.cost_micros) if a.cost_micros is not None else "-",
            a.error[:60],
        )
        for a in found
    ]
    table("Attempts", ("attempt", "held at", "stage", "model", "state", "held", "spent", "reason"), rows)


@attempts_app.command(
    epilog="Example:  draftline attempts resolve 3f2a… --cost-usd 0.0336 --by Ada --why 'line 12 of the May invoice'"
)
def resolve(
    attempt: Annotated[str, typer.Argument(help="The attempt's id, or its first characters.")],
    by: Annotated[str, typer.Option("--by", help="Who says so.")],
    why: Annotated[str, typer.Option("--why", help="The evidence: an invoice line, credits before and after …")],
    cost_usd: Annotated[
        str | None,
        typer.Option("--cost-usd", help="What the vendor billed, in dollars; without it: it billed nothing."),
    ] = None,
) -> None:
    """Settle or release an attempt that is in doubt, by evidence. No timer ever does this."""
    with session(NOTHING, quiet=True) as w:
        doubted = [a for a in list_attempts(w.database, states=("in_doubt",)) if a.attempt_id.startswith(attempt)]
        if len(doubted) != 1:
            raise typer.BadParameter(f"{len(doubted)} attempts in doubt begin with {attempt!r}")
        note = f"resolved by {by}: {why}"
        if cost_usd is None:
            w.ledger.release(doubted[0].attempt_id, code="resolved", note=note)
        else:
            w.ledger.settle(doubted[0].attempt_id, _micros(cost_usd), source="person", note=note)
    out.print(f"{doubted[0].attempt_id[:12]} is {'released' if cost_usd is None else f'settled at ${cost_usd}'}.")


def _micros(cost_usd: str) -> int:
    try:
        return from_usd(cost_usd)
    except (ArithmeticError, ValueError) as error:
        raise InputError(f"{cost_usd!r} is not an amount in dollars such as 0.0336", where="--cost-usd") from error


@attempts_app.command(epilog="Example:  draftline attempts recover")
def recover(as_json: o.Json = False) -> None:
    """Finish what processes that are gone left open: collect paid images, give unsent holds back. Sends nothing."""
    from tasks.recoveries import recover_attempts

    with session(frozenset({"s3", "sandbox"}), quiet=as_json) as w:
        found = asyncio.run(recover_attempts(w))
    if as_json:
        print_json([{"attempt": r.attempt.attempt_id, "outcome": r.outcome, "note": r.note} for r in found])
        return
    rows = [(r.attempt.attempt_id[:12], r.attempt.dimensions.model_id, r.outcome, r.note[:80]) for r in found]
    table("Recovered", ("attempt", "model", "state", "reason"), rows)
    if not found:
        out.print("Nothing was left open by a process that is gone.")
