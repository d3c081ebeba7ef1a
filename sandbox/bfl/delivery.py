"""Signed, short-lived picture links as delivery-eu.bfl.ai gives them: signed over task and expiry, 403 afterwards."""

import hashlib
import hmac
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bfl.errors import BflError
from sandbox.bfl.spoil import refusal, slow_down
from sandbox.bfl.tasks import DEFECTS, faults_of, scene_of, status_of
from sandbox.cuts import spoiled
from sandbox.faults import BFL, Asked, FaultPlan
from sandbox.invoice import charge_ready_tasks
from sandbox.pictures import MIME_TYPES
from sandbox.state import READY, Task
from sandbox.wire import WitnessedResponse
from sandbox.world import World, world_of

FORBIDDEN_BODY = (
    '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code>'
    "<Message>Server failed to authenticate the request: {reason}</Message></Error>"
)


def sample_url(world: World, task: Task, base_url: str, number: int = 1) -> str:
    """A fresh link for each poll, good for the catalogue's link life. `number` 2 is another picture, of a fault."""
    expires_s = int(world.clock.now_s() + world.catalogue.bfl_link_life_s)
    signature = _signature(world, task.id, expires_s, number)
    path = f"/bfl-delivery/results/{task.id}/sample.{scene_of(task).format}"
    return f"{base_url}{path}?se={expires_s}&n={number}&sig={signature}"


async def deliver(request: Request) -> Response:
    """GET: the picture's bytes; 403 when the link is expired or forged, 404 when there is nothing behind it."""
    world = world_of(request)
    task = world.store.task(request.path_params["task_id"])
    denied = _denied(world, request, task)
    if denied or task is None:
        return denied or Response("Not Found", 404)
    asked = Asked(BFL, task.model, request.url.path, task.record["prompt"], "download")
    try:
        return await _picture(world, task, int(request.query_params["n"]), world.plan(asked, task.body_sha256))
    except BflError as error:
        return error.response()


async def _picture(world: World, task: Task, number: int, faults: FaultPlan) -> Response:
    """`faults` come from rules on this path; the task's own ones are already in its scene."""
    cut = refusal(faults)
    if cut:
        return cut
    if faults.has("expired_link"):
        return _forbidden("the link is expired")
    await slow_down(world, faults)
    defect = next((name for name, kind in DEFECTS.items() if faults.has(kind)), scene_of(task).defect)
    own = scene_of(task)
    scene = replace(own, defect=defect, seed=own.seed + number - 1)
    data, media_type = await world.pictures.picture(scene), MIME_TYPES[scene.format]
    # a task that became Ready between a poll's bookkeeping and its answer has no line yet to be marked
    charge_ready_tasks(world)
    witnessed = WitnessedResponse(data, lambda: world.store.mark_delivered(job_id=task.id), media_type=media_type)
    return spoiled(witnessed, faults)


def _denied(world: World, request: Request, task: Task | None) -> Response | None:
    if world.options.refuse_key_on_delivery and "x-key" in request.headers:
        return Response("Bad Request: the delivery host takes no API key", 400)
    if not _is_signed(world, request):
        return _forbidden("the signature does not fit")
    if float(request.query_params["se"]) < world.clock.now_s():
        return _forbidden("the link is expired")
    if task is None or status_of(task, world.clock.now_s()) != READY:
        return Response("Not Found", 404)
    own = faults_of(task)
    expired = own.get("expired_link")
    if expired and world.faults.is_among_first(f"delivery {task.id}", expired.number("count", 1)):
        return _forbidden("the link is expired")
    return Response("Not Found", 404) if own.has("charged_without_image", "empty") else None


def _is_signed(world: World, request: Request) -> bool:
    query = request.query_params
    expires, number, given = query.get("se", ""), query.get("n", ""), query.get("sig", "")
    if not expires.isdecimal() or not number.isdecimal():
        return False
    signature = _signature(world, request.path_params["task_id"], int(expires), int(number))
    return hmac.compare_digest(given.encode(), signature.encode())


def _signature(world: World, task_id: str, expires_s: int, number: int) -> str:
    text = f"{task_id}:{expires_s}:{number}"
    return hmac.new(world.store.signing_secret(), text.encode(), hashlib.sha256).hexdigest()


def _forbidden(reason: str) -> Response:
    return Response(FORBIDDEN_BODY.format(reason=reason), 403, media_type="application/xml")
