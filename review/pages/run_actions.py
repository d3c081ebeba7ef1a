"""Cancel a run, or start it again: each with a page that says what it does to the money, and an act behind it.

Both end in Prefect's API; no ledger row is written here. What was held and never sent is given back by the recovery.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from budget.approvals import Approvals
from budget.caps import CapUse
from domain.errors import DraftlineError, InputError, RunError
from domain.money import from_cents
from domain.run import Run
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.amounts import money
from review.pages.launch_approvals import plan_again
from review.pages.launch_start import approve_anew, bare_params
from review.prefect_api import FlowRun
from review.queries.run_detail import RunDetail, run_detail
from review.request import in_thread, prefect, visitor, wiring
from review.routing import Page
from review.run_state import ACTIVE, PROMOTE, RETRY, started_again
from storage.records.launches import Launch
from tasks.charging import dimensions
from tasks.planning import Planned
from tasks.plans import plan_stored
from wiring import Wiring

LAUNCH_ID = re.compile(RETRY + r"[0-9a-f]{32}")
MAX_CANCELLED = 8
MAX_REASON_CHARS = 200
NOT_YOURS = "This may cost more than you may spend: somebody with the role approver starts it."
CHANGED = "This is another quote than the one that you saw; nothing was started. Look at the numbers, then confirm."


@dataclass(frozen=True)
class Again:
    """What starting a run again would make and cost, in micros. `failed` are the assets that are tried anew.

    `quote_hash` is the quote of now of a run that goes by an approved quote: who starts it again says yes to this one.
    """

    failed: tuple[str, ...]
    drafts: int
    finals: int
    expected_micros: int
    worst_micros: int
    in_doubt: int
    caps: tuple[CapUse, ...]
    limit_micros: int
    quote_hash: str = ""

    @property
    def needs_approver(self) -> bool:
        return 0 < self.limit_micros < self.worst_micros

    @property
    def tight(self) -> tuple[CapUse, ...]:
        return tuple(use for use in self.caps if use.left_micros < self.worst_micros)


async def cancel_page(request: Request) -> Response:
    """What stays spent and what is freed, before anybody confirms."""
    detail = await _detail(request)
    return _shown(request, "cancel", detail=detail, problem=_not_cancellable(detail))


async def cancel(request: Request) -> Response:
    """Ask Prefect to end every flow run of this run that has not ended."""
    detail, form = await _detail(request), await request.form()
    run_id, who = detail.row.run_id, visitor(request)
    if problem := _not_cancellable(detail):
        return _shown(request, "cancel", detail=detail, problem=problem, status=409)
    try:
        asked = await _cancelled(request, _flow_run_ids(detail))
    except DraftlineError as error:
        return _shown(request, "cancel", detail=detail, problem=_sentence(error), status=503)
    reason = " ".join(str(form.get("reason", "")).split())[:MAX_REASON_CHARS]
    is_noted = await in_thread(wiring(request).runs.cancel, run_id, who.name, reason)
    await record(
        request, "run.cancelled", run_id, flow_runs=asked, reason=reason,
        committed_micros=detail.cancel.committed_micros, freed_micros=detail.cancel.freed_micros,
    )  # fmt: skip
    said = _freed(detail, asked) if is_noted else "It came to its end a moment before. What it made stays."
    render.flash(request, said, "good")
    return render.see_other(request, _run_url(run_id))


async def cancel_start(request: Request) -> Response:
    """Take back a launch that has written no run yet: nothing was made, so no money is concerned."""
    w, run_id = wiring(request), request.path_params["run_id"]
    launch = next((x for x in await in_thread(w.launches.of_run, run_id) if x.flow_run_id), None)
    if launch is None or await in_thread(w.runs.find, run_id) is not None:
        return render.see_other(request, _run_url(run_id))
    await prefect(request).cancel(launch.flow_run_id)
    await record(request, "launch.cancelled", run_id, flow_run=launch.flow_run_id)
    render.flash(request, "Cancelled before it began. Nothing was spent.", "good")
    return render.see_other(request, _run_url(run_id))


async def again_page(request: Request) -> Response:
    """The price of what is missing, before anybody confirms."""
    return await _again_shown(request, await _detail(request))


async def again(request: Request) -> Response:
    """Start the same deployment with the same parameters: it makes what is missing and replays what is paid."""
    detail, form = await _detail(request), await request.form()
    run_id, launch_id = detail.row.run_id, str(form.get("launch_id", ""))
    if not LAUNCH_ID.fullmatch(launch_id):
        raise HTTPException(400, "This form is not of this page: open it again.")
    known = await in_thread(wiring(request).launches.get, launch_id)
    if known is not None and known.state == "started":
        return render.see_other(request, _run_url(run_id))
    if problem := await _in_the_way(request, detail):
        return await _again_shown(request, detail, problem=problem, status=409)
    try:
        planned = await _planned(wiring(request), detail)
        quoted = await _quoted(wiring(request), detail, planned)
        if not await _may_start(request, quoted):
            raise HTTPException(403, NOT_YOURS)
        if quoted.quote_hash and form.get("quote_hash") != quoted.quote_hash:
            return await _again_shown(request, detail, problem=CHANGED, status=409)
        if planned is not None:
            await in_thread(approve_anew, wiring(request), planned, visitor(request).user_id)
        started = await _start(request, launch_id, detail, planned)
    except DraftlineError as error:
        return await _again_shown(request, detail, problem=_sentence(error), status=503)
    await record(request, "run.started_again", run_id, failed=len(_failed(detail)), flow_run=started.flow_run_id)
    render.flash(request, "Started again. What is there already is kept and not paid twice.", "good")
    return render.see_other(request, _run_url(run_id))


# -- cancel ------------------------------------------------------------------------------------------------------------


def _not_cancellable(detail: RunDetail) -> str:
    if detail.row.status not in ACTIVE:
        return "This run is not running, so there is nothing to cancel."
    if not _flow_run_ids(detail):
        return "This run was started outside the workflow server. Stop it where it was started."
    return ""


def _flow_run_ids(detail: RunDetail) -> tuple[str, ...]:
    launched = (detail.launch.flow_run_id,) if detail.launch and detail.launch.flow_run_id else ()
    return tuple(dict.fromkeys((*launched, *(f.flow_run_id for f in detail.flow_runs))))[:MAX_CANCELLED]


async def _cancelled(request: Request, flow_run_ids: tuple[str, ...]) -> list[str]:
    """Those that Prefect still knew and that had not ended. It forgets old ones: they cannot be running."""
    asked = []
    for flow_run_id in flow_run_ids:
        try:
            before = await prefect(request).flow_run(flow_run_id)
            if not before.has_ended:
                await prefect(request).cancel(flow_run_id)
                asked.append(flow_run_id)
        except InputError:
            continue
    return asked


def _freed(detail: RunDetail, asked: list[str]) -> str:
    left, stops = detail.cancel, "its worker stops within seconds" if asked else "nothing worked on it any more"
    text = f"Cancelled: {stops}. What was made stays, and {money(left.committed_micros)} stays committed."
    if left.freed_micros:
        text += f" {money(left.freed_micros)} that was held and never sent comes back within about ten minutes."
    return text


# -- start again -------------------------------------------------------------------------------------------------------


def _not_startable(detail: RunDetail) -> str:
    if detail.row.status in ACTIVE:
        return "This run is running: it tries what failed before it ends. Cancel it first, or wait."
    if detail.retry is None and detail.row.status != "incomplete":
        return "Nothing of this run has failed, so there is nothing to do again."
    return ""


async def _in_the_way(request: Request, detail: RunDetail) -> str:
    """Why it cannot be started again now, "" when it can."""
    w, run_id = wiring(request), detail.row.run_id
    if problem := _not_startable(detail):
        return problem
    if await in_thread(w.processes.is_held, f"run:{run_id}"):
        return "A worker is still at this run; when it was cancelled it stops within seconds. Open this again then."
    again = await started_again(request, run_id, await in_thread(w.launches.of_run, run_id))
    return f"It was started again already. {again.said}" if again.is_on_its_way else ""


def _failed(detail: RunDetail) -> tuple[str, ...]:
    return detail.retry.asset_keys if detail.retry else ()


async def _planned(w: Wiring, detail: RunDetail) -> Planned | None:
    """What its approved start would make now: of a catalog that was published in part, another quote than then."""
    launch = _started_here(await in_thread(w.launches.of_run, detail.row.run_id), detail)
    if launch is None or launch.deployment == PROMOTE or not bare_params(launch).get("approved_quote"):
        return None
    planned, _ = await plan_again(w, replace(launch, params=bare_params(launch)))
    if not planned.assets:
        raise RunError("nothing is left to make: what failed is published meanwhile, or is not asked for any more")
    return planned


async def _may_start(request: Request, quoted: Again) -> bool:
    """Above the limit an approver; where two pairs of eyes are asked for, only what somebody has approved already."""
    if not quoted.needs_approver:
        return True
    w = wiring(request)
    is_enough = not (w.settings.board_four_eyes and quoted.quote_hash)
    stands = is_enough or await in_thread(Approvals(w.database, w.now).standing, quoted.quote_hash) is not None
    return visitor(request).can(Role.APPROVER) and stands


async def _quoted(w: Wiring, detail: RunDetail, planned: Planned | None) -> Again:
    """Of the failed assets; for a run that was stopped, of everything that its rows say is still to be made."""
    limit = from_cents(w.settings.board_approval_limit_cents)
    run = planned.run if planned is not None else await in_thread(w.runs.get, detail.row.run_id)
    uses = await in_thread(_uses, w, run)
    if planned is None and detail.retry is not None and detail.row.status != "incomplete":
        r = detail.retry
        return Again(r.asset_keys, r.drafts, r.finals, r.expected_micros, r.worst_micros, r.in_doubt, uses, limit)
    quote = planned.quote if planned is not None else (await plan_stored(w, detail.row.run_id)).quote
    missing = {
        stage: sum(max(0, x.open - x.held) for x in quote.lines if x.stage == stage) for stage in ("draft", "final")
    }
    doubts = detail.retry.in_doubt if detail.retry else detail.row.money.in_doubt
    made, price = (missing["draft"], missing["final"]), (quote.range.expected, quote.asked_micros)
    return Again(_failed(detail), *made, *price, doubts, uses, limit, quote.hash if planned is not None else "")


def _uses(w: Wiring, run: Run) -> tuple[CapUse, ...]:
    return tuple(sorted(w.ledger.uses(dimensions(run, None, w)), key=lambda use: use.left_micros))


async def _start(request: Request, launch_id: str, detail: RunDetail, planned: Planned | None) -> FlowRun:
    """The form's id is the launch's: pressed twice, it starts one flow run."""
    w, run_id = wiring(request), detail.row.run_id
    deployment, params = await _started_with(request, detail)
    quote_hash = planned.quote.hash if planned is not None else detail.quote_hash
    if planned is not None:
        params = {**params, "approved_quote": quote_hash}
    launch = Launch(launch_id, quote_hash, run_id, deployment, params, visitor(request).user_id)
    known, _ = await in_thread(w.launches.begin, launch)
    try:
        started = await prefect(request).start(
            known.deployment, {"params": bare_params(known)}, idempotency_key=launch_id
        )
    except InputError:
        await in_thread(w.launches.failed, launch_id)
        raise
    await in_thread(w.launches.started, launch_id, started.flow_run_id)
    return started


def _started_here(launches: Sequence[Launch], detail: RunDetail) -> Launch | None:
    """Its last start from the board. Drafts that are missing are made by the first start of all, not by a promotion."""
    started = (x for x in launches if x.state == "started")
    return next((x for x in started if not (_misses_drafts(detail) and x.deployment == PROMOTE)), None)


def _misses_drafts(detail: RunDetail) -> bool:
    return detail.retry is not None and detail.retry.drafts > 0


async def _started_with(request: Request, detail: RunDetail) -> tuple[str, dict[str, Any]]:
    """Deployment and parameters of its last start: the board's own record, else what Prefect still knows."""
    launches = await in_thread(wiring(request).launches.of_run, detail.row.run_id)
    if launch := _started_here(launches, detail):
        return launch.deployment, bare_params(launch)
    misses_drafts = _misses_drafts(detail)
    for flow in detail.flow_runs:
        if flow.deployment and not (misses_drafts and flow.deployment == "promote"):
            found = await prefect(request).flow_run(flow.flow_run_id)
            if found.parameters:
                return f"{flow.deployment}/{flow.deployment}", found.parameters.get("params", found.parameters)
    raise RunError(
        "nobody started this run from the board and the workflow server does not know its parameters any more; start "
        "it again where it was started: the same wish is the same run and goes on where it stopped"
    )


