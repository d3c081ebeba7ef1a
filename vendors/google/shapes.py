"""Wanted pixels to aspect ratio and image size, and what size then comes back. Pure.

Gemini takes no width and height. The pixels are what answers showed (facts 2.4: 1:1, 16:9, 9:16 by clients, the others
from memory): good for a plan, never to be asserted. 2K and 4K double the edges, 512 halves them.
"""

from dataclasses import dataclass
from math import log

from vendors.google.models import GoogleModel

PIXELS_1K: dict[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
EDGE_FACTOR = {"512": 0.5, "1K": 1.0, "2K": 2.0, "4K": 4.0}
# A size class up to a tenth short of the wish is taken: the next one has four times the pixels.
ENOUGH_SHARE = 0.9


@dataclass(frozen=True)
class Shape:
    """What is asked for, and the pixels that probably come."""

    ratio: str
    size: str
    width_px: int
    height_px: int


def shape_for(width_px: int, height_px: int, entry: GoogleModel) -> Shape:
    """The nearest ratio, and the smallest size class with enough pixels, else the largest that there is."""
    ratio = min(entry.ratios, key=lambda name: abs(log(_ratio(name)) - log(width_px / height_px)))
    shapes = [_shape(ratio, size) for size in sorted(entry.sizes, key=EDGE_FACTOR.__getitem__)]
    wanted = width_px * height_px * ENOUGH_SHARE
    return next((s for s in shapes if s.width_px * s.height_px >= wanted), shapes[-1])


def _shape(ratio: str, size: str) -> Shape:
    width_px, height_px = PIXELS_1K[ratio]
    factor = EDGE_FACTOR[size]
    return Shape(ratio, size, round(width_px * factor), round(height_px * factor))


def _ratio(name: str) -> float:
    across, _, down = name.partition(":")
    return int(across) / int(down)
