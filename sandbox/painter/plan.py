"""Decisions before painting: camera, light, palette roles and set, from what was read and the seed. No pixels."""

import math
from dataclasses import dataclass

import numpy as np

from sandbox.painter import colours
from sandbox.painter.camera import Camera
from sandbox.painter.colours import Rgb
from sandbox.painter.light import Light, leaf_gobo
from sandbox.painter.raster import rng_of
from sandbox.painter.words import Reading

# Palettes for prompts that name no colour: wall, floor, accent, second accent.
HOUSE_PALETTES: dict[str, tuple[tuple[str, ...], ...]] = {
    "studio": (
        ("#e3d3c2", "#d9c4ae", "#b5765a", "#f1e8dc"),
        ("#c9d3cc", "#dfe3da", "#7f9482", "#f0ece2"),
        ("#ddc3b8", "#e8d5cb", "#a9503b", "#f3e7de"),
    ),
    "kitchen": (("#e9e1d3", "#b98d63", "#7f8f78", "#c9a37a"), ("#d8ddd6", "#a9805a", "#c0694a", "#efe7da")),
    "sill": (("#ece6db", "#e3d9c8", "#8ca698", "#c9a37a"),),
    "beach": (("#a9c8d4", "#dcc7a3", "#5f97a8", "#f0e4cf"),),
    "forest": (("#4f6244", "#5f6b3a", "#a8b97a", "#6b4f37"),),
    "desert": (("#e8c9a2", "#d39a66", "#a9583a", "#f2dfc4"),),
    "mountain": (("#a9bccb", "#8b8f86", "#56707f", "#e6e2d9"),),
    "city": (("#1d2338", "#241f2c", "#e0883f", "#4f7fb5"),),
    "bath": (("#dfe5e1", "#d2d6d0", "#8fb0ad", "#c9b295"), ("#b9cbc7", "#d8dcd6", "#6f9490", "#efe9de")),
    "stone": (("#c3bdb4", "#a8a29a", "#6f6a64", "#d8cbb8"),),
    "linen": (("#e6dccb", "#e9e0d1", "#b9a58a", "#c98f74"),),
    "living": (("#d6cbb9", "#8d6848", "#5f7263", "#c98f5a"), ("#6f7d74", "#8a6444", "#c9a067", "#e4dccb")),
}
DARK_PALETTE = ("#3a322d", "#2b2624", "#b0764a", "#6f5846")
FESTIVE_PALETTE = ("#2f4a3c", "#7a5236", "#a83232", "#d6b25c")
SETTING_ORDER = tuple(HOUSE_PALETTES)


@dataclass(frozen=True)
class Hero:
    """What the picture is about, in units: its width and height, from how far above it was photographed (0 to 0.5),
    and the height of what it stands on."""

    width: float
    height: float
    tilt: float = 0.0
    lift: float = 0.0


@dataclass(frozen=True)
class Roles:
    """Who wears which colour: backdrop, ground, two accents, and the whole palette."""

    wall: Rgb
    floor: Rgb
    accent: Rgb
    second: Rgb
    all: tuple[Rgb, ...]


@dataclass(frozen=True)
class Plan:
    """Everything decided. `flat` is a view straight down; `level` a factor on all light; `variant` a free number."""

    reading: Reading
    setting: str
    roles: Roles
    camera: Camera
    light: Light
    seed: int
    variant: int
    flat: bool
    level: float
    aperture: float
    contrast: float
    warmth: float
    vignette: float


def roles_of(reading: Reading, setting: str, rng: np.random.Generator) -> Roles:
    """Gives the palette's colours their parts; asks the house palette when the prompt names none."""
    palette = reading.palette
    if not palette:
        house = HOUSE_PALETTES[setting]
        chosen = house[int(rng.integers(len(house)))]
        if "festive" in reading.moods:
            chosen = FESTIVE_PALETTE
        elif "dark" in reading.moods and setting in ("studio", "stone", "living", "linen"):
            chosen = DARK_PALETTE
        palette = tuple(colours.from_hex(c) for c in chosen)
        return Roles(palette[0], palette[1], palette[2], palette[3], palette)
    # a palette is written with what matters most first; the dark moods take the deepest tones instead
    ranked = list(palette)
    if "dark" in reading.moods or "night" in reading.qualities or setting == "city":
        ranked = sorted(palette, key=colours.luma)
    elif "bold" not in reading.moods:
        ranked = sorted(palette[:3], key=lambda c: colours.saturation(c) > 0.5 or colours.luma(c) < 0.3) + list(
            palette[3:]
        )
    wall = ranked[0]
    floor = ranked[1] if len(ranked) > 1 else colours.lighter(wall, 0.12)
    if len(ranked) > 1 and rng.random() < 0.4 and setting in ("studio", "stone", "linen", "bath"):
        wall, floor = floor, wall
    rest = sorted((c for c in palette if c not in (wall, floor)), key=colours.saturation, reverse=True)
    accent = rest[0] if rest else colours.lighter(wall, -0.35)
    second = rest[1] if len(rest) > 1 else colours.mix(accent, floor, 0.5)
    return Roles(wall, floor, accent, second, palette)


