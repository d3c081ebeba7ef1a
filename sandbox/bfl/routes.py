"""BFL's HTTP surface under /bfl (api.bfl.ai), /bfl-eu2 (a cluster host) and /bfl-delivery. Facts: sections 1.1 to 1.8.

No webhooks are sent: a submit with `webhook_url` gets the webhook form of the answer, and the task is polled by id.
"""

import asyncio
import hmac
import re
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.bfl.delivery import deliver, sample_url
from sandbox.bfl.errors import BflError, invalid, not_found, problem
from sandbox.bfl.spoil import refusal, slow_down
from sandbox.bfl.tasks import NOT_FOUND, create_task, faults_of, status_of
from sandbox.bfl.validate import MAX_BODY_BYTES, Submit, read_submit
from sandbox.catalogue import BflModel
from sandbox.cuts import cut_request, spoiled
from sandbox.faults import BFL, Asked, FaultError, FaultPlan
from sandbox.invoice import charge_ready_tasks
from sandbox.state import READY, Task
from sandbox.wire import BodyTooLargeError, json_response, read_body
from sandbox.world import MICROS_PER_CREDIT, World, world_of

KEY_FORM = re.compile(r"[A-Za-z0-9_.-]{12,128}")
CLUSTER_PREFIX = "/bfl-eu2"


async def submit(request: Request) -> Response:
    """POST /v1/{model}: wrong path 404, then the key, then the body; 200 with id, polling_url and cost."""
    world = world_of(request)
    try:
        model = _model(world, request.path_params["model"])
        api_key = _checked_key(world, request)
        asked = Asked(BFL, model.id, request.url.path, "", "submit")
        cut = await cut_request(request, world.plan_before_body(asked))
        if cut:
            return cut
        asked_for = await asyncio.to_thread(read_submit, await read_body(request, MAX_BODY_BYTES), model)
        faults = world.plan(replace(asked, prompt=asked_for.prompt), asked_for.body_sha256)
        return refusal(faults) or await _accept(world, request, model, asked_for, faults, api_key)
    except BodyTooLargeError:
        return BflError(413, "Request entity too large").response()
    except FaultError as error:
        return BflError(400, str(error)).response()
    except BflError as error:
        return error.response()


async def _accept(
    world: World, request: Request, model: BflModel, asked_for: Submit, faults: FaultPlan, api_key: str
) -> Response:
    references = await asyncio.to_thread(world.store.blobs.put_all, asked_for.inputs)
    task = create_task(world, model, asked_for, references, faults, api_key)
    return spoiled(json_response(_submit_answer(task, asked_for, _base_url(request))), faults)


def _submit_answer(task: Task, asked_for: Submit, base_url: str) -> dict[str, Any]:
    money = {"cost": _credits(task.record["named_micros"])} | {
        name: task.record[name] for name in ("input_mp", "output_mp")
    }
    if asked_for.webhook_url:
        return {"id": task.id, "status": "Pending", "webhook_url": asked_for.webhook_url, **money}
    return {"id": task.id, "polling_url": f"{base_url}{CLUSTER_PREFIX}/v1/get_result?id={task.id}", **money}


async def get_result(request: Request) -> Response:
    """GET /v1/get_result?id=: the status body; needs no key; an unknown id is a status, not a 404."""
    world = world_of(request)
    charge_ready_tasks(world)
    try:
        task_id = request.query_params.get("id")
        if task_id is None:
            raise invalid([problem("missing", ["query", "id"], "Field required", None)])
        task = world.store.task(task_id)
        if task is None:
            return json_response(_status_body(task_id, NOT_FOUND))
        asked = Asked(BFL, task.model, request.url.path, task.record["prompt"], "poll")
        return await _poll(world, task, world.plan(asked, task.body_sha256), _base_url(request))
    except BflError as error:
        return error.response()


