"""The contact sheet of a brief's drafts, made to be shown to a customer, and thumbnails for pages.

Lives here: what the sheet says and where. Not here: how marks are drawn (ink.py), which drafts are selects.
Geometry is in points; a point is ink.SCALE pixels. The same cells give the same bytes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from PIL import Image, ImageDraw

from domain.errors import InputError
from imaging import ink
from imaging.colour import flatten, srgb_profile
from imaging.decode import decode

Badge = Literal["", "select", "near-duplicate", "rejected", "in doubt"]
COLUMNS: Final = 4
MAX_CELLS: Final = 64
THUMBNAIL_EDGE_PX: Final = 240
THUMBNAIL_MAX_BYTES: Final = 10_000
_MARGIN, _GAP_X, _GAP_Y = 44.0, 24.0, 26.0
_CELL_WIDTH: Final = {1: 520.0, 2: 400.0, 3: 330.0}
_CELL_WIDTH_MANY: Final = 272.0
_TALLEST: Final = 1.30  # a portrait draft is shown up to this height over width; higher ones are fitted in
_LOWEST: Final = 0.56
_CAPTION_LINES, _NOTE_LINES = 2, 2
_LINE_PT: Final = 15.0
_BADGE_INK: Final[dict[str, str]] = {
    "select": ink.GREEN,
    "near-duplicate": ink.GREY,
    "rejected": ink.RED,
    "in doubt": ink.AMBER,
}
_BADGE_MEANS: Final = {
    "select": "Select: goes on to the final",
    "near-duplicate": "Near-duplicate, set aside",
    "rejected": "Rejected",
    "in doubt": "In doubt: sent, outcome unknown",
}
_DIM: Final = {"near-duplicate": 0.35, "rejected": 0.55}


@dataclass(frozen=True, slots=True)
class Cell:
    """One draft. image: file bytes, a picture, or None when there is none to show; score 0..1 or None."""

    label: str
    image: bytes | Image.Image | None
    caption: str = ""
    score: float | None = None
    badge: Badge = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    cell: Cell
    picture: Image.Image | None
    caption: list[str]
    note: list[str]


def contact_sheet(
    cells: Sequence[Cell], *, title: str, subtitle: str, run_id: str, made_at: datetime, columns: int = COLUMNS
) -> bytes:
    """PNG bytes. title: the brief's name; subtitle: ladder, model and price in words; made_at: an aware time.

    Raises InputError for no cells, more than MAX_CELLS or a naive time, ImageError for bytes that are no image.
    """
    if not 1 <= len(cells) <= MAX_CELLS:
        raise InputError(f"a contact sheet shows 1 to {MAX_CELLS} drafts, not {len(cells)}")
    if made_at.tzinfo is None:
        raise InputError("a contact sheet's time needs a time zone")
    across = min(columns, len(cells))
    width = _CELL_WIDTH.get(across, _CELL_WIDTH_MANY)
    rows = [[_placed(cell, width) for cell in cells[at : at + across]] for at in range(0, len(cells), across)]
    page_width = 2 * _MARGIN + across * width + (across - 1) * _GAP_X
    heading = ink.wrap(title, 26, page_width - 2 * _MARGIN, 2, bold=True)
    legend = _legend_rows(cells, page_width - 2 * _MARGIN)
    top = 92.0 + 32.0 * len(heading)
    height = top + sum(_row_height(row, width) + _GAP_Y for row in rows) + 66.0 + 18.0 * len(legend)
    page = Image.new("RGB", (round(page_width * ink.SCALE), round(height * ink.SCALE)), ink.PAPER)
    _draw_header(page, heading, subtitle, cells, page_width)
    for row in rows:
        _draw_row(page, row, top, width)
        top += _row_height(row, width) + _GAP_Y
    _draw_footer(page, top, legend, (f"Run {run_id}", f"{made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"))
    return _png(page)


def thumbnail(image: Image.Image, edge_px: int = THUMBNAIL_EDGE_PX, max_bytes: int = THUMBNAIL_MAX_BYTES) -> bytes:
    """JPEG bytes with the long edge at most edge_px, small enough for a data address (quality falls until it fits)."""
    little = flatten(image).copy()
    little.thumbnail((edge_px, edge_px), Image.Resampling.LANCZOS)
    data = b""
    for quality in (82, 74, 66, 56, 46, 36):
        out = io.BytesIO()
        little.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        data = out.getvalue()
        if len(data) <= max_bytes:
            break
    return data


def _placed(cell: Cell, width: float) -> _Placed:
    picture = decode(cell.image).image if isinstance(cell.image, bytes) else cell.image
    caption = ink.wrap(cell.caption, 12, width, _CAPTION_LINES)
    return _Placed(cell, picture, caption, ink.wrap(cell.note[:1].upper() + cell.note[1:], 11, width, _NOTE_LINES))


def _tile_height(row: Sequence[_Placed], width: float) -> float:
    ratios = [placed.picture.height / placed.picture.width for placed in row if placed.picture is not None]
    return width * min(max([*ratios, _LOWEST]), _TALLEST) if ratios else width * 0.75


def _row_height(row: Sequence[_Placed], width: float) -> float:
    text = max(len(placed.caption) + len(placed.note) for placed in row)
    return _tile_height(row, width) + 40.0 + text * _LINE_PT


def _draw_header(
    page: Image.Image, heading: list[str], subtitle: str, cells: Sequence[Cell], page_width: float
) -> None:
    draw = ImageDraw.Draw(page)
    room = page_width - 2 * _MARGIN
    ink.write(draw, (_MARGIN, 46), "C O N T A C T   S H E E T", 9, ink.FAINT, bold=True)
    ink.write(draw, (page_width - _MARGIN, 46), _summary(cells), 11, ink.MUTED, anchor="rs")
    for number, line in enumerate(heading):
        ink.write(draw, (_MARGIN, 78 + 32 * number), line, 26, bold=True)
    below = 78.0 + 32 * (len(heading) - 1)
    ink.write(draw, (_MARGIN, below + 24), ink.fit(ink.printable(subtitle), 13, room), 13, ink.MUTED)


def _summary(cells: Sequence[Cell]) -> str:
    parts = [f"{len(cells)} draft" if len(cells) == 1 else f"{len(cells)} drafts"]
    selects = sum(cell.badge == "select" for cell in cells)
    if selects:
        parts.append(f"{selects} select" if selects == 1 else f"{selects} selects")
    return ", ".join(parts)


def _draw_row(page: Image.Image, row: Sequence[_Placed], top: float, width: float) -> None:
    height = _tile_height(row, width)
    for column, placed in enumerate(row):
        left = _MARGIN + column * (width + _GAP_X)
        _draw_tile(page, placed, (left, top, left + width, top + height))
        _draw_words(page, placed, left, top + height, width)


def _draw_tile(page: Image.Image, placed: _Placed, box: ink.Box) -> None:
    _, top, right, _ = box
    ink.rectangle(page, box, fill=ink.MAT)
    if placed.picture is None:
        _draw_nothing(page, placed, box)
    else:
        _paste_fitted(page, placed.picture, box, _DIM.get(placed.cell.badge, 0.0))
    if placed.cell.badge == "select":
        ink.frame(page, box, 4, ink.GREEN)
        ink.tick(page, (right - 4, top + 4), 14, ink.GREEN)
    elif placed.cell.badge == "rejected":
        ink.cross(page, (right - 4, top + 4), 11, ink.RED)
    elif placed.cell.badge:
        ink.pill(page, (right - 8, top + 8), placed.cell.badge.capitalize(), _BADGE_INK[placed.cell.badge])


def _paste_fitted(page: Image.Image, picture: Image.Image, box: ink.Box, dim: float) -> None:
    left, top, right, bottom = (round(side * ink.SCALE) for side in box)
    scale = min((right - left) / picture.width, (bottom - top) / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    shown = flatten(picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0), ink.MAT)
    if dim:
        shown = Image.blend(shown, Image.new("RGB", size, ink.PAPER), dim)
    page.paste(shown, (left + (right - left - size[0]) // 2, top + (bottom - top - size[1]) // 2))


def _draw_nothing(page: Image.Image, placed: _Placed, box: ink.Box) -> None:
    left, top, right, bottom = box
    draw = ImageDraw.Draw(page)
    words = "No image received yet" if placed.cell.badge == "in doubt" else "No image"
    ink.write(draw, ((left + right) / 2, (top + bottom) / 2 + 4), words, 13, ink.FAINT, anchor="ms")
    ink.rectangle(page, box, outline=ink.RULE)


def _draw_words(page: Image.Image, placed: _Placed, left: float, top: float, width: float) -> None:
    draw, cell = ImageDraw.Draw(page), placed.cell
    ink.write(draw, (left, top + 24), ink.fit(ink.printable(cell.label), 15, 60, bold=True), 15, bold=True)
    if cell.score is not None:
        fill = ink.GREEN if cell.badge == "select" else ink.MUTED
        ink.write(draw, (left + width, top + 23), f"{cell.score:.2f}", 12, ink.INK, anchor="rs")
        ink.bar(page, (left + 48, top + 16.5, left + width - 34, top + 21.5), cell.score, fill)
    line = top + 44.0
    for text in placed.caption:
        ink.write(draw, (left, line), text, 12, ink.INK)
        line += _LINE_PT
    for text in placed.note:
        ink.write(draw, (left, line), text, 11, ink.MUTED)
        line += _LINE_PT


def _legend_rows(cells: Sequence[Cell], room: float) -> list[list[tuple[str, str]]]:
    """(colour, words) of what is on this sheet, broken into rows that fit."""
    entries = [(_BADGE_INK[name], words) for name, words in _BADGE_MEANS.items() if any(c.badge == name for c in cells)]
    if any(cell.score is not None for cell in cells):
        entries.append((ink.MUTED, "Bar: machine score, 0 to 1"))
    rows: list[list[tuple[str, str]]] = []
    used = room
    for entry in entries:
        need = ink.width_pt(entry[1], 11) + 38
        if used + need > room:
            rows.append([])
            used = 0.0
        rows[-1].append(entry)
        used += need
    return rows


def _draw_footer(page: Image.Image, top: float, legend: list[list[tuple[str, str]]], signed: tuple[str, str]) -> None:
    """signed: the run's words on the left, the time on the right."""
    draw, page_width = ImageDraw.Draw(page), page.width / ink.SCALE
    ink.rectangle(page, (_MARGIN, top, page_width - _MARGIN, top + 1), fill=ink.RULE)
    line = top + 24
    for row in legend:
        left = _MARGIN
        for fill, words in row:
            ink.rounded(page, (left, line - 9, left + 10, line + 1), 3, fill)
            ink.write(draw, (left + 16, line), words, 11, ink.MUTED)
            left += ink.width_pt(words, 11) + 38
        line += 18
    run, when = signed
    room = page_width - 2 * _MARGIN - ink.width_pt(when, 11) - 24
    ink.write(draw, (_MARGIN, line + 4), ink.fit(ink.printable(run), 11, room), 11, ink.FAINT)
    ink.write(draw, (page_width - _MARGIN, line + 4), when, 11, ink.FAINT, anchor="rs")


def _png(page: Image.Image) -> bytes:
    out = io.BytesIO()
    page.save(out, "PNG", compress_level=6, icc_profile=srgb_profile(), dpi=(144, 144))
    return out.getvalue()
