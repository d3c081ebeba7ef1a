"""Where the subject of a picture is: an estimate of its box and of its backdrop, by numpy alone.

Lives here: the saliency estimate that scores.py and checks.py rest on. Not here: whether that is good or bad.
Three ways, the surest first: alpha, a plain backdrop, and otherwise colour that is rare in the frame plus edges
(frequency-tuned saliency: Achanta and others, CVPR 2009). It finds one subject; it does not know what it is.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.colour import Floats, flatten, to_lab

Box = tuple[float, float, float, float]
Method = Literal["alpha", "backdrop", "saliency"]
WORK_EDGE_PX: Final = 128
_PLAIN_SPREAD: Final = 6.0  # CIE76 units between most border pixels and the border's median
_PLAIN_SHARE: Final = 0.85
_SUBJECT_DISTANCE: Final = 9.0
_TAIL_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Subject:
    """box is (left, top, right, bottom) as shares of the frame, 0..1; mask is at most WORK_EDGE_PX on its long edge.

    `found` is False for an empty frame: then the box is the whole frame and the mask is full.
    """

    box: Box
    mask: NDArray[np.bool_]
    method: Method
    backdrop: tuple[float, float, float]
    found: bool

    @property
    def box_share(self) -> float:
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    @property
    def mask_share(self) -> float:
        return float(self.mask.mean())


def small(image: Image.Image, edge_px: int = WORK_EDGE_PX) -> Image.Image:
    """The image with its long edge at most edge_px, same mode; never enlarged."""
    scale = min(1.0, edge_px / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX) if size != image.size else image


def find_subject(image: Image.Image) -> Subject:
    """The subject of an RGB or RGBA picture of any size."""
    little = small(image)
    lab = to_lab(np.asarray(flatten(little)))
    border = _border(lab)
    backdrop = np.median(border, axis=0)
    mask, method = _mask(little, lab, border, backdrop)
    backdrop_lab = float(backdrop[0]), float(backdrop[1]), float(backdrop[2])
    if not mask.any():
        return Subject((0.0, 0.0, 1.0, 1.0), np.ones_like(mask), method, backdrop_lab, found=False)
    return Subject(_box_of(mask), mask, method, backdrop_lab, found=True)


def _mask(little: Image.Image, lab: Floats, border: Floats, backdrop: Floats) -> tuple[NDArray[np.bool_], Method]:
    if little.mode == "RGBA":
        return np.asarray(little.getchannel("A")) > 64, "alpha"
    distance = np.linalg.norm(lab - backdrop, axis=-1)
    if (np.linalg.norm(border - backdrop, axis=-1) < _PLAIN_SPREAD).mean() >= _PLAIN_SHARE:
        return distance > _SUBJECT_DISTANCE, "backdrop"
    return _salient(lab), "saliency"


def _border(lab: Floats) -> Floats:
    edge = max(1, round(min(lab.shape[:2]) * 0.03))
    parts = lab[:edge], lab[-edge:], lab[:, :edge], lab[:, -edge:]
    return np.concatenate([part.reshape(-1, 3) for part in parts])


def _salient(lab: Floats) -> NDArray[np.bool_]:
    """Pixels whose colour is rare or whose surroundings are busy, with a mild liking for the middle."""
    rare = np.linalg.norm(_blur(lab, 2) - np.median(lab.reshape(-1, 3), axis=0), axis=-1)
    down, across = np.gradient(_blur(lab[..., 0], 1))
    busy = _blur(np.hypot(down, across), 4)
    height, width = rare.shape
    y, x = np.mgrid[0:height, 0:width]
    middle = np.exp(-(((x / width - 0.5) / 0.45) ** 2 + ((y / height - 0.5) / 0.45) ** 2))
    weight = (_unit(rare) + 0.7 * _unit(busy)) * (0.35 + 0.65 * middle)
    weight = _blur(weight, 2)
    return np.asarray(weight > _otsu(weight))


def _unit(values: Floats) -> Floats:
    low, high = np.percentile(values, (1, 99))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-6), 0.0, 1.0))


def _blur(values: Floats, radius: int) -> Floats:
    """Two box blurs along both axes; edges repeated. Shape kept."""
    for axis in (0, 1, 0, 1):
        padding = [(0, 0)] * values.ndim
        padding[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(values, padding, mode="edge"), axis=axis)
        ends = np.split(total, [2 * radius + 1], axis=axis)[1]
        starts = np.take(total, range(values.shape[axis]), axis=axis)
        values = (ends - starts) / (2 * radius + 1)
    return values


def _otsu(values: Floats) -> float:
    """The threshold that parts the values best into two classes (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=64)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    mass = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    return float(edges[1 + int(np.argmax(np.nan_to_num(between)))])


def _box_of(mask: NDArray[np.bool_]) -> Box:
    """The box that holds the mask but for its thinnest tails: a speck in a corner is not the subject."""
    top, bottom = _span(mask.sum(axis=1))
    left, right = _span(mask.sum(axis=0))
    height, width = mask.shape
    return left / width, top / height, right / width, bottom / height


def _span(counts: NDArray[np.int_]) -> tuple[int, int]:
    share = np.cumsum(counts) / counts.sum()
    inside = np.flatnonzero((share > _TAIL_SHARE / 2) & (share - counts / counts.sum() < 1 - _TAIL_SHARE / 2))
    return int(inside[0]), int(inside[-1]) + 1
