"""Renditions: one master in, the same content in another size and format out, byte for byte repeatable.

Lives here: recipes, cropping, scaling, encoding. Not here: which placement wants which recipe, publication checks
(checks.py), storage. The bytes of a rendition depend on master, recipe, XMP and encoder versions and on nothing else.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from PIL import Image, PngImagePlugin, features
from PIL import __version__ as pillow_version

from domain.errors import ImageError, InputError
from imaging.colour import flatten, parse_hex, srgb_profile

Format = Literal["jpeg", "webp", "avif", "png"]
Fit = Literal["cover", "contain", "inside", "exact"]
# from the most accepted to the smallest: the order in which a placement that leaves the choice to us is served
DEFAULT_FORMATS: Final[tuple[Format, ...]] = ("jpeg", "webp", "avif")
# about equal to the eye; sizes and times in facts/publish.md section 4
DEFAULT_QUALITY: Final[Mapping[str, int]] = {"jpeg": 85, "webp": 82, "avif": 60, "png": 100}
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "png": "image/png",
}
EXTENSIONS: Final[Mapping[str, str]] = {"jpeg": "jpg", "webp": "webp", "avif": "avif", "png": "png"}
MAX_EDGE_PX: Final = 10_000
# of the largest placement that a brief may have: what is refused here is refused after everything was paid
MAX_PIXELS: Final = 8192 * 8192
_WEBP_METHOD: Final = 4
_AVIF_SPEED: Final = 8
_SAME_SHAPE: Final = 0.01  # "exact" bears this much difference of proportions
_LEVEL_GAP: Final = 2.0  # a halved level is used while it is still at least this much larger than the result


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make one rendition.

    fit: cover = fill and crop around `focus`; contain = whole picture, padded with `background`; inside = whole
    picture, no padding, so one edge may be shorter; exact = the master has this shape already, nothing is cut.
    quality: 1..100, or None for the format's default. background: #rrggbb, or None to keep transparency (not in JPEG).
    focus: (left, top, right, bottom) of the subject as shares of the master, or None for the middle.
    """

    width_px: int
    height_px: int
    format: Format = "jpeg"
    quality: int | None = None
    fit: Fit = "cover"
    background: str | None = "#ffffff"
    focus: tuple[float, float, float, float] | None = None
    allow_enlarge: bool = False

    def __post_init__(self) -> None:
        if not (1 <= self.width_px <= MAX_EDGE_PX and 1 <= self.height_px <= MAX_EDGE_PX):
            raise InputError(f"a rendition's edges lie in 1..{MAX_EDGE_PX} px, not {self.width_px} x {self.height_px}")
        if self.width_px * self.height_px > MAX_PIXELS:
            raise InputError(f"a rendition has at most {MAX_PIXELS} pixels")
        if self.format not in MEDIA_TYPES or self.fit not in ("cover", "contain", "inside", "exact"):
            raise InputError(f"no such format or fit: {self.format}, {self.fit}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise InputError(f"quality lies in 1..100, not {self.quality}")
        if self.background is None and self.format == "jpeg":
            raise InputError("JPEG has no transparency", hint="Give the recipe a background colour.")
        if self.background is not None:
            parse_hex(self.background)
        if self.focus is not None and not _is_box(self.focus):
            raise InputError(f"focus is a box in shares of the master, 0..1, not {self.focus}")

    @property
    def settled_quality(self) -> int:
        return DEFAULT_QUALITY[self.format] if self.quality is None else self.quality

    @property
    def digest(self) -> str:
        """sha256 of the recipe in canonical JSON; equal recipes, however written, have equal digests."""
        facts = asdict(self) | {"quality": self.settled_quality}
        if self.background is not None:
            facts["background"] = list(parse_hex(self.background))
        return hashlib.sha256(_canonical(facts)).hexdigest()


@dataclass(frozen=True, slots=True)
class Rendition:
    """Finished bytes. encoder_versions names what made them; sha256 is that of `data`."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int
    recipe_digest: str
    encoder_versions: Mapping[str, str]
    sha256: str


def render(master: Image.Image, recipe: Recipe, *, xmp: bytes | None = None) -> Rendition:
    """One rendition of an RGB or RGBA sRGB master, as decode() gives it.

    Raises ImageError "would-enlarge" (the master has too few pixels) or "wrong-shape" (fit exact).
    """
    return _render(_Levels(master), recipe, xmp)


def render_all(master: Image.Image, recipes: Sequence[Recipe], *, xmp: bytes | None = None) -> list[Rendition]:
    """The recipes' renditions in their order; the bytes of each are those that render() gives.

    Sizes are not chained: a rendition made from the next larger one would change with the company it is made in.
    What is shared are the master's halvings, which depend on the master alone.
    """
    levels = _Levels(master)
    return [_render(levels, recipe, xmp) for recipe in recipes]


def encoder_versions(format_name: Format) -> dict[str, str]:
    """Versions of Pillow and of the format's encoder: part of the key of the work (AVIF bytes follow libavif)."""
    library = {"jpeg": "libjpeg_turbo", "webp": "webp", "avif": "avif", "png": "zlib_ng"}[format_name]
    version = features.version(library) or (features.version("zlib") if format_name == "png" else None)
    return {"pillow": pillow_version, library: version or "unknown"}


def work_key(master_sha256: str, recipe: Recipe, xmp: bytes | None = None) -> str:
    """sha256 that names this piece of work before it is done: same key, same bytes."""
    facts = {
        "master": master_sha256,
        "recipe": recipe.digest,
        "encoders": encoder_versions(recipe.format),
        "xmp": hashlib.sha256(xmp).hexdigest() if xmp else "",
    }
    return hashlib.sha256(_canonical(facts)).hexdigest()


class _Levels:
    """A master and its halvings, each made once and when first needed."""

    def __init__(self, master: Image.Image) -> None:
        if master.mode not in {"RGB", "RGBA"}:
            raise InputError(f"a master is RGB or RGBA, not {master.mode}", hint="Use imaging.decode.")
        self._levels = [master]
        self.size = master.size

    def at(self, halvings: int) -> Image.Image:
        while len(self._levels) <= halvings:
            self._levels.append(self._levels[-1].reduce(2))
        return self._levels[halvings]


def _render(levels: _Levels, recipe: Recipe, xmp: bytes | None) -> Rendition:
    box, size = _plan(levels.size, recipe)
    picture = _scaled(levels, box, size)
    if recipe.background is not None:
        picture = flatten(picture, recipe.background)
    if recipe.fit == "contain" and size != (recipe.width_px, recipe.height_px):
        picture = _padded(picture, recipe)
    data = _encode(picture, recipe, xmp)
    media_type, versions = MEDIA_TYPES[recipe.format], encoder_versions(recipe.format)
    return Rendition(data, media_type, *picture.size, recipe.digest, versions, hashlib.sha256(data).hexdigest())


def _plan(master: tuple[int, int], recipe: Recipe) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """(the part of the master that is used, in its pixels; the size it is scaled to)."""
    width, height = master
    across, down = recipe.width_px / width, recipe.height_px / height
    whole = (0.0, 0.0, float(width), float(height))
    asked = recipe.width_px, recipe.height_px
    scale = max(across, down) if recipe.fit in {"cover", "exact"} else min(across, down)
    if scale > 1.0 and not recipe.allow_enlarge:
        have, want = f"{width} x {height}", f"{asked[0]} x {asked[1]}"
        raise ImageError("would-enlarge", f"the master has {have} px, {want} were asked for; upscale it first")
    if recipe.fit == "exact":
        if abs(across / down - 1.0) > _SAME_SHAPE:
            raise ImageError("wrong-shape", f"{width} x {height} has not the shape of {asked[0]} x {asked[1]}")
        return whole, asked
    if recipe.fit == "cover":
        return _crop(master, (asked[0] / scale, asked[1] / scale), recipe.focus), asked
    return whole, (max(1, round(width * scale)), max(1, round(height * scale)))


def _crop(
    master: tuple[int, int], part: tuple[float, float], focus: tuple[float, float, float, float] | None
) -> tuple[float, float, float, float]:
    """A part of that size around the focus box's centre, moved inside the master."""
    left, top, right, bottom = focus or (0.0, 0.0, 1.0, 1.0)
    x = min(max((left + right) / 2 * master[0] - part[0] / 2, 0.0), max(0.0, master[0] - part[0]))
    y = min(max((top + bottom) / 2 * master[1] - part[1] / 2, 0.0), max(0.0, master[1] - part[1]))
    return x, y, min(x + part[0], float(master[0])), min(y + part[1], float(master[1]))


def _scaled(levels: _Levels, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image.Image:
    """Lanczos from the deepest halving that is still _LEVEL_GAP times larger: two to four times cheaper, same look."""
    ratio = min((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1])
    halvings = 0
    while ratio / 2 ** (halvings + 1) >= _LEVEL_GAP:
        halvings += 1
    level, unit = levels.at(halvings), 2**halvings
    if halvings == 0 and size == levels.size and box == (0.0, 0.0, *map(float, size)):
        return level.copy()
    left, top, right, bottom = (side / unit for side in box)
    inside = left, top, min(right, level.width), min(bottom, level.height)
    return level.resize(size, Image.Resampling.LANCZOS, box=inside)


def _padded(picture: Image.Image, recipe: Recipe) -> Image.Image:
    ground = (0, 0, 0, 0) if recipe.background is None else parse_hex(recipe.background)
    mode = "RGBA" if recipe.background is None else "RGB"
    canvas = Image.new(mode, (recipe.width_px, recipe.height_px), ground)
    at = (recipe.width_px - picture.width) // 2, (recipe.height_px - picture.height) // 2
    canvas.paste(picture, at)
    return canvas


def _encode(picture: Image.Image, recipe: Recipe, xmp: bytes | None) -> bytes:
    out = io.BytesIO()
    picture.save(out, recipe.format.upper(), icc_profile=srgb_profile(), **_options(recipe, xmp))
    return out.getvalue()


def _options(recipe: Recipe, xmp: bytes | None) -> dict[str, Any]:
    quality = recipe.settled_quality
    marked: dict[str, Any] = {"xmp": xmp} if xmp else {}
    if recipe.format == "jpeg":
        return {"quality": quality, "progressive": True, "optimize": True, "subsampling": "4:2:0", **marked}
    if recipe.format == "webp":
        return {"quality": quality, "method": _WEBP_METHOD, "exact": False, **marked}
    if recipe.format == "avif":
        # one thread and no automatic tiles: both change the bytes
        fixed = {"codec": "aom", "range": "full", "subsampling": "4:2:0", "max_threads": 1, "autotiling": False}
        return {"quality": quality, "speed": _AVIF_SPEED, **fixed, **marked}
    return {"compress_level": 6, **_png_text(xmp)}


def _png_text(xmp: bytes | None) -> dict[str, Any]:
    """Pillow's PNG writer ignores xmp= silently; XMP goes into an iTXt chunk of this name (XMP part 3)."""
    if not xmp:
        return {}
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8"))
    return {"pnginfo": info}


def _is_box(box: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box
    return 0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
