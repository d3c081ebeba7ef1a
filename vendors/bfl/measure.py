"""What a FLUX.2 request will be billed by: started megapixels out and in. Pure.

Facts: 1 MP is 1,048,576 px; output is rounded up to whole ones; how input megapixels are rounded is not documented, so
the worst case rounds each reference up by itself, at most 4 each (larger inputs are shrunk to 4 MP).
"""

import math
from fractions import Fraction

from domain.errors import InputError
from domain.render import Measured, Reference, RenderRequest, Usage
from vendors.bfl.models import BflModel, model

MP_PX = 1_048_576
MAX_REFERENCE_MP = 4
MAX_WISHED_EDGE_PX = 20_000
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")


def measure(request: RenderRequest) -> Measured:
    """Raises InputError for an unknown model, a bad size, prompt or reference."""
    entry = model(request.model_id)
    _check(request, entry)
    width_px, height_px = rounded_size(request.width_px, request.height_px, entry)
    output_mp = started_mp(width_px * height_px)
    shares = [min(Fraction(_pixels(r), MP_PX), Fraction(MAX_REFERENCE_MP)) for r in request.references]
    low = Usage(output_mp=output_mp, input_mp=math.ceil(sum(shares, Fraction(0))))
    worst = Usage(output_mp=output_mp, input_mp=sum(math.ceil(share) for share in shares))
    return Measured(low, worst, worst, width_px, height_px, tuple(_warnings(request, entry, width_px, height_px)))


def rounded_size(width_px: int, height_px: int, entry: BflModel) -> tuple[int, int]:
    """The size that will come back: multiples of 16, at least 64, at most 4 MP with the ratio kept.

    Rounds up, so that a picture is not a few pixels too small for its slot, unless that would start a megapixel that
    rounding to the nearest multiple does not.
    """
    step, least = entry.edge_multiple_px, entry.min_edge_px
    wish = (max(width_px, least), max(height_px, least))
    up = tuple(-(-edge // step) * step for edge in wish)
    nearest = tuple((edge + step // 2) // step * step for edge in wish)
    size = up if started_mp(math.prod(up)) == started_mp(math.prod(nearest)) else nearest
    if math.prod(size) <= entry.max_pixels:
        return size[0], size[1]
    return _shrunk(wish[0], wish[1], entry)


def output_format(request: RenderRequest, entry: BflModel) -> str:
    """The wish where the model takes it, else png: it loses nothing."""
    return request.output_format if request.output_format in entry.formats else "png"


def started_mp(pixels: int) -> int:
    return -(-pixels // MP_PX)


def _pixels(reference: Reference) -> int:
    return reference.width_px * reference.height_px


def _shrunk(width_px: int, height_px: int, entry: BflModel) -> tuple[int, int]:
    scale = math.sqrt(entry.max_pixels / (width_px * height_px))
    step, least = entry.edge_multiple_px, entry.min_edge_px
    width, height = (max(int(edge * scale) // step * step, least) for edge in (width_px, height_px))
    longest = entry.max_pixels // min(width, height) // step * step
    return min(width, longest), min(height, longest)


def _check(request: RenderRequest, entry: BflModel) -> None:
    if not request.prompt.strip() or len(request.prompt) > entry.max_prompt_chars:
        raise InputError(f"a prompt has 1 to {entry.max_prompt_chars} characters", where="prompt")
    if not all(1 <= edge <= MAX_WISHED_EDGE_PX for edge in (request.width_px, request.height_px)):
        raise InputError(f"edges are 1 to {MAX_WISHED_EDGE_PX} px", where="width_px, height_px")
    if len(request.references) > entry.max_references:
        message = f"{request.model_id} takes at most {entry.max_references} references, not {len(request.references)}"
        raise InputError(message, where="references")
    for number, reference in enumerate(request.references, start=1):
        _check_reference(reference, entry, where=f"references[{number}]")


def _check_reference(reference: Reference, entry: BflModel, where: str) -> None:
    if reference.media_type not in MEDIA_TYPES:
        raise InputError(f"{reference.media_type} is not taken; allowed: {', '.join(MEDIA_TYPES)}", where=where)
    if not 0 < len(reference.data) <= entry.max_reference_bytes:
        raise InputError(f"a reference has 1 to {entry.max_reference_bytes} bytes", where=where)
    if min(reference.width_px, reference.height_px) < 1 or _pixels(reference) > entry.max_reference_pixels:
        raise InputError(f"a reference has 1 to {entry.max_reference_pixels} pixels", where=where)


def _warnings(request: RenderRequest, entry: BflModel, width_px: int, height_px: int) -> list[str]:
    said = []
    asked, comes = f"{request.width_px}x{request.height_px}", f"{width_px}x{height_px}"
    if request.width_px * request.height_px > entry.max_pixels:
        said.append(f"{asked} is above {entry.max_pixels // MP_PX} megapixels: reduced to {comes}")
    elif asked != comes:
        said.append(f"{asked} was rounded to {comes}: edges are multiples of {entry.edge_multiple_px}")
    if output_format(request, entry) != request.output_format:
        said.append(f"{request.output_format} cannot be asked for: png was asked for")
    if request.seed is not None and not entry.seed:
        said.append("this model takes no seed")
    return said
