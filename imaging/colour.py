"""Colour arithmetic: sRGB to CIE Lab (D65), CIEDE2000, hex colours, transparency onto a background, the sRGB profile.

Lives here: what more than one module of this room needs to know about colour. Not here: judging pictures.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from domain.errors import InputError

Floats = NDArray[np.float64]
_SRGB_FILE = Path(__file__).parent / "data" / "srgb.icc"
# IEC 61966-2-1 matrix and the D65 white point of its 2 degree observer
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_LUMA = np.array([0.2126, 0.7152, 0.0722])


@cache
def srgb_profile() -> bytes:
    """The 588-byte sRGB profile of every rendition; a file, because littleCMS dates each one that it makes."""
    return _SRGB_FILE.read_bytes()


def parse_hex(colour: str) -> tuple[int, int, int]:
    """A "#rgb", "#rrggbb" or CSS colour name as (r, g, b) in 0..255; InputError names the colour."""
    try:
        return ImageColor.getrgb(colour)[:3]
    except ValueError as error:
        raise InputError(f"{colour!r} is not a colour", hint="Write it as #rrggbb.") from error


def to_hex(rgb: Floats | NDArray[np.uint8] | tuple[int, int, int]) -> str:
    red, green, blue = (round(float(channel)) for channel in rgb)
    return f"#{red:02x}{green:02x}{blue:02x}"


def flatten(image: Image.Image, background: str = "#ffffff") -> Image.Image:
    """The image as RGB; what is transparent shows the background (never the colour hidden under zero alpha)."""
    if image.mode == "RGB":
        return image
    if image.mode not in {"RGBA", "LA", "PA", "P"}:
        return image.convert("RGB")
    over = image.convert("RGBA")
    canvas = Image.new("RGB", over.size, parse_hex(background))
    canvas.paste(over, mask=over.getchannel("A"))
    return canvas


def luma(rgb: NDArray[np.uint8]) -> Floats:
    """Rec. 709 luma in 0..1 of an (h, w, 3) array."""
    return np.asarray(rgb @ _LUMA / 255.0, dtype=np.float64)


def to_lab(rgb: NDArray[np.uint8] | Floats) -> Floats:
    """CIE Lab of sRGB values in 0..255; shape (..., 3) in and out; L in 0..100."""
    unit = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(first: Floats, second: Floats) -> Floats:
    """CIEDE2000 difference of Lab colours, broadcasting over (..., 3). About 1 is just visible, over 40 another colour.

    Formula and test pairs: Sharma, Wu, Dalal, Color Research and Application 30 (2005).
    """
    (l1, c1, h1), (l2, c2, h2) = _adjusted(first, second)
    mean_c, mean_l = (c1 + c2) / 2, (l1 + l2) / 2
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    # exactly opposite hues: Sharma keeps +180, the modulo gives -180; the sign only matters together with R_T
    turn = np.where(np.isclose(turn, -180.0) & (h2 > h1), 180.0, turn)
    mean_h = np.where(grey, h1 + h2, np.where(np.abs(h1 - h2) <= 180, (h1 + h2) / 2, (h1 + h2 + 360) / 2 % 360))
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * _hue_weight(mean_h)
    rotation = -np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))) * 2 * _chroma_term(mean_c)
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return np.asarray(np.sqrt(np.maximum(light**2 + chroma**2 + hue**2 + rotation * chroma * hue, 0.0)))


def _adjusted(first: Floats, second: Floats) -> tuple[tuple[Floats, Floats, Floats], tuple[Floats, Floats, Floats]]:
    mean_c = (np.hypot(first[..., 1], first[..., 2]) + np.hypot(second[..., 1], second[..., 2])) / 2
    stretch = 1.5 - 0.5 * _chroma_term(mean_c)
    return _polar(first, stretch), _polar(second, stretch)


def _polar(lab: Floats, stretch: Floats) -> tuple[Floats, Floats, Floats]:
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return lab[..., 0], np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _chroma_term(chroma: Floats) -> Floats:
    return np.asarray(np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))


def _hue_weight(hue: Floats) -> Floats:
    return np.asarray(
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
