"""Colours: names, hex codes, conversions, and the roles a palette plays in a scene. No pictures here.

A colour is a tuple of three sRGB values 0..1 (`Rgb`); light is computed in linear values (`to_linear`).
"""

import colorsys
import re
from typing import Any

import numpy as np
import numpy.typing as npt

Rgb = tuple[float, float, float]
Array = npt.NDArray[np.floating[Any]]  # float32 in memory; numpy widens some expressions

MAX_PALETTE = 8

NAMED = {
    "white": "#f4f2ee", "off-white": "#efe9de", "ivory": "#f1ead8", "cream": "#efe3cb", "eggshell": "#eee6d6",
    "vanilla": "#f0e2bd", "butter": "#f0d98f", "beige": "#dcc9ab", "sand": "#d9c7a8", "oat": "#dccbb0",
    "oatmeal": "#d8c8ae", "linen": "#e6dac6", "wheat": "#dfc08d", "champagne": "#e8d3b0", "taupe": "#a5917d",
    "tan": "#c9a37a", "camel": "#bf8f5a", "caramel": "#b9743a", "honey": "#d99a36", "amber": "#d08a2a",
    "mustard": "#c9982e", "ochre": "#c08435", "gold": "#c9a24a", "yellow": "#edc84a", "lemon": "#f1dc62",
    "apricot": "#f0b27e", "peach": "#f2bd9d", "orange": "#e07f35", "tangerine": "#ec7f33", "pumpkin": "#cf6a28",
    "rust": "#a9502b", "copper": "#b5693f", "bronze": "#8d6336", "terracotta": "#c0694a", "clay": "#b5765a",
    "brick": "#9c4634", "sienna": "#a0522d", "cinnamon": "#9a5a35", "coral": "#ea7a62", "salmon": "#eb957f",
    "blush": "#ebc4b8", "rose": "#d9919a", "pink": "#eaa9b5", "fuchsia": "#c8377f", "magenta": "#c32c7b",
    "raspberry": "#b02a55", "red": "#c1352f", "crimson": "#a81f33", "cherry": "#9f1f2f", "burgundy": "#6a1f2e",
    "wine": "#64202f", "plum": "#63304f", "aubergine": "#40223a", "purple": "#6d3f8c", "violet": "#7b56b0",
    "lilac": "#bfa5d2", "lavender": "#b9aed6", "mauve": "#b08ea5", "indigo": "#38417f", "navy": "#1f2c4d",
    "midnight": "#161d33", "cobalt": "#2149a8", "royal blue": "#2a4fb5", "blue": "#3a6fb3", "denim": "#49658c",
    "sky blue": "#9cc4df", "powder blue": "#b9d1de", "ice blue": "#d3e4ea", "teal": "#23747a", "turquoise": "#3fb3b1",
    "aqua": "#7fcbc9", "petrol": "#1f535e", "mint": "#b5dcc4", "seafoam": "#a9d3c0", "sage": "#a3ae93",
    "eucalyptus": "#8ca698", "olive": "#7a7a3f", "moss": "#66713c", "fern": "#5b7f4a", "green": "#4f8354",
    "forest green": "#2c4a36", "emerald": "#1f7a57", "bottle green": "#1d4034", "pistachio": "#b9cc8d",
    "lime": "#b2cf4f", "chartreuse": "#c3d24a", "chocolate": "#54321f", "coffee": "#5a3d2b", "espresso": "#382519",
    "mocha": "#7c5b45", "walnut": "#6b4a33", "oak": "#b98d5f", "brown": "#7a5236", "umber": "#5d4430",
    "grey": "#9a9a98", "gray": "#9a9a98", "silver": "#c3c6c8", "stone": "#b8afa1", "pebble": "#b3aca0",
    "slate": "#56616b", "graphite": "#414448", "charcoal": "#34363a", "anthracite": "#2c3034", "ink": "#1c2230",
    "black": "#1a1a1b",
}  # fmt: skip

