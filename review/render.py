"""Templates to answers: pages, fragments, redirects, messages, errors. What may not live here: what a page shows."""

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import (
    CapRefused,
    DraftlineError,
    InputError,
    RunBusy,
    RunError,
    SelectionError,
    StorageError,
    VendorError,
)
from review.access import cookies
from review.access.roles import Role
from review.amounts import at_least, at_most, exact, money, price, typed
from review.cap_forms import cap_title, window_text
from review.plain_words import plain
from review.request import board, maybe_visitor

Kind = Literal["info", "good", "bad"]
MAX_FLASHES = 5
MAX_FLASH_BYTES = 500
"""Of a message as it is sent: five of them fit the 4,096 bytes of a cookie, whatever they are written in."""
FLASH_LASTS_S = 600
STATIC_URL = "/static/"
SIGN_IN = "/sign-in"

# What the navigation offers, in its order, and the role that each needs.
NAVIGATION: tuple[tuple[str, str, Role], ...] = (
    ("Today", "/", Role.VIEWER),
    ("Launch", "/launch", Role.CREATOR),
    ("Runs", "/runs", Role.VIEWER),
    ("Queue", "/queue", Role.REVIEWER),
    ("Spend", "/spend", Role.FINANCE),
    ("Caps", "/caps", Role.FINANCE),
    ("People", "/people", Role.ADMIN),
    ("Audit", "/audit", Role.ADMIN),
)

log = logging.getLogger("draftline.board")
# The first that fits decides; an error of ours is the visitor's to mend. Services that are away are told by `_told`.
STATUSES: tuple[tuple[type[DraftlineError], int], ...] = (
    (InputError, 422),
    (CapRefused, 409),
    (SelectionError, 409),
    (RunBusy, 409),
    (RunError, 409),
    (VendorError, 502),
    (DraftlineError, 409),
)
TITLES: Mapping[int, str] = {
    400: "That could not be read",
    401: "You are signed out",
    403: "Not for you",
    404: "Nothing here",
    405: "That does not work this way",
    409: "That cannot be done now",
    413: "Too big",
    422: "Something is not right yet",
    429: "Too many tries",
    500: "Something broke",
    502: "A service did not answer",
    503: "A service is away",
}
SENTENCES: Mapping[int, str] = {
    404: "There is no such page, or it is gone. Nothing is lost: runs and pictures stay where they are.",
    405: "This address is there, but not for what was asked of it.",
    500: "It is our fault, not yours, and it was written down. Try again; if it stays, tell an administrator the id.",
}


def environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("review"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"money": money, "at_most": at_most, "at_least": at_least}
    made.filters |= {"price": price, "exact": exact, "typed": typed}
    made.filters |= {"when": when, "stamp": stamp, "ago": ago, "plural": plural}
    made.filters |= {"cap_title": cap_title, "window_text": window_text, "plain": plain}
    made.globals |= {"static": static_url, "Role": Role}
    return made


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A whole page. Messages that wait are shown on it."""
    request.state.flashes_shown = True
    request.state.csrf_was_shown = True
    return HTMLResponse(_rendered(request, template, {"flashes": _waiting(request), **context}), status)


def fragment(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A part of a page, for HTMX. Messages go along in a header and become toasts."""
    request.state.csrf_was_shown = True
    return HTMLResponse(_rendered(request, template, context), status)


