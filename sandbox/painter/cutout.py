"""References: safe decoding, telling product from full-frame picture, cutting the product out. No scene here."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sandbox.painter.flat_ground import exact_alpha
from sandbox.painter.raster import Array, blur, resize, smooth
from sandbox.painter.regions import grow
from sandbox.painter.request import MAX_REFERENCE_PX, BadReference

FORMATS = ("JPEG", "PNG", "WEBP")
MAP_PX = 256  # side of the map on which the outline is decided
PLAIN_RESIDUE = 0.030  # how far a border may stray from a smooth gradient and still be plain (0..1)
MATTE_MAX_PX = 1300  # longest side on which an outline is worked out
MIN_COVER, MAX_COVER = 0.004, 0.93
SHADOW_SLOPE = 0.030  # how steep a shadow may be, per pixel of the map; an outline is steeper
SHADOW_HUE = 0.040  # how far a shadow may be from its ground in hue (0..1)
DETACHED_SHADOW = 0.75  # alpha under which a region apart from the body is a painted-in shadow


@dataclass(frozen=True)
class Cutout:
    """A product without its ground: RGBA, cropped to what is visible."""

    image: Image.Image

    @property
    def ratio(self) -> float:
        """Width over height."""
        return self.image.width / self.image.height


@dataclass(frozen=True)
class _Ground:
    """On a map of MAP_PX squared: the ground's colour, each pixel's distance from it, and where it lies in shadow."""

    colour: Array
    distance: Array
    shadow: np.ndarray


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


def _from_ground(rgb: Image.Image) -> "_Ground | None":
    """The ground behind a product, fitted to a small map's border; None when that border is not plain."""
    small = np.asarray(rgb.resize((MAP_PX, MAP_PX), Image.Resampling.BOX), np.float32) / 255
    edge = np.zeros((MAP_PX, MAP_PX), bool)
    edge[:5], edge[-5:], edge[:, :5], edge[:, -5:] = True, True, True, True
    ground = _gradient(small, edge)
    distance = np.sqrt(((small - ground) ** 2).sum(-1))
    # once more without what is not ground: a product or a shadow that runs out of the frame
    calm = edge & (distance < max(0.03, float(np.quantile(distance[edge], 0.70))))
    ground = _gradient(small, calm)
    distance = np.sqrt(((small - ground) ** 2).sum(-1))
    shadow = _in_shadow(small, ground)
    plain = distance[edge] < PLAIN_RESIDUE
    if plain.mean() < 0.60 or (plain | shadow[edge]).mean() < 0.94 or small[calm].std(axis=0).max() > 0.09:
        return None
    return _Ground(ground, np.asarray(distance, np.float32), shadow)


def _in_shadow(pixels: Array, ground: Array) -> np.ndarray:
    """Where a pixel is the ground, darker, in the same hue."""
    # channel by channel: sums over a short last axis are slow
    red, green, blue = (pixels[..., c] for c in range(3))
    r0, g0, b0 = (ground[..., c] for c in range(3))
    share = (red + green + blue) / np.maximum(r0 + g0 + b0, 0.05)
    near = np.abs(red - r0 * share) < SHADOW_HUE
    near &= (np.abs(green - g0 * share) < SHADOW_HUE) & (np.abs(blue - b0 * share) < SHADOW_HUE)
    return np.asarray(near & (share < 1.0) & (share > 0.30))


def _gradient(small: Array, where: np.ndarray) -> Array:
    """The smooth ground that fits the pixels `where`: a quadratic for each colour."""
    y, x = np.mgrid[-1 : 1 : MAP_PX * 1j, -1 : 1 : MAP_PX * 1j].astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    fit, *_ = np.linalg.lstsq(basis[where], small[where], rcond=None)
    return np.asarray(basis @ fit.astype(np.float32), np.float32)


def _cut_from_ground(rgb: Image.Image, ground: "_Ground", limit_px: int) -> Cutout | None:
    """Floods the ground in from the border, then mixes a soft outline from how far each pixel is from the ground."""
    border = np.zeros(ground.distance.shape, bool)
    border[0], border[-1], border[:, 0], border[:, -1] = True, True, True, True
    # a soft shadow on the ground is dark but smooth: let the flood pass where the picture changes slowly
    slope = np.hypot(*np.gradient(blur(ground.distance, 0.6)))
    passable = (ground.distance < 0.030) | (ground.shadow & (slope < SHADOW_SLOPE))
    body = ~grow(border, passable)
    # a product of another hue than the ground cannot be taken for its shadow, so all of that may go
    coloured = bool(body.any()) and float(ground.shadow[body].mean()) < 0.40
    if coloured:
        body = ~grow(border, (ground.distance < 0.030) | ground.shadow)
    if not MIN_COVER < float(body.mean()) < MAX_COVER:
        return None
    body = grow(_core(body), body)
    work = rgb
    if max(rgb.size) > MATTE_MAX_PX:
        work = rgb.copy()
        work.thumbnail((MATTE_MAX_PX, MATTE_MAX_PX), Image.Resampling.LANCZOS)
    clean, alpha = _matte(*_around(work, ground, body), coloured)
    return _trim(clean, alpha, limit_px)


