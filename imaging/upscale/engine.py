"""The one contract that the backends with a network fulfil.

What lives here: `Engine` and what it says about itself. What may not: a backend's own import.
"""

from dataclasses import dataclass
from typing import Protocol

from imaging.upscale.weights import FloatArray


@dataclass(frozen=True)
class EngineFacts:
    """What changes pixels: the weights' SHA-256, the runtime with its version ("onnxruntime 1.31.1"), the device."""

    weights_sha256: str
    runtime: str
    device: str
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """A loaded network. `run` may be called from several threads at once."""

    @property
    def facts(self) -> EngineFacts: ...

    def run(self, pixels: FloatArray) -> FloatArray:
        """float32 RGB [height, width, 3], 0 to 1, to [4*height, 4*width, 3]. `ImageError("upscale-failed")`."""
        ...
