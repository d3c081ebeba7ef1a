"""Caps for finance: how full each is now and where it is heading, who was told, who changed it; make, raise and lower.

What may not live here: what a cap means (budget/caps.py), and holds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from budget.caps import Cap
from budget.report_caps import FIRST_SHARE
from domain.errors import InputError
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.amounts import money
from review.cap_forms import PERIODS, SCOPES, changed_cap, needs_a_second_look, new_cap, read_why, scope_text
from review.queries.spend import (
    CapBurn,
    CapChange,
    SpendFilter,
    ToldAlert,
    cap_alerts_of,
    cap_burns,
    cap_changes_of,
    caps_by_name,
    spend_version,
)
from review.request import in_thread, visitor, wiring
from review.routing import Page
from review.spend_asked import attempts_url
from storage.database import Database

SHOWN_CHANGES = 20


@dataclass(frozen=True)
class CapLine:
    """A cap with its windows of now; none where it counts each by itself and nothing was held yet."""

    cap: Cap
    scope: str
    burns: tuple[CapBurn, ...]

    @property
    def percent(self) -> int:
        return max((burn.percent for burn in self.burns), default=0)


@dataclass(frozen=True)
class CapsShown:
    """Everything on the page that changes with a hold."""

    lines: tuple[CapLine, ...]
    alerts: tuple[ToldAlert, ...]
    changes: tuple[CapChange, ...]
    version: str
    read_at: datetime


async def caps(request: Request) -> Response:
    w = wiring(request)
    _ = await in_thread(lambda: w.ledger)  # sets the caps that settings name
    shown = await in_thread(_read, w.database, w.now())
    return render.page(request, "caps/caps.html", **_context(shown, "/caps/pulse"))


async def pulse(request: Request) -> Response:
    """204 while nothing changed since the version that the page has; else its numbers."""
    w = wiring(request)
    if request.query_params.get("version") == await in_thread(spend_version, w.database):
        return Response(status_code=204)
    shown = await in_thread(_read, w.database, w.now())
    return render.fragment(request, "caps/_live.html", **_context(shown, "/caps/pulse"))


async def cap(request: Request) -> Response:
    return await _cap(request)


async def _cap(
    request: Request, *, problem: InputError | None = None, typed: FormData | None = None, warning: str = ""
) -> Response:
    w, cap_id = wiring(request), request.path_params["cap_id"]
    shown = await in_thread(_read, w.database, w.now(), cap_id)
    if not shown.lines:
        raise HTTPException(404, "There is no cap of this name.")
    return render.page(
        request,
        "caps/cap.html",
        status=422 if problem or warning else 200,
        line=shown.lines[0],
        warning=warning,
        **_problem(problem, typed),
        **_context(shown, ""),
    )


async def change(request: Request) -> Response:
    """Raise or lower a cap. Under what is committed it asks once more: holds stop, and nothing that runs is touched."""
    w, form, cap_id = wiring(request), await request.form(), request.path_params["cap_id"]
    known = (await in_thread(caps_by_name, w.database, cap_id=cap_id)).get(cap_id)
    if known is None:
        raise HTTPException(404, "There is no cap of this name.")
    try:
        wanted, why = changed_cap(known, form), read_why(form)
    except InputError as error:
        return await _cap(request, problem=error, typed=form)
    burns = await in_thread(cap_burns, w.database, w.now(), cap_id=cap_id)
    if form.get("sure") != "yes" and (warning := needs_a_second_look(wanted, burns)):
        return await _cap(request, typed=form, warning=warning)
    await _set(request, wanted, why, before_micros=known.limit_micros)
    render.flash(request, f"{cap_id} is {money(wanted.limit_micros)} now.", "good")
    return render.see_other(request, f"/caps/cap/{quote(cap_id)}")


async def new(request: Request) -> Response:
    return await _new(request)


async def _new(request: Request, *, problem: InputError | None = None, typed: FormData | None = None) -> Response:
    return render.page(
        request,
        "caps/new.html",
        status=422 if problem else 200,
        scopes=SCOPES,
        periods=PERIODS,
        time_zone=wiring(request).settings.cap_time_zone,
        **_problem(problem, typed),
    )


async def create(request: Request) -> Response:
    w, form = wiring(request), await request.form()
    try:
        wanted, why = new_cap(form), read_why(form)
        if await in_thread(caps_by_name, w.database, cap_id=wanted.cap_id):
            raise InputError("There is a cap of this name already: change that one", where="name")
        await _set(request, wanted, why, before_micros=None)
    except InputError as error:
        return await _new(request, problem=error, typed=form)
    render.flash(request, f"The cap {wanted.cap_id} is set. It counts from now on.", "good")
    return render.see_other(request, f"/caps/cap/{wanted.cap_id}")


async def _set(request: Request, wanted: Cap, why: str, *, before_micros: int | None) -> None:
    w, by = wiring(request), visitor(request).user_id
    await in_thread(lambda: w.ledger.set_cap(wanted, by=by, why=why))
    limit_micros = wanted.limit_micros
    await record(request, "cap.set", wanted.cap_id, why=why, before_micros=before_micros, limit_micros=limit_micros)


def _read(database: Database, now: datetime, cap_id: str = "") -> CapsShown:
    # the version first: what changes while the numbers are read is read again at the next pulse
    version = spend_version(database)
    burns = cap_burns(database, now, cap_id=cap_id)
    known = caps_by_name(database, cap_id=cap_id)
    lines = [
        CapLine(cap, scope_text(cap), tuple(burn for burn in burns if burn.cap.cap_id == name))
        for name, cap in known.items()
    ]
    return CapsShown(
        lines=tuple(sorted(lines, key=lambda line: (-line.percent, line.cap.cap_id))),
        alerts=tuple(cap_alerts_of(database, cap_id)),
        changes=tuple(cap_changes_of(database, cap_id, SHOWN_CHANGES)),
        version=version,
        read_at=now,
    )


def _context(shown: CapsShown, pulse_url: str) -> dict[str, Any]:
    return {
        "shown": shown,
        "pulse_url": pulse_url,
        "behind": _behind,
        "first_share": FIRST_SHARE,
    }


def _problem(problem: InputError | None, typed: FormData | None) -> dict[str, Any]:
    return {
        "problem": problem.message if problem else "",
        "wrong": problem.where if problem else "",
        "typed": typed or FormData(),
    }


def _behind(burn: CapBurn, state: str = "") -> str:
    """The attempts that this window has counted. Its first day bounds the search: nothing older can be in it."""
    first_day = f"{burn.starts_at:%Y-%m-%d}" if burn.starts_at else ""
    return attempts_url(SpendFilter(first_day=first_day, state=state, cap=burn.cap.cap_id, window=burn.window))


PAGES = (
    Page("/caps", caps, Role.FINANCE, name="caps"),
    Page("/caps", create, Role.FINANCE, methods=("POST",)),
    Page("/caps/pulse", pulse, Role.FINANCE),
    Page("/caps/new", new, Role.FINANCE),
    Page("/caps/cap/{cap_id:path}", cap, Role.FINANCE, name="cap"),
    Page("/caps/cap/{cap_id:path}", change, Role.FINANCE, methods=("POST",)),
)
