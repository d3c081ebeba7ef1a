"""Checks of finished bytes against what a placement's channel asks: the reasons that block publication.

Lives here: rules of a channel (read from data/channels.yaml) and the checks. Not here: making renditions, publishing,
and deciding what to do about a blocked one. A check looks at the bytes that would be published, not at what made them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from PIL import Image

from domain.errors import ImageError, InputError
from imaging.decode import PILLOW_HARD_LIMIT_PIXELS, Decoded, DecodeLimits, decode
from imaging.provenance import SOURCE_TYPES, read_source_type

_CHANNELS_FILE: Final = Path(__file__).parent / "data" / "channels.yaml"
_EXTENSION_FORMATS: Final = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "webp": "webp", "avif": "avif"}
_CHECK_MAX_BYTES: Final = 64 * 1024 * 1024
_RATIO_TOLERANCE: Final = 0.01
_NEARLY_WHITE: Final = 250
_ABOUT_THE_RULES: Final = {"source", "dated", "note"}


@dataclass(frozen=True, slots=True)
class PublicationRules:
    """What a channel asks. None means that it does not ask.

    ratio is width over height. min_fill: the longer edge of the product's box over that edge of the frame, on white.
    white_background: every border pixel is exactly 255, 255, 255. marked_as_generated: XMP must name the source type.
    """

    formats: tuple[str, ...] = ("jpeg", "webp", "avif", "png")
    min_width_px: int | None = None
    min_height_px: int | None = None
    min_long_edge_px: int | None = None
    max_long_edge_px: int | None = None
    max_pixels: int | None = None
    max_bytes: int | None = None
    ratio: float | None = None
    min_fill: float | None = None
    white_background: bool = False
    marked_as_generated: bool = False


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason against publication: a stable word and a sentence with the numbers."""

    reason: str
    message: str


def publication_blockers(data: bytes, file_name: str, rules: PublicationRules) -> list[Blocker]:
    """All reasons that block publishing these bytes under that name; empty when there are none. Raises nothing."""
    limits = DecodeLimits(max_bytes=_CHECK_MAX_BYTES, max_pixels=PILLOW_HARD_LIMIT_PIXELS // 2)
    try:
        decoded = decode(data, limits)
    except ImageError as error:
        return [Blocker(error.reason, str(error))]
    found = [*_name_and_format(decoded, file_name, rules), *_size(decoded, rules), *_weight(data, rules)]
    return [*found, *_ground(decoded.image, rules), *_marking(data, rules)]


def channel_rules(name: str) -> PublicationRules:
    """The rules of a channel in data/channels.yaml; InputError names the channels that there are."""
    table = _channels()
    if name not in table:
        raise InputError(f"no channel {name!r}", where=_CHANNELS_FILE.name, hint=f"There are {', '.join(table)}.")
    return table[name]


def channel_names() -> tuple[str, ...]:
    return tuple(_channels())


@cache
def _channels() -> dict[str, PublicationRules]:
    raw: dict[str, dict[str, Any]] = yaml.safe_load(_CHANNELS_FILE.read_text(encoding="utf-8"))
    return {name: _parsed(name, entry) for name, entry in raw.items()}


def _parsed(name: str, entry: dict[str, Any]) -> PublicationRules:
    known = {field.name for field in fields(PublicationRules)}
    unknown = set(entry) - known - _ABOUT_THE_RULES
    if unknown:
        raise InputError(f"unknown fields {', '.join(sorted(unknown))}", where=f"{_CHANNELS_FILE.name}: {name}")
    rules: dict[str, Any] = {
        key: tuple(value) if key == "formats" else value for key, value in entry.items() if key in known
    }
    return PublicationRules(**rules)


def _name_and_format(decoded: Decoded, file_name: str, rules: PublicationRules) -> Iterator[Blocker]:
    actual = decoded.media_type.removeprefix("image/")
    extension = file_name.rsplit(".", 1)[-1].lower() if "." in file_name else ""
    if _EXTENSION_FORMATS.get(extension) != actual:
        yield Blocker("wrong-extension", f"{file_name} holds {actual}, its name says {extension or 'nothing'}")
    if actual not in rules.formats:
        yield Blocker("format-not-taken", f"{actual} is not taken; {', '.join(rules.formats)} are")


def _size(decoded: Decoded, rules: PublicationRules) -> Iterator[Blocker]:
    width, height = decoded.width_px, decoded.height_px
    size, long_edge = f"{width} x {height} px", max(width, height)
    if width < (rules.min_width_px or 0) or height < (rules.min_height_px or 0):
        yield Blocker("too-small", f"{size}; at least {rules.min_width_px or 1} x {rules.min_height_px or 1} are asked")
    elif long_edge < (rules.min_long_edge_px or 0):
        yield Blocker("too-small", f"{size}; the long edge must have {rules.min_long_edge_px} px")
    if rules.max_long_edge_px is not None and long_edge > rules.max_long_edge_px:
        yield Blocker("too-large", f"{size}; the long edge may have {rules.max_long_edge_px} px")
    if rules.max_pixels is not None and width * height > rules.max_pixels:
        yield Blocker("too-large", f"{size} is more than {rules.max_pixels / 1e6:g} megapixels")
    if rules.ratio is not None and abs(width / height / rules.ratio - 1.0) > _RATIO_TOLERANCE:
        yield Blocker("wrong-ratio", f"{size} has the ratio {width / height:.3f}; {rules.ratio:g} is asked")


def _weight(data: bytes, rules: PublicationRules) -> Iterator[Blocker]:
    if rules.max_bytes is not None and len(data) > rules.max_bytes:
        yield Blocker("too-heavy", f"{len(data)} bytes; at most {rules.max_bytes} are taken")


def _ground(image: Image.Image, rules: PublicationRules) -> Iterator[Blocker]:
    if rules.white_background and image.mode == "RGBA":
        yield Blocker("background-transparent", "the background is transparent; pure white is asked")
        return
    pixels = np.asarray(image.convert("RGB"))
    if rules.white_background:
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        off = int((border != 255).any(axis=-1).sum())
        if off:
            darkest = int(border.min())
            yield Blocker(
                "background-not-white", f"{off} of {len(border)} border pixels are not 255 (down to {darkest})"
            )
    if rules.min_fill is not None and (fill := _fill(pixels)) < rules.min_fill:
        yield Blocker("product-too-small", f"the product fills {fill:.0%} of the frame; {rules.min_fill:.0%} are asked")


def _fill(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    """Longest of the product's box edges over the frame's same edge; the product is what is not nearly white."""
    inked = (pixels < _NEARLY_WHITE).any(axis=-1)
    shares = [0.0]
    for places in np.nonzero(inked):
        if places.size:
            frame_px = inked.shape[len(shares) - 1]
            shares.append(float(places.max() - places.min() + 1) / frame_px)
    return max(shares)


def _marking(data: bytes, rules: PublicationRules) -> Iterator[Blocker]:
    if rules.marked_as_generated and read_source_type(data) not in SOURCE_TYPES:
        yield Blocker("not-marked", "no DigitalSourceType says that the picture was generated")
