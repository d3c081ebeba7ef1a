"""From a rough body to a soft outline: alpha at the picture's own size, and edges freed of the ground's colour.
Where the body is, is decided elsewhere."""

import numpy as np
from PIL import Image

from sandbox.painter.raster import Array, blur, resize, smooth
from sandbox.painter.regions import narrowed

NEAR_PX, FAR_PX = 2.5, 9.0  # how far colours are carried from product and ground to the edge between them, on the map
TOLD_APART = (0.05, 0.14)  # from what difference of colour on a pixel's own colour says on which side it lies (0..1)
DEFRINGE_MAP_PX = 400
RIM_PX = 1.6  # how wide a fringe along an outline is, on that map
LIGHTER = (0.02, 0.09)  # how much lighter than the product just inside a fringe is, from not at all to surely (0..1)
LUMA = np.asarray((0.299, 0.587, 0.114), np.float32)


def matte(rgb: Image.Image, small: Array, body: np.ndarray) -> tuple[Image.Image, Image.Image]:
    """(colours freed of the ground's, alpha). `small` is the picture on the map of `body`, (h, w, 3), 0..1."""
    width, height = rgb.size
    inside = _carried(small, narrowed(body, 2))
    outside = _carried(small, narrowed(~body, 2))
    where = _upright(blur(body.astype(np.float32), 1.3), width, height)
    rows, columns = np.nonzero((where > 0.02) & (where < 0.98))
    pixels = np.asarray(rgb, np.float32) / 255
    product = _sampled(inside, rows, columns, width, height)
    ground = _sampled(outside, rows, columns, width, height)
    alpha = smooth(0.45, 0.55, where)
    edge, colours = _mixed(pixels[rows, columns], product, ground, where[rows, columns])
    alpha[rows, columns] = edge
    pixels[rows, columns] = colours
    shown = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(shown), Image.fromarray((alpha * 255 + 0.5).astype(np.uint8))


def _mixed(seen: Array, product: Array, ground: Array, where: Array) -> tuple[Array, Array]:
    """(alpha, colour) of pixels at the outline, each between the product's and the ground's colour next to it."""
    apart = product - ground
    contrast = np.sqrt((apart**2).sum(-1))
    along = ((seen - ground) * apart).sum(-1) / np.maximum(contrast**2, 1e-4)
    trust = smooth(*TOLD_APART, contrast)
    # the product may have any colour, the ground only its own: what is neither is product
    off = np.sqrt((((seen - ground) - along[:, None] * apart) ** 2).sum(-1))
    by_colour = np.maximum(smooth(0.12, 0.88, along), smooth(0.08, 0.20, off))
    by_place = smooth(0.38, 0.66, where)
    alpha = trust * by_colour + (1 - trust) * by_place
    alpha = np.clip(alpha, smooth(0.72, 0.95, where), smooth(0.05, 0.28, where))
    part = alpha[:, None]
    freed = np.clip((seen - (1 - part) * ground) / np.maximum(part, 0.3), 0, 1)
    return alpha.astype(np.float32), (freed * part + product * (1 - part)).astype(np.float32)


def _carried(small: Array, where: np.ndarray) -> Array:
    """The colours of `where`, carried outward."""
    weight = where.astype(np.float32)
    near, far = blur(weight, NEAR_PX), blur(weight, FAR_PX)
    planes = []
    for c in range(3):
        plane = small[..., c] * weight
        wide = blur(plane, FAR_PX) / np.maximum(far, 1e-4)
        planes.append((blur(plane, NEAR_PX) + 0.02 * wide) / (near + 0.02))
    return np.stack(planes, axis=-1)


def _upright(plane: Array, width: int, height: int) -> Array:
    return resize(plane, width, height, Image.Resampling.BILINEAR)


def _sampled(small: Array, rows: np.ndarray, columns: np.ndarray, width: int, height: int) -> Array:
    """The map's pixels under the given ones of the picture."""
    return np.asarray(small[rows * small.shape[0] // height, columns * small.shape[1] // width], np.float32)


def defringed(rgba: Image.Image) -> Image.Image:
    """A cut-out without the thin light line that a light ground leaves along its outline: edge pixels lighter than the
    product just inside take its colour."""
    shrink = min(1.0, DEFRINGE_MAP_PX / max(rgba.size))
    size = max(2, round(rgba.width * shrink)), max(2, round(rgba.height * shrink))
    small = np.asarray(rgba.resize(size, Image.Resampling.BOX), np.float32) / 255
    solid = np.pad(small[..., 3] > 0.97, 1)
    core = narrowed(solid, 2)[1:-1, 1:-1]
    if not core.any():
        return rgba
    weight = blur(core.astype(np.float32), NEAR_PX)
    depth = _upright(blur(small[..., 3], RIM_PX), *rgba.size)
    alpha = np.asarray(rgba.getchannel("A"))
    rows, columns = np.nonzero((alpha > 0) & ((alpha < 250) | (depth < 0.93)))
    inner = np.stack([blur(small[..., c] * core, NEAR_PX) for c in range(3)], axis=-1)
    inner /= np.maximum(weight, 1e-3)[..., None]
    product = _sampled(inner, rows, columns, *rgba.size)
    known = smooth(0.002, 0.02, _sampled(weight[..., None], rows, columns, *rgba.size)[:, 0])
    pixels = np.array(rgba)
    seen = pixels[rows, columns, :3].astype(np.float32) / 255
    pull = (known * smooth(*LIGHTER, (seen - product) @ LUMA))[:, None]
    pixels[rows, columns, :3] = ((seen * (1 - pull) + product * pull) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(pixels)
