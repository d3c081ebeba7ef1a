"""Machine evidence on a draft: sharpness, exposure, contrast, coverage, palette, size: 0..1 beside their raw numbers.

Lives here: the measures, how they map to 0..1, their weights, and the plain words. Not here: choosing a select (a
task's rule), near-duplicates (similarity.py). The scores rank drafts of one brief; they are not taste.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.colour import Floats, ciede2000, flatten, luma, parse_hex, to_hex, to_lab
from imaging.subject import Box, Subject, find_subject, small
from imaging.verdicts import reasons_of

# Why these: what cannot be repaired later weighs most. A soft or mis-framed draft stays so in its final; light and
# colour are easier to steer by the final's prompt, and too few pixels are what upscaling is for.
WEIGHTS: Final = {
    "sharpness": 0.24,
    "exposure": 0.20,
    "contrast": 0.12,
    "coverage": 0.18,
    "palette": 0.18,
    "size": 0.08,
}
SHARPNESS_EDGE_PX: Final = 768
_TILES: Final = 12
# log10 of the Laplacian's variance (luma 0..255) in the sharpest tiles: photos blurred by 3 px of 768 measure under
# the first, the same photos untouched above the second
_SOFT_LOG10, _CRISP_LOG10 = 1.3, 2.9
_NEAR_DELTA_E, _FAR_DELTA_E = 8.0, 45.0
_DOMINANT_COLOURS: Final = 8
_PRESENT_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores 0..1 (1 is best), each with its evidence. Shares are 0..1; the box is (left, top, right, bottom) as shares

    `palette` is None when no colours were asked for; its weight then goes to the others in proportion.
    """

    overall: float
    sharpness: float
    sharpness_variance: float
    exposure: float
    mean_luma: float
    highlights_clipped: float
    shadows_clipped: float
    contrast: float
    luma_spread: float
    coverage: float
    subject_box: Box
    subject_share: float
    palette: float | None
    palette_distance: float | None
    dominant_colours: tuple[str, ...]
    size: float
    size_ok: bool
    width_px: int
    height_px: int
    reasons: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        """The same as JSON values, for a database column or a report."""
        return asdict(self)


def score(image: Image.Image, *, palette: Sequence[str] = (), asked_width_px: int, asked_height_px: int) -> Scores:
    """Judge an RGB or RGBA picture as decode() gives it. Deterministic; about 0.1 s for a megapixel.

    palette: asked colours as #rrggbb (InputError if one is not a colour). asked sizes: what the draft should measure.
    """
    subject = find_subject(image)
    work = flatten(small(image, SHARPNESS_EDGE_PX))
    light = luma(np.asarray(work))
    colours = dominant_colours(image)
    facts: dict[str, Any] = {"width_px": image.width, "height_px": image.height}
    facts |= _sharpness(light, subject) | _exposure(work, light, subject) | _contrast(light) | _coverage(subject)
    facts |= _palette(colours, palette) | _size(image.size, (asked_width_px, asked_height_px))
    facts["dominant_colours"] = tuple(to_hex(rgb) for rgb, _ in colours)
    facts = {name: round(value, 6) if isinstance(value, float) else value for name, value in facts.items()}
    return Scores(overall=_overall(facts), reasons=reasons_of(facts, subject), **facts)


