"""What a page asks of its request: the board's parts, who asks, and threads for blocking work. Knows no page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from review.access.secrets import Passwords
from review.access.sessions import Sessions, Visitor
from review.options import BoardOptions
from review.prefect_api import PrefectApi
from storage.records.accounts import Accounts
from storage.records.audits import Audits
from wiring import Wiring

if TYPE_CHECKING:
    from review.access.oidc import Oidc

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Board:
    """The parts of one board, built once by create_app."""

    w: Wiring
    options: BoardOptions
    accounts: Accounts
    audits: Audits
    sessions: Sessions
    passwords: Passwords
    prefect: PrefectApi
    templates: jinja2.Environment
    oidc: "Oidc | None" = None


def board(request: Request) -> Board:
    return cast(Board, request.app.state.board)


def wiring(request: Request) -> Wiring:
    return board(request).w


def prefect(request: Request) -> PrefectApi:
    return board(request).prefect


def visitor(request: Request) -> Visitor:
    """Who asks; every page with a role has somebody. Raises 401 on a public page that nobody signed in to."""
    found = maybe_visitor(request)
    if found is None:
        raise HTTPException(401, "Sign in first.")
    return found


def maybe_visitor(request: Request) -> Visitor | None:
    return cast("Visitor | None", getattr(request.state, "visitor", None))


def address(request: Request) -> str:
    """The client's address: the peer's, or what a trusted proxy says that it is."""
    peer = request.client.host if request.client else ""
    options = board(request).options
    if not options.trusts(peer):
        return peer
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    # from the right: what stands further left was written by whoever asked
    return next((part for part in reversed(forwarded) if not options.trusts(part)), peer)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Blocking work (database, S3, Pillow, argon2) beside the event loop."""
    return await run_in_threadpool(function, *args, **kwargs)
