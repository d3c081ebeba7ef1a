"""References: safe decoding, telling product from full-frame picture, cutting the product out. No scene here."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sandbox.painter.flat_ground import exact_alpha
from sandbox.painter.matte import defringed, matte
from sandbox.painter.outline import body_on, in_shadow
from sandbox.painter.raster import Array, blur, resize
from sandbox.painter.regions import grow
from sandbox.painter.request import MAX_REFERENCE_PX, BadReference

FORMATS = ("JPEG", "PNG", "WEBP")
MAP_PX = 256  # side of the map on which the outline is decided
PLAIN_RESIDUE = 0.030  # how far a border may stray from a smooth gradient and still be plain (0..1)
MATTE_MAX_PX = 1300  # longest side on which an outline is worked out
MIN_COVER, MAX_COVER = 0.004, 0.93
OUTLINE_PX = 480  # longest side of the map on which a body is told from its shadow
OUTER_ROOM_PX, INNER_ROOM_PX = 30, 8  # on that map: ground left round product and shadow, and round the product
DETACHED_SHADOW = 0.75  # alpha under which a region apart from the body is a painted-in shadow


@dataclass(frozen=True)
class Cutout:
    """A product without its ground: RGBA, cropped to what is visible."""

    image: Image.Image

    @property
    def ratio(self) -> float:
        """Width over height."""
        return self.image.width / self.image.height


def decode(data: bytes, index: int) -> Image.Image:
    """One reference as RGB or RGBA. Raises BadReference(index)."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_REFERENCE_PX:
                raise BadReference(index, f"more than {MAX_REFERENCE_PX} pixels")
            opened.load()
            image = ImageOps.exif_transpose(opened)
            has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            return image.convert("RGBA" if has_alpha else "RGB")
    except BadReference:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise BadReference(index) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadReference(index, f"more than {MAX_REFERENCE_PX} pixels") from error


def cut(image: Image.Image, limit_px: int) -> Cutout | None:
    """The product of a cut-out or of a picture with a plain ground; None when the picture is a full frame.
    limit_px: the longest side that will ever be shown, so that nothing larger is worked on."""
    if image.mode == "RGBA" and _transparent_share(image) > 0.02:
        return _trim(image, _alpha_of(image), limit_px)
    rgb = image.convert("RGB")
    if (exact := exact_alpha(rgb)) is not None:
        return _trim(rgb, exact, limit_px)
    found = _from_ground(rgb)
    return None if found is None else _cut_from_ground(rgb, found, limit_px)


def _transparent_share(image: Image.Image) -> float:
    small = np.asarray(image.getchannel("A").resize((64, 64), Image.Resampling.BOX))
    return float((small < 128).mean())


def _alpha_of(image: Image.Image) -> Image.Image:
    """The alpha channel without shadows that were painted into it apart from the body."""
    alpha = image.getchannel("A")
    small = np.asarray(alpha.resize((MAP_PX, MAP_PX), Image.Resampling.BOX), np.float32) / 255
    solid = small > DETACHED_SHADOW
    if not solid.any():
        return alpha
    keep = grow(solid, small > 0.04, rounds=3)
    mask = Image.fromarray(
        (np.clip(resize(blur(keep.astype(np.float32), 0.7), *alpha.size) * 2.2, 0, 1) * 255).astype(np.uint8)
    )
    black = Image.new("L", alpha.size, 0)
    return Image.composite(alpha, black, mask)


def _from_ground(rgb: Image.Image) -> Array | None:
    """The ground behind a product, fitted to a small map's border; None when that border is not plain."""
    small = np.asarray(rgb.resize((MAP_PX, MAP_PX), Image.Resampling.BOX), np.float32) / 255
    edge = np.zeros((MAP_PX, MAP_PX), bool)
    edge[:5], edge[-5:], edge[:, :5], edge[:, -5:] = True, True, True, True
    ground = _gradient(small, edge)
    distance = _distance(small, ground)
    # once more without what is not ground: a product or a shadow that runs out of the frame
    calm = edge & (distance < max(0.03, float(np.quantile(distance[edge], 0.70))))
    ground = _gradient(small, calm)
    distance = _distance(small, ground)
    shadow = in_shadow(small, ground, (small / np.maximum(ground, 0.05)).mean(axis=-1))
    plain = distance[edge] < PLAIN_RESIDUE
    if plain.mean() < 0.60 or (plain | shadow[edge]).mean() < 0.94 or small[calm].std(axis=0).max() > 0.09:
        return None
    return ground


