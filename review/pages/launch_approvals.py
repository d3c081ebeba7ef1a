"""Launches that wait for an approver: what is asked, what it costs now, yes or no. What may not live here: prices.

An approver's yes names the hash that she saw. When the plan of now has another one, nothing starts: the page shows what
changed and the quote of now, and asks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from budget.approvals import Approvals, Offer
from domain.errors import DraftlineError, InputError
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.pages.launch_catalog import CatalogForm, plan_catalog
from review.pages.launch_form import LaunchForm
from review.pages.launch_like import AddedPrice, added_price
from review.pages.launch_quote import QuoteView, plan_form, told_changes, view_quote
from review.pages.launch_references import ReferenceItem, reference_items
from review.pages.launch_sources import CAMPAIGN
from review.pages.launch_start import approve_waiting, keep_quote, send
from review.prefect_api import PrefectAway
from review.queries.launch import names_of_people
from review.request import in_thread, visitor, wiring
from review.routing import Page
from storage.records.launches import Launch
from tasks.planning import Planned
from wiring import Wiring

WORDS = ("subject", "action", "setting", "light", "camera", "mood", "text_in_image")
DECIDED_SHOWN = 20
PLANNED_SHOWN = 6
"""So many are priced anew when the page is opened: each takes a moment. The others show what was asked for."""
MAX_WHY_CHARS = 300


@dataclass
class Waiting:
    """One launch as an approver sees it. `offer` is the quote that was asked for, `quote` that of now."""

    launch: Launch
    title: str
    words: tuple[tuple[str, str], ...]
    photos: tuple[ReferenceItem, ...]
    offer: Offer | None
    quote: QuoteView | None = None
    added: AddedPrice | None = None
    changes: list[str] = field(default_factory=list)
    problem: str = ""
    why_error: str = ""
    changes_head: str = "Changed since it was asked for."

    @property
    def quote_hash(self) -> str:
        return self.quote.quote_hash if self.quote else self.launch.quote_hash


async def approvals(request: Request) -> Response:
    return await _page(request)


async def approve(request: Request) -> Response:
    """Yes to the quote that was seen: the run starts. Another plan by now: nothing starts, and she is shown it."""
    w, launch = wiring(request), await _waiting(request)
    sent = await request.form()
    try:
        planned, quote = await plan_again(w, launch)
    except DraftlineError as error:
        return await _page(request, launch.launch_id, status=409, problem=f"It cannot be made any more: {error}")
    if quote.quote_hash != str(sent.get("quote_hash", "")):
        seen_hash = str(sent.get("quote_hash", ""))
        told = await in_thread(told_changes, w, seen_hash, None, planned)
        shown = {"quote": quote, "changes": told, "changes_head": "Nothing was started."}
        return await _page(request, launch.launch_id, status=409, **shown)
    if not quote.may_go:
        return await _page(request, launch.launch_id, status=409, quote=quote, problem="It does not fit now.")
    try:
        started = await approve_waiting(request, launch, planned)
    except (PrefectAway, InputError) as error:
        render.flash(request, f"Approved, but not started yet: {error}", "bad")
        return render.see_other(request, "/launch/approvals")
    render.flash(request, f"Approved. {started.params.get('name') or 'It'} starts.", "good")
    return render.see_other(request, f"/runs/{started.run_id}")


async def decline(request: Request) -> Response:
    """No, with a reason that the person who asked can read."""
    w, launch = wiring(request), await _waiting(request)
    why = str((await request.form()).get("why", "")).strip()[:MAX_WHY_CHARS]
    if not why:
        return await _page(request, launch.launch_id, status=422, why_error="Say why, in a few words.")
    if await in_thread(w.launches.declined, launch.launch_id, visitor(request).user_id, why):
        await record(request, "launch.declined", launch.run_id, launch=launch.launch_id, why=why)
        render.flash(request, "Declined. Who asked for it sees your reason here.", "info")
    return render.see_other(request, "/launch/approvals")


async def send_again(request: Request) -> Response:
    """A launch that Prefect did not answer. Its id is its key there: it starts once."""
    w, who = wiring(request), visitor(request)
    launch = await in_thread(w.launches.get, request.path_params["launch_id"])
    if launch is None or launch.state not in ("asked", "started"):
        raise HTTPException(404, "There is no such launch to send.")
    if launch.launched_by != who.user_id and not who.can(Role.APPROVER):
        raise HTTPException(403, "Only who launched it, or an approver, may send it again.")
    started = await send(request, launch)
    return render.see_other(request, f"/runs/{started.run_id}")


async def plan_again(w: Wiring, launch: Launch) -> tuple[Planned, QuoteView]:
    """What the launch's parameters would make now, and its price."""
    by = str(launch.params.get("requested_by", ""))
    if launch.deployment == CAMPAIGN:
        form = LaunchForm.of_params(launch.params)
        planned, options = await plan_form(w, form, by), form.options(by)
    else:
        catalog = CatalogForm.of_params(launch.params)
        planned, options = await plan_catalog(w, catalog, by), catalog.options(by)
    return planned, await in_thread(view_quote, w, planned, options)


