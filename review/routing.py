"""The table of routes, and the one gate that every route is behind: body limit, who asks, role, CSRF, errors, cookies.

What may not live here: pages, and how somebody signs in.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from domain.errors import DraftlineError
from review import render
from review.access import cookies, csrf
from review.access.identity import identify
from review.access.roles import WHAT_FOR, Role
from review.request import board, maybe_visitor

Endpoint = Callable[[Request], Awaitable[Response]]
MAX_BODY_BYTES = 1_000_000
SIGNED_OUT = "You were signed out meanwhile: nothing was sent, and nothing is changed. Sign in and send it again."
EVERYTHING_ELSE = "/{path:path}"
UNKEPT = "There is a character in it that cannot be kept. Take it out and try again."


@dataclass(frozen=True)
class Page:
    """One route. `needs` is the role that may use it; None is public, and only sign-in, health and static files are."""

    path: str
    endpoint: Endpoint
    needs: Role | None
    methods: tuple[str, ...] = ("GET",)
    name: str = ""
    max_body_bytes: int = MAX_BODY_BYTES


def routes(pages: Iterable[Page]) -> list[Route]:
    """The pages behind the gate. An address that is no page asks for a sign-in first, as every other does."""
    return [_route(page) for page in (*pages, Page(EVERYTHING_ELSE, _nothing_here, Role.VIEWER))]


async def _nothing_here(_request: Request) -> Response:
    raise HTTPException(404)


def _route(page: Page) -> Route:
    async def gate(outer: Request) -> Response:
        request = Request(outer.scope, _limited(outer, page.max_body_bytes))
        await identify(request)
        try:
            response = await _answer(page, request)
        except (HTTPException, DraftlineError) as error:
            response = render.error(request, error)
        except DataError:
            # a NUL in an address or a field: PostgreSQL cannot even look for it
            response = render.error(request, HTTPException(400, UNKEPT))
        finally:
            await request.close()
        _put_cookies(request, response)
        return response

    return Route(page.path, gate, methods=list(page.methods), name=page.name or None)


async def _answer(page: Page, request: Request) -> Response:
    if page.needs is not None:
        visitor = maybe_visitor(request)
        if visitor is None:
            return _to_sign_in(request)
        if not visitor.can(page.needs):
            needed = f"This needs the role {page.needs}, which {WHAT_FOR[page.needs]}."
            raise HTTPException(403, f"{needed} An administrator can give it to you.")
    if request.method not in csrf.SAFE_METHODS:
        options, expected = board(request).options, request.state.csrf_token
        await csrf.check(request, options, expected, max_body_bytes=page.max_body_bytes)
    return await page.endpoint(request)


def _to_sign_in(request: Request) -> Response:
    """A browser that follows a link is sent to sign in and comes back; anything else is told 401."""
    if render.wants_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": render.sign_in_url(render.came_from(request))})
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    accepted = request.headers.get("accept", "*/*")
    if request.method in ("GET", "HEAD") and ("text/html" in accepted or "*/*" in accepted):
        return RedirectResponse(render.sign_in_url(where), 303)
    raise HTTPException(401, SIGNED_OUT)


def _limited(request: Request, max_bytes: int) -> Receive:
    """The request's body, cut off with 413 where it is longer than the page takes."""
    declared = request.headers.get("content-length", "")
    seen_bytes = 0

    async def receive() -> Message:
        nonlocal seen_bytes
        message = await request.receive()
        seen_bytes += len(message.get("body", b""))
        if seen_bytes > max_bytes or (declared.isdecimal() and int(declared) > max_bytes):
            raise HTTPException(413, f"That is more than this page takes ({max_bytes // 1_000_000} MB).")
        return message

    return receive


def _put_cookies(request: Request, response: Response) -> None:
    """The session that a proxy's header opened, the visit that a form token hangs on, messages for the next page."""
    options, state = board(request).options, request.state
    if getattr(state, "opened_session", ""):
        cookies.put(response, options, cookies.SESSION, state.opened_session)
    if getattr(state, "visit_is_new", False) and getattr(state, "csrf_was_shown", False):
        cookies.put(response, options, cookies.VISIT, state.visit)
    render.put_flashes(request, response)
