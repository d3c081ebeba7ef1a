"""Runs: the list, and the page of one with its stages, money, problems and assets, live while it runs.

Cancel and retry are in run_actions.py, one asset's descent in assets.py. No SQL here.
"""

from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import InputError, RunError
from review import live, render
from review.access.roles import Role
from review.pages import run_actions
from review.queries.addresses import public_base
from review.queries.run_detail import RunDetail, run_detail
from review.queries.runs import RunFilter, list_runs, run_counts
from review.queries.spend import SpendFilter, spend_by
from review.request import in_thread, prefect, wiring
from review.routing import Page
from review.run_state import ACTIVE, StartedAgain, finals_asked_for, flow_run_of, started_again, told
from storage.records.launches import Launch

MAX_TYPED_CHARS = 200
# A run's status, as its tab says it.
TABS = (
    ("", "All"),
    ("running", "Running"),
    ("awaiting_selection", "Waiting for a pick"),
    ("published", "Published"),
    ("incomplete", "Incomplete"),
    ("failed", "Failed"),
    ("planned", "Starting"),
)
KINDS = (("", "All kinds"), ("campaign", "Campaigns"), ("catalog", "Catalogs"))


async def runs(request: Request) -> Response:
    """Newest first; filters are in the address."""
    asked, database = _asked(request), wiring(request).database
    try:
        found = await in_thread(list_runs, database, asked)
    except InputError as error:
        raise HTTPException(404, "There is no such page of runs.") from error
    counts = await in_thread(run_counts, database)
    tabs = [
        (name, _address(asked, state=state), counts.get(state, 0) if state else sum(counts.values()), state)
        for state, name in TABS
        if not state or counts.get(state) or state == asked.state
    ]
    older = _address(asked, after=found.next_key) if found.next_key else ""
    first = _address(asked) if asked.after else ""
    return render.page(
        request, "runs/list.html", found=found, asked=asked, tabs=tabs, kinds=KINDS, older=older, first=first
    )


async def run(request: Request) -> Response:
    """One run; for HTMX only what changes while it runs. A run that is only launched says what it waits for."""
    run_id = request.path_params["run_id"]
    pulse = await live.pulse_of(request, run_id)
    try:
        detail = await read_run(request, run_id)
    except RunError:
        return await _starting(request, run_id, pulse)
    context = await _context(request, detail, pulse)
    if render.wants_fragment(request):
        return render.fragment(request, "runs/_live.html", **context)
    return render.page(request, "runs/run.html", **context)


async def events(request: Request) -> Response:
    """Tells a page that there is something new; the page then asks for it."""
    run_id, database = request.path_params["run_id"], wiring(request).database
    if not await in_thread(_is_known, request, run_id):
        raise HTTPException(404, "There is no run of this name.")

    async def state() -> tuple[dict[str, str], bool]:
        try:
            row = (await in_thread(run_detail, database, run_id)).row
        except RunError:
            return {"status": "launched"}, False
        is_quiet = row.status not in (*ACTIVE, "awaiting_selection")
        return {"status": row.status}, is_quiet and not row.money.is_open

    return live.stream(request, run_id, state)


async def read_run(request: Request, run_id: str) -> RunDetail:
    w = wiring(request)
    return await in_thread(run_detail, w.database, run_id, public_base(w.settings))


async def _context(request: Request, detail: RunDetail, pulse: str) -> dict[str, Any]:
    w, run_id = wiring(request), detail.row.run_id
    bill = await in_thread(spend_by, w.database, "model", SpendFilter(run=run_id))
    is_active = detail.row.status in ACTIVE
    launches = await in_thread(w.launches.of_run, run_id)
    newest = detail.flow_runs[0].flow_run_id if detail.flow_runs and is_active else ""
    flow_run = await flow_run_of(request, newest)
    again = await started_again(request, run_id, launches)
    waits = detail.row.status == "awaiting_selection"
    finals = await finals_asked_for(request, launches) if waits else StartedAgain()
    has_failed, is_left = detail.retry is not None, detail.row.status == "incomplete"
    return {
        "detail": detail,
        "row": detail.row,
        "bill": bill,
        "pulse": pulse,
        "is_active": is_active,
        "stopped": told(flow_run, w.now() - detail.row.updated_at) if flow_run and flow_run.has_ended else "",
        # what failed and went on as a run of its own is retried there
        "can_start_again": not again.is_on_its_way and (not again.runs if has_failed else is_left),
        "again": again,
        "finals": finals,
        "active": ACTIVE,
        "is_left_open": is_left and detail.row.money.is_open,
        "due_at": next((launch.due_at for launch in launches if launch.due_at), None),
        "prefect_url": prefect(request).flow_run_url,
    }


async def _starting(request: Request, run_id: str, pulse: str) -> Response:
    """Launched, but the flow has not written its run yet: it plans first, or waits for a worker or for approval."""
    found = await in_thread(wiring(request).launches.of_run, run_id)
    if not found:
        raise HTTPException(404, "There is no run of this name.")
    launch: Launch = found[0]
    flow_run = await flow_run_of(request, launch.flow_run_id)
    waited = wiring(request).now() - (launch.created_at or wiring(request).now())
    context: dict[str, Any] = {
        "launch": launch,
        "run_id": run_id,
        "pulse": pulse,
        "flow_run": flow_run,
        "said": told(flow_run, waited) if launch.flow_run_id else "",
        "prefect_url": prefect(request).flow_run_url(launch.flow_run_id),
    }
    if render.wants_fragment(request):
        return render.fragment(request, "runs/_starting.html", **context)
    return render.page(request, "runs/starting.html", **context)


def _is_known(request: Request, run_id: str) -> bool:
    w = wiring(request)
    return w.runs.find(run_id) is not None or bool(w.launches.of_run(run_id))


def _asked(request: Request) -> RunFilter:
    def given(name: str) -> str:
        return request.query_params.get(name, "").strip()[:MAX_TYPED_CHARS]

    return RunFilter(given("state"), given("kind"), given("text"), given("person"), given("after"))


def _address(asked: RunFilter, **changes: str) -> str:
    """The list with other filters, from its first page unless `after` says otherwise."""
    kept = {"state": asked.state, "kind": asked.kind, "text": asked.text, "person": asked.person} | changes
    query = urlencode({name: value for name, value in kept.items() if value})
    return f"/runs?{query}" if query else "/runs"


PAGES = (
    Page("/runs", runs, Role.VIEWER, name="runs"),
    Page("/runs/{run_id}", run, Role.VIEWER, name="run"),
    Page("/runs/{run_id}/events", events, Role.VIEWER),
    *run_actions.PAGES,
)
