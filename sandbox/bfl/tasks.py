"""The life of a BFL task: created at submit, ended by the clock, charged when Ready. No HTTP here."""

import uuid
from dataclasses import replace

from sandbox.bfl.errors import BflError
from sandbox.bfl.prices import cost_micros, megapixels
from sandbox.bfl.validate import Submit, on_grid
from sandbox.catalogue import BflModel
from sandbox.faults import BFL, FaultPlan, without_markers
from sandbox.invoice import charge_ready_tasks
from sandbox.pictures import Scene, derived_seed
from sandbox.state import READY, Task
from sandbox.world import DEARER, World, times

TASK_LIFE_S = 24 * 3600.0
PENDING_SHARE, REASONING_SHARE = 0.1, 0.3
MODERATION_SHARE = 0.2
SLOW_FACTOR = 10.0
LATE_S = 30.0
DEFECTS = {"truncated": "truncated_image", "not_an_image": "not_an_image"}
NOT_FOUND = "Task not found"
OUTCOMES = {
    "moderated_request": "Request Moderated",
    "moderated_output": "Content Moderated",
    "task_failed": "Error",
    "task_lost": NOT_FOUND,
}


def create_task(
    world: World, model: BflModel, submit: Submit, references: tuple[str, ...], faults: FaultPlan, api_key: str
) -> Task:
    """Checks the credits and the active-task limit, then stores the task; it costs nothing before it is Ready.

    `references` are the blob digests of the submit's inputs. Nothing awaits in here, so that the limit is exact.
    """
    now_s = world.clock.now_s()
    usual = cost_micros(model, submit.width_px * submit.height_px, list(submit.inputs_px))
    named = world.priced(model.id, usual, faults)
    dearer = faults.get("dearer_bill")
    cost = times(named, dearer.number("factor", DEARER)) if dearer else named
    _check_limits(world, api_key, cost, now_s)
    outcome = _outcome(faults)
    task = Task(
        id=str(uuid.uuid4()),
        api_key=api_key,
        model=model.id,
        submitted_s=now_s,
        ends_s=now_s + _duration_s(world, model, outcome, faults),
        outcome=outcome,
        cost_micros=cost,
        body_sha256=submit.body_sha256,
        record=_record(model, submit, references, faults) | {"named_micros": named},
    )
    world.store.add_task(task)
    return task


def status_of(task: Task, now_s: float) -> str:
    """Pending, Reasoning (models that think), Generating, then the outcome."""
    if now_s >= task.submitted_s + TASK_LIFE_S:
        return NOT_FOUND
    if now_s >= task.ends_s:
        return task.outcome
    share = (now_s - task.submitted_s) / (task.ends_s - task.submitted_s)
    if share < PENDING_SHARE:
        return "Pending"
    return "Reasoning" if task.record["reasoning"] and share < REASONING_SHARE else "Generating"


def faults_of(task: Task) -> FaultPlan:
    return FaultPlan.from_json(task.record["faults"])


def scene_of(task: Task) -> Scene:
    return Scene.from_json(task.record["scene"])


def _check_limits(world: World, api_key: str, cost: int, now_s: float) -> None:
    charge_ready_tasks(world)
    active = world.store.active_tasks(now_s, api_key)
    limit = world.bfl_active_task_limit
    if len(active) >= limit:
        raise BflError(429, f"Rate limit exceeded: {limit} active tasks. Wait for a task to finish and try again.")
    held = sum(task.cost_micros for task in active if task.outcome == READY)
    if world.bfl_balance_micros - world.store.total_micros(BFL) - held < cost:
        raise BflError(402, "Insufficient credits. Please add credits to continue.")


def _duration_s(world: World, model: BflModel, outcome: str, faults: FaultPlan) -> float:
    late, slow = faults.get("late"), faults.get("slow")
    if late:
        return late.number("seconds", LATE_S)
    duration_s = world.latency_s(model.latency_s, slow.number("factor", SLOW_FACTOR) if slow else 1.0)
    return duration_s * MODERATION_SHARE if outcome == OUTCOMES["moderated_request"] else duration_s


def _outcome(faults: FaultPlan) -> str:
    unknown = faults.get("unknown_status")
    if unknown:
        return unknown.text("status", "Dreaming")
    return next((status for kind, status in OUTCOMES.items() if faults.has(kind)), READY)


def _record(model: BflModel, submit: Submit, references: tuple[str, ...], faults: FaultPlan) -> dict[str, object]:
    """What polls, downloads and the invoice need to know of the request later."""
    return {
        "scene": _scene(model, submit, references, faults).to_json(),
        "faults": faults.to_json(),
        "prompt": submit.prompt,
        "input_mp": megapixels(*submit.inputs_px),
        "output_mp": megapixels(submit.width_px * submit.height_px),
        "reasoning": model.reasoning,
        "has_image": not faults.has("empty", "charged_without_image"),
        "invoice_lines": 2 if faults.has("charged_twice") else 1,
    }


def _scene(model: BflModel, submit: Submit, references: tuple[str, ...], faults: FaultPlan) -> Scene:
    prompt = without_markers(submit.prompt)
    size = (submit.width_px, submit.height_px)
    seed = submit.seed if submit.seed is not None else derived_seed(model.id, prompt, size, references)
    scene = Scene(prompt, *size, references, seed, model.id, model.quality, submit.output_format)
    if faults.has("wrong_size"):
        scene = replace(scene, width_px=on_grid(size[0] // 2), height_px=on_grid(size[1] * 3 // 4))
    defect = next((name for name, kind in DEFECTS.items() if faults.has(kind)), "")
    return replace(scene, defect=defect)
