"""Draws the sample shop's product photographs, lit like a studio.

Run `python samples/draw_products.py` from the repository's root; it writes samples/photos/. It is independent of every
package of the repository and needs numpy and Pillow only. About three minutes.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from studio import Solid, cloth, curve, ear, flat, label, linear, pillow, render, shell, stoneware, turned, wood

OUT = Path(__file__).parent / "photos"


def mug() -> list[Solid]:
    line = curve([(0.30, 0.0), (0.345, 0.035), (0.365, 0.12), (0.375, 0.4), (0.38, 0.72), (0.375, 0.78)])
    glaze = stoneware("#d9cbb2", "#9c7a58", 0.12)
    return [
        Solid(turned(shell(line, 0.035, 0.05)), glaze, 0.55),
        Solid(ear(0.37, 0.41, 0.21, 0.235, 0.043), glaze, 0.55),
    ]


def bottle() -> list[Solid]:
    body = [
        (0.0, 0.0),
        (0.19, 0.0),
        (0.215, 0.03),
        (0.218, 0.1),
        (0.218, 0.62),
        *curve([(0.216, 0.63), (0.20, 0.70), (0.12, 0.76), (0.085, 0.80)]),
        (0.085, 0.86),
        (0.0, 0.86),
    ]
    paper = [(0.0, 0.16), (0.228, 0.16), (0.228, 0.54), (0.0, 0.54)]
    cap = [(0.0, 0.84), (0.098, 0.84), (0.098, 1.02), (0.09, 1.03), (0.0, 1.03)]
    words = [("HARROW & PINE", 0.105), ("cedar + smoke", 0.085), ("room mist 100 ml", 0.06)]
    return [
        Solid(turned(body), flat("#8f4a12"), 0.95, amber=0.75),
        Solid(turned(paper, 0.0), label("#efe7d8", "#efe7d8", 0.16, 0.54, 0.228, words), 0.08),
        Solid(turned(cap, 0.004), flat("#26231f"), 0.55),
    ]


def candle() -> list[Solid]:
    jar = shell([(0.31, 0.0), (0.335, 0.015), (0.342, 0.06), (0.342, 0.70), (0.338, 0.72)], 0.02, 0.04)
    wax = [(0.0, 0.05), (0.318, 0.05), (0.318, 0.60), (0.0, 0.595)]
    wick = [(0.0, 0.58), (0.008, 0.58), (0.007, 0.675), (0.0, 0.675)]
    words = [("HARROW & PINE", 0.12), ("fig leaf", 0.15), ("soy wax candle 220 g", 0.062)]
    paint = label("#50614f", "#f0e9db", 0.17, 0.53, 0.342, words)
    return [
        Solid(turned(jar), paint, 0.6),
        Solid(turned(wax), flat("#f2e8d2"), 0.25, glow=0.05),
        Solid(turned(wick, 0.002), flat("#2b2520"), 0.0),
    ]


def vase() -> list[Solid]:
    line = curve(
        [
            (0.17, 0.0),
            (0.21, 0.03),
            (0.31, 0.22),
            (0.335, 0.38),
            (0.27, 0.58),
            (0.12, 0.74),
            (0.085, 0.84),
            (0.10, 0.95),
            (0.135, 1.0),
        ],
        14,
    )
    return [Solid(turned(shell(line, 0.03, 0.06)), stoneware("#b96a4a", "#8c5138", 0.10, 0.25), 0.22)]


def bowl() -> list[Solid]:
    line = curve([(0.20, 0.0), (0.21, 0.05), (0.24, 0.07), (0.42, 0.17), (0.55, 0.34), (0.595, 0.45)])

    def enamel(p: np.ndarray, n: np.ndarray) -> np.ndarray:
        rim = np.clip((p[:, 1] - 0.437) / 0.004, 0, 1)[:, None]
        return linear("#f3f0e8") * (1 - rim) + linear("#27406b") * rim

    return [Solid(turned(shell(line, 0.018, 0.075)), enamel, 0.8)]


def lamp() -> list[Solid]:
    foot = curve([(0.17, 0.0), (0.20, 0.03), (0.225, 0.14), (0.20, 0.28), (0.12, 0.40), (0.06, 0.46)])
    base = [(0.0, 0.0), *foot, (0.0, 0.46)]
    stem = [(0.0, 0.44), (0.022, 0.44), (0.022, 0.66), (0.0, 0.66)]
    shade = [(0.36, 0.60), (0.235, 1.02), (0.228, 1.02), (0.352, 0.60)]
    return [
        Solid(turned(base), stoneware("#7f8f78", "#8c6f52", 0.03, 0.3), 0.45),
        Solid(turned(stem, 0.003), flat("#b08a4a"), 0.85),
        Solid(turned(shade, 0.004), cloth("#efe6d3", 420.0), 0.03, glow=0.16),
    ]


def cushion() -> list[Solid]:
    return [Solid(pillow(0.56, 0.21), cloth("#c08435", 260.0), 0.02)]


def tray() -> list[Solid]:
    line = [(0.60, 0.0), (0.635, 0.015), (0.65, 0.05), (0.65, 0.135), (0.64, 0.145)]
    return [Solid(turned(shell(line, 0.045, 0.045)), wood("#b5854f"), 0.18)]


SHOP: dict[str, tuple[Callable[[], list[Solid]], tuple[float, float], float, str]] = {
    "stoneware-mug": (mug, (0.38, 1.15), 0.66, "png"),
    "cedar-room-mist": (bottle, (0.51, 1.0), 0.62, "png"),
    "fig-leaf-candle": (candle, (0.36, 1.35), 0.60, "webp"),
    "terracotta-vase": (vase, (0.49, 1.15), 0.62, "webp"),
    "enamel-bowl": (bowl, (0.20, 1.75), 0.82, "jpg"),
    "sage-table-lamp": (lamp, (0.50, 0.95), 0.64, "webp"),
    "ochre-linen-cushion": (cushion, (0.53, 1.0), 0.78, "jpg"),
    "round-oak-tray": (tray, (0.06, 2.3), 0.86, "jpg"),
}


def save(image: Image.Image, path: Path) -> None:
    """Small files: cut-outs as palette PNG or WebP with alpha, pictures on white as JPEG."""
    if path.suffix == ".png":
        clean = Image.composite(
            image, Image.new("RGBA", image.size, (0, 0, 0, 0)), image.getchannel("A").point(lambda a: 255 if a else 0)
        )
        clean.save(path, optimize=True)
    elif path.suffix == ".webp":
        image.save(path, quality=90, method=6)
    else:
        image.save(path, quality=90, optimize=True, progressive=True)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    for handle, (build, look, zoom, kind) in SHOP.items():
        save(render(build(), look, zoom, ground=kind == "jpg"), OUT / f"{handle}.{kind}")
        print(f"{handle}.{kind}")


if __name__ == "__main__":
    main()
