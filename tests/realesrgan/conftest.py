"""Set-up of the proof: skip where the official package is not installed, and cure one environment's torchvision.

Where PyPI's CUDA build of torchvision stands beside a CPU torch, `import torchvision` dies with "operator
torchvision::nms does not exist"; empty schemas cure it. That is a matter of the environment, so it is here and not in
the product.
"""

import importlib
import importlib.util
import os
import sys

import pytest

_kept_alive: list[object] = []


@pytest.fixture(scope="session", autouse=True)
def official_package() -> None:
    missing = [name for name in ("torch", "torchvision", "basicsr", "realesrgan") if not importlib.util.find_spec(name)]
    if missing or sys.version_info >= (3, 13):
        # In the proof itself a skipped test would look like a passed one.
        give_up = pytest.fail if os.environ.get("DRAFTLINE_REALESRGAN_PROOF") else pytest.skip
        give_up(
            f"not installed here: {', '.join(missing) or 'Python 3.11 or 3.12'}; run deployments/realesrgan/prove.sh"
        )
    _cure_torchvision()


def _cure_torchvision() -> None:
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = importlib.import_module("torch").library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept_alive.append(library)
        importlib.import_module("torchvision")
