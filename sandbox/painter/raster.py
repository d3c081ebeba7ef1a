"""Small array tools: seeded noise, blur, sampling, smooth steps. Knows nothing of scenes."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.floating[Any]]  # float32 in memory; numpy widens some expressions


def rng_of(*parts: object) -> np.random.Generator:
    """A generator that depends on the parts alone, equal in every process."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def smooth(low: float, high: float, value: Array) -> Array:
    """Hermite step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def resize(plane: Array, width: int, height: int, how: Image.Resampling = Image.Resampling.BICUBIC) -> Array:
    """A float picture (h, w) or (h, w, c) at another size."""
    if plane.ndim == 3:
        return np.stack([resize(plane[..., c], width, height, how) for c in range(plane.shape[2])], axis=-1)
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize((width, height), how), np.float32)


def _kernel(sigma: float) -> Array:
    reach = max(1, int(np.ceil(sigma * 2.6)))
    x = np.arange(-reach, reach + 1, dtype=np.float32)
    k = np.exp(-0.5 * (x / sigma) ** 2)
    return np.asarray(k / k.sum(), np.float32)


def _convolve(plane: Array, kernel: Array, axis: int) -> Array:
    reach = len(kernel) // 2
    pad = [(0, 0)] * plane.ndim
    pad[axis] = (reach, reach)
    wide = np.pad(plane, pad, mode="edge")
    out = np.zeros_like(plane)
    n = plane.shape[axis]
    for i, weight in enumerate(kernel):
        out += weight * (wide[i : i + n] if axis == 0 else wide[:, i : i + n])
    return out


def blur(plane: Array, sigma_px: float) -> Array:
    """Gaussian blur in float; large radii work on a reduced copy."""
    if sigma_px < 0.3:
        return plane
    factor = max(1, int(sigma_px / 1.6))
    height, width = plane.shape[:2]
    if factor > 1:
        small_w, small_h = max(2, round(width / factor)), max(2, round(height / factor))
        small = resize(plane, small_w, small_h, Image.Resampling.BOX)
        return resize(blur_small(small, sigma_px * small_w / width, sigma_px * small_h / height), width, height)
    return blur_small(plane, sigma_px, sigma_px)


def blur_small(plane: Array, sigma_x: float, sigma_y: float) -> Array:
    """Direct separable blur."""
    out = plane
    if sigma_y > 0.2:
        out = _convolve(out, _kernel(sigma_y), 0)
    if sigma_x > 0.2:
        out = _convolve(out, _kernel(sigma_x), 1)
    return out


def tile_noise(rng: np.random.Generator, size: int, cells: int, octaves: int = 4, stretch: int = 1) -> Array:
    """Tileable fractal noise (size, size), mean 0, about -1..1. `stretch` > 1 draws it out along x (wood, linen)."""
    total = np.zeros((size, size), np.float32)
    amplitude, norm = 1.0, 0.0
    for _ in range(octaves):
        nx, ny = max(2, cells // stretch), max(2, cells)
        grid = rng.standard_normal((ny, nx)).astype(np.float32)
        padded = np.pad(grid, 2, mode="wrap")
        big = resize(padded, round(size * (nx + 4) / nx), round(size * (ny + 4) / ny))
        ox, oy = round(2 * size / nx), round(2 * size / ny)
        total += amplitude * big[oy : oy + size, ox : ox + size]
        norm += amplitude**2
        amplitude *= 0.55
        cells *= 2
        if cells > size // 2:
            break
    return np.asarray(total / np.sqrt(norm), np.float32)


def sample(texture: Array, x: Array, y: Array) -> Array:
    """Bilinear, wrapping lookup; x and y in periods (1.0 is once across). The sides must be powers of two."""
    height, width = texture.shape
    fx, fy = np.broadcast_arrays(x * np.float32(width), y * np.float32(height))
    floor_x, floor_y = np.floor(fx), np.floor(fy)
    fx, fy = fx - floor_x, fy - floor_y
    ix0, iy0 = floor_x.astype(np.int32) & (width - 1), floor_y.astype(np.int32) & (height - 1)
    ix1, row0, row1 = (ix0 + 1) & (width - 1), iy0 * width, ((iy0 + 1) & (height - 1)) * width
    flat = texture.ravel()
    top, bottom = flat.take(row0 + ix0), flat.take(row1 + ix0)
    top += (flat.take(row0 + ix1) - top) * fx
    bottom += (flat.take(row1 + ix1) - bottom) * fx
    top += (bottom - top) * fy
    return np.asarray(top, np.float32)


def lookup(picture: Array, x_px: Array, y_px: Array) -> Array:
    """Bilinear lookup, 0 outside."""
    height, width = picture.shape
    ix, iy = np.floor(x_px).astype(np.int32), np.floor(y_px).astype(np.int32)
    fx, fy = x_px - ix, y_px - iy
    inside = (ix >= 0) & (iy >= 0) & (ix < width - 1) & (iy < height - 1)
    at = np.where(inside, iy * width + ix, 0)
    flat = picture.ravel()
    top = flat[at] * (1 - fx) + flat[np.minimum(at + 1, flat.size - 1)] * fx
    low = np.minimum(at + width, flat.size - 2)
    bottom = flat[low] * (1 - fx) + flat[low + 1] * fx
    return np.asarray(np.where(inside, top * (1 - fy) + bottom * fy, 0.0), np.float32)


def over(base: Array, top: Array, alpha: Array, x0: int, y0: int) -> None:
    """Lays a picture (h, w, 3), not premultiplied, with alpha (h, w) onto `base` in place; clips at the edges."""
    height, width = alpha.shape
    bx0, by0 = max(0, x0), max(0, y0)
    bx1, by1 = min(base.shape[1], x0 + width), min(base.shape[0], y0 + height)
    if bx0 >= bx1 or by0 >= by1:
        return
    cut = (slice(by0 - y0, by1 - y0), slice(bx0 - x0, bx1 - x0))
    a = alpha[cut][..., None]
    region = base[by0:by1, bx0:bx1]
    region += a * (top[cut] - region)
