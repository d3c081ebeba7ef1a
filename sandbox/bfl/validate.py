"""A submit body to a checked `Submit`, or the 422/400 that api.bfl.ai would give. Schemas: facts 1.3.

FLUX.2 schemas do not forbid extra fields: what a model does not know (steps on pro, a fifth input on klein) is ignored.
"""

import base64
import binascii
import io
import json
from dataclasses import dataclass
from typing import Any

from PIL import Image

from sandbox.bfl.errors import BflError, invalid, problem
from sandbox.bfl.prices import MAX_INPUT_PX
from sandbox.catalogue import BflModel
from sandbox.wire import canonical_sha256

MAX_BODY_BYTES = 96 * 1024 * 1024
MAX_PROMPT_CHARS = 128_000
MAX_INPUT_BYTES = 20 * 1024 * 1024
MAX_INPUT_FILE_PX = 20_000_000
MAX_OUTPUT_PX = 4_194_304
MIN_SIDE_PX = 64
MAX_SIDE_PX = 16_368  # a bound of ours: what WebP can hold, on the grid
DEFAULT_SIDE_PX = 1024
GRID_PX = 16
MAX_SEED = 2**63 - 1
MAX_URL_CHARS = 2083
FORMATS = ("jpeg", "png", "webp")
INPUT_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Submit:
    """A request that the vendor would accept. `inputs` are the decoded reference files, `inputs_px` their areas."""

    prompt: str
    width_px: int
    height_px: int
    seed: int | None
    output_format: str
    webhook_url: str | None
    inputs: tuple[bytes, ...]
    inputs_px: tuple[int, ...]
    body_sha256: str


def read_submit(raw: bytes, model: BflModel) -> Submit:
    """Parses and checks; runs in a worker thread because bodies may hold many megabytes of images."""
    body = _parse(raw)
    problems = _problems(body, model)
    if problems:
        raise invalid(problems)
    inputs = tuple(_decode(body[name], name) for name in input_names(model) if body.get(name))
    sizes = [_measure(data) for data in inputs]
    width_px, height_px = _output_size(body, sizes)
    return Submit(
        prompt=body["prompt"],
        width_px=width_px,
        height_px=height_px,
        seed=body.get("seed"),
        output_format=body.get("output_format") or "jpeg",
        webhook_url=body.get("webhook_url"),
        inputs=inputs,
        inputs_px=tuple(width * height for width, height in sizes),
        body_sha256=canonical_sha256([model.id, body]),
    )


def input_names(model: BflModel) -> list[str]:
    return ["input_image", *(f"input_image_{n}" for n in range(2, model.references + 1))]


