"""Where a product ends on a plain ground: a shadow painted on that ground is soft, a product's outline is sharp.
Works on a map of a few hundred pixels a side. No alpha and no colours here."""

import numpy as np

from sandbox.painter.raster import Array, blur
from sandbox.painter.regions import border_of, grow, narrowed, pieces, widened

COARSE_PX = 4  # the flood runs on cells of so many pixels a side first
SHADOW_HUE = 0.045  # how far a shadow may be from its ground in hue (0..1)
DARKEST_SHADOW = 0.22  # of the ground's brightness
LIGHTEST_GROUND = 1.014  # of the ground's brightness: a white product on light grey is lighter
GROUND_RESIDUE = 0.022  # how far ground may be from its fitted colour (0..1)
SHARP, MAX_SHARP = 0.0030, 0.016  # how sharp an outline is, per pixel of the map; noise raises it
TONE_STEP, TONE_RISE = 0.05, 0.035  # a shadow only gets darker towards the product, but for so much
FAINT = 1.4  # an edge in a shadow that is less sharp than so many times that is an outline only if much lies behind it
GAP_PX, WIDE_GAP_PX = 3, 11  # half of the gaps in an outline that are closed for certain, and on suspicion
MAX_BAY_SHARE = 0.05  # of the body: a larger bay behind a gap must have the ground's own colour
MAX_LIT_BAY_SHARE = 0.006  # of the body: the same for a bay that is too light to be a shadow
BITE_CELLS = 3  # half the width of a bay that bites into a body
BAY_RESIDUE = 0.008  # how far, on average, such a bay may be from the ground (0..1)
LEAST_HOLE_CELLS, MAX_HOLE_SHARE = 6, 0.16  # a hole in a product, in cells and of the body
PLAIN_SHARE = 0.25  # of a hole must be ground without a shadow
HOLE_DEPTH = 0.17  # how far inside a product a hole may begin, of the body's size
SPECK_SHARE = 0.012  # of the largest piece
LIT = 0.95  # of the ground's brightness: what is lighter is no shadow
ALIKE, RAG_SHADE = 0.05, 0.30  # how like the product a bite, how like the shadow beside it a rag is
UNLIKE = 0.35  # the same for a light rag, which may be a white part of a coloured product
RAG_SHARP = 4  # an edge sharper than so many times the least ends a rag
RAG_PX = 14  # how far a rag may hang out


def body_on(pixels: Array, ground: Array) -> np.ndarray:
    """Where the product is, (h, w) bool, from pixels and the fitted ground behind them, both (h, w, 3)."""
    share = pixels / np.maximum(ground, 0.05)
    red, green, blue = share[..., 0], share[..., 1], share[..., 2]
    level = (red + green + blue) / 3
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    away = np.abs(level - 1.0) + chroma
    edges = _sharpness(level)
    sharp = _threshold(edges)
    shaded = in_shadow(pixels, ground, blur(level, 0.8))
    soft = shaded & (edges < sharp)
    # in a shadow a faint edge is the shadow's own, in the light it may be all that a white product has
    softer = shaded & (edges < np.where(level < LIT, FAINT * sharp, sharp))
    body, bays = _found(soft, softer, level)
    body = _tidied(body, bays, level, chroma, shaded, shaded & (edges < RAG_SHARP * sharp))
    body = _without_specks(body)
    return np.asarray(body & ~_holes(body, away, soft))


def _sharpness(level: Array) -> Array:
    """How much steeper a picture is over one pixel than over three: near 0 on the flank of a soft shadow."""
    fine = np.hypot(*np.gradient(blur(level, 0.8)))
    wide = np.hypot(*np.gradient(blur(level, 3.0)))
    return np.asarray(fine - 1.25 * wide, np.float32)


def _threshold(edges: Array) -> float:
    """Above the noise of the border, where nothing but ground should be."""
    return float(np.clip(2.0 * np.quantile(edges[border_of(edges, 10)], 0.97), SHARP, MAX_SHARP))


def in_shadow(pixels: Array, ground: Array, level: Array) -> np.ndarray:
    """Where a pixel is the ground, as bright or darker, in the same hue."""
    near = (level < LIGHTEST_GROUND) & (level > DARKEST_SHADOW)
    for c in range(3):
        near &= np.abs(pixels[..., c] - ground[..., c] * level) < SHADOW_HUE
    return np.asarray(near)


def _found(soft: np.ndarray, softer: np.ndarray, level: Array) -> tuple[np.ndarray, np.ndarray]:
    """(body, bays): what is not reached from the border, gaps in the product's outline closed. What lies behind a
    faint edge, a wide gap or something darker is a bay: part of a shadow, or of a product as grey as its shadow."""
    narrow, wide = _reached(softer, GAP_PX, None), _reached(soft, WIDE_GAP_PX, _mean_of_cells(level))
    bays = narrow & ~wide
    area = float((~narrow).sum()) / COARSE_PX**2
    product = np.zeros_like(bays)
    for bay in pieces(_cells(bays), max(1, int(MAX_LIT_BAY_SHARE * area))):
        inside = _enlarged(bay, bays)
        large = bay.sum() > MAX_BAY_SHARE * area or level[inside].mean() > LIT
        if large and abs(level[inside].mean() - 1.0) > BAY_RESIDUE:
            product |= inside
    return ~narrow | grow(product, bays, rounds=2 * COARSE_PX), bays


