"""What the vendors would bill, to the micro-dollar: the independent witness against a customer's own ledger.

A BFL task is billed at the moment it becomes Ready, whether or not anybody polls; a Gemini call when its answer exists,
whether or not it arrives. Money is integer micro-dollars; times are UTC.
"""

import csv
import io
import json
from collections import Counter
from typing import Any

from sandbox.clock import iso
from sandbox.faults import BFL
from sandbox.state import Line, Task
from sandbox.world import World

CSV_COLUMNS = (
    "n",
    "at",
    "vendor",
    "model",
    "request_id",
    "job_id",
    "micros",
    "image",
    "delivered",
    "body_sha256",
    "usage",
)


def charge_ready_tasks(world: World) -> None:
    """Adds the lines of all tasks that are Ready by now, each dated to the moment it became so."""
    for task in world.store.uncharged_ready(world.clock.now_s()):
        world.store.charge_task(task.id, [_task_line(task)] * task.record.get("invoice_lines", 1))


def invoice(world: World) -> dict[str, Any]:
    """`lines` in order of billing, `by_model` and `duplicates`: lines whose very body was billed before."""
    charge_ready_tasks(world)
    lines = world.store.lines()
    return {
        "currency": "USD",
        "total_micros": sum(line.micros for line in lines),
        "images": sum(line.image for line in lines),
        "duplicates": sum(count - 1 for count in Counter(line.body_sha256 for line in lines).values()),
        "by_model": _by_model(lines),
        "lines": [line_body(line) for line in lines],
    }


def invoice_csv(world: World) -> str:
    """The same lines for a spreadsheet; `usage` as JSON."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in invoice(world)["lines"]:
        writer.writerow(line | {"usage": json.dumps(line["usage"])})
    return out.getvalue()


def line_body(line: Line) -> dict[str, Any]:
    return {
        "n": line.n,
        "at": iso(line.at_s),
        "vendor": line.vendor,
        "model": line.model,
        "request_id": line.request_id,
        "job_id": line.job_id,
        "micros": line.micros,
        "image": line.image,
        "usage": line.usage,
        "delivered": line.delivered,
        "body_sha256": line.body_sha256,
    }


def _by_model(lines: list[Line]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for line in lines:
        total = totals.setdefault(line.model, {"micros": 0, "lines": 0, "images": 0})
        total["micros"] += line.micros
        total["lines"] += 1
        total["images"] += line.image
    return dict(sorted(totals.items()))


def _task_line(task: Task) -> Line:
    record = task.record
    return Line(
        at_s=task.ends_s,
        vendor=BFL,
        model=task.model,
        request_id=task.id,
        job_id=task.id,
        micros=task.cost_micros,
        image=record["has_image"],
        usage={"input_mp": record["input_mp"], "output_mp": record["output_mp"]},
        delivered=False,
        body_sha256=task.body_sha256,
        scene=record["scene"] if record["has_image"] else None,
    )
