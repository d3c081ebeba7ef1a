"""The prop cupboard: forms that stand in for a subject, or dress a set. Shapes and colours only."""

import math

import numpy as np

from sandbox.painter.colours import Rgb, lighter, mix
from sandbox.painter.forms import Form, Handle, Material, Part

WHITE: Rgb = (0.94, 0.925, 0.89)
WAX: Rgb = (0.95, 0.91, 0.82)
OAK: Rgb = (0.70, 0.53, 0.36)
COFFEE: Rgb = (0.20, 0.11, 0.06)


def _curve(points: list[tuple[float, float]], steps: int = 200) -> tuple[tuple[float, float], ...]:
    """A smooth profile through the points (Catmull-Rom), heights kept rising."""
    p = np.array([points[0], *points, points[-1]], np.float64)
    out = []
    for i in range(1, len(p) - 2):
        for t in np.linspace(0, 1, max(2, steps // len(points)), endpoint=False):
            a, b, c, d = p[i - 1], p[i], p[i + 1], p[i + 2]
            out.append(
                0.5 * ((2 * b) + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            )
    out.append(p[-1])
    ys = np.maximum.accumulate([float(q[0]) for q in out])
    return tuple((float(y) + i * 1e-6, max(0.004, float(q[1]))) for i, (y, q) in enumerate(zip(ys, out, strict=True)))


def mug(colour: Rgb, side: int = 1, fill: Rgb = COFFEE) -> Form:
    clay = Material(colour, gloss=0.45, speckle=0.35, mottle=0.05)
    foot = Material(lighter(mix(colour, OAK, 0.55), -0.1), gloss=0.05, speckle=0.5)
    body = Part(
        ((0.10, 0.372), (0.3, 0.385), (0.78, 0.39), (0.80, 0.385)),
        clay,
        mouth=0.90,
        inside=Material(fill, gloss=0.8),
        fill=0.12,
    )
    base = Part(((0.0, 0.325), (0.012, 0.345), (0.06, 0.366), (0.10, 0.372)), foot)
    return Form((base, body), (Handle(0.40, 0.44, 0.20, 0.235, 0.052, clay, side),))


def bottle(colour: Rgb, cap: Rgb, label: Rgb) -> Form:
    glass = Material(colour, gloss=0.95, mottle=0.0, glass=0.45)
    paper = Material(label, gloss=0.12, mottle=0.02)
    return Form(
        (
            Part(((0.0, 0.19), (0.008, 0.205), (0.03, 0.212), (0.13, 0.212)), glass),
            Part(((0.13, 0.2135), (0.47, 0.2135)), paper),
            Part(
                _curve([(0.47, 0.212), (0.58, 0.212), (0.64, 0.19), (0.69, 0.11), (0.72, 0.082), (0.76, 0.08)]), glass
            ),
            Part(((0.76, 0.094), (0.765, 0.098), (0.985, 0.098), (1.0, 0.09)), Material(cap, gloss=0.5, mottle=0.0)),
        )
    )


def vase(colour: Rgb, slim: float = 1.0) -> Form:
    clay = Material(colour, gloss=0.22, speckle=0.25, mottle=0.09)
    line = _curve(
        [
            (0.0, 0.17 * slim),
            (0.06, 0.22 * slim),
            (0.32, 0.315 * slim),
            (0.55, 0.27 * slim),
            (0.76, 0.12),
            (0.86, 0.095),
            (0.97, 0.115),
            (1.0, 0.13),
        ]
    )
    return Form((Part(line, clay, mouth=0.82, inside=Material(lighter(colour, -0.7), 0.0), fill=0.25),))


def moon_vase(colour: Rgb) -> Form:
    clay = Material(colour, gloss=0.3, speckle=0.2, mottle=0.07)
    line = _curve([(0.0, 0.18), (0.08, 0.29), (0.35, 0.41), (0.62, 0.30), (0.74, 0.12), (0.82, 0.11), (0.86, 0.13)])
    return Form((Part(line, clay, mouth=0.8, inside=Material(lighter(colour, -0.7), 0.0), fill=0.2),))


def bowl(colour: Rgb, inside: Rgb | None = None) -> Form:
    glaze = Material(colour, gloss=0.5, speckle=0.2, mottle=0.05)
    line = _curve([(0.0, 0.22), (0.04, 0.23), (0.07, 0.26), (0.17, 0.44), (0.32, 0.56), (0.42, 0.60)])
    return Form((Part(line, glaze, mouth=0.96, inside=Material(inside or lighter(colour, -0.12), 0.35), fill=0.16),))


def candle(colour: Rgb, label: Rgb) -> Form:
    jar = Material(colour, gloss=0.8, mottle=0.0, glass=0.2)
    return Form(
        (
            Part(((0.0, 0.30), (0.012, 0.325), (0.03, 0.33), (0.2, 0.33)), jar),
            Part(((0.2, 0.3315), (0.52, 0.3315)), Material(label, gloss=0.1, mottle=0.02)),
            Part(((0.52, 0.33), (0.70, 0.33)), jar, mouth=0.93, inside=Material(WAX, gloss=0.3, emit=0.35), fill=0.07),
            Part(((0.63, 0.007), (0.74, 0.006)), Material((0.2, 0.16, 0.12), 0.0)),
            Part(
                ((0.735, 0.012), (0.77, 0.030), (0.81, 0.022), (0.88, 0.004)),
                Material((1.0, 0.85, 0.5), 0.0, mottle=0.0, emit=2.4),
            ),
        )
    )


def pillar(colour: Rgb, height: float = 0.9) -> Form:
    wax = Material(colour, gloss=0.25, mottle=0.03)
    return Form(
        (
            Part(((0.0, 0.15), (height - 0.02, 0.15), (height, 0.135)), wax),
            Part(((height, 0.006), (height + 0.05, 0.005)), Material((0.15, 0.12, 0.1), 0.0)),
        )
    )


def lamp(base: Rgb, shade: Rgb) -> Form:
    stone = Material(base, gloss=0.35, mottle=0.08, speckle=0.2)
    cloth = Material(shade, gloss=0.02, mottle=0.03, emit=0.55)
    foot = _curve([(0.0, 0.17), (0.05, 0.19), (0.2, 0.185), (0.36, 0.10), (0.45, 0.05), (0.52, 0.045)])
    return Form(
        (
            Part(foot, stone),
            Part(((0.52, 0.018), (0.62, 0.018)), Material((0.62, 0.5, 0.3), 0.8)),
            Part(((0.60, 0.37), (1.0, 0.25)), cloth),
        )
    )


def jar(colour: Rgb, lid: Rgb, label: Rgb) -> Form:
    body = Material(colour, gloss=0.7, mottle=0.0, glass=0.15)
    return Form(
        (
            Part(((0.0, 0.36), (0.02, 0.385), (0.13, 0.39)), body),
            Part(((0.13, 0.3915), (0.36, 0.3915)), Material(label, 0.12, mottle=0.02)),
            Part(((0.36, 0.39), (0.46, 0.385), (0.48, 0.36)), body),
            Part(((0.48, 0.39), (0.49, 0.40), (0.66, 0.40), (0.675, 0.385)), Material(lid, 0.4, mottle=0.02)),
        )
    )


def box(colour: Rgb, width: float = 0.4, height: float = 0.62, deep: float = 0.8) -> Form:
    return Form(
        (
            Part(
                ((0.0, width - 0.01), (0.012, width), (height - 0.012, width), (height, width - 0.012)),
                Material(colour, 0.15, mottle=0.03),
                square=14.0,
                deep=deep,
            ),
        )
    )


def soap(colour: Rgb) -> Form:
    bevel = [(0.20 + 0.10 * math.sin(t), 0.42 + 0.10 * math.cos(t)) for t in np.linspace(0.0, math.pi / 2, 14)]
    line = ((0.0, 0.46), (0.02, 0.495), (0.05, 0.515), (0.09, 0.52), *((float(y), float(r)) for y, r in bevel))
    return Form((Part(line, Material(colour, 0.30, speckle=0.25, mottle=0.10), square=4.0, deep=0.62),))


def sphere(colour: Rgb, radius: float = 0.3, gloss: float = 0.25) -> Form:
    turn = [
        (radius * (1 - math.cos(t)), max(0.004, radius * math.sin(t))) for t in np.linspace(0.02, math.pi - 0.02, 60)
    ]
    return Form((Part(tuple((float(y), float(r)) for y, r in turn), Material(colour, gloss, mottle=0.03)),))


def cylinder(colour: Rgb, radius: float, height: float, gloss: float = 0.12) -> Form:
    bevel = min(0.02, height / 4)
    return Form(
        (
            Part(
                (
                    (0.0, radius - 0.004),
                    (0.006, radius),
                    (height - bevel, radius),
                    (height - bevel * 0.3, radius - bevel * 0.3),
                    (height, radius - bevel),
                ),
                Material(colour, gloss, mottle=0.03),
            ),
        )
    )


def slab(colour: Rgb, half: float, height: float, deep: float = 0.7) -> Form:
    bevel = min(0.015, height / 4)
    return Form(
        (
            Part(
                ((0.0, half), (height - bevel, half), (height, half - bevel)),
                Material(colour, 0.12, mottle=0.05),
                square=18.0,
                deep=deep,
            ),
        )
    )


def cone(colour: Rgb, radius: float = 0.28, height: float = 0.8) -> Form:
    return Form((Part(((0.0, radius), (height * 0.97, 0.02), (height, 0.006)), Material(colour, 0.12, mottle=0.03)),))


def stone(colour: Rgb, radius: float = 0.6, height: float = 0.34) -> Form:
    # its widest girth lies just over the ground, as if it had sunk in a little; the top is nearly flat
    turn = [(height * math.sin(t) ** 1.15, radius * max(0.02, math.cos(t)) ** 0.42) for t in np.linspace(0.0, 1.53, 44)]
    line = ((0.0, radius * 0.985), *((0.02 + float(y), float(r)) for y, r in turn))
    return Form((Part(line, Material(colour, 0.08, speckle=0.3, mottle=0.16), square=2.3, deep=0.8),))


def subject_form(subject: str, colour: Rgb, accent: Rgb, side: int) -> Form | None:
    """A form for a subject's noun, about one unit high, or None when the cupboard has none."""
    label = lighter(accent, 0.75)
    table = {
        "mug": lambda: mug(colour, side),
        "bottle": lambda: bottle(colour, lighter(accent, -0.45), label),
        "vase": lambda: vase(colour),
        "candle": lambda: candle(colour, label),
        "lamp": lambda: lamp(accent, lighter(colour, 0.45)),
        "bowl": lambda: bowl(colour),
        "jar": lambda: jar(colour, lighter(accent, -0.3), label),
        "box": lambda: box(colour),
        "soap": lambda: soap(colour),
    }
    return table[subject]() if subject in table else None
