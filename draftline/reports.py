"""What a command says when a run has ended: cost by stage and model, saving, where everything is, how to go on."""

from pathlib import Path
from typing import Any

from rich.markup import escape

from domain.money import show
from draftline.console import out, print_json, table
from tasks.out import out_folder
from wiring import Wiring

EXIT_INCOMPLETE = 4


def show_report(w: Wiring, report: dict[str, Any], *, as_json: bool) -> int:
    """Print it; returns the exit code."""
    if as_json:
        print_json(report | {"out": str(out_folder(w, report["run_id"])) if report["run_id"] else ""})
    elif report.get("idle"):
        out.print(f"Nothing to do: {escape(report['idle'])}. Paid $0.0000.", soft_wrap=True)
        if report.get("set_aside"):
            _show_set_aside(Path(report["set_aside"]))
    else:
        _show(w, report)
    return EXIT_INCOMPLETE if _is_incomplete(report) else 0


def _is_incomplete(report: dict[str, Any]) -> bool:
    return bool(report.get("failed")) or bool(report.get("bill", {}).get("in_doubt_micros"))


def _show(w: Wiring, report: dict[str, Any]) -> None:
    show_bill(f"Bill of {report['run_id']}", [report["bill"]])
    run = w.runs.get(report["run_id"])
    if aside := len(run.plan.get("set_aside", ())):
        _show_set_aside(out_folder(w, run.run_id) / "set-aside.csv", aside)
    for key, problem in report.get("failed", {}).items():
        out.print(f"[red]✗[/red] {key}: {escape(problem)}", soft_wrap=True)
    if "awaiting" in report:
        out.print(f"[bold]Waiting for picks[/bold] for {', '.join(report['awaiting']) or 'nothing'}. Contact sheets:")
        for sheet in sorted(Path(report["sheets"]).glob("*-contact-sheet.png")):
            out.print(f"  {shorten(sheet)}")
        pick = "A1" if len(report["awaiting"]) == 1 else f"{report['awaiting'][0]}=A1" if report["awaiting"] else "A1"
        out.print(f"\nGo on with:  draftline promote {run.run_id} --pick {pick} --by YOU")
        return
    if not report["published"]:
        out.print("Nothing could be published; the same command goes on from here.")
        return
    out.print(
        f"Published {report['published']} in catalog [bold]{report['catalog']}[/bold], version {report['version']}"
    )
    out.print(f"Manifest   {report['manifest']}", soft_wrap=True)
    out.print(f"Pictures   {shorten(out_folder(w, run.run_id))}/", soft_wrap=True)
    if report.get("feed"):
        out.print(f"Feed       {shorten(Path(report['feed']))} (addresses for Google Merchant)", soft_wrap=True)
    if report["bill"]["in_doubt_micros"]:
        out.print("[yellow]![/yellow] Some calls are in doubt: `draftline attempts list --state in_doubt`")


def _show_set_aside(file: Path, count: int = 0) -> None:
    told = f"{count} rows and products without a picture, and why: " if count else ""
    out.print(f"[yellow]![/yellow] Set aside  {told}{shorten(file)}", soft_wrap=True)


def show_bill(title: str, bills: list[dict[str, Any]]) -> None:
    rows = [row for bill in bills for row in bill["lines"]]
    spent, doubt = sum(r["spent_micros"] for r in rows), sum(r["in_doubt_micros"] for r in rows)
    table(
        title,
        ("stage", "model", "calls", "images", "spent", "in-doubt"),
        [
            (r["stage"], r["model"], r["calls"], r["images"], show(r["spent_micros"]), show(r["in_doubt_micros"]))
            for r in rows
        ],
        total=("total", "", sum(r["calls"] for r in rows), sum(r["images"] for r in rows), show(spent), show(doubt)),
    )


def shorten(path: Path) -> str:
    """The path from here where that is shorter."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
