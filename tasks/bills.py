"""The final bill of a run, as an artifact and as rows: what it cost by stage and model, and what is in doubt."""

import asyncio
from typing import Any

from prefect import task
from prefect.artifacts import acreate_markdown_artifact

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
    }


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
    spent, doubt = show(bill["spent_micros"]), show(bill["in_doubt_micros"])
    lines += [
        "",
        f"**Spent {spent}**" + (f", in doubt {doubt}: see `draftline attempts`" if bill["in_doubt_micros"] else ""),
    ]
    return "\n".join(lines)
