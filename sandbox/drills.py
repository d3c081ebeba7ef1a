"""Routes for drills under /_sandbox: chaos, prices, limits. Each says what stands now, and why it refused."""

import json
from math import isfinite

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.chaos import Chaos
from sandbox.faults import FaultError
from sandbox.wire import json_response, read_body
from sandbox.world import World, world_of

MAX_BODY_BYTES = 1024 * 1024
MAX_FACTOR = 1_000
MAX_ACTIVE_TASKS = 100_000


async def chaos(request: Request) -> Response:
    """GET shows it with its draws, POST sets it anew (its counts begin again), DELETE ends it."""
    world = world_of(request)
    try:
        if request.method == "POST":
            world.set_chaos(Chaos.from_json(await _json(request)))
        elif request.method == "DELETE":
            world.set_chaos(Chaos())
    except ValueError as error:
        return json_response({"error": str(error)}, 400)
    return json_response(world.chaos.to_json())


async def prices(request: Request) -> Response:
    """POST {"model": "flux-2-pro", "factor": 1.25}: from now on, for new work; DELETE: back to the catalogue."""
    world = world_of(request)
    try:
        if request.method == "POST":
            world.set_price_factors(_changed(world, await _json(request)))
        elif request.method == "DELETE":
            world.set_price_factors({})
    except ValueError as error:
        return json_response({"error": str(error)}, 400)
    return json_response({"factors": world.price_factors})


async def limits(request: Request) -> Response:
    """PUT {"active_tasks": 3}: BFL's limit of active tasks; null: the catalogue's."""
    world = world_of(request)
    try:
        if request.method == "PUT":
            world.set_active_tasks(_limit(await _json(request)))
    except ValueError as error:
        return json_response({"error": str(error)}, 400)
    return json_response({"active_tasks": world.bfl_active_task_limit})


def _changed(world: World, body: object) -> dict[str, float]:
    model, factor = (body.get("model"), body.get("factor")) if isinstance(body, dict) else (None, None)
    if model not in world.catalogue.bfl and model not in world.catalogue.google:
        raise FaultError(f"unknown model {model!r}")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not isfinite(factor):
        raise FaultError(f"factor is a number, not {factor!r}")
    if not 0 < factor <= MAX_FACTOR:
        raise FaultError(f"factor is above 0 and at most {MAX_FACTOR}, not {factor!r}")
    others = {name: value for name, value in world.price_factors.items() if name != model}
    return others if factor == 1 else {**others, str(model): float(factor)}


def _limit(body: object) -> int | None:
    limit = body.get("active_tasks", -1) if isinstance(body, dict) else -1
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MAX_ACTIVE_TASKS:
        raise FaultError(f"active_tasks is a whole number from 0, or null, not {limit!r}")
    return limit


async def _json(request: Request) -> object:
    body: object = json.loads(await read_body(request, MAX_BODY_BYTES) or b"null")
    return body


def drill_routes() -> list[BaseRoute]:
    return [
        Route("/_sandbox/chaos", chaos, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/prices", prices, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/limits", limits, methods=["GET", "PUT"]),
    ]
