"""`draftline caps`: limits and how full they are; every change is recorded with who and why."""

from typing import Annotated, get_args

import sqlalchemy as sa
import typer

from budget.caps import Cap, Period, Scope, read_caps
from domain.errors import InputError
from domain.money import from_cents, show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import session
from storage.database.money_tables import cap_windows

app = typer.Typer(help="Hard limits on spend: list and change them.", no_args_is_help=True)
NOTHING: frozenset[str] = frozenset()


@app.command(name="list", epilog="Example:  draftline caps list")
def list_caps(as_json: o.Json = False) -> None:
    """Every cap with its newest windows."""
    with session(NOTHING, quiet=True) as w:
        _ = w.ledger
        with w.database.read() as connection:
            caps = read_caps(connection)
            windows = connection.execute(sa.select(cap_windows).order_by(cap_windows.c.window.desc())).all()
    found: dict[str, list[sa.Row[tuple[object, ...]]]] = {}
    for row in windows:
        found.setdefault(row.cap_id, []).append(row)
    if as_json:
        print_json([vars(c) | {"windows": [dict(r._mapping) for r in found.get(c.cap_id, [])]} for c in caps])
        return
    rows = []
    for cap in caps:
        newest = [(r.window, r.held_micros + r.spent_micros) for r in found.get(cap.cap_id, [])[:3]]
        for name, used in newest or [("-", 0)]:
            amounts = (cap.limit_micros, used, cap.limit_micros - used)
            rows.append((cap.cap_id, cap.period, name, *(show(amount) for amount in amounts)))
    table("Caps", ("cap", "period", "window", "limit", "committed", "left"), rows)


@app.command(
    name="set",
    epilog="Examples:  draftline caps set day --period day --cents 8000 --by Ada --why 'black friday'\n\n"
    "draftline caps set google-month --scope vendor --value google --period month --cents 20000 --by Ada --why plan",
)
def set_cap(
    name: Annotated[str, typer.Argument(help="The cap's name, as it will stand in messages.")],
    cents: Annotated[int, typer.Option("--cents", min=0, help="The limit in US cents.")],
    by: Annotated[str, typer.Option("--by", help="Who changes it.")],
    why: Annotated[str, typer.Option("--why", help="For what reason.")],
    scope: Annotated[str, typer.Option("--scope", help=f"One of {', '.join(get_args(Scope))}.")] = "global",
    value: Annotated[str, typer.Option("--value", help="Which one; '*' counts each by itself.")] = "",
    period: Annotated[str, typer.Option("--period", help=f"One of {', '.join(get_args(Period))}.")] = "day",
    time_zone: Annotated[str, typer.Option("--time-zone", help="Where days, weeks and months begin.")] = "UTC",
) -> None:
    """Create or change a cap. Lowering it under what is committed stops new holds and touches nothing that runs."""
    for option, given, allowed in (("--scope", scope, get_args(Scope)), ("--period", period, get_args(Period))):
        if given not in allowed:
            raise InputError(f"{given!r} is not one of {', '.join(allowed)}", where=option)
    with session(NOTHING, quiet=True) as w:
        cap = Cap(name, scope, value, period, from_cents(cents), time_zone)  # type: ignore[arg-type]
        w.ledger.set_cap(cap, by=by, why=why)
    out.print(f"Cap {name} is {show(from_cents(cents))} a {period} now.")
