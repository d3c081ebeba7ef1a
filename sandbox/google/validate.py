"""A generateContent body to a checked `Generate`, or Google's 400 for it. Facts: sections 2.1 and 2.3."""

import base64
import binascii
import io
import json
from dataclasses import dataclass
from typing import Any

from PIL import Image

from sandbox.catalogue import GoogleModel
from sandbox.google.errors import GoogleError, bad_fields, invalid
from sandbox.google.schema import checked
from sandbox.google.shapes import DEFAULT_SIZE, nearest_ratio, ratios
from sandbox.wire import canonical_sha256

MAX_BODY_BYTES = 20 * 1024 * 1024
MAX_IMAGE_PX = 50_000_000
INPUT_FORMATS = ("JPEG", "PNG", "WEBP")
MODALITIES = ("TEXT", "IMAGE")
TIERS = {"": 1.0, "standard": 1.0, "flex": 0.5}
UNREADABLE_IMAGE = (
    "Unable to process input image. Please retry or report in "
    "https://developers.generativeai.google/guide/troubleshooting"
)


@dataclass(frozen=True)
class Generate:
    """A request that the vendor would accept. `images` are the decoded reference files in order of appearance."""

    prompt: str
    prompt_chars: int
    images: tuple[bytes, ...]
    ratio: str
    size: str
    wants_image: bool
    wants_text: bool
    thinking_level: str
    include_thoughts: bool
    seed: int | None
    price_share: float
    body_sha256: str


def parse(raw: bytes) -> dict[str, Any]:
    """JSON with known names only; Google checks this before it looks the model up."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        text = f"Invalid JSON payload received. {error}"
        raise bad_fields([("", text)]) from error
    return checked(body)


def read_generate(body: dict[str, Any], model: GoogleModel) -> Generate:
    """Checks the meaning; runs in a worker thread because bodies may hold megabytes of images."""
    contents = [content for content in body.get("contents") or [] if content]
    _check_contents(contents)
    config = body.get("generationConfig") or {}
    _check_config(config)
    images, sizes = _images(contents, model)
    texts = _texts(contents)
    wanted = _modalities(config)
    image_config = config.get("imageConfig") or {}
    level = _thinking_level(config, model)
    return Generate(
        prompt="\n".join(texts),
        prompt_chars=sum(map(len, texts + _texts([body.get("systemInstruction") or {}]))),
        images=images,
        ratio=_ratio(image_config.get("aspectRatio"), model, sizes),
        size=_size(image_config.get("imageSize"), model),
        wants_image="IMAGE" in wanted,
        wants_text="TEXT" in wanted,
        thinking_level=level,
        include_thoughts=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
        seed=config.get("seed"),
        price_share=_price_share(body),
        body_sha256=canonical_sha256([model.id, body]),
    )


def _check_contents(contents: list[dict[str, Any]]) -> None:
    if not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified\n")
    for n, content in enumerate(contents):
        if content.get("role", "user") not in ("user", "model"):
            raise invalid("Please use a valid role: user, model.")
        parts = content.get("parts") or []
        if not parts or not all(parts):
            raise invalid(f"* GenerateContentRequest.contents[{n}].parts: contents.parts must not be empty.\n")
        _check_signatures(content, parts, n)


def _check_signatures(content: dict[str, Any], parts: list[dict[str, Any]], n: int) -> None:
    """An edit in turns must give the model its own image parts back with their signatures (facts 2.4)."""
    for m, part in enumerate(parts):
        if content.get("role") == "model" and "inlineData" in part and not part.get("thoughtSignature"):
            raise invalid(
                f"Image part is missing a thought_signature in content position {n + 1}, part position {m + 1}."
            )


def _check_config(config: dict[str, Any]) -> None:
    if (config.get("candidateCount") or 1) != 1:
        raise invalid("Multiple candidates is not enabled for this model")


def _modalities(config: dict[str, Any]) -> set[str]:
    asked = config.get("responseModalities") or list(MODALITIES)
    for value in asked:
        if value.upper() not in MODALITIES:
            field = "generation_config.response_modalities"
            raise bad_fields([(field, f"Invalid value at '{field}' (TYPE_ENUM), \"{value}\"")])
    return {value.upper() for value in asked}


def _texts(contents: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for content in contents for part in content.get("parts") or [] if part.get("text")]


def _images(contents: list[dict[str, Any]], model: GoogleModel) -> tuple[tuple[bytes, ...], list[tuple[int, int]]]:
    """Every inline image with its size; too many, unreadable ones and files of the Files API are refused."""
    images = []
    for n, content in enumerate(contents):
        for m, part in enumerate(content["parts"]):
            if part.get("fileData"):
                name = str(part["fileData"].get("fileUri", "")).rpartition("/")[2]
                text = f"You do not have permission to access the File {name} or it may not exist."
                raise GoogleError("PERMISSION_DENIED", text)
            if part.get("inlineData"):
                images.append(_decode(part["inlineData"], f"contents[{n}].parts[{m}].inline_data.data"))
    if len(images) > model.references:
        raise invalid(f"Too many input images: {len(images)}. The model accepts at most {model.references}.")
    return tuple(images), [_measure(data) for data in images]


def _decode(blob: dict[str, Any], where: str) -> bytes:
    data = blob.get("data") or ""
    if not str(blob.get("mimeType", "")).startswith("image/"):
        raise invalid(f"Unsupported MIME type: {blob.get('mimeType', '')}")
    try:
        return base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        text = f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed for \"{data[:40]}\""
        raise bad_fields([(where, text)]) from error


def _measure(data: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(data), formats=INPUT_FORMATS) as image:
            if image.width * image.height > MAX_IMAGE_PX:
                raise invalid(UNREADABLE_IMAGE)
            image.load()
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise invalid(UNREADABLE_IMAGE) from error


def _ratio(asked: str | None, model: GoogleModel, inputs: list[tuple[int, int]]) -> str:
    allowed = ratios(model.ratios)
    if not asked:
        return nearest_ratio(*inputs[0], allowed) if inputs else "1:1"
    if asked not in allowed:
        raise invalid(f"Invalid aspect ratio: {asked}. Supported aspect ratios: {', '.join(allowed)}.")
    return asked


def _size(asked: str | None, model: GoogleModel) -> str:
    """Sizes are written with a capital K; a small k is taken, silently, as the default."""
    if not asked or (asked not in model.image_tokens and asked.upper() in model.image_tokens):
        return DEFAULT_SIZE
    if asked not in model.image_tokens:
        supported = ", ".join(model.image_tokens)
        raise invalid(f"Image size {asked} is not supported for {model.id}. Supported image sizes: {supported}.")
    return asked


def _thinking_level(config: dict[str, Any], model: GoogleModel) -> str:
    asked = str((config.get("thinkingConfig") or {}).get("thinkingLevel") or "").lower()
    if asked in ("", "thinking_level_unspecified"):
        return model.thinking_default
    if asked not in model.thinking_levels:
        raise invalid(f"Thinking level {asked.upper()} is not supported for this model.")
    return asked


def _price_share(body: dict[str, Any]) -> float:
    tier = str(body.get("serviceTier") or "").lower()
    if tier not in TIERS:
        raise invalid(f"Service tier {tier} is not supported for this model.")
    return TIERS[tier]