async def _poll(world: World, task: Task, on_path: FaultPlan, base_url: str) -> Response:
    cut = refusal(on_path)
    if cut:
        return cut
    await slow_down(world, on_path)
    outage = faults_of(task).get("poll_503") or on_path.get("poll_503")
    if outage and world.faults.is_among_first(f"poll {task.id}", outage.number("count", 1)):
        return Response(b"", 503)
    status = _told_status(world, task, on_path)
    body = _poll_body(world, task, status, base_url)
    return spoiled(json_response(body, 422 if status == "Error" else 200), on_path)


def _told_status(world: World, task: Task, on_path: FaultPlan) -> str:
    """The task's status, or what a fault says in its place."""
    unknown, late = on_path.get("unknown_status"), faults_of(task).get("found_late")
    if unknown:
        return unknown.text("status", "Dreaming")
    if late and world.faults.is_among_first(f"found {task.id}", late.number("count", 1)):
        return NOT_FOUND
    return NOT_FOUND if on_path.has("task_lost") else status_of(task, world.clock.now_s())


def _poll_body(world: World, task: Task, status: str, base_url: str) -> dict[str, Any]:
    body = _status_body(task.id, status)
    if status == READY:
        body |= {"cost": _credits(task.cost_micros), "result": _result(world, task, base_url)}
    elif status == "Error":
        body["details"] = {"error": "The task failed on our side. Please try again."}
    elif status == "Content Moderated":
        body["details"] = {"Moderation Reasons": ["Derivative Works Filter"]}
    elif status in ("Reasoning", "Generating"):
        share = (world.clock.now_s() - task.submitted_s) / (task.ends_s - task.submitted_s)
        body["progress"] = round(share, 2)
    return body


def _result(world: World, task: Task, base_url: str) -> dict[str, Any] | None:
    if faults_of(task).has("empty"):
        return None
    number = 1 + (faults_of(task).has("another_image") and not world.faults.is_among_first(f"ready {task.id}", 1))
    return {
        "sample": sample_url(world, task, base_url, number),
        "prompt": task.record["prompt"],
        "seed": task.record["scene"]["seed"],
        "start_time": task.submitted_s,
        "end_time": task.ends_s,
        "duration": round(task.ends_s - task.submitted_s, 3),
    }


def _status_body(task_id: str, status: str) -> dict[str, Any]:
    return {"id": task_id, "status": status, "result": None, "progress": None, "details": None, "preview": None}


async def credits_left(request: Request) -> Response:
    """GET /v1/credits: what is left, after every task that is Ready by now."""
    world = world_of(request)
    try:
        _checked_key(world, request)
    except BflError as error:
        return error.response()
    charge_ready_tasks(world)
    left_micros = world.bfl_balance_micros - world.store.total_micros(BFL)
    return json_response({"credits": _credits(left_micros)})


async def unknown_path(request: Request) -> Response:
    return not_found().response()


def _model(world: World, model_id: str) -> BflModel:
    model = world.catalogue.bfl.get(model_id)
    if model is None or not world.serves(model_id):
        raise not_found()
    return model


def _checked_key(world: World, request: Request) -> str:
    """The ladder of facts 1.1: none 403, malformed 422, unknown 403."""
    key = request.headers.get("x-key")
    if not key:
        raise BflError(403, "Not authenticated")
    if not KEY_FORM.fullmatch(key):
        raise BflError(422, "Invalid API key format")
    if not hmac.compare_digest(key.encode(), world.options.bfl_key.encode()):
        raise BflError(403, "Not authenticated")
    return key


def _base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _credits(micros: int) -> float:
    return micros / MICROS_PER_CREDIT


def bfl_routes() -> list[BaseRoute]:
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        Route("/bfl/v1/get_result", get_result, methods=["GET"]),
        Route(f"{CLUSTER_PREFIX}/v1/get_result", get_result, methods=["GET"]),
        Route("/bfl/v1/credits", credits_left, methods=["GET"]),
        Route("/bfl/v1/{model}", submit, methods=["POST"]),
        Route("/bfl-delivery/results/{task_id}/sample.{extension}", deliver, methods=["GET"]),
        *(Route(f"{prefix}/{{rest:path}}", unknown_path, methods=every) for prefix in ("/bfl", CLUSTER_PREFIX)),
    ]
