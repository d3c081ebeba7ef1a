"""A plan as a whole: made, shown and priced without Prefect, so that a quote starts in a moment. Sends nothing."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace

from budget.quote import Quote, QuoteLine
from budget.reports import list_attempts
from domain.feeds import write_report
from domain.money import show
from domain.product import BadRow
from domain.run import Publication
from tasks.planning import Planned, Planner, RunOptions, needs_no_hold
from tasks.wishes import Wishes
from wiring import Wiring


async def plan_run(w: Wiring, wishes: Wishes, options: RunOptions, catalog: str = "") -> Planned:
    """Plan without writing or sending anything. For a catalog only what changed since its publication."""
    published: Mapping[str, Publication] | None = None
    if options.kind == "catalog":
        published = await asyncio.to_thread(w.publications.of_catalog, catalog)
    async with w.open_vendors() as vendors:
        planner = Planner(w, vendors, options)
        planned = await asyncio.to_thread(planner.plan, wishes, published=published, catalog=catalog)
    plan = planned.run.plan | {"catalog": catalog, "set_aside": [asdict(row) for row in wishes.set_aside]}
    return replace(planned, run=replace(planned.run, plan=plan), quote=await asyncio.to_thread(_remaining, w, planned))


def _remaining(w: Wiring, planned: Planned) -> Quote:
    """The quote with the finals that this very run has paid or holds already counted as such."""
    run_id = planned.run.run_id
    newest = {a.work_key: a for a in list_attempts(w.database, run_id=run_id) if a.dimensions.stage == "final"}
    done = {image.asset_key for image in w.images.of_run(run_id, "final")}
    done |= {a.dimensions.asset_key for a in newest.values() if a.state == "settled"}
    held = {a.dimensions.asset_key for a in newest.values() if needs_no_hold(w, a.state)}
    return replace(planned.quote, lines=tuple(_with_finals(line, done, held) for line in planned.quote.lines))


def _with_finals(line: QuoteLine, done: set[str], held: set[str]) -> QuoteLine:
    if line.stage != "final":
        return line
    if line.asset_key in done:
        return replace(line, done=line.count)
    return replace(line, held=int(line.asset_key in held))


def set_aside_csv(rows: tuple[BadRow, ...]) -> bytes:
    """The report of rows that did not become pictures, as a spreadsheet opens it."""
    return write_report(rows).encode("utf-8-sig")


def quote_markdown(planned: Planned) -> str:
    """The quote for people: what each stage and model will cost, and every warning."""
    total = planned.quote.range
    lines = [
        f"# Quote of {planned.run.name}",
        f"Run `{planned.run.run_id}`",
        f"Low {show(total.low)}, expected **{show(total.expected)}**, worst {show(total.worst)}.",
        "",
        "| Stage | Model | Calls | Paid already | Expected | Worst |",
        "|---|---|---|---|---|---|",
    ]
    for (stage, model), group in grouped(planned.quote).items():
        count, done = sum(g.count for g in group), sum(g.done for g in group)
        expected, worst = sum(g.range.expected for g in group), sum(g.range.worst for g in group)
        lines.append(f"| {stage} | {model} | {count} | {done} | {show(expected)} | {show(worst)} |")
    lines += ["", *(f"- {warning}" for warning in planned.quote.warnings)]
    return "\n".join(lines)


def grouped(quote: Quote) -> dict[tuple[str, str], list[QuoteLine]]:
    """Quote lines by stage and model, in order."""
    groups: dict[tuple[str, str], list[QuoteLine]] = {}
    for line in quote.lines:
        groups.setdefault((line.stage, line.model_id), []).append(line)
    return groups
