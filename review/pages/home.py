"""The first page: what waits for this person, what runs, what today has cost. What may not live here: SQL."""

from starlette.requests import Request
from starlette.responses import Response

from review import render
from review.access.roles import Role
from review.queries.home import home_numbers
from review.request import in_thread, wiring
from review.routing import Page


async def home(request: Request) -> Response:
    w = wiring(request)
    _ = await in_thread(lambda: w.ledger)  # sets the caps that settings name: before the first run there are some, too
    numbers = await in_thread(home_numbers, w.database, w.now())
    return render.page(request, "home/home.html", numbers=numbers)


PAGES = (Page("/", home, Role.VIEWER, name="home"),)
