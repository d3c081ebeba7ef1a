"""Spend for finance: sums by any column over any days, live, with a chart and a CSV. What may not live here: SQL,
and the attempts behind a number (spend_attempts.py).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from budget.report_spend import MAX_ROWS, OTHER
from domain.errors import InputError
from review import render
from review.access.roles import Role
from review.charts import BarChart, stacked_bars
from review.queries.spend import (
    Series,
    SpendFilter,
    SpendKey,
    SpendSum,
    spend_by,
    spend_series,
    spend_total,
    spend_values,
    spend_version,
    sum_of,
    sums_csv,
)
from review.request import in_thread, wiring
from review.routing import Page
from review.spend_asked import DAYS, PRESETS, TITLES, Asked, attempts_url
from storage.database import Database

MAX_SHOWN = 300
CHART_LINES = 6
LISTED: tuple[SpendKey, ...] = ("flow", "campaign", "cost_centre", "model", "tier", "vendor")
"""The filters that are lists; a run or a SKU is typed, for there are too many."""


@dataclass(frozen=True)
class Report:
    """Everything on the page that changes with a hold. The chart's colours stand for values of `stacked_by`."""

    rows: tuple[SpendSum, ...]
    total: SpendSum
    is_cut: bool
    series: Series
    chart: BarChart
    stacked_by: SpendKey
    version: str
    read_at: datetime


async def spend(request: Request) -> Response:
    query, today = request.query_params, wiring(request).now().date()
    try:
        asked = Asked.of_query(query, today)
        return await _page(request, asked, today)
    except InputError as error:
        return await _page(request, Asked.of_query({}, today), today, problem=error.message)


async def _page(request: Request, asked: Asked, today: date, *, problem: str = "") -> Response:
    query, w = request.query_params, wiring(request)
    if not problem and _is_as_typed(dict(query)) and asked.as_query() != dict(query):
        return render.see_other(request, asked.url())
    report = await in_thread(_report, w.database, asked, w.now())
    days = SpendFilter(first_day=asked.filter.first_day, last_day=asked.filter.last_day)
    return render.page(
        request,
        "spend/spend.html",
        status=422 if problem else 200,
        problem=problem,
        presets=[(asked.over(name, today), text) for name, text in PRESETS.items()],
        choices=await in_thread(spend_values, w.database, LISTED, days),
        **_context(asked, report),
    )


async def pulse(request: Request) -> Response:
    """204 while nothing changed since the version that the page has; else its numbers. Asked once a second."""
    w = wiring(request)
    if request.query_params.get("version") == await in_thread(spend_version, w.database):
        return Response(status_code=204)
    asked = Asked.of_query(request.query_params, w.now().date())
    report = await in_thread(_report, w.database, asked, w.now())
    return render.fragment(request, "spend/_report.html", **_context(asked, report))


async def report_csv(request: Request) -> Response:
    """The table as it was asked for, with all its rows."""
    w = wiring(request)
    asked = Asked.of_query(request.query_params, w.now().date())
    rows = await in_thread(spend_by, w.database, asked.by, asked.filter, MAX_ROWS)
    name = "-".join(["spend-by", asked.by, *filter(None, (getattr(asked.filter, day) for day in DAYS))])
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(sums_csv(asked.by, rows), media_type="text/csv; charset=utf-8", headers=headers)


def _report(database: Database, asked: Asked, now: datetime) -> Report:
    # the version first: what changes while the numbers are read is read again at the next pulse
    version = spend_version(database)
    rows = spend_by(database, asked.by, asked.filter, MAX_SHOWN + 1)
    is_cut = len(rows) > MAX_SHOWN
    stacked_by: SpendKey = "vendor" if asked.by == "day" else asked.by
    series = spend_series(database, asked.filter, stacked_by, CHART_LINES)
    lines = [(line.key or TITLES[stacked_by][1], line.micros) for line in series.lines]
    return Report(
        rows=tuple(rows[:MAX_SHOWN]),
        total=spend_total(database, asked.filter) if is_cut else sum_of(rows),
        is_cut=is_cut,
        series=series,
        chart=stacked_bars(series.days, lines, other=OTHER),
        stacked_by=stacked_by,
        version=version,
        read_at=now,
    )


def _context(asked: Asked, report: Report) -> dict[str, Any]:
    return {
        "asked": asked,
        "report": report,
        "titles": TITLES,
        "attempts_url": attempts_url,
        "other": OTHER,
    }


def _is_as_typed(query: dict[str, str]) -> bool:
    """From a form: with empty fields, or with the range and its days."""
    return "" in query.values() or ("range" in query and any(name in query for name in DAYS))


PAGES = (
    Page("/spend", spend, Role.FINANCE, name="spend"),
    Page("/spend/pulse", pulse, Role.FINANCE),
    Page("/spend/report.csv", report_csv, Role.FINANCE),
)
