"""Pictures in and out of arrays, and alpha, which no network sees.

What lives here: explicit conversion of every Pillow mode, colour under transparent pixels, alpha's own enlargement.
What may not: weights, tiles, ICC profiles and EXIF (the caller keeps those).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from domain.errors import ImageError
from imaging.upscale.weights import FloatArray

UNRELIABLE_ALPHA = 8
"""Below this alpha (of 255) a pixel's colour is guesswork of whoever cut it out, and is replaced by its neighbours'."""
HIGHEST_16_BIT = 65_535


@dataclass(frozen=True)
class Planes:
    """`colour`: RGB. `alpha`: L, or None. `warnings`: what the conversion gave up."""

    colour: Image.Image
    alpha: Image.Image | None
    warnings: tuple[str, ...] = ()


def split(image: Image.Image) -> Planes:
    """RGB and alpha of any picture that has a defined conversion; `ImageError("unsupported-mode")` for the others."""
    if image.mode.startswith(("I", "F")):
        return Planes(_from_wide(image), None, ("the picture's 16 bits a channel were reduced to 8",))
    if image.mode not in {"1", "L", "P", "LA", "PA", "RGB", "RGBA"}:
        raise ImageError("unsupported-mode", f"a picture of mode {image.mode} must be converted to sRGB first")
    if not image.has_transparency_data:
        return Planes(image.convert("RGB"), None)
    both = image.convert("RGBA")
    return Planes(both.convert("RGB"), both.getchannel("A"))


def _from_wide(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode.startswith("F") or values.min() < 0 or values.max() > HIGHEST_16_BIT:
        raise ImageError("unsupported-mode", f"a picture of mode {image.mode} has no defined black and white")
    eight_bit = np.rint(values.astype(np.float64) / 257.0).astype(np.uint8)
    return Image.fromarray(eight_bit).convert("RGB")


def join(colour: Image.Image, planes: Planes) -> Image.Image:
    """Put the alpha of the source back, enlarged to the size of `colour`. RGB without alpha, else RGBA."""
    if planes.alpha is None:
        return colour
    result = colour.convert("RGBA")
    result.putalpha(enlarge_alpha(planes.alpha, colour.size))
    return result


def enlarge_alpha(alpha: Image.Image, size: tuple[int, int]) -> Image.Image:
    """LANCZOS, held between the darkest and lightest neighbour of the source, so that no ghost outline rings off."""
    low, high = alpha.getextrema()
    if low == high:
        return Image.new("L", size, low)
    smooth = alpha.resize(size, Image.Resampling.LANCZOS)
    floor = alpha.filter(ImageFilter.MinFilter(3)).resize(size, Image.Resampling.NEAREST)
    ceiling = alpha.filter(ImageFilter.MaxFilter(3)).resize(size, Image.Resampling.NEAREST)
    return ImageChops.darker(ImageChops.lighter(smooth, floor), ceiling)


def filled_colour(planes: Planes) -> Image.Image:
    """The colour plane with transparent pixels painted in the colours around them.

    Cut-outs hide black or white under transparency; a network, or LANCZOS, would draw that into the edge.
    """
    if planes.alpha is None:
        return planes.colour
    alpha = np.asarray(planes.alpha)
    seen = alpha >= UNRELIABLE_ALPHA
    if seen.all() or not seen.any():
        return planes.colour
    weights = np.where(seen, alpha, 0).astype(np.float32)[:, :, None] / np.float32(255.0)
    colour = np.asarray(planes.colour)
    spread = np.rint(_push_pull(colour.astype(np.float32), weights))
    return Image.fromarray(np.where(seen[:, :, None], colour, spread.astype(np.uint8)))


def _push_pull(colour: FloatArray, weights: FloatArray) -> FloatArray:
    """Fill where weights are 0 from ever coarser averages of where they are not. Shapes [h, w, 3] and [h, w, 1]."""
    height, width, _ = colour.shape
    known = weights > 0
    if known.all() or max(height, width) == 1:
        return colour
    sums, totals = _halve(colour * weights), _halve(weights)
    averages = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)
    coarse = _push_pull(averages, np.minimum(totals, np.float32(1.0)))
    finer = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(known, colour, finer)


def _halve(values: FloatArray) -> FloatArray:
    """Sums of 2 by 2 blocks; odd edges are padded with zeros, which weigh nothing."""
    height, width, _ = values.shape
    even: NDArray[np.float32] = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    summed = even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]
    return np.asarray(summed, dtype=np.float32)
