"""The final bill of a run, as an artifact and as rows: what it cost by stage and model, and what is in doubt."""

import asyncio
from typing import Any

from prefect import task
from prefect.artifacts import acreate_markdown_artifact

from budget.degrade import degrade_words
from budget.drift import Drifts
from budget.reports import list_attempts
from domain.money import show, total
from wiring import Wiring, current


@task(name="bill")
async def make_bill(run_id: str) -> dict[str, Any]:
    """What the run has cost so far, in micros."""
    w = current()
    bill = await asyncio.to_thread(bill_of, w, run_id)
    await acreate_markdown_artifact(_markdown(run_id, bill), key="bill", description=f"Bill of {run_id}")
    return bill


def bill_of(w: Wiring, run_id: str) -> dict[str, Any]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for attempt in list_attempts(w.database, run_id=run_id):
        d = attempt.dimensions
        row = rows.setdefault((d.stage, d.model_id), _empty(d.stage, d.model_id))
        row["calls"] += 1
        row["images"] += bool(attempt.result_sha256)
        row["spent_micros"] += attempt.cost_micros or 0
        row["held_micros"] += attempt.hold_micros if attempt.is_open else 0
        row["in_doubt_micros"] += attempt.hold_micros if attempt.state == "in_doubt" else 0
        row["released"] += attempt.state == "released"
    lines = list(rows.values())
    return {
        "lines": lines,
        "spent_micros": total(r["spent_micros"] for r in lines),
        "held_micros": total(r["held_micros"] for r in lines),
        "in_doubt_micros": total(r["in_doubt_micros"] for r in lines),
        **_lowered(w, run_id),
        **_drifted(w, run_id),
    }


def _lowered(w: Wiring, run_id: str) -> dict[str, Any]:
    """What a degrade policy did to this run's plan; nothing where none did."""
    run = w.runs.find(run_id)
    return {"degrade": run.plan["degrade"]} if run is not None and "degrade" in run.plan else {}


def _drifted(w: Wiring, run_id: str) -> dict[str, Any]:
    """By model, the vendors' figures that departed from the price book; nothing where none did."""
    models: dict[str, dict[str, int]] = {}
    for drift in Drifts(w.database, w.price_book, w.now).of_run(run_id):
        row = models.setdefault(drift.model_id, {"calls": 0, "book_micros": 0, "vendor_micros": 0})
        row["calls"] += 1
        row["book_micros"] += drift.book_micros
        row["vendor_micros"] += drift.vendor_micros
    return {"drift": models} if models else {}


def _empty(stage: str, model: str) -> dict[str, Any]:
    counts = ("calls", "images", "released", "spent_micros", "held_micros", "in_doubt_micros")
    return {"stage": stage, "model": model, **dict.fromkeys(counts, 0)}


def _markdown(run_id: str, bill: dict[str, Any]) -> str:
    lines = [
        f"# Bill of `{run_id}`",
        "",
        "| Stage | Model | Calls | Images | Spent | In doubt |",
        "|---|---|---|---|---|---|",
    ]
    for row in bill["lines"]:
        cells = (row["stage"], row["model"], row["calls"], row["images"])
        lines.append(
            f"| {' | '.join(map(str, cells))} | {show(row['spent_micros'])} | {show(row['in_doubt_micros'])} |"
        )
    for model, row in bill.get("drift", {}).items():
        billed, book = show(row["vendor_micros"]), show(row["book_micros"])
        lines += ["", f"Price drift: {row['calls']} calls of {model} were billed {billed}; the price book says {book}."]
    if "degrade" in bill:
        lines += ["", degrade_words(bill["degrade"])]
    spent, doubt = show(bill["spent_micros"]), show(bill["in_doubt_micros"])
    lines += [
        "",
        f"**Spent {spent}**" + (f", in doubt {doubt}: see `draftline attempts`" if bill["in_doubt_micros"] else ""),
    ]
    return "\n".join(lines)