def _reached(soft: np.ndarray, gap_px: int, tones: Array | None) -> np.ndarray:
    """What a ball of that size reaches from the border; with tones only from light to dark: a shadow is darkest where
    it meets the product, so that what is lighter behind it is the product."""
    fine = narrowed(soft, GAP_PX)
    roomy = narrowed(fine, gap_px - GAP_PX)
    cells = _cells(roomy)
    region = border_of(cells) & cells
    if tones is None:
        region = grow(region, cells)
    else:
        for tone in np.arange(1.0, DARKEST_SHADOW, -TONE_STEP):
            region |= grow(region, cells & (tones > tone - TONE_STEP) & (tones < tone + TONE_RISE))
    middle = grow(_enlarged(region, roomy) & roomy | border_of(roomy, GAP_PX) & roomy, roomy, rounds=2 * COARSE_PX)
    middle = grow(middle, fine, rounds=gap_px - GAP_PX)
    return grow(middle, soft, rounds=GAP_PX + 1)


def _mean_of_cells(plane: Array) -> Array:
    height, width = (side // COARSE_PX for side in plane.shape)
    cells = plane[: height * COARSE_PX, : width * COARSE_PX].reshape(height, COARSE_PX, width, COARSE_PX)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _tidied(
    body: np.ndarray, bays: np.ndarray, level: Array, chroma: Array, shaded: np.ndarray, faint: np.ndarray
) -> np.ndarray:
    """The body with the small bays that bite into it and look like it, without the rags of shadow that hang on it."""
    certain = body & (~shaded | narrowed(body, RAG_PX // 2))
    to_product = np.abs(level - _carried(level, certain)) + np.abs(chroma - _carried(chroma, certain))
    filled = narrowed(widened(_cells(body, some=True), BITE_CELLS), BITE_CELLS)
    body = body | (_enlarged(filled, body) & bays & (to_product < ALIKE))
    to_ground = np.abs(level - _carried(level, ~body)) + np.abs(chroma - _carried(chroma, ~body))
    rags = (
        faint
        & (to_ground < 0.8 * to_product)
        & (to_product > np.where(level < LIT, ALIKE, UNLIKE))
        & (to_ground < RAG_SHADE)
    )
    return ~grow(~body, rags | ~body, rounds=RAG_PX)


def _without_specks(body: np.ndarray) -> np.ndarray:
    """The body without threads, and without pieces that are next to nothing beside the largest."""
    core = narrowed(body, 2)
    if not core.any():
        return body
    body = grow(widened(core, 2) & body, body, rounds=3)
    found = pieces(_cells(body, some=True), 1)
    least = SPECK_SHARE * max(piece.sum() for piece in found)
    kept = np.any([piece for piece in found if piece.sum() >= least], axis=0)
    return np.asarray(body & widened(_enlarged(kept, body), COARSE_PX))


def _carried(plane: Array, where: np.ndarray) -> Array:
    """The values of `where`, carried to the pixels near it."""
    weight = where.astype(np.float32)
    return np.asarray(blur(plane * weight, 5.0) / np.maximum(blur(weight, 5.0), 1e-3), np.float32)


def _cells(mask: np.ndarray, some: bool = False) -> np.ndarray:
    """The mask in cells of COARSE_PX squared that it fills, or touches; a rest at the right and below is left out."""
    height, width = (side // COARSE_PX for side in mask.shape)
    cells = mask[: height * COARSE_PX, : width * COARSE_PX].reshape(height, COARSE_PX, width, COARSE_PX)
    return np.asarray(cells.any(axis=(1, 3)) if some else cells.all(axis=(1, 3)))


def _enlarged(cells: np.ndarray, like: np.ndarray) -> np.ndarray:
    whole = np.zeros_like(like)
    large = cells.repeat(COARSE_PX, 0).repeat(COARSE_PX, 1)
    whole[: large.shape[0], : large.shape[1]] = large
    return whole


def _holes(body: np.ndarray, away: Array, soft: np.ndarray) -> np.ndarray:
    """Ground seen through a product, as in a mug's handle: enclosed, much of it of the ground's own colour, not deep
    inside. The light part of a label goes over softly into its darker part, and stays."""
    cells, area = _cells(body, some=True), float(body.sum()) / COARSE_PX**2
    near = widened(~cells, max(1, round(HOLE_DEPTH * area**0.5)))
    plain = _cells(body & soft & (away < GROUND_RESIDUE))
    seeds = np.zeros_like(cells)
    for piece in pieces(_cells(body & soft), LEAST_HOLE_CELLS):
        size = float(piece.sum())
        if size < MAX_HOLE_SHARE * area and (piece & plain).sum() > PLAIN_SHARE * size and (piece & near).any():
            seeds |= piece
    return grow(_enlarged(seeds, body), body & soft, rounds=2 * COARSE_PX)
