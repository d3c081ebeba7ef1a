"""The sandbox's own routes under /_sandbox: invoice, rules, clock, page. For people and tests; no vendor has them."""

import json

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.clock import iso
from sandbox.faults import FAULTS, FaultError
from sandbox.invoice import invoice, invoice_csv
from sandbox.page import render
from sandbox.pictures import MIME_TYPES, Scene
from sandbox.wire import json_response, read_body
from sandbox.world import MICROS_PER_CREDIT, world_of

MAX_BODY_BYTES = 1024 * 1024


async def page(request: Request) -> Response:
    return HTMLResponse(render(world_of(request)))


async def health(request: Request) -> Response:
    return json_response({"status": "ok", "now": iso(world_of(request).clock.now_s())})


async def show_invoice(request: Request) -> Response:
    return json_response(invoice(world_of(request)))


async def show_invoice_csv(request: Request) -> Response:
    return PlainTextResponse(invoice_csv(world_of(request)), media_type="text/csv")


async def picture(request: Request) -> Response:
    """The picture of an invoice line, painted again if need be."""
    world = world_of(request)
    line = world.store.line(request.path_params["n"])
    if line is None or line.scene is None:
        return json_response({"error": "no picture on this line"}, 404)
    scene = Scene.from_json(line.scene)
    try:
        return Response(await world.pictures.picture(scene), media_type=MIME_TYPES[scene.format])
    except FileNotFoundError:
        return json_response({"error": "the request's reference images are no longer kept"}, 404)


async def rules(request: Request) -> Response:
    """GET lists, PUT replaces, POST adds, DELETE removes all; a bad list changes nothing and says why."""
    desk = world_of(request).faults
    try:
        if request.method == "PUT":
            desk.replace(await _json(request))
        elif request.method == "POST":
            desk.add(await _json(request))
        elif request.method == "DELETE":
            desk.clear()
    except ValueError as error:
        return json_response({"error": str(error)}, 400)
    return json_response({"rules": [rule.to_json() for rule in desk.rules], "known_faults": FAULTS})


async def clock(request: Request) -> Response:
    """POST {"advance_s": 700}: time passes at once; tasks finish, links expire."""
    world = world_of(request)
    try:
        body = await _json(request)
        world.clock.advance(float(body["advance_s"]) if isinstance(body, dict) else 0.0)
    except (ValueError, KeyError, TypeError) as error:
        return json_response({"error": f"advance_s is needed, in seconds: {error}"}, 400)
    world.store.set_meta("clock_offset_s", str(world.clock.offset_s))
    return json_response({"now": iso(world.clock.now_s())})


async def retired(request: Request) -> Response:
    """PUT ["gemini-3.1-flash-image"]: exactly these ids are off; GET shows them."""
    world = world_of(request)
    try:
        if request.method == "PUT":
            body = await _json(request)
            world.retired = frozenset(_names(body))
    except ValueError as error:
        return json_response({"error": str(error)}, 400)
    return json_response({"retired": sorted(world.retired)})


async def bfl_credits(request: Request) -> Response:
    """PUT {"credits": 5}: what is left from now on, for drills with an empty account."""
    world = world_of(request)
    try:
        body = await _json(request)
        left = round(float(body["credits"]) * MICROS_PER_CREDIT) if isinstance(body, dict) else 0
    except (ValueError, KeyError, TypeError) as error:
        return json_response({"error": f"credits is needed, a number: {error}"}, 400)
    spent = sum(line["micros"] for line in invoice(world)["lines"] if line["vendor"] == "bfl")
    world.store.set_meta("bfl_balance_micros", str(left + spent))
    return json_response({"credits": left / MICROS_PER_CREDIT})


async def reset(request: Request) -> Response:
    world_of(request).reset()
    return json_response({"status": "reset"})


async def _json(request: Request) -> object:
    body: object = json.loads(await read_body(request, MAX_BODY_BYTES) or b"null")
    return body


def _names(body: object) -> list[str]:
    if not isinstance(body, list) or not all(isinstance(name, str) for name in body):
        raise FaultError("a list of model ids is needed")
    return body


def admin_routes() -> list[BaseRoute]:
    return [
        Route("/", page),
        Route("/_sandbox", page),
        Route("/_sandbox/", page),
        Route("/_sandbox/health", health),
        Route("/_sandbox/invoice", show_invoice),
        Route("/_sandbox/invoice.csv", show_invoice_csv),
        Route("/_sandbox/picture/{n:int}", picture),
        Route("/_sandbox/rules", rules, methods=["GET", "PUT", "POST", "DELETE"]),
        Route("/_sandbox/clock", clock, methods=["POST"]),
        Route("/_sandbox/retired", retired, methods=["GET", "PUT"]),
        Route("/_sandbox/credits", bfl_credits, methods=["PUT"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
    ]
