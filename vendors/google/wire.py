"""A neutral request as generateContent's JSON. Pure: no I/O."""

import base64
import json
from typing import Any

import httpx

from domain.render import RenderRequest
from vendors.google.models import model
from vendors.google.shapes import shape_for

KEY_HEADER = "x-goog-api-key"


def generate_address(base: httpx.URL, api_version: str, model_id: str) -> httpx.URL:
    return httpx.URL(f"{base}/{api_version}/models/{model_id}:generateContent")


def generate_body(request: RenderRequest) -> bytes:
    """The JSON of one call: the prompt, then the references in order of weight; only an image is wanted back."""
    entry = model(request.model_id)
    shape = shape_for(request.width_px, request.height_px, entry)
    config: dict[str, Any] = {
        "responseModalities": ["IMAGE"],
        "imageConfig": {"aspectRatio": shape.ratio, "imageSize": shape.size},
    }
    if entry.thinking_level:
        config["thinkingConfig"] = {"thinkingLevel": entry.thinking_level}
    if request.seed is not None and entry.seed:
        config["seed"] = request.seed
    parts: list[dict[str, Any]] = [{"text": request.prompt}]
    parts += [_inline(r.media_type, r.data) for r in request.references]
    body = {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}
    return json.dumps(body).encode("ascii")


def _inline(media_type: str, data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode("ascii")}}
