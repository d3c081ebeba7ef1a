"""How much CPU a rendition costs over the bound: one plain Pillow resize and encode with the same settings.

Run: python -m bench.renditions [--master-px 2048] [--rounds 3]. CPU time, not wall time; the ratio is what matters,
so it holds on a busy machine. A ratio of 1.0 means that recipes, cropping, profile and digests cost nothing.
"""

import argparse
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from imaging.renditions import Format, Recipe, render, render_all

SIZES_PX = (1600, 800, 400)
FORMATS: tuple[Format, ...] = ("jpeg", "webp", "avif")
PLAIN: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 85, "progressive": True, "optimize": True},
    "webp": {"quality": 82, "method": 4},
    "avif": {"quality": 60, "speed": 8, "max_threads": 1, "autotiling": False},
}


def photo_like(edge_px: int) -> Image.Image:
    """Soft shapes plus fine grain, the same at every run."""
    chance = np.random.default_rng(7)
    coarse = Image.fromarray(chance.integers(0, 255, (12, 12, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((edge_px, edge_px), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = chance.integers(-9, 10, soft.shape, dtype=np.int16)
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8))


def plain(master: Image.Image, edge_px: int, format_name: str) -> None:
    small = master.resize((edge_px, edge_px), Image.Resampling.LANCZOS)
    small.save(io.BytesIO(), format_name.upper(), **PLAIN[format_name])


def cpu_s(work: Callable[[], object], rounds: int) -> float:
    """The best of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--master-px", type=int, default=2048)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    master = photo_like(asked.master_px)
    total_plain = 0.0
    print(f"master {asked.master_px} x {asked.master_px}; CPU ms, best of {asked.rounds}")
    print(f"{'rendition':<14}{'ours':>8}{'plain':>8}{'ratio':>8}")
    recipes = [Recipe(edge, edge, name) for name in FORMATS for edge in SIZES_PX if edge <= asked.master_px]
    for recipe in recipes:
        ours = cpu_s(lambda made=recipe: render(master, made), asked.rounds)  # type: ignore[misc]
        bound = cpu_s(lambda made=recipe: plain(master, made.width_px, made.format), asked.rounds)  # type: ignore[misc]
        total_plain += bound
        print(f"{recipe.format:<6}{recipe.width_px:>8}{ours * 1e3:>8.0f}{bound * 1e3:>8.0f}{ours / bound:>8.2f}")
    together = cpu_s(lambda: render_all(master, recipes), asked.rounds)
    print(f"{'render_all':<14}{together * 1e3:>8.0f}{total_plain * 1e3:>8.0f}{together / total_plain:>8.2f}")


if __name__ == "__main__":
    main()
