"""What a 200 of generateContent means: a receipt, or a refusal that may have cost tokens. Pure.

HTTP errors are in errors.py. Blocked and empty answers are all HTTP 200 here (facts 2.5).
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from domain.errors import Billed, Fault, VendorError, VendorRefused
from domain.render import Measured, Receipt, RenderRequest, Usage
from vendors.google.usage import usage_of
from vendors.http import Answer, media_type_of
from vendors.reading import as_dict, as_list, as_text, read_json, tidy
from vendors.sending import broken_answer

NAME = "google"
MAX_ID_CHARS = 200
MAX_PARTS = 1_000
# Refusals for what the prompt or picture shows; every promptFeedback.blockReason is one as well.
MODERATED = frozenset(
    {"SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "RECITATION", "IMAGE_RECITATION"}
    | {"BLOCKLIST", "SPII"}
)
WORTH_ANOTHER_TRY = frozenset({"NO_IMAGE", "IMAGE_OTHER", "OTHER"})
ACCOUNT_STOP = "PUP_LIMITED_DISABLED"
ENDED_WELL = ("STOP", "")
_URL_SAFE = str.maketrans("-_", "+/")  # proto3 JSON allows both alphabets
_NOT_CODE = re.compile(r"[^a-z0-9]+")


def receipt(answer: Answer, request: RenderRequest, measured: Measured) -> Receipt:
    """The last image that is no interim thought, with its bill. Raises VendorRefused or VendorSilent."""
    body = as_dict(read_json(answer.body))
    if not _is_ours(body):
        raise broken_answer(NAME, f"HTTP {answer.status} without candidates, feedback or usage")
    usage = usage_of(body, has_image=True)
    image = _last_image(body)
    if image is None:
        raise _without_image(body)
    data = _decoded(image)
    if not data:
        raise _undecodable(body, usage)
    warnings = [*measured.warnings, *_surprises(body, request, usage)]
    return Receipt(
        data=data,
        media_type=media_type_of(data, as_text(image.get("mimeType"), 100).lower()),
        model_answered=_model_version(body),
        usage=measured.expected if usage is None else usage,
        vendor_id=as_text(body.get("responseId"), MAX_ID_CHARS),
        warnings=tuple(warnings),
        facts={"finish_reason": _finish_reason(body), "usage_named": usage is not None},
    )


def _is_ours(body: dict[str, Any]) -> bool:
    known = (as_list(body.get("candidates")), as_dict(body.get("promptFeedback")), as_dict(body.get("usageMetadata")))
    return any(known)


def _parts(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for candidate in as_list(body.get("candidates"))[:1]:
        for part in as_list(as_dict(as_dict(candidate).get("content")).get("parts"))[:MAX_PARTS]:
            yield as_dict(part)


def _last_image(body: dict[str, Any]) -> dict[str, Any] | None:
    """The inlineData of the last part that holds an image and is not marked as a thought (interim drafts are)."""
    found = None
    for part in _parts(body):
        blob = as_dict(part.get("inlineData"))
        kind = as_text(blob.get("mimeType"), 100).lower()
        if part.get("thought") is not True and blob.get("data") and (not kind or kind.startswith("image/")):
            found = blob
    return found


def _decoded(blob: dict[str, Any]) -> bytes:
    text = blob.get("data")
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _without_image(body: dict[str, Any]) -> VendorError:
    """Why there is no picture. Billed "yes" when usageMetadata carries tokens, with them as `usage`.

    Without tokens only a refusal by policy, or of the account, is surely free; the rest is in doubt.
    """
    usage = usage_of(body, has_image=False)
    blocked = as_text(as_dict(body.get("promptFeedback")).get("blockReason"), 100)
    reason = blocked or _finish_reason(body)
    code, fault = _verdict(reason, blocked=bool(blocked))
    words = _words(body, reason, blocked=bool(blocked))
    if usage is None and fault == "vendor":
        return broken_answer(NAME, f"{words}, and no usage was named")
    billed: Billed = "no" if usage is None else "yes"
    retryable = reason in WORTH_ANOTHER_TRY
    return VendorRefused(
        words,
        vendor=NAME,
        code=code,
        fault=fault,
        retryable=retryable,
        billed=billed,
        usage=usage,
        model_answered=_model_version(body),
    )


def _verdict(reason: str, *, blocked: bool) -> tuple[str, Fault]:
    """A missing image as (code, whose fault)."""
    if blocked or reason in MODERATED:
        return "moderated", "policy"
    if reason == ACCOUNT_STOP:
        return "account-stopped", "account"
    return _code(reason), "vendor"


def _words(body: dict[str, Any], reason: str, *, blocked: bool) -> str:
    """A sentence with the model's own words, shortened."""
    opening = f"the prompt was blocked: {reason}" if blocked else f"no image, finish reason {reason or 'not given'}"
    first = as_dict(next(iter(as_list(body.get("candidates"))), None))
    told = [as_text(first.get("finishMessage"), 10_000)]
    told += [as_text(p.get("text"), 100_000) for p in _parts(body) if p.get("thought") is not True]
    told += [as_text(as_dict(body.get("promptFeedback")).get("blockReasonMessage"), 10_000)]
    said = " ".join(filter(None, told))
    return tidy(f"{opening}; it said: {said}" if said else opening)


def _undecodable(body: dict[str, Any], usage: Usage | None) -> VendorError:
    if usage is None:
        return broken_answer(NAME, "the image is not base64, and no usage was named")
    paid = replace(usage, images=0)
    return VendorRefused(
        "the image is not base64",
        vendor=NAME,
        code="broken-image",
        fault="vendor",
        billed="yes",
        usage=paid,
        model_answered=_model_version(body),
    )


def _surprises(body: dict[str, Any], request: RenderRequest, usage: Usage | None) -> list[str]:
    said = []
    answered = _model_version(body)
    if answered != request.model_id:
        said.append(f"asked {request.model_id}, answered by {answered or 'a model that was not named'}")
    if usage is None:
        said.append("the answer named no usage: the expected one is booked")
    reason = _finish_reason(body)
    if reason not in ENDED_WELL:
        said.append(f"an image came although the finish reason is {reason}")
    return said


def _model_version(body: dict[str, Any]) -> str:
    return as_text(body.get("modelVersion"), MAX_ID_CHARS).removeprefix("models/")


def _finish_reason(body: dict[str, Any]) -> str:
    first = as_dict(next(iter(as_list(body.get("candidates"))), None))
    return as_text(first.get("finishReason"), 100)


def _code(reason: str) -> str:
    """ "NO_IMAGE" as "no-image"; words without an image (STOP), or no reason at all, as well."""
    if reason in ENDED_WELL:
        return "no-image"
    return _NOT_CODE.sub("-", reason.lower()).strip("-")[:60] or "no-image"
