"""Aspect ratio and image size to pixels. Facts: section 2.4; 1K figures, 2K and 4K double, 512 half."""

from math import log

PIXELS_1K = {
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
SCALE = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
DEFAULT_SIZE = "1K"


def ratios(count: int) -> tuple[str, ...]:
    """The first 10 of the list, or all 14."""
    return tuple(PIXELS_1K)[:count]


def pixels(ratio: str, size: str) -> tuple[int, int]:
    width_px, height_px = PIXELS_1K[ratio]
    return round(width_px * SCALE[size]), round(height_px * SCALE[size])


def nearest_ratio(width_px: int, height_px: int, allowed: tuple[str, ...]) -> str:
    """What an edit without a ratio gets: the allowed one closest to the input's shape."""
    asked = log(width_px / height_px)
    return min(allowed, key=lambda ratio: abs(log(PIXELS_1K[ratio][0] / PIXELS_1K[ratio][1]) - asked))
