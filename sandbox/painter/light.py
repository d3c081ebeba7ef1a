"""Light of a scene: one key light with its shadows and gobo, a sky, a glow on the backdrop. Draws nothing."""

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from sandbox.painter.raster import Array, blur, lookup, rng_of, smooth

LEVELS = (0.012, 0.05, 0.13, 0.30)  # shadow blur steps, in units
SILHOUETTE_PX = 72  # pixels of one unit in a shadow mask
SILHOUETTE_PAD = 0.8  # units round the mask, room for the blur


@dataclass(frozen=True)
class Caster:
    """Something that throws a shadow: its blurred masks (one a level, h x w) as seen from the light, and its foot."""

    masks: tuple[Array, ...]
    x: float
    y: float
    z: float
    half_width: float
    height: float
    strength: float = 1.0


def caster_of(
    alpha: Array, px_per_unit: float, foot: tuple[float, float, float], squeeze: float = 1.0, strength: float = 1.0
) -> Caster:
    """A caster from a silhouette (h, w) whose lowest row stands at `foot`; `squeeze` narrows it."""
    height, width = alpha.shape[0] / px_per_unit, alpha.shape[1] / px_per_unit * squeeze
    w_px, h_px = max(2, round(width * SILHOUETTE_PX)), max(2, round(height * SILHOUETTE_PX))
    small = np.asarray(
        Image.fromarray((alpha * 255).astype(np.uint8)).resize((w_px, h_px), Image.Resampling.BOX), np.float32
    )
    pad = round(SILHOUETTE_PAD * SILHOUETTE_PX)
    # the foot goes on downwards, so that the blur does not lift the shadow off the ground
    body = np.pad(small / 255.0, ((pad, 0), (pad, pad)))
    body = np.concatenate([body, np.repeat(body[-1:], pad, axis=0)])
    masks = tuple(blur(body, level * SILHOUETTE_PX) for level in LEVELS)
    return Caster(masks, foot[0], foot[1], foot[2], width / 2, height, strength)


