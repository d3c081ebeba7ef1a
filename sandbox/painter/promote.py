"""Promotion: a draft made into a final of the same composition. Knows pixels only, not what they show."""

import numpy as np
from PIL import Image

from sandbox.painter.finish import BAND_ROWS, add_grain
from sandbox.painter.lettering import has_mark, lift_mark
from sandbox.painter.raster import Array, blur

WORK_MAX_PX = 2_400_000


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """The picture at the asked size; what does not fit the ratio is cut off evenly."""
    scale = max(width / image.width, height / image.height)
    crop_w, crop_h = min(image.width, width / scale), min(image.height, height / scale)
    left, top = (image.width - crop_w) / 2, (image.height - crop_h) / 2
    box = (left, top, left + crop_w, top + crop_h)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def clean(draft: Image.Image) -> Image.Image:
    """The draft without its mark."""
    pixels = np.array(draft.convert("RGB"))
    if has_mark(pixels):
        lift_mark(pixels)
    return Image.fromarray(pixels)


def refine(draft: Image.Image, width: int, height: int, seed: int, contrast: float) -> np.ndarray:
    """A final from a draft, 8-bit (h, w, 3): noise taken out, edges found again, depth and highlights, fine grain."""
    work = draft if draft.width * draft.height <= WORK_MAX_PX else cover(draft, *_fit(draft.size, WORK_MAX_PX))
    pixels = np.asarray(work, np.float32) / 255.0
    smooth_pixels = _guided(pixels, radius_px=max(2.0, min(work.size) / 260), eps=0.0011)
    crisp = smooth_pixels + 1.15 * (smooth_pixels - blur(smooth_pixels, max(0.8, min(work.size) / 620)))
    wide = blur(smooth_pixels.mean(axis=-1), min(work.size) / 24)
    local = crisp + 0.16 * (smooth_pixels.mean(axis=-1) - wide)[..., None]
    curved = local + contrast * 0.10 * (local - 0.5) * np.clip(local * (1 - local) * 4, 0, 1)
    bright = np.clip(curved.max(axis=-1) - 0.86, 0, 1)
    glow = blur(np.asarray(bright, np.float32), min(work.size) / 60)[..., None]
    eight = (np.clip(curved + 0.30 * glow, 0, 1) * 255 + 0.5).astype(np.uint8)
    big = np.asarray(cover(Image.fromarray(eight), width, height))
    return add_grain(_crispen(big), seed, 0.9, 1.0)


def _fit(size: tuple[int, int], limit_px: int) -> tuple[int, int]:
    factor = (limit_px / (size[0] * size[1])) ** 0.5
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _guided(pixels: Array, radius_px: float, eps: float) -> Array:
    """Guided filter with the picture's own luma as guide: flat areas calm down, edges stay."""
    guide = 0.299 * pixels[..., 0] + 0.587 * pixels[..., 1] + 0.114 * pixels[..., 2]
    mean = blur(guide, radius_px)
    variance = blur(guide * guide, radius_px) - mean * mean
    out = np.empty_like(pixels)
    for c in range(3):
        plane = np.ascontiguousarray(pixels[..., c])
        mean_c = blur(plane, radius_px)
        slope = (blur(guide * plane, radius_px) - mean * mean_c) / (variance + eps)
        offset = mean_c - slope * mean
        out[..., c] = blur(slope, radius_px) * guide + blur(offset, radius_px)
    return out


def _crispen(pixels: np.ndarray) -> np.ndarray:
    """A last small sharpening at full size, in bands."""
    out = np.empty_like(pixels)
    for start in range(0, pixels.shape[0], BAND_ROWS):
        low, high = max(0, start - 4), min(pixels.shape[0], start + BAND_ROWS + 4)
        band = pixels[low:high].astype(np.float32)
        sharp = np.clip(band + 0.45 * (band - blur(band, 0.9)) + 0.5, 0, 255).astype(np.uint8)
        stop = min(start + BAND_ROWS, pixels.shape[0])
        out[start:stop] = sharp[start - low : stop - low]
    return out