def camera_of(reading: Reading, width: int, height: int, hero: Hero, rng: np.random.Generator, setting: str) -> Camera:
    """Frames the hero and what it stands on."""
    tall = hero.height + hero.lift
    eye_ratio = float(rng.choice([0.07, 0.13, 0.20, 0.28]))
    share = float(rng.uniform(0.38, 0.56))
    shift_part = float(rng.choice([0.0, 0.12, -0.40, 0.40, -0.22, 0.22]))
    eye_ratio = {"low": 0.03, "high": 0.38, "eye": min(eye_ratio, 0.13)}.get(reading.angle, eye_ratio)
    share = {"close": 0.66, "wide": 0.31, "medium": 0.44}.get(reading.framing, share)
    shift_part = {"left": -0.46, "right": 0.46, "middle": 0.0, "low": shift_part * 0.4}.get(reading.place, shift_part)
    if setting in ("beach", "desert", "mountain", "forest"):
        eye_ratio = min(eye_ratio, 0.11)
    # a product photographed from above would tip over in a scene seen from lower down
    eye_ratio = max(eye_ratio, 0.85 * hero.tilt - 0.06)
    ratio = width / height
    if ratio < 0.8:
        share *= 0.9
    unit = min(share * height / tall, min(0.78, share * 1.25) * width / hero.width)
    base_y = height * (0.5 + share * 0.47) if ratio >= 0.8 else height * 0.5 + unit * tall * 0.62
    base_y = min(base_y + height * 0.07 * (reading.place == "low"), height * 0.86)
    slack = max(0.0, width - unit * hero.width) / 2
    if reading.text:
        shift_part = (
            math.copysign(0.42, shift_part if reading.place in ("left", "right") else 1.0)
            if ratio >= 1.25
            else shift_part * 0.3
        )
    shift = shift_part * slack * (0.5 if reading.framing == "close" else 1.0)
    distance = 5.2
    return Camera(
        width, height, unit, width / 2 + shift, base_y, distance, eye_ratio * distance + 0.30 + 0.7 * hero.lift
    )


def _direction(reading: Reading, rng: np.random.Generator) -> tuple[float, float, float]:
    side = float(rng.choice([-1.0, 1.0]))
    spread = float(rng.uniform(-0.12, 0.12))
    came = reading.light_from
    if came in ("left", "right"):
        side = -1.0 if came == "left" else 1.0
    lift = 0.62 + spread
    if {"golden", "morning", "candle"} & reading.qualities:
        lift = 0.40 + spread * 0.5
    x, z = side * float(rng.uniform(0.58, 0.85)), float(rng.uniform(-0.62, 0.02))
    if came == "behind":
        x, z, lift = side * 0.45, -0.75, 0.42 + spread * 0.5
    elif came == "above":
        x, z, lift = side * 0.22, 0.30, 1.3
    elif came == "front":
        x, z = side * 0.35, 0.8
    norm = math.sqrt(x * x + lift * lift + z * z)
    return x / norm, lift / norm, z / norm


# key colour, ambient colour, ambient share, softness
_MOOD_OF_LIGHT = {
    "neon": ((1.0, 0.30, 0.75), (0.22, 0.42, 1.0), 0.40, 0.16),
    "candle": ((1.0, 0.64, 0.32), (0.72, 0.46, 0.36), 0.24, 0.10),
    "golden": ((1.0, 0.80, 0.52), (0.84, 0.83, 0.95), 0.36, 0.05),
    "night": ((1.0, 0.78, 0.52), (0.42, 0.50, 0.85), 0.22, 0.08),
    "overcast": ((0.98, 1.0, 1.02), (0.96, 1.0, 1.05), 0.74, 0.42),
    "morning": ((1.0, 0.92, 0.79), (0.91, 0.95, 1.01), 0.42, 0.08),
    "hard": ((1.0, 0.97, 0.91), (0.86, 0.93, 1.05), 0.30, 0.018),
    "soft": ((1.0, 0.975, 0.94), (0.97, 0.99, 1.02), 0.54, 0.24),
}


