"""The master that every placement is cut from: how large it is, and who enlarges it. No Prefect, no pictures."""

import math
from collections.abc import Sequence

from domain.errors import InputError
from domain.placement import Placement
from domain.sizing import Size, upscaled_size
from imaging.upscale.settings import check_request
from wiring import Wiring

MAX_MASTER_PIXELS = 100_000_000
MAX_MASTER_BYTES = 512 * 1024 * 1024


def master_size(placements: Sequence[Placement], final: Size) -> Size | None:
    """What a final is enlarged to; None where it is large enough. What the bound takes away the renditions add."""
    wanted = upscaled_size(placements, final)
    if wanted is None or wanted.pixels <= MAX_MASTER_PIXELS:
        return wanted
    scale = math.sqrt(MAX_MASTER_PIXELS / wanted.pixels)
    return Size(int(wanted.width_px * scale), int(wanted.height_px * scale))


def why_plain(w: Wiring, final: Size, master: Size) -> str:
    """Why LANCZOS takes the network's place, "" where it does not: what was paid for must not end at a bound."""
    try:
        check_request((final.width_px, final.height_px), (master.width_px, master.height_px), w.upscaler.settings)
    except InputError as error:
        return error.message
    limit_s, seconds = w.settings.upscale_max_seconds, w.upscaler.estimate(final.width_px, final.height_px).seconds
    too_long = f"upscaling would take about {seconds:.0f} s, more than the {limit_s} s allowed"
    return too_long if limit_s and seconds > limit_s else ""
