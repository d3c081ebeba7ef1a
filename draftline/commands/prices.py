"""`draftline prices`: the price book of today, where vendors depart from it, and old runs priced again."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer

from budget.drift import PPM
from budget.drift_reports import DriftRow, Repriced, drift_report
from budget.drift_reports import reprice as reprice_run
from budget.price_book import PriceBook, PricedModel
from domain.money import show
from draftline import options as o
from draftline.console import out, print_json, table
from draftline.session import NOTHING, known_run, session

EXIT_DIFFERENT = 4

app = typer.Typer(help="The price book, drift from it, and old runs priced again.", no_args_is_help=True)


@app.command(name="list", epilog="Example:  draftline prices list")
def list_(as_json: o.Json = False) -> None:
    """Every model with its price of today, the roles that it serves, and when it retires."""
    with session(NOTHING, quiet=True) as w:
        book, today = w.price_book, w.today()
        found = book.priced(today)
    if as_json:
        print_json({"price_version": book.version, "day": today, "models": [asdict(m) for m in found]})
        return
    out.print(f"Price book {book.version}, prices of {today}, in dollars.\n")
    rows = [(m.model_id, _rates(m), ", ".join(m.roles) or "-", _retires(m, book, today)) for m in found]
    table("Prices", ("model", "price", "roles", "retires"), rows)


@app.command(epilog="Example:  draftline prices drift")
def drift(as_json: o.Json = False) -> None:
    """Where a vendor's own figure departs from the price book; the current version's factors raise every hold."""
    with session(NOTHING, quiet=True) as w:
        rows, version = drift_report(w.database, w.price_book), w.price_book.version
    if as_json:
        print_json({"price_version": version, "rows": [asdict(row) for row in rows]})
        return
    heads = ("model", "version", "book", "vendor", "factor", "since (UTC)", "calls", "extra paid", "holds")
    table("Price drift", heads, [_drift_cells(row) for row in rows])
    if not rows:
        out.print("Every figure of every vendor was the price book's.")


@app.command(epilog="Example:  draftline prices reprice RUN   (as `draftline runs` lists it)")
def reprice(
    run: Annotated[str, typer.Argument(help="The run's id.")],
    as_json: o.Json = False,
) -> None:
    """Price every settled call of a run again, by its day: equal, unless somebody changed a past price.

    Exit code 4 when any call is priced differently.
    """
    with session(NOTHING, quiet=True) as w:
        known_run(w, run)
        found, version = reprice_run(w.database, w.price_book, run), w.price_book.version
    different = sum(row.outcome == "different" for row in found)
    if as_json:
        print_json({"price_version": version, "different": different, "attempts": [asdict(row) for row in found]})
    else:
        heads = ("attempt", "model", "day", "version", "charged", "book then", "book now", "outcome")
        table(f"Repriced with {version}", heads, [_repriced_cells(row) for row in found])
        out.print(f"{len(found)} charges, {different} priced differently.")
    if different:
        raise typer.Exit(EXIT_DIFFERENT)


def _rates(model: PricedModel) -> str:
    """`first_mp $0.0140, further_mp $0.0010`, or for a million tokens of each kind."""
    unit = " per million tokens" if model.kind == "token" else ""
    return ", ".join(f"{name} {show(micros)}" for name, micros in model.rates.items()) + unit


def _retires(model: PricedModel, book: PriceBook, today: date) -> str:
    if model.retires_on is None:
        return "-"
    state = "retired" if today >= model.retires_on else "retires"
    return f"{state} {model.retires_on}; successor {model.successor or 'none named'}"


def _drift_cells(row: DriftRow) -> tuple[Any, ...]:
    effect = "raised" if row.is_current and row.factor_ppm > PPM else "unchanged"
    amounts = (show(row.book_micros), show(row.vendor_micros), f"{row.factor_ppm / PPM:.4g}")
    return (
        row.model_id,
        row.price_version,
        *amounts,
        f"{row.since:%Y-%m-%d %H:%M}",
        row.calls,
        show(row.extra_micros),
        effect,
    )


def _repriced_cells(row: Repriced) -> tuple[Any, ...]:
    then, now = (show(micros) if micros is not None else "-" for micros in (row.then_micros, row.now_micros))
    names = (row.attempt_id[:12], row.model_id, row.day, row.price_version)
    return (*names, show(row.charged_micros), then, now, f"{row.outcome}{': ' + row.note if row.note else ''}")