def light_of(reading: Reading, setting: str, rng: np.random.Generator, seed: int) -> Light:
    """The key, the sky and what stands between them."""
    kind = next((k for k in _MOOD_OF_LIGHT if k in reading.qualities), "")
    kind = kind or ("night" if setting == "city" else str(rng.choice(["soft", "morning", "hard", "soft"])))
    key, sky, share, soft = _MOOD_OF_LIGHT[kind]
    dim = {"candle": 0.78, "night": 0.74, "neon": 0.95}.get(kind, 1.0)
    if "dark" in reading.moods and kind not in ("candle", "night", "neon"):
        share, dim = share * 0.6, 0.86
    gobo = reading.gobo
    indoor = setting in ("studio", "kitchen", "sill", "bath", "stone", "linen", "living")
    chance = {"morning": 0.85, "hard": 0.6, "golden": 0.7, "soft": 0.25}.get(kind, 0.0)
    if not gobo and rng.random() < chance:
        gobo = str(rng.choice(["window", "leaves", "leaves", "window", "blinds"]))
    if (
        kind in ("overcast", "candle", "neon", "night")
        or reading.light_from == "behind"
        or (not indoor and reading.gobo != "leaves")
    ):
        gobo = ""
    if setting == "forest" and kind in ("hard", "golden", "morning"):
        gobo = "leaves"
    gobo_soft = {"hard": 0.018, "golden": 0.035, "morning": 0.045}.get(kind, 0.10)
    pool = {"candle": 2.3, "night": 2.4, "neon": 3.2}.get(kind, 2.6 if "dark" in reading.moods else 5.5)
    ambient = np.asarray(sky, np.float32) * share * dim
    behind = reading.light_from == "behind"
    return Light(
        toward=_direction(reading, rng),
        key=np.asarray(key, np.float32) * (1.06 - share) * dim,
        ambient=ambient,
        soft=soft,
        pool=pool if indoor else 30.0,
        falloff=0.10 if indoor else 0.0,
        glow=0.55 if behind else 0.12,
        rim=0.9 if behind else 0.22,
        gobo=gobo,
        gobo_soft=gobo_soft,
        seed=seed,
        leaves=leaf_gobo(seed, gobo_soft) if gobo == "leaves" else None,
    )


def plan(reading: Reading, width: int, height: int, hero: Hero, seed: int, model: str) -> Plan:
    """All decisions for one picture on a raster of width x height."""
    rng = rng_of(seed, "plan")
    setting = reading.setting or ("living" if reading.materials & {"wood", "oak", "walnut"} else "studio")
    # the draws are made in a fixed order, so one word more in a prompt does not reshuffle the rest
    roles = roles_of(reading, setting, rng_of(seed, "roles"))
    camera = camera_of(reading, width, height, hero, rng_of(seed, "camera"), setting)
    light = light_of(reading, setting, rng_of(seed, "light"), seed)
    is_flux, is_banana = "flux" in model.lower(), "gemini" in model.lower() or "banana" in model.lower()
    levels = reading.levels
    mood_contrast = 0.25 if reading.moods & {"bold", "dark"} else 0.0
    blur = (0.15 if reading.framing == "close" else 0.10) * (1.35 if "shallow" in levels else 1.0)
    return Plan(
        reading=reading,
        setting=setting,
        roles=roles,
        camera=camera,
        light=light,
        seed=seed,
        variant=int(rng.integers(1 << 30)),
        level=1.04 * (1.07 if "brighter" in levels else 0.88 if "darker" in levels else 1.0),
        flat=reading.angle == "top" or (reading.subject == "garment" and reading.angle not in ("low", "high")),
        aperture=blur * (0.45 if "deep" in levels else 1.0),
        contrast=0.30 + mood_contrast + 0.18 * is_flux + 0.3 * ("stronger" in levels) - 0.3 * ("gentler" in levels),
        warmth=0.018 if is_banana else 0.0,
        vignette=0.26 if reading.moods & {"dark", "cosy"} else 0.14,
    )