# Words that are a colour only when they stand for one: "stone counter" is a place, "honey jar" a thing.
_AMBIGUOUS = {
    "stone", "linen", "oak", "walnut", "rose", "honey", "coffee", "butter", "lemon", "cherry", "wheat", "slate", "gold",
    "sand", "moss", "fern", "brick", "clay", "copper", "bronze", "silver", "lime", "orange", "pebble", "wine",
    "pumpkin", "cinnamon", "chocolate", "vanilla", "caramel", "peach", "lavender", "mint", "olive", "eucalyptus",
    "midnight", "ink", "denim", "sage", "espresso", "amber", "champagne", "oat", "oatmeal", "graphite",
}  # fmt: skip
_HEX = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_NAME = re.compile(r"\b(" + "|".join(sorted(map(re.escape, NAMED), key=len, reverse=True)) + r")\b(?![-\w])")
_PALETTE_CLAUSE = re.compile(r"\b(?:palette|colou?rs?|colou?r scheme|tones?|hues?)\b[^.;\n]*")


def from_hex(code: str) -> Rgb:
    """`#rrggbb` or `#rgb`, with or without the sign, as sRGB 0..1."""
    digits = code.lstrip("#")
    if len(digits) == 3:
        digits = "".join(d * 2 for d in digits)
    return int(digits[0:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:6], 16) / 255


def read_palette(text: str, things: str) -> tuple[Rgb, ...]:
    """Every colour that the text asks for, in order: hex codes anywhere; names in a palette clause count fully,
    elsewhere only when the word cannot well mean anything else and does not describe one of the `things` (a pattern):
    a terracotta vase asks for no terracotta wall."""
    lower = text.lower()
    clauses = [m.span() for m in _PALETTE_CLAUSE.finditer(lower)]
    found = [(m.start(), from_hex(m.group(0))) for m in _HEX.finditer(lower)]
    named = []
    for match in _NAME.finditer(lower):
        inside = any(a <= match.start() < b for a, b in clauses)
        of_thing = re.match(rf"(?:[ -]+[\w-]+){{0,3}}? +(?:{things})\b", lower[match.end() : match.end() + 60])
        if inside or (match.group(1) not in _AMBIGUOUS and not of_thing):
            named.append((match.start(), from_hex(NAMED[match.group(1)]), inside))
    in_clause = [(at, rgb) for at, rgb, inside in named if inside]
    if found or in_clause:
        found += in_clause
    else:
        found = [(at, rgb) for at, rgb, _ in named]
    return tuple(dict.fromkeys(rgb for _, rgb in sorted(found)))[:MAX_PALETTE]


def last_named(words: str) -> Rgb | None:
    """The last colour name among a few words, ambiguous ones too (amber, oat)."""
    found = _NAME.findall(words)
    return from_hex(NAMED[found[-1]]) if found else None


def to_linear(rgb: Rgb) -> Array:
    """sRGB 0..1 to linear light, shape (3,)."""
    value = np.asarray(rgb, np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def luma(rgb: Rgb) -> float:
    """Perceived lightness, 0..1, on the encoded values."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def saturation(rgb: Rgb) -> float:
    """Chroma, 0..1."""
    return max(rgb) - min(rgb)


def mix(a: Rgb, b: Rgb, part: float) -> Rgb:
    """`a` moved towards `b` by `part` (0..1)."""
    return (a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part)


def lighter(rgb: Rgb, amount: float) -> Rgb:
    """Lighter for amount > 0, darker for < 0; the hue is kept."""
    hue, light, sat = colorsys.rgb_to_hls(*rgb)
    light = light + (1 - light) * amount if amount > 0 else light * (1 + amount)
    return colorsys.hls_to_rgb(hue, min(max(light, 0.0), 1.0), sat)


def nearest(palette: tuple[Rgb, ...], wish: Rgb) -> Rgb:
    """The palette's colour that is closest to a wish."""
    return min(palette, key=lambda c: sum((a - b) ** 2 for a, b in zip(c, wish, strict=True)))


def towards(palette: tuple[Rgb, ...], wish: Rgb, part: float) -> Rgb:
    """A natural colour (sand, sea, wood) pulled towards what the palette offers nearest to it."""
    return mix(wish, nearest(palette, wish), part)
