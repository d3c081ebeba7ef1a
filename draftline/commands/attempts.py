"""`draftline attempts`: paid calls one by one, what is in doubt and for how long, recovery, and a person's word."""

import asyncio
from typing import Annotated, Any, get_args

import typer

from budget.reports import list_attempts
from budget.typed_amounts import typed_usd
from domain.attempt import Attempt, State
from domain.errors import InputError
from domain.money import show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import NOTHING, known_run, session
from tasks.doubts import Doubt, doubts, summary
from tasks.resolving import Word
from tasks.resolving import resolve as resolve_attempt
from wiring import Wiring

app = typer.Typer(help="Paid calls, one by one; and the word of a person on those in doubt.", no_args_is_help=True)


@app.command(name="list", epilog="Example:  draftline attempts list --state in_doubt")
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


@app.command(epilog="Example:  draftline attempts doubtful")
def doubtful(
    older_than_hours: Annotated[
        int,
        typer.Option("--older-than-hours", min=0, help="Call these out; 0 takes DRAFTLINE_DOUBT_REPORT_HOURS (24)."),
    ] = 0,
    as_json: o.Json = False,
) -> None:
    """What was sent and never answered: how long ago, how much is held, and what evidence would settle it."""
    with session(NOTHING, quiet=True) as w:
        found = doubts(w, old_after_hours=older_than_hours)
    if as_json:
        print_json([_doubt_json(doubt) for doubt in found])
        return
    rows = [
        (
            d.attempt.attempt_id[:12],
            d.attempt.dimensions.run_id,
            d.attempt.dimensions.vendor,
            d.attempt.dimensions.model_id,
            show(d.attempt.hold_micros),
            f"{d.age_text}{' !' if d.is_old else ''}",
            d.settles,
        )
        for d in found
    ]
    if rows:
        table("In doubt", ("attempt", "run", "vendor", "model", "held", "for", "what would settle it"), rows)
    out.print(summary(found))


@app.command(
    epilog="Example:  draftline attempts resolve ATTEMPT --billed 0.0336 --by Ada --why 'line 12 of the May invoice'"
)
def resolve(
    attempt: Annotated[str, typer.Argument(help="The attempt's id, or its first characters.")],
    by: Annotated[str, typer.Option("--by", help="Who says so.")],
    why: Annotated[str, typer.Option("--why", help="The evidence: an invoice line, credits before and after …")],
    billed: Annotated[
        str | None, typer.Option("--billed", "--cost-usd", help="What the vendor billed, in dollars.")
    ] = None,
    not_billed: Annotated[bool, typer.Option("--not-billed", help="The vendor billed nothing.")] = False,
) -> None:
    """Settle or release an attempt that is in doubt, by evidence. No timer ever does this."""
    if (billed is None) != not_billed:
        raise InputError("say what the vendor did: --billed USD, or --not-billed", where="attempts resolve")
    word = Word(None if billed is None else typed_usd(billed, where="--billed"), by, why)
    with session(NOTHING, quiet=True) as w:
        found = resolve_attempt(w, _in_doubt(w, attempt).attempt_id, word)
    ended = f"settled at {show(found.cost_micros or 0)}" if found.state == "settled" else "released"
    out.print(f"{found.attempt_id[:12]} is {ended}.")


@app.command(epilog="Example:  draftline attempts recover")
def recover(as_json: o.Json = False) -> None:
    """Finish what processes that are gone left open: collect paid images, give unsent holds back. Sends nothing.

    And close what is in doubt where readings of the vendor's balance prove how it ended.
    """
    from tasks.evidence import resolve_by_balance, take_readings
    from tasks.recoveries import recover_attempts

    with session(frozenset({"s3", "sandbox"}), quiet=as_json) as w:
        found = asyncio.run(recover_attempts(w))
        asyncio.run(take_readings(w, by="command line"))
        proven = resolve_by_balance(w)
        left = doubts(w)
    closed = [(p.attempt, p.attempt.state, p.evidence) for p in proven]
    ended = [(r.attempt, r.outcome, r.note) for r in found] + closed
    if as_json:
        print_json([{"attempt": a.attempt_id, "outcome": outcome, "note": note} for a, outcome, note in ended])
        return
    rows = [(a.attempt_id[:12], a.dimensions.model_id, outcome, note[:80]) for a, outcome, note in ended]
    if rows:
        table("Recovered", ("attempt", "model", "state", "reason"), rows)
    if not found:
        out.print("Nothing was left open by a process that is gone.")
    out.print(summary(left))


def _in_doubt(w: Wiring, beginning: str) -> Attempt:
    doubted = [a for a in list_attempts(w.database, states=("in_doubt",)) if a.attempt_id.startswith(beginning)]
    if len(doubted) != 1:
        raise InputError(f"{len(doubted)} attempts in doubt begin with {beginning!r}", where="attempts resolve")
    return doubted[0]


def _doubt_json(doubt: Doubt) -> dict[str, Any]:
    a = doubt.attempt
    return {
        "attempt": a.attempt_id,
        "run": a.dimensions.run_id,
        "vendor": a.dimensions.vendor,
        "model": a.dimensions.model_id,
        "held_micros": a.hold_micros,
        "in_doubt_at": a.in_doubt_at,
        "age_s": int(doubt.age.total_seconds()),
        "is_old": doubt.is_old,
        "reason": a.error,
        "what_would_settle_it": doubt.settles,
    }