def _around(rgb: Image.Image, ground: "_Ground", body: np.ndarray) -> tuple[Image.Image, "_Ground", np.ndarray]:
    """Picture, ground and body cut down to the body and a little room, so that the rest costs nothing."""
    rows, columns = np.nonzero(body.any(axis=1))[0], np.nonzero(body.any(axis=0))[0]
    r0, r1 = max(0, int(rows[0]) - 6), min(MAP_PX, int(rows[-1]) + 7)
    c0, c1 = max(0, int(columns[0]) - 6), min(MAP_PX, int(columns[-1]) + 7)
    sx, sy = rgb.width / MAP_PX, rgb.height / MAP_PX
    part = rgb.resize(
        (max(1, round((c1 - c0) * sx)), max(1, round((r1 - r0) * sy))),
        Image.Resampling.BILINEAR,
        box=(c0 * sx, r0 * sy, c1 * sx, r1 * sy),
    )
    where = (slice(r0, r1), slice(c0, c1))
    return part, _Ground(ground.colour[where], ground.distance[where], ground.shadow[where]), body[where]


def _matte(rgb: Image.Image, ground: "_Ground", body: np.ndarray, coloured: bool) -> tuple[Image.Image, Image.Image]:
    """(colours freed of the ground's, alpha) at the picture's own size."""
    size = rgb.size
    pixels = np.asarray(rgb, np.float32) / 255
    behind = resize(ground.colour, *size, how=Image.Resampling.BILINEAR)
    off = pixels - behind
    away = np.asarray(np.sqrt(off[..., 0] ** 2 + off[..., 1] ** 2 + off[..., 2] ** 2), np.float32)
    shaded = _in_shadow(pixels, behind)
    alpha = _by_hue(ground, body, away, shaded) if coloured else _by_edge(body, away, shaded)
    freed = (pixels - (1 - alpha[..., None]) * behind) / np.maximum(alpha[..., None], 0.2)
    shown = (np.clip(freed, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(shown), Image.fromarray((alpha * 255 + 0.5).astype(np.uint8))


def _by_hue(ground: "_Ground", body: np.ndarray, away: Array, shaded: np.ndarray) -> Array:
    """Alpha of a product whose hue is not the ground's: how far a pixel is from ground to product."""
    size = (away.shape[1], away.shape[0])
    core = _shrunk(_shrunk(body))
    weight = blur(core.astype(np.float32), 4.0)
    inner = blur(ground.distance * core, 4.0) / np.maximum(weight, 1e-3)
    wide = ~_shrunk(~body)
    solid = smooth(0.35, 0.65, resize(core.astype(np.float32), *size, how=Image.Resampling.BILINEAR))
    near = smooth(0.25, 0.75, resize(wide.astype(np.float32), *size, how=Image.Resampling.BILINEAR))
    depth = np.maximum(resize(inner, *size, how=Image.Resampling.BILINEAR) * 0.75, 0.06)
    edge = np.clip((away - 0.025) / (depth - 0.025), 0, 1) * ~shaded
    return np.asarray(np.maximum(solid, edge * near), np.float32)


def _by_edge(body: np.ndarray, away: Array, shaded: np.ndarray) -> Array:
    """Alpha of a white or grey product on white or grey: the flood goes on at full size, up to the outline."""
    scale = away.shape[1] / body.shape[1]
    coarse = resize(body.astype(np.float32), away.shape[1], away.shape[0], Image.Resampling.BILINEAR)
    inside = _shrunk(_shrunk(_shrunk(body))).astype(np.float32)
    inside = resize(inside, away.shape[1], away.shape[0], Image.Resampling.BILINEAR)
    slope = np.hypot(*np.gradient(blur(away, 0.8)))
    steep = max(0.012, SHADOW_SLOPE / scale)
    passable = ((away < 0.030) | (shaded & (slope < steep))) & (inside < 0.5)
    outside = grow(coarse < 0.5, passable | (coarse < 0.5), rounds=int(6 * scale))
    # a majority vote takes off crumbs and fills nicks
    whole = blur((~outside).astype(np.float32), 2.2) > 0.5
    return smooth(0.60, 0.99, blur(whole.astype(np.float32), 1.0))


def _shrunk(body: np.ndarray) -> np.ndarray:
    """One step of erosion."""
    inner = body.copy()
    inner[1:] &= body[:-1]
    inner[:-1] &= body[1:]
    inner[:, 1:] &= body[:, :-1]
    inner[:, :-1] &= body[:, 1:]
    return inner


def _core(body: np.ndarray) -> np.ndarray:
    """The body without specks: what survives a small erosion."""
    eroded = _shrunk(_shrunk(body))
    return eroded if eroded.any() else body


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
    return Cutout(merged)


def _scale_clean(rgb: Image.Image, alpha: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    whole = rgb.convert("RGBA")
    whole.putalpha(alpha)
    small = whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return small.convert("RGB"), small.getchannel("A")
