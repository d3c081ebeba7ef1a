"""The cast: which forms stand where, besides the product. Choices only; dress.py draws them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sandbox.painter import colours, props
from sandbox.painter.colours import Rgb
from sandbox.painter.forms import Form
from sandbox.painter.plan import Plan
from sandbox.painter.raster import rng_of

ROCKS: dict[str, Rgb] = {
    "beach": (0.78, 0.70, 0.60),
    "desert": (0.72, 0.48, 0.34),
    "mountain": (0.46, 0.45, 0.44),
    "forest": (0.42, 0.37, 0.30),
}
BESIDE_UNITS = 0.45  # free room between the hero and what stands next to it
USUAL_WIDTH = 0.9


@dataclass(frozen=True)
class Piece:
    """A form and where its foot stands (x, y, z), in units; `detail` is the over-sampling it deserves."""

    form: Form
    foot: tuple[float, float, float]
    detail: float = 1.0


def plinth_for(plan: Plan, hero_half: float) -> Piece | None:
    """What the hero stands on, when the setting has something: a plinth, a stone slab, a rock."""
    rng = rng_of(plan.seed, "plinth")
    luck, form = rng.random(), None
    if plan.setting in ROCKS and luck > 0.25:
        tone = colours.towards(plan.roles.all, ROCKS[plan.setting], 0.25)
        form = props.stone(tone, hero_half * 1.12 + 0.26, 0.30)
    elif plan.setting == "bath" and luck > 0.5:
        form = props.slab(colours.lighter(plan.roles.floor, -0.06), hero_half + 0.22, 0.07, 0.75)
    elif plan.setting == "studio" and (luck > 0.22 or "plinth" in plan.reading.materials):
        form = _podium(plan, hero_half, rng)
    return Piece(form, (0.0, 0.0, 0.0), 1.5) if form else None


def _podium(plan: Plan, hero_half: float, rng: np.random.Generator) -> Form:
    roles = plan.roles
    tones = (colours.lighter(roles.floor, 0.15), roles.second, colours.lighter(roles.wall, -0.10))
    tone, tall = tones[int(rng.integers(3))], float(rng.choice([0.10, 0.16, 0.30]))
    if rng.random() < 0.6:
        return props.cylinder(tone, hero_half + 0.20, tall)
    return props.slab(tone, hero_half + 0.24, tall, 0.9)


def stand_in(plan: Plan, height: float) -> list[Piece]:
    """The hero when no reference shows it: a form for the subject's noun, or a still life of simple ones."""
    rng = rng_of(plan.seed, "subject")
    roles = plan.roles
    side = 1 if rng.random() < 0.5 else -1
    colour = plan.reading.subject_colour or roles.accent
    form = props.subject_form(plan.reading.subject, colour, roles.second, side)
    if form is not None:
        return [Piece(form, (0.0, height, 0.0), 1.6)]
    pieces = [
        Piece(props.cylinder(roles.second, 0.24, 0.62), (-0.20, height, -0.10), 1.5),
        Piece(props.sphere(roles.accent, 0.25, 0.35), (0.24, height, 0.12), 1.5),
        Piece(props.cone(colours.lighter(roles.wall, -0.2), 0.17, 0.44), (0.50, height, -0.25), 1.5),
    ]
    return [Piece(p.form, (p.foot[0] * side, p.foot[1], p.foot[2]), p.detail) for p in pieces]


def stand_in_width(subject: str) -> float:
    """How wide the hero is that no reference shows, in units: a bowl is wider than the room that most need."""
    form = props.subject_form(subject, props.WAX, props.WAX, 1)
    return max(USUAL_WIDTH, 2 * form.half_width) if form else USUAL_WIDTH


def companions(plan: Plan, hero_half: float) -> list[Piece]:
    """Props behind and beside the hero, as the setting likes them; few, and never in front of it."""
    rng = rng_of(plan.seed, "props")
    side = float(rng.choice([-1.0, 1.0]))
    if plan.reading.text:
        # the words take the hero's other side
        side = 1.0 if plan.camera.base_x_px >= plan.camera.width_px / 2 else -1.0
    near = hero_half + BESIDE_UNITS
    chooser = _CHOOSERS.get(plan.setting)
    found = chooser(plan, rng, side, near) if chooser else []
    if plan.setting == "city" or "candle" in plan.reading.qualities:
        lit_side = -float(np.sign(plan.light.away[0]) or 1.0)
        candle = props.candle(colours.lighter(plan.roles.accent, 0.2), plan.roles.accent)
        found.append(Piece(candle, (lit_side * (near + 0.5), 0.0, -0.7)))
    return found