def wants_fragment(request: Request) -> bool:
    """HTMX asks, and for a part: not for a page out of the browser's history."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


def see_other(request: Request, url: str) -> Response:
    """Go to `url` with GET: 303 for a browser, HX-Redirect for HTMX. For addresses of ours only."""
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


def local_path(text: str, default: str = "/") -> str:
    """A path of this board out of what somebody sent, or the default: never another site."""
    fits = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and len(text) <= 2000
    return text if fits and "\\" not in text else default


def sign_in_url(back_to: str) -> str:
    """The sign-in page, which leads back to a path of ours."""
    return SIGN_IN if local_path(back_to) == "/" else f"{SIGN_IN}?next={quote(local_path(back_to), safe='/')}"


def came_from(request: Request) -> str:
    """The page of ours that somebody looks at while the browser asks for something else; "/" where it is unknown."""
    try:
        said = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer", ""))
    except ValueError:
        return "/"
    if said.netloc.lower() != request.headers.get("host", "").lower():
        return "/"
    return local_path(said.path + (f"?{said.query}" if said.query else ""))


def here(request: Request) -> str:
    """Where this page can be opened again: with its filters; for one that answered a form, where that form stood."""
    path, query = request.url.path, request.url.query
    if request.method in ("GET", "HEAD"):
        return local_path(f"{path}?{query}" if query else path)
    before = came_from(request)
    return "/" if before == path else before


def flash(request: Request, text: str, kind: Kind = "info") -> None:
    """A message for the person, shown once: on this page, on the next after a redirect, or as a toast."""
    made = getattr(request.state, "flashes", [])
    request.state.flashes = [*made, {"text": _bounded(text), "kind": kind}][-MAX_FLASHES:]


def _bounded(text: str) -> str:
    """Cut at a character where its JSON is too long: an accent takes six bytes there, an emoji twelve."""
    if len(json.dumps(text)) <= MAX_FLASH_BYTES:
        return text
    kept, room = 0, MAX_FLASH_BYTES - len(json.dumps("…"))
    for character in text:
        room -= len(json.dumps(character)) - len('""')
        if room < 0:
            break
        kept += 1
    return f"{text[:kept].rstrip()}…"


def put_flashes(request: Request, response: Response) -> None:
    """Hand on the messages that this answer did not show."""
    options, made = board(request).options, getattr(request.state, "flashes", [])
    if getattr(request.state, "flashes_shown", False):
        if cookies.read(request, options, cookies.FLASH):
            cookies.drop(response, options, cookies.FLASH)
    elif made and wants_fragment(request) and "HX-Redirect" not in response.headers:
        response.headers["HX-Trigger"] = json.dumps({"board:flash": made})
    elif made:
        packed = base64.urlsafe_b64encode(json.dumps(_waiting(request)).encode()).decode()
        cookies.put(response, options, cookies.FLASH, packed, max_age_s=FLASH_LASTS_S)


def error(request: Request, found: HTTPException | DraftlineError) -> Response:
    """A page that says in a sentence what is wrong; for HTMX the sentence alone, as a toast."""
    status, sentence = _told(found)
    headers = dict(getattr(found, "headers", None) or {})
    if wants_fragment(request):
        flash(request, sentence, "bad")
        return Response(status_code=status, headers={**headers, "HX-Reswap": "none"})
    made = error_page(request, status, sentence)
    made.headers.update(headers)
    return made


def error_page(request: Request, status: int, sentence: str, *, error_id: str = "") -> HTMLResponse:
    title = TITLES.get(status, "That did not work")
    return page(
        request,
        "errors/error.html",
        status=status,
        code=status,
        title=title,
        sentence=sentence,
        error_id=error_id,
        sign_in_url=sign_in_url(came_from(request)),
    )


def _told(found: HTTPException | DraftlineError) -> tuple[int, str]:
    if isinstance(found, HTTPException):
        # Starlette fills in the status's name where no sentence was given
        own = found.detail if " " in found.detail and found.detail.endswith((".", ")")) else ""
        return found.status_code, own or SENTENCES.get(found.status_code, "That did not work.")
    if isinstance(found, StorageError):
        # its words name hosts and buckets: for the log, not for a browser
        log.error("board.storage error=%s", found)
        return 503, "The database or the picture store does not answer. Try again in a moment."
    text = str(found)
    sentence = text[:1].upper() + text[1:]
    return next(status for kind, status in STATUSES if isinstance(found, kind)), sentence


def _rendered(request: Request, template: str, context: Mapping[str, Any]) -> str:
    b, state = board(request), request.state
    visitor = maybe_visitor(request)
    common = {
        "request": request,
        "path": request.url.path,
        "here": here(request),
        "visitor": visitor,
        "csrf_token": getattr(state, "csrf_token", ""),
        "navigation": [(name, url) for name, url, role in NAVIGATION if visitor and visitor.can(role)],
        "theme": theme(request),
        "now": b.w.now(),
        "prefect_ui_url": b.options.prefect_ui_url,
        "is_sandbox": b.w.settings.vendors == "sandbox",
    }
    return b.templates.get_template(template).render({**common, **context})


def theme(request: Request) -> str:
    found = cookies.read(request, board(request).options, cookies.THEME)
    return found if found in ("light", "dark") else "auto"


def _waiting(request: Request) -> list[dict[str, str]]:
    """Messages of earlier answers (out of the cookie, which anybody may have written: text only) and of this one."""
    packed = cookies.read(request, board(request).options, cookies.FLASH)
    try:
        earlier = json.loads(base64.urlsafe_b64decode(packed.encode())) if packed else []
    except (binascii.Error, ValueError):
        earlier = []
    listed = earlier if isinstance(earlier, list) else []
    read = [_flash(message) for message in listed[:MAX_FLASHES] if isinstance(message, dict)]
    return [*read, *getattr(request.state, "flashes", [])][-MAX_FLASHES:]


def _flash(found: Mapping[str, Any]) -> dict[str, str]:
    kind = found.get("kind")
    return {"text": _bounded(str(found.get("text", ""))), "kind": kind if kind in ("good", "bad") else "info"}


@cache
def static_url(name: str) -> str:
    """The address of a file under review/static, with its content's hash: it can be kept for ever."""
    content = files("review").joinpath("static", *name.split("/")).read_bytes()
    return f"{STATIC_URL}{quote(name)}?v={sha256(content).hexdigest()[:12]}"


def when(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def stamp(at: datetime) -> str:
    """`21 Nov 2026, 18:37:14`, UTC, to the second: for tables, whose head says UTC."""
    return f"{at.day} {at:%b %Y, %H:%M:%S}"


@jinja2.pass_context
def ago(context: jinja2.runtime.Context, at: datetime) -> str:
    """`just now`, `5 minutes ago`, `yesterday`, or the day."""
    passed_s = int((context["now"] - at).total_seconds())
    if passed_s < 60:
        return "just now"
    for limit_s, unit_s, unit in ((3600, 60, "minute"), (86_400, 3600, "hour"), (7 * 86_400, 86_400, "day")):
        if passed_s < limit_s:
            return f"{plural(passed_s // unit_s, unit)} ago"
    return f"{at.day} {at:%b %Y}"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 draft`, `3 drafts`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