@dataclass(frozen=True)
class Light:
    """toward: unit vector to the key light. key, ambient: linear RGB, their sum about 1 on a lit surface.
    soft: growth of the penumbra per unit. pool: radius of the lit pool in units. glow: light on the backdrop."""

    toward: tuple[float, float, float]
    key: Array
    ambient: Array
    soft: float
    pool: float
    falloff: float
    glow: float
    rim: float
    gobo: str
    gobo_soft: float
    seed: int
    leaves: Array | None = None
    casters: list[Caster] = field(default_factory=list)

    @property
    def away(self) -> tuple[float, float]:
        """Where shadows fall: (x, z), length 1."""
        norm = math.hypot(self.toward[0], self.toward[2]) or 1.0
        return -self.toward[0] / norm, -self.toward[2] / norm

    @property
    def slope(self) -> float:
        """Tangent of the light's elevation."""
        return self.toward[1] / max(0.05, math.hypot(self.toward[0], self.toward[2]))

    def project(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """(across, height, along): where the ray from a point to the light meets the upright plane through the origin
        that faces the light, and how far the point lies behind it."""
        ax, az = self.away
        along = x * ax + z * az
        return -az * x + ax * z, y + along * self.slope, along

    def visible(self, x: Array, y: Array, z: Array, skip: Caster | None = None) -> Array:
        """How much of the key light reaches each point (0..1): shadows times gobo."""
        across, height, along = self.project(x, y, z)
        lit = self._gobo(across, height)
        for caster in self.casters:
            if caster is not skip:
                self._shade_by(caster, lit, across, height, along)
        return lit

    def _shade_by(self, caster: Caster, lit: Array, across: Array, height: Array, along: Array) -> None:
        ax, az = self.away
        c_along = caster.x * ax + caster.z * az
        c_across, c_height = ax * caster.z - az * caster.x, caster.y + c_along * self.slope
        reach = caster.half_width + SILHOUETTE_PAD * 0.95
        side, up, behind = across - c_across, height - c_height, along - c_along
        hit = (
            (np.abs(side) < reach)
            & (up < caster.height + SILHOUETTE_PAD)
            & (up > -0.4)
            & (behind > -caster.half_width * 0.55)
        )
        if not hit.any():
            return
        side, up, behind = side[hit], up[hit], behind[hit]
        pad = SILHOUETTE_PAD * SILHOUETTE_PX
        col = (side + caster.half_width) * SILHOUETTE_PX + pad
        row = (caster.height - up) * SILHOUETTE_PX + pad
        wanted = np.clip(0.012 + self.soft * np.maximum(behind, 0.0), LEVELS[0], LEVELS[-1])
        shade = np.zeros_like(side)
        for level, mask in enumerate(caster.masks):
            weight = _tent(level, wanted)
            some = weight > 0
            if some.any():
                shade[some] += weight[some] * lookup(mask, col[some], row[some])
        fade = (
            caster.strength / (1.0 + 0.16 * np.maximum(behind, 0.0)) * smooth(-caster.half_width * 0.55, 0.02, behind)
        )
        lit[hit] *= 1.0 - np.clip(shade * fade, 0.0, 1.0)

    def _gobo(self, across: Array, height: Array) -> Array:
        if self.gobo == "window":
            return _window(across, height, self.gobo_soft, rng_of(self.seed, "window"))
        if self.gobo == "blinds":
            return _blinds(across, height, self.gobo_soft)
        if self.gobo == "leaves" and self.leaves is not None:
            size = self.leaves.shape[0]
            shade = lookup(self.leaves, (across + 3.0) / 6.0 * size, (4.2 - height) / 6.0 * size)
            return np.asarray(1.0 - 0.78 * shade, np.float32)
        return np.ones_like(across)

    def key_on(self, x: Array, y: Array, z: Array) -> Array:
        """Strength of the key at each point without shadows: the pool, and the fall-off away from the lamp."""
        across, height, along = self.project(x, y, z)
        fall = np.exp(-np.clip(self.falloff * along, -0.7, 2.5))
        if self.pool < 20:
            fall = fall * np.exp(-((across * 0.8) ** 2 + (height - 0.6) ** 2) / self.pool**2)
        return np.asarray(fall, np.float32)


def _tent(level: int, wanted: Array) -> Array:
    """Weight of one blur level for the wanted blur: linear between neighbouring levels."""
    weight = np.ones_like(wanted)
    if level > 0:
        weight = np.minimum(weight, np.clip((wanted - LEVELS[level - 1]) / (LEVELS[level] - LEVELS[level - 1]), 0, 1))
    if level < len(LEVELS) - 1:
        weight = np.minimum(weight, np.clip((LEVELS[level + 1] - wanted) / (LEVELS[level + 1] - LEVELS[level]), 0, 1))
    return weight


def _bar(low: float, high: float, soft: float, value: Array) -> Array:
    return smooth(low - soft, low + soft, value) * (1.0 - smooth(high - soft, high + soft, value))


def _window(across: Array, height: Array, soft: float, rng: np.random.Generator) -> Array:
    """Light through a window of 2 by 3 panes; the hero stands in a pane."""
    pane_w, pane_h = rng.uniform(0.78, 1.0), rng.uniform(0.85, 1.1)
    left, bottom = -pane_w * rng.uniform(0.5, 0.75), -0.45 + rng.uniform(-0.15, 0.1)
    frame = 0.07
    total = np.zeros_like(across)
    columns, rows = (rng.choice([-1, -2]), 2), 3
    lateral = sum(
        _bar(left + i * (pane_w + frame), left + i * (pane_w + frame) + pane_w, soft, across) for i in range(*columns)
    )
    vertical = sum(
        _bar(bottom + j * (pane_h + frame), bottom + j * (pane_h + frame) + pane_h, soft, height) for j in range(rows)
    )
    total += np.asarray(lateral, np.float32) * np.asarray(vertical, np.float32)
    return np.asarray(0.10 + 0.90 * total, np.float32)


def _blinds(across: Array, height: Array, soft: float) -> Array:
    wave = np.abs(((height + 0.1) / 0.27) % 1.0 - 0.5) * 2.0
    edge = max(0.12, soft * 3)
    return np.asarray(
        0.14 + 0.86 * smooth(0.5 - edge, 0.5 + edge, wave) * _bar(-1.7, 1.5, 0.05 + soft, across), np.float32
    )


def leaf_gobo(seed: int, soft: float) -> Array:
    """A blurred shadow of branches, 6 by 6 units on 384 px; some branches lie nearer the lamp and are softer."""
    rng, size = rng_of(seed, "leaves"), 384
    layers = np.zeros((size, size), np.float32)
    for layer in range(2):
        image = Image.new("L", (size, size), 0)
        draw = ImageDraw.Draw(image)
        for _ in range(int(rng.integers(3, 5))):
            start = (rng.uniform(-0.1, 1.0) * size, rng.choice([-0.05, 0.1, 0.3]) * size)
            draw_branch(draw, rng, start, rng.uniform(0.35, 1.5), size * rng.uniform(0.55, 0.95), size * 0.085)
        mask = np.asarray(image, np.float32) / 255.0
        layers = np.maximum(layers, blur(mask, size / 6 * (0.02 + soft * (0.6 + layer * 1.2))) * (1.0 - 0.35 * layer))
    return layers


def draw_branch(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    start: tuple[float, float],
    angle: float,
    length: float,
    leaf: float,
) -> None:
    """One curved twig with pairs of pointed leaves, filled 255."""
    x, y, steps = start[0], start[1], 15
    bend = rng.uniform(-0.05, 0.05)
    for i in range(steps):
        nx, ny = x + math.cos(angle) * length / steps, y + math.sin(angle) * length / steps
        draw.line([(x, y), (nx, ny)], fill=255, width=max(1, round(leaf * 0.07)))
        for side in (-1.0, 1.0):
            turn = angle + side * rng.uniform(0.5, 0.95)
            size = leaf * rng.uniform(0.75, 1.25) * (1.0 - 0.45 * i / steps)
            draw.polygon(leaf_outline((nx, ny), turn, size * 1.9, size * 0.36), fill=255)
        x, y, angle = nx, ny, angle + bend


def leaf_outline(foot: tuple[float, float], angle: float, length: float, half: float) -> list[tuple[float, float]]:
    """A pointed leaf as a polygon."""
    ux, uy = math.cos(angle), math.sin(angle)
    points = []
    for side in (1.0, -1.0):
        order = range(0, 9) if side > 0 else range(8, -1, -1)
        for k in order:
            t = k / 8
            bulge = half * math.sin(math.pi * t**0.8) * side
            points.append((foot[0] + ux * length * t - uy * bulge, foot[1] + uy * length * t + ux * bulge))
    return points
