"""What a Gemini image request will be billed by: tokens in and out by kind. Pure.

Token counts of images, references and thinking are data (models.yaml). Only prompt tokens are estimated here.
"""

from domain.errors import InputError
from domain.render import Measured, RenderRequest, Usage
from vendors.google.models import GoogleModel, model
from vendors.google.shapes import Shape, shape_for

MAX_WISHED_EDGE_PX = 20_000
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
CHARS_PER_TOKEN = 4
WORST_SPARE_TOKENS = 50
BASE64_GROWTH = 4 / 3


def measure(request: RenderRequest) -> Measured:
    """Raises InputError for an unknown model, a bad size, prompt or reference."""
    entry = model(request.model_id)
    _check(request, entry)
    shape = shape_for(request.width_px, request.height_px, entry)
    low, expected, worst = (_usage(request, entry, shape, kind) for kind in ("low", "expected", "worst"))
    warnings = tuple(_warnings(request, entry, shape))
    return Measured(low, expected, worst, shape.width_px, shape.height_px, warnings)


def worst_text_tokens(text: str) -> int:
    """Never exceeded by a tokenizer with byte fallback: half a token for a letter or space, one for any other byte."""
    plain = sum(1 for c in text if c.isascii() and (c.isalpha() or c == " "))
    return -(-plain // 2) + len(text.encode("utf-8", "replace")) - plain + WORST_SPARE_TOKENS


def _usage(request: RenderRequest, entry: GoogleModel, shape: Shape, kind: str) -> Usage:
    usual = -(-len(request.prompt) // CHARS_PER_TOKEN)
    return Usage(
        text_in_tokens=worst_text_tokens(request.prompt) if kind == "worst" else usual,
        image_in_tokens=len(request.references) * getattr(entry.input_image_tokens, kind),
        text_out_tokens=getattr(entry.thinking_tokens, kind),
        image_out_tokens=getattr(entry.sizes[shape.size], kind),
    )


def _check(request: RenderRequest, entry: GoogleModel) -> None:
    if not request.prompt.strip() or len(request.prompt) > entry.max_prompt_chars:
        raise InputError(f"a prompt has 1 to {entry.max_prompt_chars} characters", where="prompt")
    if not all(1 <= edge <= MAX_WISHED_EDGE_PX for edge in (request.width_px, request.height_px)):
        raise InputError(f"edges are 1 to {MAX_WISHED_EDGE_PX} px", where="width_px, height_px")
    if len(request.references) > entry.max_references:
        message = f"{request.model_id} takes at most {entry.max_references} references, not {len(request.references)}"
        raise InputError(message, where="references")
    for number, reference in enumerate(request.references, start=1):
        if reference.media_type not in MEDIA_TYPES or not reference.data:
            what = f"{reference.media_type} of {len(reference.data)} bytes is not taken"
            raise InputError(what, where=f"references[{number}]", hint=f"allowed: {', '.join(MEDIA_TYPES)}")
    inline = len(request.prompt.encode("utf-8", "replace")) + sum(len(r.data) for r in request.references)
    if inline * BASE64_GROWTH > entry.max_inline_bytes:
        message = f"prompt and references are {inline} bytes; as base64 they pass {entry.max_inline_bytes}"
        raise InputError(message, where="references", hint="send smaller photos")


def _warnings(request: RenderRequest, entry: GoogleModel, shape: Shape) -> list[str]:
    said = []
    if (request.width_px, request.height_px) != (shape.width_px, shape.height_px):
        comes = f"{shape.width_px}x{shape.height_px} ({shape.size}, {shape.ratio})"
        said.append(f"exact sizes cannot be asked for: {request.width_px}x{request.height_px} comes as about {comes}")
    if request.output_format != entry.usual_format:
        said.append(f"no format can be asked for: {request.output_format} comes as {entry.usual_format}, usually")
    if request.seed is not None and not entry.seed:
        said.append("this model takes no seed: it was not sent")
    return said
