"""Letters that Pillow's built-in font does not have: accents drawn over plain ones, and bars for other scripts.

The font holds ASCII and little more, and shows a crossed box for everything else. Lines are laid out in lettering.py.
"""

import math
import unicodedata
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont
Draw = ImageDraw.ImageDraw

PROBE_PX = 40
STROKE, MARK_HIGH, MARK_GAP, MARK_HALF = 0.075, 0.13, 0.06, 0.12  # in sizes of the font
BAR_WIDE, BAR_HIGH = 0.78, 0.44
INK = 255
# Written with letters that there are, where that is how one writes it without the letter.
SPELLED = {"ß": "ss", "ẞ": "SS", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Þ": "Th", "þ": "th", "„": ",,", "‚": ","}
STRUCK = {"Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "€": "C", "ı": "i"}
TURNED = {"¿": "?", "¡": "!"}
DASHES = {"–": 0.62, "—": 0.9, "−": 0.6, "‑": 0.35}
BELOW = "\u0327\u0328\u0326\u0323"


def letters(text: str) -> list[str]:
    """One item a letter, accents with what they stand on, and nothing that the font would show as a box."""
    found: list[str] = []
    for char in unicodedata.normalize("NFC", text):
        if unicodedata.combining(char) and found:
            found[-1] += char
        else:
            found += list(SPELLED.get(char, char)) if not has_glyph(char) else [char]
    return found


def width(letter: str, font: Font) -> float:
    if letter in DASHES and not has_glyph(letter):
        return DASHES[letter] * font.size
    base = _base(letter)
    return font.getlength(base) if base else BAR_WIDE * font.size


def draw_letter(draw: Draw, at: tuple[float, float], letter: str, font: Font) -> None:
    """Draws one of `letters` with its upper left corner at `at`, as ImageDraw.text does."""
    if has_glyph(letter):
        draw.text(at, letter, font=font, fill=INK)
    elif letter in DASHES:
        _bar(draw, at, font, DASHES[letter], 0.08)
    elif letter in TURNED:
        _turned(draw, at, TURNED[letter], font)
    elif base := _base(letter):
        draw.text(at, base, font=font, fill=INK)
        _add_strokes(draw, at, letter, base, font)
    elif not letter.isspace():
        _bar(draw, at, font, BAR_WIDE, BAR_HIGH)


@cache
def has_glyph(letter: str) -> bool:
    """Whether the font shows this very letter: what it lacks it shows as a crossed box."""
    return len(letter) == 1 and _shape(letter) != _shape("\uffff")


def _shape(letter: str) -> tuple[tuple[int, int], bytes]:
    font = ImageFont.load_default(size=PROBE_PX)
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _base(letter: str) -> str:
    """The plain letter under accents or a stroke; empty where the font has none."""
    base = unicodedata.normalize("NFD", letter)[:1] if letter not in STRUCK | TURNED else (STRUCK | TURNED)[letter]
    base = STRUCK.get(base, base)
    return base if has_glyph(base) else ""


def _marks(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[1:]


def _add_strokes(draw: Draw, at: tuple[float, float], letter: str, base: str, font: Font) -> None:
    """Accents above and below, and the stroke through a letter."""
    left, top, right, bottom = _ink_box(at, base, font)
    if letter[0] in STRUCK:
        _strike(draw, (left, top, right, bottom), letter[0], font.size)
    above = [mark for mark in _marks(letter) if mark not in BELOW]
    if base in "ij" and (above or letter == "ı"):
        # the accent, if any, takes the dot's place
        top = _ink_box(at, "x", font)[1]
        draw.rectangle((left - 1, at[1], right + 1, top - 1), fill=0)
    middle, level = (left + right) / 2, top - MARK_GAP * font.size
    for mark in above:
        if mark in _ABOVE:
            _ABOVE[mark](draw, middle, level, font.size)
            level -= (MARK_HIGH + MARK_GAP) * font.size
    if set(_marks(letter)) & set(BELOW):
        hook = ((0.0, 0.0), (0.02, 0.07), (-0.07, 0.15))
        _line(draw, [(middle + u * font.size, bottom + v * font.size) for u, v in hook], font.size)


def _ink_box(at: tuple[float, float], letter: str, font: Font) -> tuple[float, float, float, float]:
    left, top, right, bottom = font.getbbox(letter)
    return at[0] + left, at[1] + top, at[0] + right, at[1] + bottom


def _strike(draw: Draw, box: tuple[float, float, float, float], letter: str, size: float) -> None:
    left, top, right, bottom = box
    middle, reach = (top + bottom) / 2, 0.04 * size
    if letter in "Øø":
        _line(draw, [(left - reach, bottom + reach), (right + reach, top - reach)], size)
    elif letter in "Łł":
        _line(draw, [(left - 2 * reach, middle + 2 * reach), (left + 5 * reach, middle - 2 * reach)], size)
    elif letter == "đ":
        _line(draw, [(right - 7 * reach, top + 3 * reach), (right + 2 * reach, top + 3 * reach)], size)
    else:
        for shift in (-1.6 * reach, 1.6 * reach) if letter == "€" else (0.0,):
            _line(draw, [(left - 2 * reach, middle + shift), (left + 8 * reach, middle + shift)], size)


def _line(draw: Draw, points: list[tuple[float, float]], size: float) -> None:
    draw.line(points, fill=INK, width=max(1, round(STROKE * size)), joint="curve")


def _dots(draw: Draw, xs: tuple[float, ...], y: float, size: float) -> None:
    radius = max(0.7, 0.055 * size)
    for x in xs:
        draw.ellipse((x - radius, y - 2 * radius, x + radius, y), fill=INK)


def _strokes(*lines: tuple[tuple[float, float], ...]) -> Callable[[Draw, float, float, float], None]:
    """A mark of straight lines: points in (-1..1 across, 0..1 upwards)."""

    def paint(draw: Draw, x: float, y: float, size: float) -> None:
        for points in lines:
            _line(draw, [(x + u * MARK_HALF * size, y - v * MARK_HIGH * size) for u, v in points], size)

    return paint


def _wave(height: Callable[[float], float]) -> tuple[tuple[float, float], ...]:
    return tuple((k / 6 - 1, height(k / 12)) for k in range(13))


_ABOVE: dict[str, Callable[[Draw, float, float, float], None]] = {
    "\u0300": _strokes(((-0.6, 1), (0.5, 0))),
    "\u0301": _strokes(((-0.5, 0), (0.6, 1))),
    "\u0302": _strokes(((-1, 0), (0, 1), (1, 0))),
    "\u030c": _strokes(((-1, 1), (0, 0), (1, 1))),
    "\u0303": _strokes(_wave(lambda t: 0.5 + 0.4 * math.sin(2 * math.pi * t))),
    "\u0304": _strokes(((-1, 0.4), (1, 0.4))),
    "\u0306": _strokes(_wave(lambda t: 1 - math.sin(math.pi * t))),
    "\u030b": _strokes(((-1, 0), (-0.1, 1)), ((0.1, 0), (1, 1))),
    "\u0307": lambda draw, x, y, size: _dots(draw, (x,), y, size),
    "\u0308": lambda draw, x, y, size: _dots(draw, (x - 0.11 * size, x + 0.11 * size), y, size),
    "\u030a": lambda draw, x, y, size: draw.ellipse(
        (x - 0.085 * size, y - 0.15 * size, x + 0.085 * size, y + 0.02 * size),
        outline=INK,
        width=max(1, round(0.05 * size)),
    ),
}


def _bar(draw: Draw, at: tuple[float, float], font: Font, wide: float, high: float) -> None:
    """A bar at half the height of capitals: a dash, or what designers set where they have no type for a script."""
    _, top, _, bottom = _ink_box(at, "H", font)
    middle, half = (top + bottom) / 2, high * font.size / 2
    box = (at[0] + 0.04 * font.size, middle - half, at[0] + (wide - 0.04) * font.size, middle + half)
    draw.rounded_rectangle(box, radius=min(half, 0.12 * font.size), fill=INK)


def _turned(draw: Draw, at: tuple[float, float], base: str, font: Font) -> None:
    """A letter upside down, its foot where its head would be."""
    left, top, right, bottom = (round(v) for v in font.getbbox(base))
    glyph = Image.new("L", (max(1, right - left), max(1, bottom - top)), 0)
    ImageDraw.Draw(glyph).text((-left, -top), base, font=font, fill=INK)
    place = (round(at[0]) + left, round(at[1] + top + 0.14 * font.size))
    draw.bitmap(place, glyph.transpose(Image.Transpose.ROTATE_180), fill=INK)
