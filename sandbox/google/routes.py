"""Gemini's HTTP surface under /google (generativelanguage.googleapis.com), v1 and v1beta. Facts: sections 2.2 to 2.6.

Not here: streaming, the Files API, batches, interactions; their routes answer 404 in Google's form.
"""

import asyncio
import hmac
import secrets
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.catalogue import GoogleModel
from sandbox.cuts import cut_request, spoiled
from sandbox.faults import GOOGLE, Asked, FaultError, FaultPlan
from sandbox.google.answer import Outcome, body_of, decide, scenes, usage_body, usage_of
from sandbox.google.errors import GoogleError, invalid, key_invalid, key_missing, model_not_found, route_not_found
from sandbox.google.prices import Usage
from sandbox.google.spoil import refusal
from sandbox.google.validate import MAX_BODY_BYTES, Generate, parse, read_generate
from sandbox.invoice import charge_ready_tasks
from sandbox.pictures import Scene
from sandbox.state import Line
from sandbox.wire import BodyTooLargeError, CutResponse, WitnessedResponse, dump_json, json_response, read_body
from sandbox.world import World, world_of

VERSIONS = ("v1", "v1beta")
SLOW_FACTOR = 10.0
LATE_S = 30.0
BLOCKED_SHARE = 0.2


async def call(request: Request) -> Response:
    """POST models/{model}:generateContent."""
    world = world_of(request)
    model_id, _, method = request.path_params["call"].partition(":")
    version = request.path_params["version"]
    try:
        _check_key(world, request)
        if version not in VERSIONS or method != "generateContent":
            raise route_not_found()
        to_be_asked = Asked(GOOGLE, model_id, request.url.path, "", "submit")
        cut = await cut_request(request, world.plan_before_body(to_be_asked))
        if cut:
            return cut
        body = await asyncio.to_thread(parse, await read_body(request, MAX_BODY_BYTES))
        model = _model(world, model_id, version)
        asked = await asyncio.to_thread(read_generate, body, model)
        faults = world.plan(replace(to_be_asked, prompt=asked.prompt), asked.body_sha256)
        return refusal(model, faults) or await _generate(world, model, asked, faults)
    except BodyTooLargeError:
        return invalid(f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes.").response()
    except FaultError as error:
        return invalid(str(error)).response()
    except GoogleError as error:
        return error.response()


async def _generate(world: World, model: GoogleModel, asked: Generate, faults: FaultPlan) -> Response:
    """Paints while the latency runs, charges when the answer exists, then answers, or cuts."""
    resets = world.resets
    outcome, served = decide(asked, faults), _served_model(world, model, faults)
    references = await asyncio.to_thread(world.store.blobs.put_all, asked.images)
    planned = scenes(asked, model, references, faults) if outcome.has_image else []
    latency_s = _latency_s(world, model, outcome, faults)
    painting = asyncio.gather(*map(world.pictures.picture, planned))
    await asyncio.sleep(latency_s)
    pictures = await painting
    if world.resets != resets:
        return CutResponse()
    usage, response_id = usage_of(asked, served, outcome, faults), secrets.token_urlsafe(16)
    number = _charge(world, served, asked, usage, response_id, planned, faults)
    data = await asyncio.to_thread(
        lambda: dump_json(body_of(asked, outcome, usage, list(pictures), served.id, response_id))
    )
    return _answer(world, data, number, faults)


def _latency_s(world: World, model: GoogleModel, outcome: Outcome, faults: FaultPlan) -> float:
    slow, late = faults.get("slow"), faults.get("late")
    if late:
        return late.number("seconds", LATE_S)
    share = BLOCKED_SHARE if outcome.block_reason else 1.0
    return world.latency_s(model.latency_s * share, slow.number("factor", SLOW_FACTOR) if slow else 1.0)


def _charge(
    world: World,
    served: GoogleModel,
    asked: Generate,
    usage: Usage,
    response_id: str,
    planned: list[Scene],
    faults: FaultPlan,
) -> int:
    """The invoice line's number. From here on the call is paid, whether or not its answer arrives."""
    charge_ready_tasks(world)
    line = Line(
        at_s=world.clock.now_s(),
        vendor=GOOGLE,
        model=served.id,
        request_id=response_id,
        job_id=None,
        micros=world.priced(served.id, usage.micros(served, asked.price_share), faults),
        image=bool(planned),
        usage=usage_body(usage),
        delivered=False,
        body_sha256=asked.body_sha256,
        scene=planned[-1].to_json() if planned else None,
    )
    if faults.has("charged_twice"):
        world.store.add_line(line)
    return world.store.add_line(line)


def _answer(world: World, data: bytes, line_number: int, faults: FaultPlan) -> Response:
    on_delivered = lambda: world.store.mark_delivered(n=line_number)  # noqa: E731
    return spoiled(WitnessedResponse(data, on_delivered, media_type="application/json; charset=UTF-8"), faults)


def _served_model(world: World, model: GoogleModel, faults: FaultPlan) -> GoogleModel:
    """Google routes some old ids to a newer model and bills that one (facts 2.1); `to=` names it."""
    swapped = faults.get("model_swapped")
    if not swapped:
        return model
    other = next(known for known in world.catalogue.google if known != model.id)
    name = swapped.text("to", other)
    if name not in world.catalogue.google:
        raise invalid(f"sandbox fault model_swapped: unknown model {name}")
    return world.catalogue.google[name]


async def list_models(request: Request) -> Response:
    """GET models: one page with all that is served."""
    world = world_of(request)
    try:
        _check_key(world, request)
        _check_version(request)
    except GoogleError as error:
        return error.response()
    served = [_model_body(model) for model in world.catalogue.google.values() if world.serves(model.id)]
    return json_response({"models": served})


async def get_model(request: Request) -> Response:
    """GET models/{model}: a free way to learn whether an id still lives."""
    world = world_of(request)
    try:
        _check_key(world, request)
        _check_version(request)
        model = _model(world, request.path_params["model"], request.path_params["version"])
        return json_response(_model_body(model))
    except GoogleError as error:
        return error.response()


async def unknown_path(request: Request) -> Response:
    return route_not_found().response()


def _model_body(model: GoogleModel) -> dict[str, Any]:
    return {
        "name": f"models/{model.id}",
        "version": "001",
        "displayName": model.display_name,
        "description": f"{model.display_name}, served by the sandbox",
        "inputTokenLimit": 65536,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent"],
        "thinking": True,
    }


def _model(world: World, model_id: str, version: str) -> GoogleModel:
    model = world.catalogue.google.get(model_id)
    if model is None or not world.serves(model_id):
        raise model_not_found(model_id, version)
    return model


def _check_version(request: Request) -> None:
    if request.path_params["version"] not in VERSIONS:
        raise route_not_found()


def _check_key(world: World, request: Request) -> None:
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not key:
        raise key_missing()
    if not hmac.compare_digest(key.encode(), world.options.google_key.encode()):
        raise key_invalid()


def google_routes() -> list[BaseRoute]:
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        Route("/google/{version}/models", list_models, methods=["GET"]),
        Route("/google/{version}/models/{model}", get_model, methods=["GET"]),
        Route("/google/{version}/models/{call}", call, methods=["POST"]),
        Route("/google/{rest:path}", unknown_path, methods=every),
    ]