def _distance(pixels: Array, ground: Array) -> Array:
    off = pixels - ground
    return np.asarray(np.sqrt(off[..., 0] ** 2 + off[..., 1] ** 2 + off[..., 2] ** 2), np.float32)


def _gradient(small: Array, where: np.ndarray) -> Array:
    """The smooth ground that fits the pixels `where`: a quadratic for each colour."""
    y, x = np.mgrid[-1 : 1 : MAP_PX * 1j, -1 : 1 : MAP_PX * 1j].astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    fit, *_ = np.linalg.lstsq(basis[where], small[where], rcond=None)
    return np.asarray(basis @ fit.astype(np.float32), np.float32)


def _cut_from_ground(rgb: Image.Image, fitted: Array, limit_px: int) -> Cutout | None:
    """Finds the body on a small map, then its soft outline on the part of the picture that holds it."""
    longest = max(rgb.size)
    width, height = (max(8, round(side * min(1.0, OUTLINE_PX / longest))) for side in rgb.size)
    small = np.asarray(rgb.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    ground = resize(fitted, width, height, Image.Resampling.BILINEAR)
    part = _box(_distance(small, ground) > PLAIN_RESIDUE, OUTER_ROOM_PX)
    body = np.zeros((height, width), bool)
    body[part] = body_on(small[part], ground[part])
    if not MIN_COVER < float(body.mean()) < MAX_COVER:
        return None
    part = _box(body, INNER_ROOM_PX)
    shrink = min(1.0, MATTE_MAX_PX / longest)
    left, right = (column * rgb.width / width for column in (part[1].start, part[1].stop))
    top, bottom = (row * rgb.height / height for row in (part[0].start, part[0].stop))
    work = rgb.resize(
        (max(1, round((right - left) * shrink)), max(1, round((bottom - top) * shrink))),
        Image.Resampling.LANCZOS if shrink < 1 else Image.Resampling.BILINEAR,
        box=(left, top, right, bottom),
    )
    return _trim(*matte(work, small[part], body[part]), limit_px)


def _box(mask: np.ndarray, room_px: int) -> tuple[slice, slice]:
    """(rows, columns) that hold what is true, with some room; everything when nothing is."""
    spans = []
    for axis, side in ((1, mask.shape[0]), (0, mask.shape[1])):
        some = np.nonzero(mask.any(axis=axis))[0]
        first, last = (int(some[0]), int(some[-1])) if len(some) else (0, side - 1)
        spans.append(slice(max(0, first - room_px), min(side, last + room_px + 1)))
    return spans[0], spans[1]


def _trim(image: Image.Image, alpha: Image.Image, limit_px: int) -> Cutout | None:
    box = alpha.point(lambda v: 255 if v > 60 else 0).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 4:
        return None
    rgba = image.convert("RGB").crop(box)
    shape = alpha.crop(box)
    longest = max(rgba.size)
    if longest > limit_px:
        size = max(1, round(rgba.width * limit_px / longest)), max(1, round(rgba.height * limit_px / longest))
        # scaling colours by their alpha keeps the ground's colour out of the edge
        rgba, shape = _scale_clean(rgba, shape, size)
    merged = rgba.convert("RGBA")
    merged.putalpha(shape)
    return Cutout(defringed(merged))


def _scale_clean(rgb: Image.Image, alpha: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    whole = rgb.convert("RGBA")
    whole.putalpha(alpha)
    small = whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return small.convert("RGB"), small.getchannel("A")