# -- parts ------------------------------------------------------------------------------------------------------------


async def _waiting(request: Request) -> Launch:
    launch = await in_thread(wiring(request).launches.get, request.path_params["launch_id"])
    if launch is None or launch.state != "waiting":
        raise HTTPException(404, "This launch does not wait any more: somebody decided about it.")
    return launch


async def _page(request: Request, launch_id: str = "", *, status: int = 200, **found: Any) -> Response:
    """`found` goes to the launch of this id: its quote of now, what changed, what is wrong."""
    context = await in_thread(_context, wiring(request), visitor(request).user_id, visitor(request).can(Role.APPROVER))
    for item in context["waiting"][:PLANNED_SHOWN] if visitor(request).can(Role.APPROVER) else ():
        await _price_again(wiring(request), item)
    for item in context["waiting"]:
        if item.launch.launch_id == launch_id:
            for name, value in found.items():
                setattr(item, name, value)
    four_eyes = wiring(request).settings.board_four_eyes
    return render.page(request, "launch/approvals.html", status=status, four_eyes=four_eyes, **context)


async def _price_again(w: Wiring, item: Waiting) -> None:
    """What it costs now, so that an approver does not say yes to the price of last week."""
    try:
        planned, item.quote = await plan_again(w, item.launch)
    except DraftlineError as error:
        item.problem = f"It cannot be made any more: {error}"
        return
    if item.launch.deployment == CAMPAIGN:
        params = item.launch.params
        form, by = LaunchForm.of_params(params), str(params.get("requested_by", ""))
        item.added = await added_price(w, form, by, planned)
    if item.quote.quote_hash != item.launch.quote_hash:
        item.changes = await in_thread(told_changes, w, item.launch.quote_hash, None, planned)
    await in_thread(keep_quote, w, planned, item.launch.launched_by)


def _context(w: Wiring, user_id: str, is_approver: bool) -> Mapping[str, Any]:
    by = "" if is_approver else user_id
    waiting = [_item(w, launch) for launch in w.launches.newest("waiting", by=by)]
    unsent = [launch for launch in w.launches.newest("asked", by=by) if not launch.flow_run_id]
    newest = w.launches.newest("started", "declined", "failed", by=by)
    decided = [launch for launch in newest if launch.decided_by or launch.state != "started"][:DECIDED_SHOWN]
    people = [x for launch in newest for x in (launch.launched_by, launch.decided_by)]
    people += [item.launch.launched_by for item in waiting] + [launch.launched_by for launch in unsent]
    names = names_of_people(w.database, people)
    return {"waiting": waiting, "unsent": unsent, "decided": decided, "names": names}


def _item(w: Wiring, launch: Launch) -> Waiting:
    params = launch.params
    words = tuple((name.replace("_", " "), str(params[name])) for name in WORDS if params.get(name))
    photos = tuple(reference_items(w, params.get("references", ()), params.get("style_references", ())))
    title = str(params.get("title") or params.get("name") or params.get("feed") or launch.run_id)
    offer = Approvals(w.database, w.now).quote(launch.quote_hash)
    return Waiting(launch, title, words, photos, offer)


PAGES = (
    Page("/launch/approvals", approvals, Role.CREATOR, name="launch-approvals"),
    Page("/launch/approvals/{launch_id}/approve", approve, Role.APPROVER, methods=("POST",)),
    Page("/launch/approvals/{launch_id}/decline", decline, Role.APPROVER, methods=("POST",)),
    Page("/launch/approvals/{launch_id}/send", send_again, Role.CREATOR, methods=("POST",)),
)
