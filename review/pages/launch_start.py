"""From a quote that somebody saw to a run that starts: hash, approval, launch, Prefect. Once, however often.

The hash that was seen is compared by the pages with the plan of now before anything here is called.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.requests import Request

from budget.approvals import Approvals
from domain.canonical import digest
from domain.errors import InputError, NotApproved, RunError
from review.access.audit import record
from review.launched_today import allowance
from review.request import in_thread, prefect, visitor, wiring
from storage.records.flow_runs import FlowRun
from storage.records.launches import Launch
from tasks.planning import Planned
from wiring import Wiring

NOT_TAKEN = "It did not start. Try again: the same button never starts it twice. If this stays, tell an administrator:"


@dataclass(frozen=True)
class Wanted:
    """What a form asks for, planned and seen. `params` name no approved quote yet."""

    form_id: str
    deployment: str
    params: dict[str, Any]
    planned: Planned
    due_at: datetime | None = None

    def launch(self, by: str, *, waiting: bool) -> Launch:
        """Its id comes from the form, the quote and the person: the same button pressed again is the same launch."""
        quote_hash = self.planned.quote.hash
        return Launch(
            launch_id=digest([self.form_id, quote_hash, by, "ask" if waiting else "start"])[:32],
            quote_hash=quote_hash,
            run_id=self.planned.run.run_id,
            deployment=self.deployment,
            params={**self.params, "approved_quote": quote_hash},
            launched_by=by,
            state="waiting" if waiting else "asked",
            due_at=self.due_at,
        )


async def approve_and_start(request: Request, wanted: Wanted) -> Launch:
    """The visitor's own yes to the quote, then the run. Raises PrefectAway or InputError: nothing was started then."""
    w, who = wiring(request), visitor(request)
    asked = wanted.launch(who.user_id, waiting=False)
    # before the launch: whoever dies in between leaves a yes that nobody used, never a run that lacks its yes
    await in_thread(_approve, w, wanted.planned, asked.quote_hash, who.user_id, "started it on the board")
    launch, written = await in_thread(w.launches.begin, asked)
    allowed = await in_thread(allowance, w, who, wanted.planned)
    if launch.state != "started" and not allowed.may_start:
        # others of hers began in this very moment
        await in_thread(w.launches.failed, launch.launch_id)
        raise InputError(allowed.sentence)
    if written:
        worst = wanted.planned.quote.range.worst
        await record(request, "quote.approved", launch.run_id, quote=launch.quote_hash, worst_micros=worst)
    return await send(request, launch)


async def ask_for_approval(request: Request, wanted: Wanted) -> Launch:
    """Keep the launch and its quote until an approver says yes or no."""
    w, who = wiring(request), visitor(request)
    launch, written = await in_thread(w.launches.begin, wanted.launch(who.user_id, waiting=True))
    if written:
        await in_thread(keep_quote, w, wanted.planned, who.user_id)
        await record(request, "launch.asked", launch.run_id, quote=launch.quote_hash)
    return launch


async def approve_waiting(request: Request, launch: Launch, planned: Planned) -> Launch:
    """An approver's yes to somebody's launch as it would be now. Raises NotApproved where her word does not count."""
    w, who = wiring(request), visitor(request)
    if w.settings.board_four_eyes and launch.launched_by == who.user_id:
        raise NotApproved("somebody else has to approve what you asked for yourself; nothing was started")
    quote_hash, run_id = planned.quote.hash, planned.run.run_id
    params = {**launch.params, "approved_quote": quote_hash}
    agreed = replace(launch, quote_hash=quote_hash, run_id=run_id, params=params, decided_by=who.user_id)
    if not await in_thread(w.launches.approved, agreed):
        raise RunError("somebody decided about this launch a moment ago; nothing more was started")
    await in_thread(_approve, w, planned, quote_hash, who.user_id, f"asked for by {launch.launched_by}")
    worst = planned.quote.range.worst
    await record(request, "quote.approved", run_id, quote=quote_hash, worst_micros=worst)
    return await send(request, replace(agreed, state="asked"))


async def send(request: Request, launch: Launch) -> Launch:
    """Start its flow run, unless it has one. Prefect gets the launch's id as its key: sent twice it starts once."""
    if launch.state == "started":
        return launch
    w = wiring(request)
    try:
        flow_run = await prefect(request).start(
            launch.deployment, {"params": launch.params}, idempotency_key=launch.launch_id
        )
    except InputError:
        await in_thread(w.launches.failed, launch.launch_id)
        raise
    await in_thread(_started, w, launch, flow_run.flow_run_id)
    await record(request, "run.launched", launch.run_id, launch=launch.launch_id, flow_run=flow_run.flow_run_id)
    return replace(launch, state="started", flow_run_id=flow_run.flow_run_id)


def _started(w: Wiring, launch: Launch, flow_run_id: str) -> None:
    w.launches.started(launch.launch_id, flow_run_id)
    deployment, _, _ = launch.deployment.partition("/")
    w.flow_runs.add(FlowRun(flow_run_id, launch.run_id, deployment, launch.launched_by))


def bare_params(launch: Launch) -> dict[str, Any]:
    """What the flow takes: some launches are kept as they are sent, under the flow's one parameter."""
    found: dict[str, Any] = launch.params.get("params", launch.params)
    return found


def approve_anew(w: Wiring, planned: Planned, by: str, why: str = "started it again on the board") -> None:
    """A yes to the quote of now, unless one stands."""
    if Approvals(w.database, w.now).standing(planned.quote.hash) is None:
        _approve(w, planned, planned.quote.hash, by, why)


def keep_quote(w: Wiring, planned: Planned, by: str) -> None:
    """So that an approval can name it and a later difference can be told."""
    run = planned.run
    Approvals(w.database, w.now).record_quote(planned.quote, run.run_id, run.kind, run.name, by)


def _approve(w: Wiring, planned: Planned, quote_hash: str, by: str, why: str) -> None:
    keep_quote(w, planned, by)
    Approvals(w.database, w.now).approve(quote_hash, by, why)
