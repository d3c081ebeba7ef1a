"""Drawing on a sheet: typefaces, text that fits, pills, ticks, bars. Sizes are points of the page; SCALE makes pixels.

Lives here: how marks look. Not here: what a contact sheet says and where (sheet.py). The typeface is Inter (OFL 1.1, a
subset for Latin, Greek and Cyrillic in data/), so a sheet looks the same on every machine.
"""

import io
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom
SCALE: Final = 2
_SMOOTH: Final = 4  # shapes are drawn this much larger and shrunk: ImageDraw has no anti-aliasing
_ELLIPSIS: Final = "…"
_LOST: Final = "?"
_DECORATION: Final = {"So", "Sk", "Mn", "Me", "Cf", "Co", "Cn"}
"""Kinds of characters whose loss changes no word: emoji with their modifiers and joiners, marks that join letters."""
_FACES: Final = {False: "Inter-Regular.otf", True: "Inter-SemiBold.otf"}

INK, MUTED, FAINT, RULE = "#1d1f23", "#5c626b", "#8b919a", "#dfe2e6"
PAPER, MAT = "#ffffff", "#f2f3f4"
GREEN, GREY, RED, AMBER = "#12805c", "#6b7280", "#b42318", "#b45309"


@cache
def font(size_pt: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    face = files("imaging") / "data" / _FACES[bold]
    # basic layout: Raqm is not in every build of Pillow, and a sheet must not depend on it
    return ImageFont.truetype(io.BytesIO(face.read_bytes()), size_pt * SCALE, layout_engine=ImageFont.Layout.BASIC)


@cache
def _glyph(letter: str) -> bytes:
    return bytes(font(12).getmask(letter))


def printable(text: str) -> str:
    """The text in letters that the typeface has: Latin, Greek, Cyrillic; "?" for other scripts, nothing for emoji."""
    return " ".join("".join(_known(letter) for letter in text).split())


def spells(text: str) -> bool:
    """Whether `printable` leaves something of a text, and every letter and digit of it."""
    words = (letter for letter in text if unicodedata.category(letter)[0] in "LN")
    return bool(printable(text)) and all(_known(letter) != _LOST for letter in words)


def _known(letter: str) -> str:
    missing = _glyph("\U0010fffd")
    if letter.isspace() or _glyph(letter) != missing:
        return letter
    plain = "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one))
    if plain and all(_glyph(one) != missing for one in plain):
        return plain
    return "" if unicodedata.category(letter) in _DECORATION else _LOST


def width_pt(text: str, size_pt: int, *, bold: bool = False) -> float:
    return font(size_pt, bold).getlength(text) / SCALE


def fit(text: str, size_pt: int, room_pt: float, *, bold: bool = False) -> str:
    """The text, its end replaced by an ellipsis when it is too long for the room."""
    if width_pt(text, size_pt, bold=bold) <= room_pt:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width_pt(text[:middle].rstrip() + _ELLIPSIS, size_pt, bold=bold) <= room_pt
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip(" ,.;:") + _ELLIPSIS


def wrap(text: str, size_pt: int, room_pt: float, lines: int, *, bold: bool = False) -> list[str]:
    """At most `lines` lines broken at spaces; the last one ends in an ellipsis when something is left over."""
    words = printable(text).split(" ") if text.strip() else []
    out: list[str] = []
    while words and len(out) < lines:
        count = 1
        while count < len(words) and width_pt(" ".join(words[: count + 1]), size_pt, bold=bold) <= room_pt:
            count += 1
        last = len(out) == lines - 1
        out.append(fit(" ".join(words if last else words[:count]), size_pt, room_pt, bold=bold))
        words = words[count:]
    return out


def write(
    draw: ImageDraw.ImageDraw, at_pt: Point, text: str, size_pt: int, fill: str = INK, **style: str | bool
) -> None:
    """Text, its baseline at at_pt. style: bold=True; anchor="ls" (left, the default), "rs" (right), "ms" (middle)."""
    xy = round(at_pt[0] * SCALE), round(at_pt[1] * SCALE)
    face = font(size_pt, bool(style.get("bold")))
    draw.text(xy, text, font=face, fill=fill, anchor=str(style.get("anchor", "ls")))


def rounded(page: Image.Image, box_pt: Box, radius_pt: float, fill: str) -> None:
    """A filled rectangle with round corners."""
    left, top, right, bottom = (round(side * SCALE) for side in box_pt)
    shape = Image.new("L", ((right - left) * _SMOOTH, (bottom - top) * _SMOOTH), 0)
    radius = round(radius_pt * SCALE * _SMOOTH)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, shape.width - 1, shape.height - 1), radius, fill=255)
    page.paste(fill, (left, top), shape.resize((right - left, bottom - top), Image.Resampling.BOX))


