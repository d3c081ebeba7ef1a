"""`draftline caps`: limits, how full they are and who was told; every change is recorded with who and why."""

from dataclasses import replace
from typing import Annotated, Any, get_args

import sqlalchemy as sa
import typer

from budget.caps import Cap, Period, Scope, read_caps
from domain.errors import InputError
from domain.money import from_cents, show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import session
from storage.database.money_tables import cap_alerts, cap_windows
from wiring import Wiring

app = typer.Typer(help="Hard limits on spend: list and change them.", no_args_is_help=True)
NOTHING: frozenset[str] = frozenset()
MAX_ALERTS = 200


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
    epilog="Examples:  draftline caps set day --cents 8000 --by Ada --why 'black friday'\n\n"
    "draftline caps set google-month --scope vendor --value google --period month --cents 20000 --by Ada --why plan\n\n"
    "draftline caps set day --cents 8000 --threshold 50 --threshold 90 --by Ada --why 'tell us earlier'",
)
def set_cap(
    name: Annotated[str, typer.Argument(help="The cap's name, as it will stand in messages.")],
    cents: Annotated[int, typer.Option("--cents", min=0, help="The limit in US cents.")],
    by: Annotated[str, typer.Option("--by", help="Who changes it.")],
    why: Annotated[str, typer.Option("--why", help="For what reason.")],
    scope: Annotated[
        str | None, typer.Option("--scope", help=f"One of {', '.join(get_args(Scope))}. A new cap's is global.")
    ] = None,
    value: Annotated[str | None, typer.Option("--value", help="Which one; '*' counts each by itself.")] = None,
    period: Annotated[
        str | None, typer.Option("--period", help=f"One of {', '.join(get_args(Period))}. A new cap's is day.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Where days, weeks and months begin. A new cap's is UTC.")
    ] = None,
    threshold: Annotated[
        list[int] | None, typer.Option("--threshold", help="Tell at this percent; repeat it. A new cap's: 50, 80, 95.")
    ] = None,
) -> None:
    """Create or change a cap; what is not named stays as it is.

    Lowering it under what is committed stops new holds and touches nothing that runs.
    """
    for option, given, allowed in (("--scope", scope, get_args(Scope)), ("--period", period, get_args(Period))):
        if given is not None and given not in allowed:
            raise InputError(f"{given!r} is not one of {', '.join(allowed)}", where=option)
    asked = {"scope": scope, "scope_value": value, "period": period, "time_zone": time_zone}
    named: dict[str, Any] = {option: given for option, given in asked.items() if given is not None}
    if threshold:
        named["thresholds"] = tuple(sorted(set(threshold)))
    if scope == "global":
        named.setdefault("scope_value", "")
    with session(NOTHING, quiet=True) as w:
        known = _standing(w, name) or Cap(name, "global", "", "day", 0)
        cap = replace(known, limit_micros=from_cents(cents), **named)
        w.ledger.set_cap(cap, by=by, why=why)
    tells = ", ".join(map(str, cap.thresholds))
    out.print(f"Cap {name} is {show(cap.limit_micros)} for {cap.rule} now and tells at {tells} %.")


def _standing(w: Wiring, name: str) -> Cap | None:
    _ = w.ledger
    with w.database.read() as connection:
        return next((cap for cap in read_caps(connection) if cap.cap_id == name), None)


@app.command(name="alerts", epilog="Example:  draftline caps alerts --untold")
def list_alerts(
    untold: Annotated[bool, typer.Option("--untold", help="Only those that nobody was told of yet.")] = False,
    as_json: o.Json = False,
) -> None:
    """Thresholds that holds crossed, newest first, and when they were told."""
    query = sa.select(cap_alerts).order_by(cap_alerts.c.alert_id.desc()).limit(MAX_ALERTS)
    if untold:
        query = query.where(cap_alerts.c.told_at.is_(None))
    with session(NOTHING, quiet=True) as w, w.database.read() as connection:
        found = [dict(row._mapping) for row in connection.execute(query)]
    if as_json:
        print_json(found)
        return
    table(
        "Alerts",
        ("at", "cap", "window", "percent", "limit", "committed", "run", "told"),
        [
            (
                f"{a['at']:%Y-%m-%d %H:%M:%S}",
                a["cap_id"],
                a["window"],
                f"{a['percent']} %",
                show(a["limit_micros"]),
                show(a["committed_micros"]),
                a["run_id"] or "-",
                f"{a['told_at']:%Y-%m-%d %H:%M:%S}" if a["told_at"] else "not yet",
            )
            for a in found
        ],
    )
