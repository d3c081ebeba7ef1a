"""`draftline demo`: the whole line on the samples, without a key and without a cent."""

import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

from budget.reports import list_attempts
from domain.errors import InputError
from domain.money import show, total
from draftline import options as o
from draftline.console import out, say
from draftline.reports import shorten, show_bill
from draftline.session import run_shown, session
from tasks.out import out_folder
from tasks.wishes import read_brief
from wiring import Wiring

CATALOG = "[bold]Catalog run[/bold]  samples/feed.csv, a shop's product export, with its photos"
CAMPAIGN = "[bold]Campaign[/bold]  samples/campaign.yaml, one brief; its hero is upscaled by Real-ESRGAN on this CPU"
SAMPLES = Path(__file__).parents[2] / "samples"
CATALOG_LADDER, CAMPAIGN_LADDER = "google", "economy"
DRAFTS = 4
# The hero is made at 0.1 megapixels so that a true four-fold Real-ESRGAN run fits a coffee break on two cores.
HERO_FINAL_MEGAPIXELS = 0.1
MAX_SHEETS = 3  # named for each run; the others lie beside them


def demo(
    speed: o.Speed = 10.0,
) -> None:
    """A product feed and a campaign brief, from drafts to published pictures, all on this machine.

    A second demo pays nothing and says so. Example:  draftline demo
    """
    if not SAMPLES.is_dir():
        raise InputError("the samples are not here: run the demo from a checkout", where=str(SAMPLES))
    started = time.monotonic()
    with session(speed=speed) as w:
        reports = [_with_bars(w, CATALOG, _catalog), _with_bars(w, CAMPAIGN, _campaign)]
        invoice = _invoice(w)
    _show(w, reports, invoice, time.monotonic() - started)


def _with_bars(w: Wiring, title: str, flow: Callable[[], Coroutine[Any, Any, dict[str, Any]]]) -> dict[str, Any]:
    say(f"\n{title}")
    return run_shown(w, flow())


async def _catalog() -> dict[str, Any]:
    from flows.catalog import catalog
    from flows.params import CatalogParams

    params = CatalogParams(
        feed=str(SAMPLES / "feed.csv"),
        photos=str(SAMPLES / "photos"),
        style=str(SAMPLES / "style.yaml"),
        ladder=CATALOG_LADDER,
        drafts=DRAFTS,
        requested_by="demo",
    )
    return dict(await catalog(params))


async def _campaign() -> dict[str, Any]:
    from flows.campaign import campaign
    from flows.params import CampaignParams

    path = SAMPLES / "campaign.yaml"
    brief = read_brief(path).model_copy(update={"final_megapixels": HERO_FINAL_MEGAPIXELS})
    spending = {"ladder": CAMPAIGN_LADDER, "drafts": DRAFTS, "requested_by": "demo"}
    return dict(await campaign(CampaignParams.of_brief(brief, path.parent, **spending)))


def _invoice(w: Wiring) -> int | None:
    """What the sandbox says we owe: the independent witness. None when the vendors are real."""
    if not w.settings.sandbox_url:
        return None
    answer = httpx.get(f"{w.settings.sandbox_url}/_sandbox/invoice", timeout=30, trust_env=False)
    return int(answer.json()["total_micros"])


def _show(w: Wiring, reports: list[dict[str, Any]], invoice: int | None, seconds: float) -> None:
    out.print()
    busy = [r for r in reports if not r.get("idle")]
    for report in reports:
        if report.get("idle"):
            out.print(f"Nothing to pay: {report['idle']}.")
    if busy:
        show_bill("What the demo cost", [r["bill"] for r in busy])
        _show_saving(w, busy)
    _show_books(w, invoice, paid=bool(busy))
    _show_places(w, reports)
    out.print(f"\nThe line took {seconds:.0f} s, services included.")
    out.print("\n[bold]How to go on[/bold]")
    out.print("  make up                       the board, with a link that signs you in; Prefect's UI, the invoice")
    out.print("  .venv/bin/draftline --help    all commands; each has examples")
    out.print("  .venv/bin/draftline run campaign --brief samples/campaign.yaml --select person --round 2")
    out.print("  real keys                     README.md, section Real keys: DRAFTLINE_VENDORS=live and two keys")


def _show_saving(w: Wiring, reports: list[dict[str, Any]]) -> None:
    drafts = saved = 0
    for report in reports:
        for line in w.runs.get(report["run_id"]).quote["lines"]:
            expected, count = line["each"]["expected"], line["count"]
            if line["stage"] == "draft":
                drafts += count * expected
            else:
                saved += expected * _drafts_of(w, report["run_id"], line["asset_key"])
    out.print(
        f"All drafts in their final model would have cost {show(saved)}; "
        f"as drafts they cost {show(drafts)}: [bold]{show(saved - drafts)} saved[/bold] before one final was made.\n"
    )


def _drafts_of(w: Wiring, run_id: str, asset_key: str) -> int:
    return next(
        int(line["count"])
        for line in w.runs.get(run_id).quote["lines"]
        if line["asset_key"] == asset_key and line["stage"] == "draft"
    )


def _show_books(w: Wiring, invoice: int | None, *, paid: bool) -> None:
    booked = total(a.cost_micros or 0 for a in list_attempts(w.database))
    if not paid:
        out.print("[bold]This demo paid $0.0000[/bold]: the journal has every picture already.")
    if invoice is not None:
        verdict = "[green]equal to the micro-dollar[/green]" if invoice == booked else "[red]not equal[/red]"
        out.print(f"Our ledger {show(booked)}, the sandbox's invoice {show(invoice)}: {verdict}.\n")


def _show_places(w: Wiring, reports: list[dict[str, Any]]) -> None:
    for run in w.runs.newest(10):
        if run.status not in ("published", "incomplete") or not run.summary:
            continue
        out.print(f"[bold]{run.name}[/bold]  {run.status}")
        out.print(f"  manifest  {run.summary['manifest']}", soft_wrap=True)
        folder = out_folder(w, run.run_id)
        out.print(f"  pictures  {shorten(folder)}/", soft_wrap=True)
        sheets = sorted(folder.glob("*-contact-sheet.png"))
        for sheet in sheets[:MAX_SHEETS]:
            out.print(f"  sheet     {shorten(sheet)}", soft_wrap=True)
        if len(sheets) > MAX_SHEETS:
            out.print(f"            and {len(sheets) - MAX_SHEETS} more beside them")
        aside = folder / "set-aside.csv"
        if aside.exists():
            out.print(f"  set aside {shorten(aside)} (rows and products without a picture, and why)", soft_wrap=True)
