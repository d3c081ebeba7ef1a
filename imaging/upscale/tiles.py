"""A picture through a network in tiles, without seams and without half-wrong results.

What lives here: where tiles lie, cross-fading them, streaming finished rows into the 8-bit result. What may not:
weights, backends, Pillow.

A tile has a core; the cores are even (count first, then size) and cover the picture once. The network reads the core
and `pad_px` around it, cut at the picture's border. Over the middle `blend_px` of each seam the two neighbours fade
into each other linearly. Only one band of tiles is held as floats.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from domain.errors import ImageError
from imaging.upscale.settings import NATIVE_SCALE as SCALE
from imaging.upscale.weights import FloatArray

ByteArray = NDArray[np.uint8]
TileRunner = Callable[[FloatArray], FloatArray]
"""float32 [height, width, 3], 0 to 1, to float32 [4*height, 4*width, 3]."""


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in source pixels: what is read, what is shown, and the width of its fades."""

    read_start: int
    read_stop: int
    start: int
    stop: int
    fade_in: int
    fade_out: int

    @property
    def read_px(self) -> int:
        return self.read_stop - self.read_start

    def ramp(self) -> FloatArray:
        """Weights of the shown pixels at the output's scale; neighbours' weights add up to 1."""
        weights = np.ones((self.stop - self.start) * SCALE, np.float32)
        for fade, direction in ((self.fade_in, 1), (self.fade_out, -1)):
            steps = fade * SCALE
            if steps:
                weights[::direction][:steps] = (np.arange(steps, dtype=np.float32) + 0.5) / steps
        return weights


@dataclass(frozen=True)
class Plan:
    """Tiles of one picture."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    @property
    def tiles(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def padded_pixels(self) -> int:
        """Source pixels that the network reads in all, overlap included: what the time is proportional to."""
        return sum(row.read_px for row in self.rows) * sum(column.read_px for column in self.columns)


def plan(width_px: int, height_px: int, *, tile_px: int, pad_px: int, blend_px: int) -> Plan:
    """Even tiles for a picture of this size."""
    rows, columns = (_spans(length, tile_px, pad_px, blend_px) for length in (height_px, width_px))
    return Plan(rows, columns)


def _spans(length: int, tile_px: int, pad_px: int, blend_px: int) -> tuple[Span, ...]:
    count = math.ceil(length / tile_px)
    edges = [length * index // count for index in range(count + 1)]
    half = blend_px // 2
    spans = []
    for index in range(count):
        begin, end = edges[index], edges[index + 1]
        before, after = (half if index else 0), (half if index < count - 1 else 0)
        read = max(0, begin - pad_px), min(length, end + pad_px)
        spans.append(Span(*read, begin - before, end + after, 2 * before, 2 * after))
    return tuple(spans)


def run(
    pixels: ByteArray,
    layout: Plan,
    network: TileRunner,
    *,
    after_tile: Callable[[int], None],
) -> ByteArray:
    """Upscale uint8 [height, width, 3] four times. `after_tile(done)` is called after each tile and may raise to stop.

    Raises whatever the network raises, and `ImageError` for a tile of wrong size or with values that are no numbers:
    there is no partial result.
    """
    height, width, _ = pixels.shape
    result = np.empty((height * SCALE, width * SCALE, 3), np.uint8)
    carried: FloatArray | None = None
    for index, row in enumerate(layout.rows):
        before = index * len(layout.columns)
        band = _band(pixels, row, layout.columns, network, partial(_count_on, after_tile, before))
        if carried is not None:
            band[: len(carried)] += carried
        finished = len(band) - row.fade_out * SCALE
        top = row.start * SCALE
        result[top : top + finished] = to_bytes(band[:finished])
        carried = band[finished:].copy() if row.fade_out else None
    return result


def _count_on(after_tile: Callable[[int], None], before: int, done: int) -> None:
    after_tile(before + done)


def _band(
    pixels: ByteArray, row: Span, columns: tuple[Span, ...], network: TileRunner, after_tile: Callable[[int], None]
) -> FloatArray:
    band = np.zeros(((row.stop - row.start) * SCALE, pixels.shape[1] * SCALE, 3), np.float32)
    down = row.ramp()[:, None, None]
    for index, column in enumerate(columns):
        shown = _one_tile(pixels, row, column, network)
        band[:, column.start * SCALE : column.stop * SCALE] += shown * down * column.ramp()[None, :, None]
        after_tile(index + 1)
    return band


def _one_tile(pixels: ByteArray, row: Span, column: Span, network: TileRunner) -> FloatArray:
    read = pixels[row.read_start : row.read_stop, column.read_start : column.read_stop]
    made = network(to_floats(read))
    if made.shape != (row.read_px * SCALE, column.read_px * SCALE, 3):
        raise ImageError("upscale-failed", f"the network answered a tile of shape {made.shape} for {read.shape}")
    if not np.isfinite(made).all():
        raise ImageError("upscale-failed", "the network answered values that are no numbers")
    top, left = (row.start - row.read_start) * SCALE, (column.start - column.read_start) * SCALE
    height, width = (row.stop - row.start) * SCALE, (column.stop - column.start) * SCALE
    return np.clip(made[top : top + height, left : left + width], 0.0, 1.0)


def to_floats(pixels: ByteArray) -> FloatArray:
    """uint8 to float32, 0 to 1, as the official package does it."""
    return pixels.astype(np.float32) / np.float32(255.0)


def to_bytes(values: FloatArray) -> ByteArray:
    """float32, about 0 to 1, to uint8, rounded as the official package does it."""
    rounded = np.rint(np.clip(values, 0.0, 1.0) * np.float32(255.0))
    return np.asarray(rounded, dtype=np.uint8)
