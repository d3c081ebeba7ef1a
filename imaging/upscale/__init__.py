"""Super-resolution of a final with the real Real-ESRGAN weights, tiled, repeatable, with a price in seconds beforehand.

What lives here: the network backends (onnxruntime by default, the official package behind the extra `gpu`), plain
LANCZOS, tiles, alpha. What may not: files of pictures, ICC profiles, EXIF, storage, settings from the environment.
See docs/upscaling.md.
"""

from imaging.upscale.results import Estimate, UpscaleFacts, UpscaleResult
from imaging.upscale.settings import BackendName, ModelName, Quality, UpscaleSettings, needed, usable_cores
from imaging.upscale.upscaler import Upscaler

__all__ = [
    "BackendName",
    "Estimate",
    "ModelName",
    "Quality",
    "UpscaleFacts",
    "UpscaleResult",
    "UpscaleSettings",
    "Upscaler",
    "needed",
    "usable_cores",
]
