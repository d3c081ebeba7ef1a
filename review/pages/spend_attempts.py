"""The attempts behind every number on money: a list, one attempt with its history, and a person's word on what is in
doubt. What may not live here: the rules of settling (tasks/resolving.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from budget.typed_amounts import typed_usd
from domain.attempt import Attempt
from domain.errors import InputError
from domain.money import Micros
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.amounts import exact
from review.pages.spend import LISTED
from review.queries.addresses import picture_url
from review.queries.spend import (
    STATE_GROUPS,
    STATES,
    AttemptStory,
    SpendFilter,
    SpendSum,
    attempt_story,
    attempts_csv,
    attempts_page,
    image_of,
    is_known_run,
    spend_total,
    spend_values,
)
from review.request import in_thread, visitor, wiring
from review.routing import Page
from review.spend_asked import DAYS, TITLES, attempts_url
from storage.database import Database
from tasks.evidence import what_would_settle
from tasks.resolving import MAX_WHY_CHARS, Word, resolve
from wiring import Wiring

ROWS = 50
STATE_CHOICES = (
    ("", "all"),
    ("counted", "all but released"),
    ("under_way", "under way"),
    *((state, state.replace("_", " ")) for state in STATES),
)
SOURCES = {
    "vendor": "the vendor's own figure",
    "book": "the price book, at what the vendor says it used",
    "person": "a person's word",
    "": "",
}


@dataclass(frozen=True)
class Shown:
    """One attempt for its page. `settles` says what would close it, "" when it is not in doubt."""

    story: AttemptStory
    image_id: str
    has_run: bool
    settles: str
    is_old: bool


async def attempts(request: Request) -> Response:
    w, query = wiring(request), request.query_params
    try:
        asked, problem = SpendFilter.of_query(query), ""
    except InputError as error:
        asked, problem = SpendFilter(), error.message
    if not problem and "" in query.values():
        return render.see_other(request, attempts_url(asked))
    after = "" if problem else query.get("after", "")
    days = SpendFilter(first_day=asked.first_day, last_day=asked.last_day)
    return render.page(
        request,
        "spend/attempts.html",
        status=422 if problem else 200,
        problem=problem,
        asked=asked,
        after=after,
        page=await in_thread(attempts_page, w.database, asked, after, ROWS),
        total=await in_thread(spend_total, w.database, asked),
        also_held=await in_thread(_also_held, w.database, asked),
        choices=await in_thread(spend_values, w.database, LISTED, days),
        narrowings={k: v for k, v in asked.as_query().items() if k not in DAYS},
        names={key: title for key, (title, _) in TITLES.items()} | {"state": "State", "cap": "Cap", "window": "Window"},
        states=STATE_CHOICES,
        groups=STATE_GROUPS,
        old_after=_old_after(w),
        titles=TITLES,
        attempts_url=attempts_url,
    )


def _also_held(database: Database, asked: SpendFilter) -> SpendSum | None:
    """What a cap holds besides the calls under way: those in doubt."""
    if not asked.cap or asked.state != "under_way":
        return None
    return spend_total(database, asked.with_(state="in_doubt"))


async def attempts_as_csv(request: Request) -> Response:
    """Every attempt that fits, streamed: as many as there are."""
    asked = SpendFilter.of_query(request.query_params)
    rows = iterate_in_threadpool(attempts_csv(wiring(request).database, asked))
    headers = {"content-disposition": 'attachment; filename="attempts.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


async def attempt(request: Request) -> Response:
    return await _attempt(request)


async def _attempt(request: Request, *, problem: InputError | None = None, typed: FormData | None = None) -> Response:
    shown = await in_thread(_shown, wiring(request), request.path_params["attempt_id"])
    if shown is None:
        raise HTTPException(404, "There is no attempt of this name.")
    return render.page(
        request,
        "spend/attempt.html",
        status=422 if problem else 200,
        shown=shown,
        a=shown.story.attempt,
        sources=SOURCES,
        problem=problem.message if problem else "",
        wrong=problem.where.removeprefix("--") if problem else "",
        typed=typed or FormData(),
        max_why_chars=MAX_WHY_CHARS,
        picture=picture_url(shown.image_id) if shown.image_id else "",
        attempts_url=attempts_url,
    )


async def resolve_attempt(request: Request) -> Response:
    """Settle or release what is in doubt, by evidence; as `draftline attempts resolve` does."""
    w, form, attempt_id = wiring(request), await request.form(), request.path_params["attempt_id"]
    try:
        word = Word(_billed(form), visitor(request).user_id, str(form.get("why", "")))
        found = await in_thread(resolve, w, attempt_id, word)
    except InputError as error:
        return await _attempt(request, problem=error, typed=form)
    await record(request, "attempt.resolved", attempt_id, cost_micros=found.cost_micros, why=word.why.strip())
    ended = f"settled at {exact(found.cost_micros or 0)}" if found.state == "settled" else "released: it cost nothing"
    render.flash(request, f"The attempt is {ended}.", "good")
    return render.see_other(request, f"/spend/attempts/{attempt_id}")


def _billed(form: FormData) -> Micros | None:
    outcome = form.get("outcome")
    if outcome not in ("billed", "nothing"):
        raise InputError("Say what the vendor did: billed an amount, or nothing", where="--outcome")
    return typed_usd(str(form.get("billed", "")), where="--billed") if outcome == "billed" else None


def _shown(w: Wiring, attempt_id: str) -> Shown | None:
    story = attempt_story(w.database, attempt_id)
    if story is None:
        return None
    found = story.attempt
    in_doubt = found.state == "in_doubt"
    return Shown(
        story=story,
        image_id=image_of(w.database, found),
        has_run=is_known_run(w.database, found.dimensions.run_id),
        settles=what_would_settle(w, found) if in_doubt else "",
        is_old=in_doubt and w.now() - _since(found) > _old_after(w),
    )


def _since(found: Attempt) -> datetime:
    return found.in_doubt_at or found.held_at


def _old_after(w: Wiring) -> timedelta:
    return timedelta(hours=w.settings.doubt_report_hours)


PAGES = (
    Page("/spend/attempts", attempts, Role.FINANCE, name="attempts"),
    Page("/spend/attempts.csv", attempts_as_csv, Role.FINANCE),
    Page("/spend/attempts/{attempt_id}", attempt, Role.FINANCE, name="attempt"),
    Page("/spend/attempts/{attempt_id}/resolve", resolve_attempt, Role.FINANCE, methods=("POST",)),
)
