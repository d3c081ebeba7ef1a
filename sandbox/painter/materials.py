"""Ground and wall materials: albedo and relief at points of a plane. No light, no camera."""

import numpy as np

from sandbox.painter import colours
from sandbox.painter.colours import Rgb, to_linear
from sandbox.painter.plan import Plan
from sandbox.painter.raster import Array, rng_of, sample, smooth, tile_noise

TEXTURE_PX = 512
NATURAL: dict[str, tuple[Rgb, float]] = {
    "wood": ((0.62, 0.44, 0.28), 0.40),
    "marble": ((0.90, 0.89, 0.87), 0.35),
    "sand": ((0.86, 0.74, 0.56), 0.45),
    "beach": ((0.87, 0.79, 0.65), 0.35),
    "moss": ((0.36, 0.42, 0.20), 0.25),
    "rock": ((0.50, 0.48, 0.45), 0.30),
    "dark": ((0.12, 0.10, 0.10), 0.15),
    "stone": ((0.66, 0.63, 0.59), 0.65),
    "water": ((0.52, 0.66, 0.66), 0.55),
}


def base_colours(plan: Plan, floor: str, wall: str) -> tuple[Rgb, Rgb]:
    """sRGB of floor and wall: natural materials lean towards the palette, neutral ones take it as it is."""
    roles = plan.roles
    named = plan.reading.materials
    floor_rgb = roles.floor
    if floor in NATURAL:
        natural, pull = NATURAL[floor]
        if floor == "wood":
            natural = (0.40, 0.27, 0.18) if "walnut" in named else (0.70, 0.53, 0.36) if "oak" in named else natural
        if "slate" in named and floor == "stone":
            natural, pull = (0.30, 0.31, 0.33), 0.15
        floor_rgb = colours.towards(roles.all, natural, pull if plan.reading.palette else pull * 0.6)
    elif floor == "painted":
        floor_rgb = colours.lighter(roles.floor, 0.35)
    elif floor == "linen":
        floor_rgb = roles.floor
    return floor_rgb, roles.wall


def floor(plan: Plan, kind: str, x: Array, z: Array, colour: Rgb) -> tuple[Array, Array]:
    """Albedo (h, w, 3) and relief (h, w, about -0.5..0.5, light gained or lost by small slopes)."""
    maker = {
        "wood": _wood,
        "marble": _marble,
        "sand": _sand,
        "beach": _beach,
        "moss": _moss,
        "rock": _stone,
        "stone": _stone,
        "linen": _linen,
        "water": _water,
        "dark": _wood,
    }.get(kind, _paper)
    albedo, relief = maker(plan, x, z, to_linear(colour))
    return np.asarray(albedo, np.float32), np.asarray(relief, np.float32)


def _slope(texture: Array, plan: Plan) -> Array:
    """Change of a height texture towards the light: bumps that face the lamp brighten."""
    ax, az = plan.light.away
    dx = np.roll(texture, -1, 1) - np.roll(texture, 1, 1)
    dz = np.roll(texture, -1, 0) - np.roll(texture, 1, 0)
    out = dx * ax + dz * az
    return np.asarray(out / (out.std() + 1e-6), np.float32)


def _far(plan: Plan, z: Array) -> Array:
    """1 near, 0 far: textures finer than the pixels fade out instead of flickering."""
    return smooth(-7.0, -0.5, z)


