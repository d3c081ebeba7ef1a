"""A product on one flat colour, as a cut-out put on a plain ground is: no guessing about shadows."""

import numpy as np
from PIL import Image

from sandbox.painter.raster import blur, resize
from sandbox.painter.regions import border_of, grow, pieces, widened

MAP_PX = 256
FLAT_LEVELS = 2  # how far, in 8-bit levels, a pixel may be from the ground and still be it
SHADED_LEVELS, MAX_SHADED_SHARE = 14, 0.02  # more that is almost ground is a soft shadow: not for this room
FLAT_SHARE = 0.995  # of the border must be ground
MIN_HOLE_CELLS = 60  # an enclosed piece of ground (the hole of a handle) smaller than this is a highlight
MIN_BODY, MAX_BODY = 0.004, 0.97


def exact_alpha(rgb: Image.Image) -> Image.Image | None:
    """The product's alpha, or None when the border is not of one flat colour."""
    pixels = np.asarray(rgb).astype(np.int16)
    border = np.concatenate([pixels[:2].reshape(-1, 3), pixels[-2:].reshape(-1, 3), pixels[:, 0], pixels[:, -1]])
    colour = np.median(border, axis=0).astype(np.int16)
    if (np.abs(border - colour).max(axis=1) <= FLAT_LEVELS).mean() < FLAT_SHARE:
        return None
    # channel by channel: a maximum over a short last axis is slow
    away = np.abs(pixels[..., 0] - colour[0])
    for c in (1, 2):
        np.maximum(away, np.abs(pixels[..., c] - colour[c]), out=away)
    ground = away <= FLAT_LEVELS
    if ((away > FLAT_LEVELS) & (away <= SHADED_LEVELS)).sum() > MAX_SHADED_SHARE * (~ground).sum():
        return None
    ground &= _open_to_ground(ground)
    if not MIN_BODY < 1 - ground.mean() < MAX_BODY:
        return None
    # the outermost pixel is mixed with the ground: half a pixel is given away, and the outline drawn softly
    soft = np.clip((blur((~ground).astype(np.float32), 1.0) - 0.55) / 0.40, 0, 1)
    return Image.fromarray((soft * 255 + 0.5).astype(np.uint8))


def _open_to_ground(ground: np.ndarray) -> np.ndarray:
    """Where ground-coloured pixels really are ground: around the product, and in holes of some size."""
    share = np.asarray(Image.fromarray(ground).convert("L").resize((MAP_PX, MAP_PX), Image.Resampling.BOX), np.float32)
    some, whole = share > 8, share > 250
    outside = grow(border_of(some), some)
    for region in pieces(whole & ~outside, MIN_HOLE_CELLS):
        outside |= region
    wide = resize(widened(outside, 1).astype(np.float32), ground.shape[1], ground.shape[0], Image.Resampling.BILINEAR)
    return np.asarray(wide > 0.25)