def rectangle(page: Image.Image, box_pt: Box, *, fill: str | None = None, outline: str | None = None) -> None:
    left, top, right, bottom = (round(side * SCALE) for side in box_pt)
    ImageDraw.Draw(page).rectangle((left, top, right - 1, bottom - 1), fill=fill, outline=outline, width=SCALE)


def frame(page: Image.Image, box_pt: Box, width_pt_: float, fill: str) -> None:
    """A hollow rectangle drawn outside of the box."""
    draw = ImageDraw.Draw(page)
    left, top, right, bottom = (round(side * SCALE) for side in box_pt)
    width = round(width_pt_ * SCALE)
    draw.rectangle((left - width, top - width, right + width - 1, bottom + width - 1), outline=fill, width=width)


def tick(page: Image.Image, centre_pt: Point, radius_pt: float, fill: str) -> None:
    """A white tick on a disc with a white rim."""
    _sign(page, centre_pt, radius_pt, fill, ((-0.46, 0.04), (-0.12, 0.38), (0.48, -0.32)))


def cross(page: Image.Image, centre_pt: Point, radius_pt: float, fill: str) -> None:
    """A white cross on a disc with a white rim."""
    _sign(page, centre_pt, radius_pt, fill, ((-0.36, -0.36), (0.36, 0.36)), ((-0.36, 0.36), (0.36, -0.36)))


def _sign(
    page: Image.Image,
    centre_pt: Point,
    radius_pt: float,
    fill: str,
    *strokes: tuple[Point, ...],
) -> None:
    unit = radius_pt * SCALE * _SMOOTH
    side = round(2.4 * unit)
    middle = side / 2
    sign = Image.new("RGBA", (side, side), (255, 255, 255, 0))
    draw = ImageDraw.Draw(sign)
    draw.ellipse((0, 0, side - 1, side - 1), fill="#ffffff")
    draw.ellipse((middle - unit, middle - unit, middle + unit, middle + unit), fill=fill)
    pen = round(unit * 0.24)
    for stroke in strokes:
        points = [(middle + x * unit, middle + y * unit) for x, y in stroke]
        draw.line(points, fill="#ffffff", width=pen, joint="curve")
        for x, y in points:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill="#ffffff")
    small = sign.resize((side // _SMOOTH, side // _SMOOTH), Image.Resampling.BOX)
    at = round(centre_pt[0] * SCALE - small.width / 2), round(centre_pt[1] * SCALE - small.height / 2)
    page.paste(small, at, small)


def pill(page: Image.Image, right_top_pt: Point, text: str, fill: str) -> None:
    """White words on a coloured pill whose right top corner is given."""
    right, top = right_top_pt
    width = width_pt(text, 11, bold=True) + 16
    rounded(page, (right - width, top, right, top + 20), 10, fill)
    write(ImageDraw.Draw(page), (right - width / 2, top + 14), text, 11, "#ffffff", bold=True, anchor="ms")


def bar(page: Image.Image, box_pt: Box, share: float, fill: str) -> None:
    """A score bar: a faint track, filled from the left."""
    left, top, right, bottom = box_pt
    radius = (bottom - top) / 2
    rounded(page, box_pt, radius, RULE)
    reach = left + max(bottom - top, (right - left) * min(max(share, 0.0), 1.0))
    rounded(page, (left, top, reach, bottom), radius, fill)