def _parse(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        raise invalid([problem("missing", ["body"], "Field required", None)])
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        position = getattr(error, "pos", 0)
        raise invalid(
            [problem("json_invalid", ["body", position], "JSON decode error", {}, error=str(error))]
        ) from error
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise invalid([problem("model_attributes_type", ["body"], message, body)])
    return body


def _problems(body: dict[str, Any], model: BflModel) -> list[dict[str, Any]]:
    found = _prompt_problems(body)
    for name in ("width", "height"):
        found += _integer_problems(body, name, MIN_SIDE_PX, MAX_SIDE_PX)
    found += _integer_problems(body, "seed", None, MAX_SEED)
    found += _integer_problems(body, "safety_tolerance", 0, 5, nullable=False)
    found += _format_problems(body) + _webhook_problems(body)
    if model.steps:
        found += _integer_problems(body, "steps", 1, 50, nullable=False) + _guidance_problems(body)
        found += _flag_problems(body, "prompt_upsampling")
    if model.rewriting:
        found += _flag_problems(body, "disable_pup")
    for name in input_names(model):
        found += _input_problems(body, name)
    return found


def _prompt_problems(body: dict[str, Any]) -> list[dict[str, Any]]:
    prompt = body.get("prompt")
    if "prompt" not in body:
        return [problem("missing", ["body", "prompt"], "Field required", body)]
    if not isinstance(prompt, str):
        return [problem("string_type", ["body", "prompt"], "Input should be a valid string", prompt)]
    if len(prompt) > MAX_PROMPT_CHARS:
        message = f"String should have at most {MAX_PROMPT_CHARS} characters"
        return [problem("string_too_long", ["body", "prompt"], message, prompt, max_length=MAX_PROMPT_CHARS)]
    return []


def _integer_problems(
    body: dict[str, Any], name: str, low: int | None, high: int | None, *, nullable: bool = True
) -> list[dict[str, Any]]:
    if name not in body or (nullable and body[name] is None):
        return []
    value, where = body[name], ["body", name]
    if isinstance(value, bool) or not isinstance(value, int):
        return [problem("int_type", [*where], "Input should be a valid integer", value)]
    if low is not None and value < low:
        message = f"Input should be greater than or equal to {low}"
        return [problem("greater_than_equal", [*where], message, value, ge=low)]
    if high is not None and value > high:
        message = f"Input should be less than or equal to {high}"
        return [problem("less_than_equal", [*where], message, value, le=high)]
    return []


def _guidance_problems(body: dict[str, Any]) -> list[dict[str, Any]]:
    value = body.get("guidance", 5.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [problem("float_type", ["body", "guidance"], "Input should be a valid number", value)]
    if value < 1.5:
        message = "Input should be greater than or equal to 1.5"
        return [problem("greater_than_equal", ["body", "guidance"], message, value, ge=1.5)]
    if value > 10:
        message = "Input should be less than or equal to 10"
        return [problem("less_than_equal", ["body", "guidance"], message, value, le=10.0)]
    return []


def _flag_problems(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    if isinstance(body.get(name, False), bool):
        return []
    return [problem("bool_type", ["body", name], "Input should be a valid boolean", body[name])]


def _format_problems(body: dict[str, Any]) -> list[dict[str, Any]]:
    value = body.get("output_format")
    if value is None or value in FORMATS:
        return []
    expected = "'jpeg', 'png' or 'webp'"
    return [problem("enum", ["body", "output_format"], f"Input should be {expected}", value, expected=expected)]


def _webhook_problems(body: dict[str, Any]) -> list[dict[str, Any]]:
    value = body.get("webhook_url")
    if value is None:
        return []
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return [problem("url_parsing", ["body", "webhook_url"], "Input should be a valid URL", value)]
    if len(value) > MAX_URL_CHARS:
        message = f"URL should have at most {MAX_URL_CHARS} characters"
        return [problem("url_too_long", ["body", "webhook_url"], message, value, max_length=MAX_URL_CHARS)]
    return []


def _input_problems(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, str):
        return [problem("string_type", ["body", name], "Input should be a valid string", value)]
    if value.startswith(("http://", "https://")):
        message = "Value error, the sandbox reaches no other host: send the image as base64"
        return [problem("value_error", ["body", name], message, value)]
    return []


def _decode(text: str, name: str) -> bytes:
    """Base64 with or without a `data:` prefix; anything else is the vendor's 400."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BflError(400, f"Invalid image data in {name}: not base64") from error
    if len(data) > MAX_INPUT_BYTES:
        raise BflError(400, f"Invalid image data in {name}: above 20 MB")
    return data


def _measure(data: bytes) -> tuple[int, int]:
    """Width and height of a reference that really decodes, in px."""
    try:
        with Image.open(io.BytesIO(data), formats=INPUT_FORMATS) as image:
            if image.width * image.height > MAX_INPUT_FILE_PX:
                raise BflError(400, "Invalid input image: above 20 megapixels")
            image.load()
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BflError(400, "Invalid input image: it cannot be decoded") from error


def _output_size(body: dict[str, Any], inputs: list[tuple[int, int]]) -> tuple[int, int]:
    """Asked size, else the first input's, else 1024x1024; rounded to 16 px; above 4 MP refused."""
    default = _fitted(*inputs[0]) if inputs else (DEFAULT_SIDE_PX, DEFAULT_SIDE_PX)
    width_px = on_grid(body.get("width") or default[0])
    height_px = on_grid(body.get("height") or default[1])
    if width_px * height_px > MAX_OUTPUT_PX:
        message = f"Value error, requested {width_px}x{height_px} exceeds the maximum of 4 megapixels"
        raise invalid([problem("value_error", ["body"], message, {"width": width_px, "height": height_px})])
    return width_px, height_px


def _fitted(width_px: int, height_px: int) -> tuple[int, int]:
    """An input above 4 MP is shrunk to 4 MP (facts 1.10), rounded down so that the grid does not lift it up again."""
    if width_px * height_px <= MAX_INPUT_PX:
        width_px, height_px = on_grid(width_px), on_grid(height_px)
        if width_px * height_px <= MAX_INPUT_PX:
            return width_px, height_px
    shrink = min(1.0, (MAX_INPUT_PX / (width_px * height_px)) ** 0.5)
    return _floored(width_px * shrink), _floored(height_px * shrink)


def _floored(side_px: float) -> int:
    return max(MIN_SIDE_PX, int(side_px) // GRID_PX * GRID_PX)


def on_grid(side_px: int) -> int:
    """Nearest multiple of 16, from 64 to 16,368 px."""
    return min(MAX_SIDE_PX, max(MIN_SIDE_PX, (side_px + GRID_PX // 2) // GRID_PX * GRID_PX))