def _paper(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    noise = tile_noise(rng_of(plan.seed, "paper"), 128, 3, 3)
    return tone * (1.0 + 0.018 * sample(noise, x * 0.2, z * 0.2))[..., None], np.zeros_like(x)


def _wood(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    rng = rng_of(plan.seed, "wood")
    grain = tile_noise(rng, TEXTURE_PX, 56, 3, stretch=14)
    broad = tile_noise(rng, 128, 10, 3, stretch=3)
    plank = np.floor(z / 0.62)
    shift = (plank * 0.37) % 1.0
    seam = np.abs((z / 0.62) % 1.0 - 0.5) * 2.0
    wave = sample(broad, x * 0.22 + shift, z * 0.3)
    rings = np.sin((z * 5.0 + wave * 1.2 + shift * 9) * 4.2)
    veins = sample(grain, x * 0.33 + shift, z * 0.8)
    tint = 1.0 + (0.10 * veins + 0.06 * rings + 0.06 * wave + 0.10 * (shift - 0.5)) * (0.35 + 0.65 * _far(plan, z))
    joint = 1.0 - 0.55 * smooth(0.975, 0.995, seam) * _far(plan, z)
    colour = tone[None, None] ** (1.0 + 0.25 * (1.0 - tint))[..., None]
    return colour * (tint * joint)[..., None], 0.05 * veins


def _marble(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    rng = rng_of(plan.seed, "marble")
    warp = tile_noise(rng, 256, 3, 5)
    w1, w2 = sample(warp, x * 0.16, z * 0.16), sample(warp, x * 0.16 + 0.43, z * 0.16 + 0.17)
    veins = np.exp(-np.abs(np.sin((x * 0.8 + z * 1.1 + 1.5 * w1) * 1.7)) * 14) * smooth(-0.6, 0.9, w2)
    fine = np.exp(-np.abs(np.sin((x * -1.3 + z * 0.9 + 2.0 * w2) * 2.6)) * 26) * smooth(-0.2, 1.2, w1)
    cloud = 1.0 + 0.035 * w1 + 0.03 * w2
    vein = np.clip(0.30 * veins + 0.16 * fine, 0, 0.5)[..., None]
    return tone * cloud[..., None] * (1 - vein) + tone * 0.45 * vein, np.zeros_like(x)


def _stone(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    rng = rng_of(plan.seed, "stone")
    rough = tile_noise(rng, TEXTURE_PX, 7, 6)
    slope = _slope(rough, plan)
    fade = _far(plan, z)
    pits = smooth(1.7, 2.4, sample(tile_noise(rng, 256, 60, 2), x * 0.5, z * 0.5)) * fade
    tint = 1.0 + 0.09 * sample(rough, x * 0.3, z * 0.3) - 0.28 * pits
    return tone * tint[..., None], 0.10 * sample(slope, x * 0.3, z * 0.3) * fade


def _sand(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    rng = rng_of(plan.seed, "sand")
    broad, fine = tile_noise(rng, 256, 4, 4), tile_noise(rng, 256, 90, 2)
    bend = sample(broad, x * 0.11, z * 0.11)
    phase = (z * 1.0 + x * 0.22) * 7.5 + bend * 3.6
    ripple = np.cos(phase) + 0.3 * np.cos(2 * phase)
    fade = _far(plan, z)
    relief = (0.20 * ripple * (0.6 + 0.4 * bend) + 0.05 * sample(fine, x * 1.1, z * 1.1)) * fade
    return tone * (1.0 + 0.05 * bend + 0.03 * sample(fine, x * 0.8, z * 0.8) * fade)[..., None], relief


def _beach(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    """Sand in front, a line of foam, and the sea out to the horizon."""
    albedo, relief = _sand(plan, x, z * 0.6, tone)
    rng = rng_of(plan.seed, "sea")
    noise = tile_noise(rng, 256, 12, 5, stretch=4)
    swash = tile_noise(rng, 256, 4, 4)
    shore = -3.1 + 0.8 * sample(swash, x * 0.07, np.zeros_like(x) + 0.3) + 0.22 * sample(swash, x * 0.35, z * 0 + 0.7)
    depth = shore - z
    sea_rgb = colours.towards(plan.roles.all, (0.30, 0.55, 0.62), 0.55)
    deep, shallow = to_linear(colours.lighter(sea_rgb, -0.18)), to_linear(colours.lighter(sea_rgb, 0.32))
    out = smooth(0.0, 9.0, depth)[..., None]
    waves = sample(noise, x * 0.16, z * 0.35) * smooth(-40, -2, z) + 0.6 * sample(noise, x * 0.03, z * 0.06)
    sea = (shallow * (1 - out) + deep * out) * (1.0 + 0.16 * waves)[..., None]
    foam = (
        np.exp(-(((depth - 0.10) / 0.16) ** 2))
        + 0.7 * np.exp(-(((depth - 1.5 - 0.5 * waves) / 0.20) ** 2))
        + 0.35 * np.exp(-(((depth - 4.2 - 0.8 * waves) / 0.22) ** 2))
    )
    foam = np.clip(foam * (0.75 + 0.35 * waves), 0, 1)[..., None]
    wet = smooth(-1.3, -0.1, depth)[..., None] * (depth < 0.12)[..., None]
    water = smooth(-0.03, 0.12, depth)[..., None]
    mixed = albedo * (1.0 - 0.32 * wet) * (1 - water) + sea * water
    return mixed * (1 - 0.85 * foam) + 0.93 * 0.85 * foam, relief * (1 - water[..., 0]) * (1 - 0.8 * wet[..., 0])


def _moss(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    rng = rng_of(plan.seed, "moss")
    tufts, fine = tile_noise(rng, TEXTURE_PX, 16, 5), tile_noise(rng, 256, 80, 2)
    slope, fade = _slope(tufts, plan), _far(plan, z)
    hue = sample(tufts, x * 0.17 + 0.4, z * 0.17)
    warm = tone * np.asarray((1.35, 1.15, 0.7), np.float32)
    part = smooth(-0.6, 1.5, hue)[..., None] * 0.6
    tint = 1.0 + 0.22 * sample(tufts, x * 0.35, z * 0.35) + 0.16 * sample(fine, x * 0.9, z * 0.9) * fade
    return (tone * (1 - part) + warm * part) * tint[..., None], 0.26 * sample(slope, x * 0.35, z * 0.35) * fade


def _linen(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    """Cloth: a few long folds, small wrinkles, a woven thread."""
    rng = rng_of(plan.seed, "linen")
    folds, small = tile_noise(rng, 256, 3, 3, stretch=2), tile_noise(rng, 256, 9, 4)
    turn = rng.uniform(0.3, 0.9)
    u, v = x * np.cos(turn) + z * np.sin(turn), -x * np.sin(turn) + z * np.cos(turn)
    relief = 0.15 * sample(_slope(folds, plan), u * 0.20, v * 0.34) + 0.05 * sample(
        _slope(small, plan), u * 0.3, v * 0.3
    )
    thread = (np.sin(u * 230) + np.sin(v * 230)) * 0.018 * smooth(-1.0, 0.6, z)
    return tone * (1.0 + thread)[..., None], relief


def _water(plan: Plan, x: Array, z: Array, tone: Array) -> tuple[Array, Array]:
    rng = rng_of(plan.seed, "water")
    noise = tile_noise(rng, 256, 5, 4)
    bend = sample(noise, x * 0.2, z * 0.2)
    ring = np.sqrt(x**2 + z**2)
    waves = np.cos(ring * 16 - 1.0 + bend * 0.6) * np.exp(-ring * 0.55) + 0.4 * bend
    net = np.abs(np.sin((x + 0.4 * bend) * 5.0) + np.sin((z * 1.2 + 0.5 * sample(noise, x * 0.3 + 0.5, z * 0.3)) * 6.0))
    caustic = np.exp(-net * 3.2) * 0.35
    return tone * (1.0 + 0.05 * bend + caustic)[..., None], 0.22 * waves


def wall(plan: Plan, kind: str, x: Array, y: Array, colour: Rgb) -> Array:
    """Albedo of an upright plane, (h, w, 3)."""
    tone = to_linear(colour)
    rng = rng_of(plan.seed, "wall")
    if kind == "tile":
        return _tiles(plan, rng, x, y, tone)
    if kind == "curtain":
        noise = tile_noise(rng, 256, 3, 3)
        sway = sample(noise, x * 0.11, y * 0.03)
        pleat = np.sin(x * 7.5 + sway * 2.4) * 0.6 + np.sin(x * 17 + sway * 4) * 0.22
        return np.asarray(tone * (1.0 + 0.17 * pleat)[..., None], np.float32)
    strength = {"plaster": 0.05, "stone": 0.10}.get(kind, 0.012)
    noise = tile_noise(rng, 256, 4, 5)
    return np.asarray(tone * (1.0 + strength * sample(noise, x * 0.17, y * 0.17))[..., None], np.float32)


def _tiles(plan: Plan, rng: np.random.Generator, x: Array, y: Array, tone: Array) -> Array:
    """Glazed tiles: upright, in running bond or square, each a shade of its own."""
    width, height, bond = ((0.22, 0.22, 0.0), (0.46, 0.17, 0.5), (0.15, 0.5, 0.0))[int(rng.integers(3))]
    row = np.floor(y / height)
    shifted = x / width + bond * (row % 2)
    column = np.floor(shifted)
    shade = np.sin(column * 127.1 + row * 311.7) * 43758.5453
    shade = shade - np.floor(shade)
    gap = 0.014
    u, v = (shifted - column) * width, (y / height - row) * height
    inner = smooth(gap * 0.4, gap, np.minimum(np.minimum(u, width - u), np.minimum(v, height - v)))
    edge_light = 0.10 * (smooth(0.03, 0.0, height - v) - smooth(0.03, 0.0, v))
    tint = (0.94 + 0.10 * shade + edge_light) * inner + 0.80 * (1 - inner)
    return np.asarray(tone * tint[..., None], np.float32)
