"""Real products in a scene: where a cut-out stands, its shadow, its reflection, and how the scene's light tints it.
The product is never bent, redrawn or recoloured beyond that tint."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from sandbox.painter.camera import Camera
from sandbox.painter.cutout import Cutout
from sandbox.painter.dress import mirror
from sandbox.painter.finish import BAND_ROWS
from sandbox.painter.light import Caster, caster_of
from sandbox.painter.plan import Hero, Plan
from sandbox.painter.raster import Array, blur

MAX_SHOWN = 4
MAX_SHADOW_PIECES = 4
LIGHT_MAP_PX = 96
SHADOW_PX = 96.0  # pixels a unit in a silhouette


@dataclass(frozen=True)
class Product:
    """A cut-out with its height in units and the place of its foot."""

    cutout: Cutout
    height: float
    foot: tuple[float, float, float]
    base: float  # half the width of what touches the ground, in units
    tilt: float  # from how far above the photograph looked: depth over width of the base's outline, 0 to about 0.5

    @property
    def width(self) -> float:
        return self.height * self.cutout.ratio


def arrange(cutouts: list[Cutout]) -> list[Product]:
    """The first product in the middle, further ones smaller at its sides and a little behind."""
    found: list[Product] = []
    left, right = 0.0, 0.0
    for number, cutout in enumerate(cutouts[:MAX_SHOWN]):
        height = min(1.0, 1.40 / cutout.ratio) * (1.0 if number == 0 else 0.82)
        half = height * cutout.ratio / 2
        base, tilt = _stance(cutout)
        x, z = 0.0, -0.28 * (number > 0)
        if number == 0:
            left = right = half
        elif number % 2:
            x, right = right + half + 0.10, right + 2 * half + 0.10
        else:
            x, left = -(left + half + 0.10), left + 2 * half + 0.10
        found.append(Product(cutout, height, (x, 0.0, z), base * height, tilt))
    middle = (right - left) / 2
    return [replace(p, foot=(p.foot[0] - middle, 0.0, p.foot[2])) for p in found]


def _stance(cutout: Cutout) -> tuple[float, float]:
    """(half the base's width over the height, tilt), read from the lower outline: a round foot seen from above ends in
    half an ellipse, a flat one in a straight line."""
    rows = 160
    columns = max(8, round(rows * cutout.ratio))
    alpha = np.asarray(cutout.image.getchannel("A").resize((columns, rows), Image.Resampling.BOX)) > 128
    low = np.where(alpha.any(axis=0), np.argmax(alpha[::-1], axis=0), rows).astype(np.float32)
    lowest = float(low.min())
    near = np.nonzero(low < lowest + 0.16 * rows)[0]
    # only the piece that holds the lowest point: a handle or a strap is not the foot
    at = int(np.median(np.nonzero(low <= lowest + 1)[0]))
    start, stop = at, at
    while start - 1 in near:
        start -= 1
    while stop + 1 in near:
        stop += 1
    half = max(2.0, (stop - start + 1) / 2)
    x = (np.arange(start, stop + 1, dtype=np.float32) - (start + stop) / 2) / half
    rise = (low[start : stop + 1] - lowest) / half
    inner = np.abs(x) < 0.8
    shape = 1.0 - np.sqrt(np.clip(1.0 - x[inner] ** 2, 0, 1))
    tilt = float((rise[inner] * shape).sum() / max(float((shape**2).sum()), 1e-3))
    misfit = float(np.abs(rise[inner] - tilt * shape).mean())
    # two lenses or four paws are no round foot
    single = len(near) < 1.25 * (stop - start + 1)
    return half / rows, float(np.clip(tilt, 0.0, 0.45)) if single and misfit < 0.05 else 0.0


def extent(products: list[Product]) -> Hero:
    """The group as one hero."""
    reach = max(abs(p.foot[0]) + p.width / 2 for p in products)
    return Hero(2 * reach, max(p.height for p in products), products[0].tilt)


def lifted(products: list[Product], height: float) -> list[Product]:
    """The group set on something of this height."""
    return [replace(p, foot=(p.foot[0], height, p.foot[2])) for p in products]


def alpha_at(product: Product, px_per_unit: float) -> Array:
    """The silhouette (h, w), 0..1, at a scale."""
    size = max(2, round(product.width * px_per_unit)), max(2, round(product.height * px_per_unit))
    return np.asarray(product.cutout.image.getchannel("A").resize(size, Image.Resampling.BOX), np.float32) / 255


def shadows_of(product: Product) -> list[Caster]:
    """Its shadow: upright pieces side by side, each about as deep as wide, so that a long thing throws a shadow along
    its whole length whatever the light's direction."""
    alpha = alpha_at(product, SHADOW_PX)
    rows = np.nonzero(alpha.max(axis=1) > 0.5)[0]
    alpha = alpha[: rows[-1] + 1] if len(rows) else alpha
    count = int(np.clip(round(product.cutout.ratio * 1.6), 1, MAX_SHADOW_PIECES))
    width = alpha.shape[1]
    overlap = width * 0.06 if count > 1 else 0.0
    found = []
    for k in range(count):
        low, high = int(max(0, width * k / count - overlap)), int(min(width, width * (k + 1) / count + overlap))
        middle = ((low + high) / 2 - width / 2) / SHADOW_PX
        foot = (product.foot[0] + middle, product.foot[1], product.foot[2])
        found.append(caster_of(np.ascontiguousarray(alpha[:, low:high]), SHADOW_PX, foot))
    return found


def footprint(product: Product) -> tuple[float, float, float, float]:
    """(x, z, radius, strength) of the dark under it."""
    return product.foot[0], product.foot[2], max(0.06, product.base) * 1.05, 0.9


def box_px(product: Product, camera: Camera) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) on the camera's raster."""
    scale = camera.scale_at(product.foot[2])
    x, y = camera.to_px(*product.foot)
    # the near edge of a foot lies below its middle; photographs show that edge as the lowest row
    lean = max(0.0, camera.eye - product.foot[1]) / camera.distance
    drop = product.base * min(lean, max(product.tilt, 0.06)) * scale
    return x - product.width * scale / 2, y + drop - product.height * scale, x + product.width * scale / 2, y + drop