def dominant_colours(image: Image.Image, count: int = _DOMINANT_COLOURS) -> list[tuple[NDArray[np.uint8], float]]:
    """The commonest colours as ((r, g, b), share of the frame), largest first. Transparent pixels do not count."""
    little = small(image, 96)
    pixels = np.asarray(flatten(little)).reshape(-1, 3)
    if little.mode == "RGBA":
        opaque = np.asarray(little.getchannel("A")).reshape(-1) > 127
        pixels = pixels[opaque] if opaque.any() else pixels
    strip = Image.fromarray(pixels[np.newaxis])
    table = strip.quantize(count, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    counts = np.bincount(np.asarray(table).reshape(-1), minlength=count)
    entries = np.asarray(table.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    order = sorted((-int(share), index) for index, share in enumerate(counts) if share and index < len(entries))
    return [(entries[index], -share / len(pixels)) for share, index in order]


def _ramp(value: float, worst: float, best: float) -> float:
    """0 at `worst`, 1 at `best`, straight between, flat outside; `best` may be the smaller."""
    return float(np.clip((value - worst) / (best - worst), 0.0, 1.0))


def _sharpness(light: Floats, subject: Subject) -> dict[str, Any]:
    """Variance of the Laplacian in the subject's sharpest tenth: a shallow depth of field is no fault."""
    grey = np.pad(light * 255.0, 1, mode="edge")
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    laplacian = laplacian[_pixels_of(subject.box, laplacian.shape)]
    rows = [band for band in np.array_split(laplacian, _TILES, axis=0) if band.size]
    tiles = [tile.var() for band in rows for tile in np.array_split(band, _TILES, axis=1) if tile.size]
    variance = float(np.percentile(tiles, 90))
    return {
        "sharpness": _ramp(np.log10(variance + 1e-3), _SOFT_LOG10, _CRISP_LOG10),
        "sharpness_variance": variance,
    }


def _pixels_of(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    left, top, right, bottom = box
    rows = slice(int(top * shape[0]), max(int(top * shape[0]) + 1, round(bottom * shape[0])))
    return rows, slice(int(left * shape[1]), max(int(left * shape[1]) + 1, round(right * shape[1])))


def _exposure(work: Image.Image, light: Floats, subject: Subject) -> dict[str, Any]:
    """Mean luma and clipped shares. On a plain backdrop only the subject counts: white sweeps clip on purpose."""
    inside = _inside(light, subject)
    pixels = np.asarray(work)[inside]
    mean = float(light[inside].mean())
    high, low = float((pixels.min(axis=-1) >= 254).mean()), float((pixels.max(axis=-1) <= 2).mean())
    # a product may itself be white or black, a whole scene should not be
    dark, bright = (0.10, 0.90) if subject.method != "saliency" else (0.28, 0.68)
    level = min(_ramp(mean, 0.02, dark), _ramp(mean, 0.98, bright))
    clean = min(_ramp(high, 0.25, 0.01), _ramp(low, 0.35, 0.03))
    return {
        "exposure": 0.6 * level + 0.4 * clean,
        "mean_luma": mean,
        "highlights_clipped": high,
        "shadows_clipped": low,
    }


def _inside(light: Floats, subject: Subject) -> NDArray[np.bool_]:
    """The subject's mask at the working size; everything when the backdrop is a scene."""
    if subject.method == "saliency" or not subject.found:
        return np.ones(light.shape, dtype=bool)
    shape = light.shape[1], light.shape[0]
    return np.asarray(Image.fromarray(subject.mask).resize(shape, Image.Resampling.NEAREST))


def _contrast(light: Floats) -> dict[str, Any]:
    """Spread of luma between the 2nd and the 98th percentile; over the frame, backdrop included."""
    low, high = np.percentile(light, (2, 98))
    spread = float(high - low)
    return {"contrast": _ramp(spread, 0.12, 0.62), "luma_spread": spread}


def _coverage(subject: Subject) -> dict[str, Any]:
    """Whether the subject's box fills enough of the frame and leaves some air."""
    share = subject.box_share if subject.found else 0.0
    return {
        "coverage": min(_ramp(share, 0.02, 0.20), _ramp(share, 1.25, 0.85)),
        "subject_box": tuple(round(side, 4) for side in subject.box),
        "subject_share": share,
    }


def _palette(colours: list[tuple[NDArray[np.uint8], float]], palette: Sequence[str]) -> dict[str, Any]:
    """How near each asked colour is to some present one (CIEDE2000), and how much of the frame is near an asked one."""
    if not palette:
        return {"palette": None, "palette_distance": None}
    asked = to_lab(np.array([parse_hex(colour) for colour in palette]))
    kept = [pair for pair in colours if pair[1] >= _PRESENT_SHARE] or colours
    present, shares = to_lab(np.array([rgb for rgb, _ in kept])), np.array([share for _, share in kept])
    distance = ciede2000(asked[:, np.newaxis], present[np.newaxis])
    nearest = distance.min(axis=1)
    found = np.mean([_ramp(float(one), _FAR_DELTA_E, _NEAR_DELTA_E) for one in nearest])
    fits = np.array([_ramp(float(one), _FAR_DELTA_E, _NEAR_DELTA_E) for one in distance.min(axis=0)])
    agreement = 0.7 * float(found) + 0.3 * float((fits * shares).sum() / shares.sum())
    return {"palette": agreement, "palette_distance": float(nearest.mean())}


def _size(size: tuple[int, int], asked: tuple[int, int]) -> dict[str, Any]:
    """1.0 when both edges reach what was asked; else the smaller ratio."""
    ratio = min(size[0] / max(asked[0], 1), size[1] / max(asked[1], 1))
    return {"size": min(1.0, ratio), "size_ok": ratio >= 1.0}


def _overall(facts: dict[str, Any]) -> float:
    """Weighted mean of the scores that exist, pulled down by the worst: one ruined quality ruins a picture."""
    present = {name: weight for name, weight in WEIGHTS.items() if facts[name] is not None}
    mean = sum(facts[name] * weight for name, weight in present.items()) / sum(present.values())
    worst = min(facts[name] for name in present)
    return round(float(0.85 * mean + 0.15 * worst), 6)