def _vessels(plan: Plan, rng: np.random.Generator, side: float, near: float) -> list[Piece]:
    """A household's things: vases, bowls, a board, a cup."""
    roles, reading = plan.roles, plan.reading
    calm = colours.mix(roles.wall, roles.second, 0.5)
    shelf = [
        props.moon_vase(colours.lighter(calm, 0.1)),
        props.bowl(colours.lighter(roles.second, 0.15)),
        props.vase(roles.accent),
        props.pillar(props.WAX, 0.55),
        props.cylinder(colours.mix(roles.floor, props.OAK, 0.4), 0.42, 0.16),
        props.mug(colours.lighter(roles.wall, 0.2)),
    ]
    count = int(rng.integers(1, 2 if "simple" in reading.levels else 4)) + ("rich" in reading.levels)
    depth = -0.9 if plan.setting == "linen" else -0.45
    found = []
    for k, which in enumerate(rng.permutation(len(shelf))[:count]):
        where = -side if k == 1 and not reading.text else side
        further = 0.9 * (k >= 2 or (k == 1 and bool(reading.text)))
        x = where * (near + float(rng.uniform(0.15, 0.5)) + further)
        found.append(Piece(shelf[int(which)], (x, 0.0, depth - float(rng.uniform(0.0, 0.2)))))
    return found


def _shapes(plan: Plan, rng: np.random.Generator, side: float, near: float) -> list[Piece]:
    """A studio's plain forms."""
    roles = plan.roles
    tone = colours.lighter(roles.wall, -0.08)
    options = [
        [
            Piece(props.sphere(roles.accent, 0.22, 0.3), (side * (near + 0.25), 0.0, -0.15), 1.3),
            Piece(props.cylinder(roles.second, 0.34, 0.9), (-side * (near + 0.45), 0.0, -1.0)),
        ],
        [
            Piece(props.slab(roles.second, 0.5, 1.5, 0.3), (side * (near + 0.2), 0.0, -1.25)),
            Piece(props.cylinder(tone, 0.36, 0.42), (side * (near + 0.9), 0.0, -0.6)),
        ],
        [
            Piece(props.cylinder(tone, 0.45, 0.55), (-side * (near + 0.35), 0.0, -0.9)),
            Piece(props.sphere(roles.second, 0.3, 0.2), (-side * (near + 0.35), 0.55, -0.9)),
        ],
        [Piece(props.cone(roles.accent, 0.3, 0.75), (side * (near + 0.3), 0.0, -0.7))],
        [],
    ]
    chosen = options[int(rng.integers(len(options)))]
    if plan.reading.text:
        chosen = [replace(p, foot=(side * abs(p.foot[0]), p.foot[1], p.foot[2])) for p in chosen[:1]]
    return chosen


def _pebbles(plan: Plan, rng: np.random.Generator, side: float, near: float) -> list[Piece]:
    """Two stones, one on the other."""
    low, high = colours.lighter(plan.roles.floor, -0.12), colours.lighter(plan.roles.floor, 0.10)
    return [
        Piece(props.stone(low, 0.46, 0.30), (side * (near + 0.25), 0.0, -0.5), 1.2),
        Piece(props.stone(high, 0.30, 0.20), (side * (near + 0.15), 0.31, -0.5), 1.2),
    ]


def _boulders(plan: Plan, rng: np.random.Generator, side: float, near: float) -> list[Piece]:
    """Rocks further off, on both sides."""
    tone = colours.lighter(colours.towards(plan.roles.all, ROCKS[plan.setting], 0.3), -0.15)
    return [
        Piece(props.stone(tone, 0.40, 0.28), (side * (near + 0.4), 0.0, -0.9)),
        Piece(props.stone(tone, 0.60, 0.34), (-side * (near + 1.3), 0.0, -1.4)),
    ]


_CHOOSERS: dict[str, Callable[[Plan, np.random.Generator, float, float], list[Piece]]] = {
    "kitchen": _vessels,
    "living": _vessels,
    "sill": _vessels,
    "linen": _vessels,
    "studio": _shapes,
    "bath": _pebbles,
    "stone": _pebbles,
    "forest": _boulders,
    "mountain": _boulders,
    "desert": _boulders,
}
