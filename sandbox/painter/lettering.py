"""Lettering: the words a prompt asks for, and the SANDBOX mark (drawing, finding and lifting it)."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sandbox.painter import colours, glyphs
from sandbox.painter.raster import Array, blur

MARK = "SANDBOX"
MARK_STRENGTH = 0.42
MARK_FOUND = 0.30  # correlation with the mark's shape from which it counts as present


def _font(size_px: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=max(6.0, size_px))
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _spaced_width(text: str, font: ImageFont.FreeTypeFont, gap: float) -> float:
    letters = glyphs.letters(text)
    return sum(glyphs.width(letter, font) for letter in letters) + gap * max(0, len(letters) - 1)


def _draw_spaced(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, font: ImageFont.FreeTypeFont, gap: float
) -> None:
    x = at[0]
    for letter in glyphs.letters(text):
        glyphs.draw_letter(draw, (x, at[1]), letter, font)
        x += glyphs.width(letter, font) + gap


def mark_mask(width: int, height: int) -> tuple[Array, int, int]:
    """The mark's coverage (h, w) and where its upper left corner lies in a picture of this size."""
    size = float(np.clip(min(width, height) * 0.0165, 6.0, 40.0))
    size = min(size, width / 11)
    font, gap = _font(size), size * 0.22
    text_w = _spaced_width(MARK, font, gap)
    box_w, box_h = int(text_w) + 4, int(size * 1.5) + 2
    image = Image.new("L", (box_w, box_h), 0)
    _draw_spaced(ImageDraw.Draw(image), (2, 1), MARK, font, gap)
    margin = max(2, round(min(width, height) * 0.022))
    return np.asarray(image, np.float32) / 255, max(0, width - box_w - margin), max(0, height - box_h - margin)


def add_mark(pixels: np.ndarray) -> None:
    """Sets the mark into 8-bit pixels (h, w, 3), in place: light on dark, dark on light."""
    mask, x, y = mark_mask(pixels.shape[1], pixels.shape[0])
    region = pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
    cover = mask[: region.shape[0], : region.shape[1], None] * MARK_STRENGTH
    ink = 255.0 if float(region.mean()) < 150 else 20.0
    region[:] = np.clip(region * (1 - cover) + ink * cover + 0.5, 0, 255).astype(np.uint8)


def _mark_fit(pixels: np.ndarray) -> tuple[float, Array, tuple[slice, slice]]:
    """(signed correlation, mask, region) of the mark at its place."""
    mask, x, y = mark_mask(pixels.shape[1], pixels.shape[0])
    where = (slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1]))
    patch = pixels[where].astype(np.float32).mean(axis=-1)
    mask = mask[: patch.shape[0], : patch.shape[1]]
    high, shape = patch - blur(patch, 4.0), mask - blur(mask, 4.0)
    norm = float(np.sqrt((high**2).sum() * (shape**2).sum())) + 1e-6
    return float((high * shape).sum()) / norm, mask, where


def has_mark(pixels: np.ndarray) -> bool:
    """Whether the picture (h, w, 3) carries the mark at its place."""
    return abs(_mark_fit(pixels)[0]) > MARK_FOUND


def lift_mark(pixels: np.ndarray) -> None:
    """Takes the mark off again, in place: the blend is undone, what remains of it smoothed."""
    fit, mask, where = _mark_fit(pixels)
    if abs(fit) <= MARK_FOUND:
        return
    ink = 255.0 if fit > 0 else 20.0
    region = pixels[where].astype(np.float32)
    cover = mask[..., None] * MARK_STRENGTH
    clean = np.clip((region - ink * cover) / (1 - cover), 0, 255)
    weight = np.clip(blur(mask, 1.0) * 2.5, 0, 1)[..., None]
    calm = blur(clean, 3.0)
    pixels[where] = np.clip(clean * (1 - weight) + calm * weight + 0.5, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Block:
    """Lettering laid out: its coverage (h, w)."""

    mask: Array

    @property
    def size(self) -> tuple[int, int]:
        return self.mask.shape[1], self.mask.shape[0]


def set_block(text: str, max_width: float, max_height: float, centred: bool) -> Block:
    """Letters spaced and broken into at most three lines, as large as fits."""
    words = text.split()
    best: tuple[float, list[str]] = (0.0, [text])
    for lines in _breaks(words):
        reference = _font(100.0)
        widest = max(_spaced_width(line, reference, 16.0) for line in lines)
        size = min(max_width / widest * 100.0, max_height / (1.28 * len(lines)))
        if size > best[0] * 1.12:
            best = (size, lines)
    size, lines = best
    font, gap = _font(size), size * 0.16
    widths = [_spaced_width(line, font, gap) for line in lines]
    image = Image.new("L", (int(max(widths)) + 4, int(size * 1.28 * len(lines)) + 4), 0)
    draw = ImageDraw.Draw(image)
    for i, (line, wide) in enumerate(zip(lines, widths, strict=True)):
        _draw_spaced(draw, ((max(widths) - wide) / 2 if centred else 0.0, i * size * 1.28), line, font, gap)
    return Block(np.asarray(image, np.float32) / 255)


def _breaks(words: list[str]) -> list[list[str]]:
    options = [[" ".join(words)]]
    for i in range(1, len(words)):
        options.append([" ".join(words[:i]), " ".join(words[i:])])
        for j in range(i + 1, len(words)):
            options.append([" ".join(words[:i]), " ".join(words[i:j]), " ".join(words[j:])])
    return options[:60]


def add_text(
    pixels: np.ndarray, text: str, hero: tuple[float, float, float, float], palette: tuple[colours.Rgb, ...]
) -> None:
    """Sets the words where there is room beside or above the hero (left, top, right, bottom in px), in place."""
    height, width = pixels.shape[:2]
    pad = min(width, height) * 0.07
    left, top, right, _ = hero
    spaces = [  # (room, x0, y0, width, height, centred)
        (left - 2 * pad, pad, height * 0.16, left - 2 * pad, height * 0.42, False),
        (width - right - 2 * pad, right + pad, height * 0.16, width - right - 2 * pad, height * 0.42, False),
        ((top - 1.6 * pad) * 2.4, pad, pad, width - 2 * pad, max(8.0, top - 1.6 * pad), True),
    ]
    _, x0, y0, room_w, room_h, centred = max(spaces, key=lambda s: s[0])
    block = set_block(
        text, max(24.0, min(room_w, width * 0.74)), max(8.0, min(room_h, height * 0.16, width * 0.14)), centred
    )
    wide, high = block.size
    x = int(np.clip(x0 + (room_w - wide) / 2 if centred else x0, 0, max(0, width - wide)))
    y = int(np.clip(y0 + (room_h - high) / 2 * centred, 0, max(0, height - high)))
    region = pixels[y : y + high, x : x + wide]
    mask = block.mask[: region.shape[0], : region.shape[1], None]
    dark = float(region.mean()) > 135
    deepest, palest = min(palette, key=colours.luma), max(palette, key=colours.luma)
    ink = (
        colours.mix(deepest, (0.07, 0.06, 0.06), 0.35 + 0.45 * colours.luma(deepest))
        if dark
        else colours.mix(palest, (1.0, 1.0, 1.0), 0.6)
    )
    tone = np.asarray(ink, np.float32) * 255
    region[:] = np.clip(region * (1 - mask * 0.94) + tone * mask * 0.94 + 0.5, 0, 255).astype(np.uint8)
