"""From picks to finals: a page (or dialog) with the numbers, and the start of the deployment `promote/promote`."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import DraftlineError, RunError, SelectionError
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.new_yes import NewYes, with_yes
from review.pages.launch_start import approve_anew
from review.prefect_api import FlowRun
from review.promotions import Choice, Promotion, check, may_start, promotion
from review.queries.sheet_picks import AssetPicks, run_picks
from review.request import in_thread, prefect, visitor, wiring
from review.routing import Page
from review.sheet_view import sheet_url
from storage.records.launches import Launch

DEPLOYMENT = "promote/promote"
MAX_STARTS = 8


async def promote_page(request: Request) -> Response:
    """What would be made, for how much, under which caps, and who may start it."""
    return await _shown(request, Choice.of(request.query_params))


async def promote(request: Request) -> Response:
    """Start it, if it is still what was shown: `seen` is the key of the picks that the person confirmed."""
    run_id, form = request.path_params["run_id"], await request.form()
    choice = Choice.of(form)
    wanted, sheets = await _wanted(request, choice)
    try:
        check(wanted, sheets)
        wanted, yes = await with_yes(wiring(request), wanted, visitor(request).user_id)
        if form.get("seen") != wanted.key:
            raise SelectionError("The picks have changed since this was opened. Look again, then confirm.")
    except DraftlineError as error:
        return await _shown(request, choice, problem=_sentence(error), status=409)
    if not may_start(wiring(request), visitor(request), wanted):
        raise HTTPException(403, "This is more than a reviewer may spend: somebody with the role approver starts it.")
    try:
        started = await start_promotion(request, wanted, yes)
    except DraftlineError as error:
        return await _shown(request, choice, problem=_sentence(error), status=503)
    worst_micros, flow_run_id = wanted.worst_micros, started.flow_run_id
    await record(request, "picks.promoted", run_id, picks=wanted.texts, worst_micros=worst_micros, flow=flow_run_id)
    render.flash(request, f"{render.plural(wanted.finals, 'final')} on the way.", "good")
    return render.see_other(request, f"/runs/{run_id}")


async def start_promotion(request: Request, wanted: Promotion, yes: NewYes | None) -> FlowRun:
    """The same picks start one flow run, however often the button is pressed. Where that one has failed, the next.

    `yes` is the visitor's own to the whole run with these picks, where its approval does not cover them.
    """
    w, who = wiring(request), visitor(request)
    params = {"run_id": wanted.run_id, "picks": wanted.texts, "approve": "approve", "picked_by": who.name[:80]}
    if yes is not None:
        await in_thread(approve_anew, w, yes.planned, who.user_id, "picked on the board")
        worst_micros = wanted.whole_micros
        await record(request, "quote.approved", wanted.run_id, quote=wanted.quote_hash, worst_micros=worst_micros)
        params["approved_quote"] = wanted.quote_hash
    for number in range(MAX_STARTS):
        launch_id = f"{wanted.key}-{number}"
        launch = Launch(launch_id, wanted.quote_hash, wanted.run_id, DEPLOYMENT, {"params": params}, who.user_id)
        known, _ = await in_thread(w.launches.begin, launch)
        try:
            started = await prefect(request).start(DEPLOYMENT, known.params, idempotency_key=launch_id)
        except DraftlineError:
            if known.state != "started":  # one that runs already stays what it is, whoever presses again
                await in_thread(w.launches.failed, launch_id)
            raise
        await in_thread(w.launches.started, launch_id, started.flow_run_id)
        if started.state not in ("FAILED", "CRASHED", "CANCELLED"):
            return started
    raise RunError("These picks were started many times and failed each time; the run's page says why")


def _sentence(error: DraftlineError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


async def _shown(request: Request, choice: Choice, *, problem: str = "", status: int = 200) -> Response:
    (wanted, sheets), yes = await _wanted(request, choice), None
    if not problem:
        try:
            check(wanted, sheets)
            wanted, yes = await with_yes(wiring(request), wanted, visitor(request).user_id)
        except DraftlineError as error:
            problem = _sentence(error)
    run_id, asset_key = wanted.run_id, request.path_params["asset_key"]
    context: dict[str, Any] = {
        "wanted": wanted,
        "yes": yes,
        "choice": choice,
        "problem": problem,
        "run_id": run_id,
        "asset_key": asset_key,
        "url": sheet_url(run_id, asset_key),
        "sheets": {sheet.asset_key: sheet for sheet in sheets},
        "may_start": not problem and may_start(wiring(request), visitor(request), wanted),
    }
    if render.wants_fragment(request):
        return render.fragment(request, "sheets/_promote.html", **context)
    return render.page(request, "sheets/promote.html", status=status, **context)


async def _wanted(request: Request, choice: Choice) -> tuple[Promotion, tuple[AssetPicks, ...]]:
    w, run_id, asset_key = wiring(request), request.path_params["run_id"], request.path_params["asset_key"]
    try:
        sheets = await in_thread(run_picks, w.database, run_id)
    except RunError as error:
        raise HTTPException(404, "There is no run of this name.") from error
    if asset_key not in {sheet.asset_key for sheet in sheets}:
        raise HTTPException(404, "There is no contact sheet of this name.")
    return await in_thread(promotion, w, run_id, asset_key, sheets, choice, visitor(request).user_id), sheets


PAGES = (
    Page("/runs/{run_id}/sheet/{asset_key}/promote", promote_page, Role.REVIEWER, name="promote"),
    Page("/runs/{run_id}/sheet/{asset_key}/promote", promote, Role.REVIEWER, methods=("POST",)),
)
