"""Streams of pages that show work in progress: one event whenever the run's pulse changed. Any page of a run may ask.

The polling, its bounds and the wire's form are in sheet_streams.py; here they meet a request. Every stream of the board
shares one set of pulses and one count of seats.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from review.access import cookies
from review.access.roles import Role
from review.access.secrets import token_sha256
from review.access.sessions import visitor_of
from review.queries.pulse import run_pulse
from review.request import board, in_thread, visitor, wiring
from review.sheet_streams import Pulses, Seats, Watch

State = Callable[[], Awaitable[tuple[dict[str, str], bool]]]
"""What an event says beside that something changed, and whether the run is over."""


async def pulse_of(request: Request, run_id: str) -> str:
    """Read it before the rest of a page: a change in between is told again rather than missed."""
    return await in_thread(_pulses(request).of, run_id)


def stream(request: Request, run_id: str, state: State) -> Response:
    """The stream of a run; 204 where no seat is left, which tells a browser not to come back by itself."""
    who, seats = visitor(request).user_id, _kept(request, "sheet_seats", Seats)
    if not seats.is_free(who):
        return Response(status_code=204)

    async def events() -> AsyncIterator[str]:
        with seats.taken(who):
            async for text in Watch(lambda: pulse_of(request, run_id), state, last_seen(request)).events():
                if not await _is_still_in(request):
                    return
                yield text

    return StreamingResponse(events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _is_still_in(request: Request) -> bool:
    """Whoever signed out, was shut out or lost the role meanwhile is told nothing more. A stream keeps nobody in."""
    b = board(request)
    token = getattr(request.state, "opened_session", "") or cookies.read(request, b.options, cookies.SESSION)
    found = await in_thread(b.accounts.session, token_sha256(token))
    return found is not None and visitor_of(found).can(Role.VIEWER)


def last_seen(request: Request) -> str:
    """The browser's last event, or the pulse that its page was made with."""
    return request.headers.get("last-event-id") or request.query_params.get("since", "")


def _pulses(request: Request) -> Pulses:
    database = wiring(request).database
    made: Pulses = _kept(request, "sheet_pulses", lambda: Pulses(lambda run_id: run_pulse(database, run_id)))
    return made


def _kept(request: Request, name: str, make: Callable[[], Any]) -> Any:
    """Something that all requests of this app share, made by the first."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, make())
    return getattr(state, name)
