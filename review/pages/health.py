"""Whether the board works: its own process and its database. Says nothing else, since anybody may ask."""

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from review.request import in_thread, wiring
from review.routing import Page


async def healthz(request: Request) -> Response:
    await in_thread(_ask_database, request)
    return PlainTextResponse("ok\n")


def _ask_database(request: Request) -> None:
    with wiring(request).database.read() as connection:
        connection.execute(sa.text("SELECT 1"))


PAGES = (Page("/healthz", healthz, None, name="healthz"),)
