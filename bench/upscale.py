"""Seconds per output megapixel of each model, beside plain LANCZOS and beside the estimate given before the work.

    .venv/bin/python -m bench.upscale                     all models, 256 px to 1024 px, about 20 s on 2 cores
    .venv/bin/python -m bench.upscale --edge 512 --model x4plus --photo some.png

What lives here: a measurement. What may not: a rule, or a number that the product uses.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from imaging.upscale import Upscaler, UpscaleSettings, usable_cores
from imaging.upscale.models import MODELS
from imaging.upscale.settings import ModelName

LANCZOS_ROUNDS = 5
MAX_EDGE_PX = 1024


def _picture(edge_px: int, photo: Path | None) -> Image.Image:
    if photo is not None:
        with Image.open(photo) as image:
            return image.convert("RGB").resize((edge_px, edge_px), Image.Resampling.LANCZOS)
    across, down = np.meshgrid(np.linspace(0, 1, edge_px), np.linspace(0, 1, edge_px))
    rings = 0.5 + 0.5 * np.sin(90 * np.hypot(across - 0.4, down - 0.6) ** 1.5)
    return Image.fromarray(np.rint(255 * np.stack([across * rings, down, rings], axis=2)).astype(np.uint8))


def _lanczos_s(picture: Image.Image) -> float:
    size = (picture.width * 4, picture.height * 4)
    rounds = []
    for _ in range(LANCZOS_ROUNDS):
        started = time.perf_counter()
        picture.resize(size, Image.Resampling.LANCZOS)
        rounds.append(time.perf_counter() - started)
    return min(rounds)


def _measure(model: ModelName, picture: Image.Image, lanczos_s: float, threads: int) -> str:
    upscaler = Upscaler(UpscaleSettings(model=model, threads=threads))
    started = time.perf_counter()
    estimate = upscaler.estimate(*picture.size)
    ready_s, cpu_before_s = time.perf_counter() - started, time.process_time()
    result = upscaler.upscale(picture, width_px=picture.width * 4, height_px=picture.height * 4)
    cpu_s, seconds = time.process_time() - cpu_before_s, result.facts.seconds
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    megapixels = estimate.output_megapixels
    return (
        f"{model:13} {ready_s:8.2f} {seconds:9.2f} {seconds / megapixels:8.2f} {cpu_s / megapixels:8.2f} "
        f"{seconds / lanczos_s:10.0f} {estimate.seconds:11.2f} {seconds / estimate.seconds:9.2f} "
        f"{result.facts.tiles:6} {peak_mib:9.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edge", type=int, default=256, metavar="PX", help="edge of the source, default 256")
    parser.add_argument("--model", choices=list(MODELS), action="append", help="default: all")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--photo", type=Path, help="a picture of your own instead of the drawn one")
    arguments = parser.parse_args()
    if not 64 <= arguments.edge <= MAX_EDGE_PX:
        parser.error(f"--edge must be between 64 and {MAX_EDGE_PX}")
    picture = _picture(arguments.edge, arguments.photo)
    lanczos_s, megapixels = _lanczos_s(picture), 16 * arguments.edge**2 / 1e6
    print(f"{picture.width} px to {picture.width * 4} px, {megapixels:.2f} MP, {arguments.threads} threads")
    print("model         ready s    wall s  wall/MP   cpu/MP  x LANCZOS  estimate s  wall/est  tiles  peak MiB")
    print(f"{'lanczos':13} {'':8} {lanczos_s:9.3f} {lanczos_s / megapixels:8.3f}")
    for model in arguments.model or sorted(MODELS, key=lambda name: MODELS[name].size_bytes):
        print(_measure(model, picture, lanczos_s, arguments.threads), flush=True)


if __name__ == "__main__":
    main()
