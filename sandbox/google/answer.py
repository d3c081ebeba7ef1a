"""What a generateContent call ends in, and its body: parts, finish reason, usage by modality. Facts: 2.4 and 2.5."""

import base64
import hashlib
from dataclasses import dataclass, replace
from typing import Any

from sandbox.catalogue import GoogleModel
from sandbox.faults import FaultPlan, without_markers
from sandbox.google.prices import Usage, text_tokens, thinking_tokens
from sandbox.google.shapes import DEFAULT_SIZE, pixels
from sandbox.google.validate import Generate
from sandbox.pictures import Scene, derived_seed

REFUSAL_TEXT = "I cannot create this image. Could you describe the scene in other words?"
THOUGHT_TEXT = "**Planning the composition**\n\nI place the subject first, then the light, and check the frame."
INTERIM_SIZE_PX = 512
INTERIM_COUNT = 2
MORE_TOKENS = 3.0


@dataclass(frozen=True)
class Outcome:
    """`block_reason` set: prompt refused, no candidate. Otherwise `finish_reason`, with or without an image."""

    finish_reason: str = "STOP"
    block_reason: str = ""
    has_image: bool = True
    text: str = ""
    bills_image: bool = True
    copies: int = 1


def decide(asked: Generate, faults: FaultPlan) -> Outcome:
    """The request's end, by its modalities and faults; `reason=` in a fault picks any of the reasons of facts 2.5."""
    blocked = faults.get("moderated_request")
    if blocked:
        return Outcome("", blocked.text("reason", "PROHIBITED_CONTENT"), has_image=False, bills_image=False)
    for kind, reason in (
        ("moderated_output", "IMAGE_SAFETY"),
        ("empty", "NO_IMAGE"),
        ("unknown_status", "IMAGE_QUARANTINED"),
    ):
        fault = faults.get(kind)
        if fault:
            return Outcome(fault.text("reason", reason), has_image=False, bills_image=False)
    if faults.has("charged_without_image"):
        return Outcome("IMAGE_OTHER", has_image=False)
    if faults.has("text_only"):
        return Outcome(has_image=False, text=REFUSAL_TEXT, bills_image=False)
    text = f"Here is your image: {without_markers(asked.prompt)[:120]}" if asked.wants_text else ""
    copies = 2 if faults.has("same_image_twice") else 1
    return Outcome(has_image=asked.wants_image, text=text, bills_image=asked.wants_image, copies=copies)


def usage_of(asked: Generate, model: GoogleModel, outcome: Outcome, faults: FaultPlan) -> Usage:
    """A refused prompt is billed for its own tokens only; a refused output also for the thinking."""
    more = faults.get("more_tokens")
    usage = Usage(
        prompt_text=-(-asked.prompt_chars // 4),
        prompt_image=len(asked.images) * model.input_image_tokens,
        thoughts=0 if outcome.block_reason else thinking_tokens(asked.thinking_level, asked.body_sha256),
        text_out=text_tokens(outcome.text),
        image_out=model.image_tokens.get(asked.size, model.image_tokens[DEFAULT_SIZE]) if outcome.bills_image else 0,
    )
    return usage.with_output_times(more.number("factor", MORE_TOKENS)) if more else usage


def scenes(asked: Generate, model: GoogleModel, references: tuple[str, ...], faults: FaultPlan) -> list[Scene]:
    """The interim drafts first, if any, then the picture itself."""
    prompt = without_markers(asked.prompt)
    width_px, height_px = pixels(asked.ratio, asked.size)
    seed = derived_seed(model.id, prompt, asked.ratio, asked.size, references, asked.seed)
    final = Scene(prompt, width_px, height_px, references, seed, model.id, model.quality, "jpeg")
    shrink = INTERIM_SIZE_PX / max(width_px, height_px)
    small = replace(final, quality="draft", width_px=_shrunk(width_px, shrink), height_px=_shrunk(height_px, shrink))
    count = INTERIM_COUNT if faults.has("interim_images") else 0
    interim = [replace(small, seed=seed + n + 1) for n in range(count)]
    if faults.has("wrong_size"):
        final = replace(final, width_px=width_px // 2, height_px=height_px * 3 // 4)
    if faults.has("truncated_image"):
        final = replace(final, defect="truncated")
    if faults.has("not_an_image"):
        final = replace(final, defect="not_an_image")
    return [*interim, final]


def _shrunk(side_px: int, shrink: float) -> int:
    return max(64, round(side_px * shrink))


def body_of(
    asked: Generate, outcome: Outcome, usage: Usage, pictures: list[bytes], model_version: str, response_id: str
) -> dict[str, Any]:
    """GenerateContentResponse; `pictures` as `scenes` ordered them, empty when there is no image."""
    body: dict[str, Any] = {}
    if outcome.block_reason:
        body["promptFeedback"] = {"blockReason": outcome.block_reason}
    else:
        body["candidates"] = [_candidate(asked, outcome, pictures)]
    return body | {"usageMetadata": usage_body(usage), "modelVersion": model_version, "responseId": response_id}


def usage_body(usage: Usage) -> dict[str, Any]:
    prompt, out = usage.prompt_text + usage.prompt_image, usage.text_out + usage.image_out
    body: dict[str, Any] = {"promptTokenCount": prompt}
    if out:
        body["candidatesTokenCount"] = out
    body["totalTokenCount"] = prompt + out + usage.thoughts
    body["promptTokensDetails"] = _by_modality(usage.prompt_text, usage.prompt_image)
    if out:
        body["candidatesTokensDetails"] = _by_modality(usage.text_out, usage.image_out)
    if usage.thoughts:
        body["thoughtsTokenCount"] = usage.thoughts
    return body


def _candidate(asked: Generate, outcome: Outcome, pictures: list[bytes]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if asked.include_thoughts and (pictures or outcome.text):
        parts.append({"text": THOUGHT_TEXT, "thought": True})
    parts += [{"inlineData": _blob(data), "thought": True} for data in pictures[:-1]]
    if outcome.text:
        parts.append({"text": outcome.text})
    if pictures:
        parts += [{"inlineData": _blob(pictures[-1])} for _ in range(outcome.copies)]
    if parts:
        parts[-1]["thoughtSignature"] = _signature(asked.body_sha256)
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}} if parts else {}
    candidate |= {"finishReason": outcome.finish_reason, "index": 0}
    if outcome.finish_reason not in ("STOP", ""):
        candidate["finishMessage"] = "Unable to show the generated image."
    return candidate


def _blob(data: bytes) -> dict[str, str]:
    return {"mimeType": "image/jpeg", "data": base64.b64encode(data).decode()}


def _signature(body_sha256: str) -> str:
    return base64.b64encode(hashlib.sha512(f"signature {body_sha256}".encode()).digest()).decode()


def _by_modality(text: int, image: int) -> list[dict[str, Any]]:
    rows = [("TEXT", text), ("IMAGE", image)]
    return [{"modality": modality, "tokenCount": count} for modality, count in rows if count]
