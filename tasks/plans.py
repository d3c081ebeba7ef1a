"""A plan as a whole: made, shown and priced without Prefect, so that a quote starts in a moment. Sends nothing."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace

from budget.quote import Quote, QuoteLine
from domain.feeds import write_report
from domain.money import show
from domain.product import BadRow
from domain.run import Publication, RunStatus
from tasks.degrading import Request, plan_within_caps
from tasks.planning import Planned, RunOptions
from tasks.quoting import LOCAL, Picks, complete, plan_known
from tasks.wishes import Wishes
from vendors.contract import Vendor
from wiring import Wiring

FINISHED: tuple[RunStatus, ...] = ("published",)


async def plan_run(w: Wiring, wishes: Wishes, options: RunOptions, catalog: str = "") -> Planned:
    """Plan without writing or sending anything. For a catalog only what changed since its publication.

    A run that was opened before and is not finished is planned as its rows have it: that is what will be made.
    """
    published: Mapping[str, Publication] | None = None
    if options.kind == "catalog":
        published = await asyncio.to_thread(w.publications.of_catalog, catalog)
    async with w.open_vendors() as vendors:
        request = Request(w, vendors, options, wishes, published, catalog)
        planned = await asyncio.to_thread(plan_within_caps, request)
        planned = await asyncio.to_thread(_as_known, w, vendors, planned)
    plan = planned.run.plan | {"catalog": catalog, "set_aside": [asdict(row) for row in wishes.set_aside]}
    planned = replace(planned, run=replace(planned.run, plan=plan))
    planned = await asyncio.to_thread(_complete, w, planned)
    return replace(planned, run=replace(planned.run, quote=planned.quote.as_dict()))


async def plan_stored(w: Wiring, run_id: str, picks: Picks | None = None) -> Planned:
    """A run in the database, as it will go on, with the price of now of what is left: with these `picks`, if any.

    Raises RunError: no such run.
    """
    run = await asyncio.to_thread(w.runs.get, run_id)
    async with w.open_vendors() as vendors:
        planned = await asyncio.to_thread(plan_known, w, vendors, run, picks)
    return await asyncio.to_thread(_complete, w, planned)


def _complete(w: Wiring, planned: Planned) -> Planned:
    """With its whole quote. Raises InputError where a stored plan still has to ask a model that is retired by now."""
    whole = complete(w, planned)
    for model_id in {line.model_id for line in whole.quote.lines if line.vendor != LOCAL and line.open > line.held}:
        w.price_book.require_alive(model_id, w.today())
    return whole


def _as_known(w: Wiring, vendors: Mapping[str, Vendor], planned: Planned) -> Planned:
    run = w.runs.find(planned.run.run_id)
    if run is None or run.status in FINISHED:
        return planned
    known = plan_known(w, vendors, run)
    return replace(known, references=planned.references, unchanged=planned.unchanged, wishes=planned.wishes)


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