# -- pages -------------------------------------------------------------------------------------------------------------


async def _detail(request: Request) -> RunDetail:
    try:
        return await in_thread(run_detail, wiring(request).database, request.path_params["run_id"])
    except RunError as error:
        raise HTTPException(404, "There is no run of this name.") from error


async def _again_shown(request: Request, detail: RunDetail, *, problem: str = "", status: int = 200) -> Response:
    problem, quoted = problem or await _in_the_way(request, detail), None
    try:
        quoted = await _quoted(wiring(request), detail, await _planned(wiring(request), detail))
    except DraftlineError as error:
        problem = problem or _sentence(error)
    may_start = problem in ("", CHANGED) and quoted and await _may_start(request, quoted)
    launch_id = f"{RETRY}{uuid4().hex}"
    context = {"detail": detail, "quoted": quoted, "problem": problem, "may_start": may_start, "launch_id": launch_id}
    return _shown(request, "again", status=status, **context)


def _shown(request: Request, what: str, *, status: int = 200, **context: Any) -> Response:
    """A page, or the inside of a dialog."""
    context |= {"row": context["detail"].row, "what": what}
    if render.wants_fragment(request):
        return render.fragment(request, f"runs/_{what}.html", **context)
    return render.page(request, "runs/confirm.html", status=status, **context)


def _run_url(run_id: str) -> str:
    return f"/runs/{run_id}"


def _sentence(error: DraftlineError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


PAGES = (
    Page("/runs/{run_id}/cancel", cancel_page, Role.CREATOR),
    Page("/runs/{run_id}/cancel", cancel, Role.CREATOR, methods=("POST",)),
    Page("/runs/{run_id}/cancel-start", cancel_start, Role.CREATOR, methods=("POST",)),
    Page("/runs/{run_id}/again", again_page, Role.CREATOR),
    Page("/runs/{run_id}/again", again, Role.CREATOR, methods=("POST",)),
)
