"""From linear light to pixels: shoulder, vignette, grain, 8 bits. Works in bands so that 4096 px fits in memory."""

import numpy as np

from sandbox.painter.raster import Array, resize, rng_of

BAND_ROWS = 256
GRAIN_TILE = 512


def to_display(linear: Array, contrast: float, warmth: float) -> Array:
    """Linear light (h, w, 3) to display values 0..1 with a soft shoulder above 0.8 and a slight curve."""
    light = np.maximum(linear, 0.0) * np.asarray((1.0 + warmth, 1.0, 1.0 - warmth), np.float32)
    knee = 0.70
    above = np.maximum(light - knee, 0.0)
    light = np.where(light > knee, knee + (1 - knee) * (1.0 - np.exp(-above / (1 - knee) * 0.85)), light)
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(np.maximum(light, 1e-6), 1 / 2.4) - 0.055)
    return np.asarray(shown + contrast * (shown - 0.5) * shown * (1 - shown) * 4 * 0.25, np.float32)


def vignette(width: int, height: int, strength: float) -> Array:
    """Factor per pixel, (h, w), on a raster."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    radius = (x**2 + y**2) / 2
    return np.asarray(1.0 - strength * radius**1.4, np.float32)


def grain_tile(seed: int, roughness_px: float) -> Array:
    """A tile of film grain, standard deviation 1."""
    rng = rng_of(seed, "grain")
    side = max(64, round(GRAIN_TILE / roughness_px))
    tile = rng.standard_normal((side, side), dtype=np.float32)
    tile = resize(tile, GRAIN_TILE, GRAIN_TILE)
    return np.asarray(tile / tile.std(), np.float32)


def add_grain(pixels: np.ndarray, seed: int, amount: float, roughness_px: float) -> np.ndarray:
    """Adds grain to 8-bit pixels (h, w, 3); `amount` is its deviation in levels of 255, most in the mid-tones."""
    tile = grain_tile(seed, roughness_px) * amount
    height, width = pixels.shape[:2]
    columns = np.arange(width) % GRAIN_TILE
    out = np.empty_like(pixels)
    for start in range(0, height, BAND_ROWS):
        band = pixels[start : start + BAND_ROWS].astype(np.float32)
        rows = (np.arange(start, start + band.shape[0]) * 1) % GRAIN_TILE
        mid = band[..., 1] / 255.0
        weight = 0.45 + 2.2 * mid * (1.0 - mid)
        band += (tile[np.ix_(rows, columns)] * weight)[..., None]
        out[start : start + BAND_ROWS] = np.clip(band + 0.5, 0, 255).astype(np.uint8)
    return out
