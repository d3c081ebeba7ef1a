"""Builds the board: a Starlette app out of a Wiring and options, handed in. What may not live here: pages, settings."""

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from review import prefect_api, render
from review.access.oidc import Oidc
from review.access.secrets import Passwords
from review.access.sessions import Sessions
from review.access.shield import Shield, security_headers
from review.options import BoardOptions
from review.pages import ALL
from review.request import Board, board
from review.routing import routes
from storage.records.accounts import Accounts
from storage.records.audits import Audits
from wiring import Wiring

log = logging.getLogger("draftline.board")


def create_app(w: Wiring, options: BoardOptions) -> Starlette:
    """The app. Its parts are at `app.state.board`, where a test may swap one."""
    app = Starlette(
        routes=routes(ALL),
        middleware=[Middleware(Shield, options=options)],
        exception_handlers={HTTPException: _refused, Exception: _broken},
    )
    accounts = Accounts(w.database, w.now)
    app.state.board = Board(
        w=w,
        options=options,
        accounts=accounts,
        audits=Audits(w.database, w.now),
        sessions=Sessions(accounts, w.now),
        passwords=Passwords(),
        prefect=prefect_api.from_settings(w.settings, options.prefect_ui_url),
        templates=render.environment(),
        oidc=Oidc(options.oidc, w.now) if options.oidc else None,
    )
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """What no route took up, such as a method that a page does not have."""
    assert isinstance(error, HTTPException)
    return render.error(request, error)


async def _broken(request: Request, error: Exception) -> Response:
    """Outside of every middleware, so that the headers are put on here as well. The number finds the traceback."""
    error_id = str(getattr(request.state, "request_id", "unknown"))
    log.error("board_failed id=%s path=%r", error_id, request.url.path, exc_info=error)
    made = render.error_page(request, 500, render.SENTENCES[500], error_id=error_id)
    made.headers.update(security_headers(board(request).options) | {"cache-control": "no-store"})
    return made
