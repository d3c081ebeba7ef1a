"""What the upscaler answers: an estimate before, a picture with its provenance after.

What lives here: frozen records. What may not: work.
"""

from dataclasses import dataclass

from PIL import Image

from imaging.upscale.settings import BackendName, ModelName


@dataclass(frozen=True)
class Estimate:
    """Price of one upscale in time. `output_megapixels` is what the network makes: 16 times the source."""

    seconds: float
    tiles: int
    padded_tile_pixels: int
    output_megapixels: float

    @property
    def seconds_per_megapixel(self) -> float:
        return self.seconds / self.output_megapixels


@dataclass(frozen=True)
class UpscaleFacts:
    """For the provenance record. Sizes in source pixels; `native_scale` 1 and empty weights mean plain LANCZOS.

    `seconds` is the wall time of the whole call, with the load of the network where it was the first.
    """

    backend: BackendName
    model: ModelName | None
    weights_sha256: str
    runtime: str
    device: str
    native_scale: int
    tile_px: int
    pad_px: int
    blend_px: int
    tiles: int
    threads: int
    seconds: float
    cache_key: str


@dataclass(frozen=True)
class UpscaleResult:
    """`image` is RGB, or RGBA where the source had transparency; without ICC profile and EXIF."""

    image: Image.Image
    facts: UpscaleFacts
    warnings: tuple[str, ...]