def reflect(canvas: Array, product: Product, camera: Camera, gloss: float) -> None:
    """Its reflection in a glossy ground, on the linear canvas, in place."""
    left, top, right, bottom = box_px(product, camera)
    size = max(2, round(right - left)), max(2, round(bottom - top))
    small = np.asarray(product.cutout.image.resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    mirror(
        canvas, small[..., :3] ** 2.2 * 0.8, small[..., 3], round(left), round(top), bottom - 1, gloss, camera.unit_px
    )


def ground(canvas: Array, product: Product, camera: Camera) -> None:
    """The dark line where the product touches what it stands on, and a wider shade round it; linear, in place."""
    left, _, right, bottom = box_px(product, camera)
    unit = camera.scale_at(product.foot[2])
    alpha = alpha_at(product, SHADOW_PX) > 0.5
    gap = np.where(alpha.any(axis=0), np.argmax(alpha[::-1], axis=0), 1e3).astype(np.float32) / SHADOW_PX
    lean = max(0.04, (camera.eye - product.foot[1]) / camera.distance)
    for reach, spread, strength in ((0.020, 0.010 + 0.03 * lean, 0.72), (0.11, 0.03 + 0.16 * lean, 0.42)):
        touch = np.exp(-gap / reach)
        pad = int(unit * spread * 3) + 2
        line = np.interp(np.linspace(0, len(touch) - 1, max(2, round(right - left))), np.arange(len(touch)), touch)
        line = np.pad(line.astype(np.float32), pad)
        line = blur(np.repeat(line[None, :], 3, axis=0), max(0.7, unit * spread * 0.8))[1]
        rows = (np.arange(-pad, pad + 1, dtype=np.float32) + 0.5) / max(0.7, unit * spread)
        shade = 1.0 - strength * np.exp(-0.5 * rows**2)[:, None] * line[None, :]
        _multiply(canvas, shade, round(left) - pad, round(bottom - unit * spread * 0.4) - pad)


def _multiply(canvas: Array, factor: Array, x0: int, y0: int) -> None:
    height, width = factor.shape
    bx0, by0, bx1, by1 = max(0, x0), max(0, y0), min(canvas.shape[1], x0 + width), min(canvas.shape[0], y0 + height)
    if bx0 < bx1 and by0 < by1:
        canvas[by0:by1, bx0:bx1] *= factor[by0 - y0 : by1 - y0, bx0 - x0 : bx1 - x0, None]


def light_map(product: Product, plan: Plan) -> Array:
    """How the scene's light changes the product, (n, n, 3) factors near 1, over its box."""
    light, n = plan.light, LIGHT_MAP_PX
    alpha = np.asarray(product.cutout.image.getchannel("A").resize((n, n), Image.Resampling.BOX), np.float32) / 255
    puff = np.sqrt(np.clip(blur(alpha, n * 0.07) * alpha, 0, 1))
    ny, nx = np.gradient(blur(puff, n * 0.03))
    facing = -(nx * light.toward[0] - ny * light.toward[1]) * n * 0.10
    v, u = np.mgrid[0.5 / n : 1 : n * 1j, 0.5 / n : 1 : n * 1j].astype(np.float32)
    x = product.foot[0] + (u - 0.5) * product.width
    y = product.foot[1] + (1 - v) * product.height
    side = (u - 0.5) * 2 * np.sign(light.toward[0]) * min(1.0, abs(light.toward[0]) * 1.3)
    seen = light.visible(x, y, np.full_like(x, product.foot[2] + 0.06)) * light.key_on(
        x, y, np.full_like(x, product.foot[2])
    )
    shape = np.clip(0.90 + 0.34 * np.tanh(facing * 1.6) + 0.16 * side, 0.3, 1.5)
    front = np.clip(0.55 + 0.65 * light.toward[2], 0.30, 1.0)
    shine = light.ambient + light.key * (0.30 * (1 - seen) * 0.3 + seen * shape * front * 1.08)[..., None]
    level = 0.25 * shine[..., 0] + 0.60 * shine[..., 1] + 0.15 * shine[..., 2]
    grey = np.clip(level, 0.16, 1.25)[..., None]
    tinted = shine / np.maximum(level, 1e-3)[..., None]
    low = 1.0 - 0.20 * np.exp(-(1 - v) * product.height / 0.07)
    factor = (0.40 + 0.60 * grey) * (0.68 + 0.32 * tinted) * low[..., None]
    rim = np.clip(alpha - blur(alpha, n * 0.02) * 1.0, 0, 1) * np.clip(facing + 0.35, 0, 1.4)
    return np.asarray(factor + light.rim * 1.6 * rim[..., None] * light.key, np.float32)


def place(pixels: np.ndarray, product: Product, camera: Camera, plan: Plan) -> None:
    """Lays the product over 8-bit pixels (h, w, 3), in place, at the pixels' own resolution and in bands."""
    left, top, right, bottom = box_px(product, camera)
    width, height = max(2, round(right - left)), max(2, round(bottom - top))
    x0, y0 = round(left), round(bottom) - height
    sprite = product.cutout.image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    factors = light_map(product, plan)
    for start in range(0, height, BAND_ROWS):
        stop = min(height, start + BAND_ROWS)
        band = np.asarray(sprite.crop((0, start, width, stop)), np.float32) / 255
        box = (0.0, start * LIGHT_MAP_PX / height, float(LIGHT_MAP_PX), stop * LIGHT_MAP_PX / height)
        tint = _scaled(factors, box, width, stop - start)
        shown = np.clip(band[..., :3] ** 2.2 * tint, 0, 4)
        shown = np.where(shown > 0.8, 0.8 + 0.2 * (1 - np.exp(-(shown - 0.8) / 0.2)), shown) ** (1 / 2.2)
        _blend(pixels, shown, band[..., 3], x0, y0 + start)


def _scaled(factors: Array, box: tuple[float, float, float, float], width: int, height: int) -> Array:
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(factors[..., c])).resize(
                (width, height), Image.Resampling.BILINEAR, box=box
            )
        )
        for c in range(3)
    ]
    return np.stack(planes, axis=-1)


def _blend(pixels: np.ndarray, rgb: Array, alpha: Array, x0: int, y0: int) -> None:
    height, width = alpha.shape
    bx0, by0, bx1, by1 = max(0, x0), max(0, y0), min(pixels.shape[1], x0 + width), min(pixels.shape[0], y0 + height)
    if bx0 >= bx1 or by0 >= by1:
        return
    cut = (slice(by0 - y0, by1 - y0), slice(bx0 - x0, bx1 - x0))
    region = pixels[by0:by1, bx0:bx1]
    a = alpha[cut][..., None]
    region[:] = (region * (1 - a) + np.clip(rgb[cut], 0, 1) * 255 * a + 0.5).astype(np.uint8)


def upright(products: list[Product], camera: Camera) -> tuple[float, float, float, float]:
    """The box of the whole group on a raster."""
    boxes = np.array([box_px(p, camera) for p in products])
    return float(boxes[:, 0].min()), float(boxes[:, 1].min()), float(boxes[:, 2].max()), float(boxes[:, 3].max())
