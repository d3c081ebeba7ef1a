"""The view straight down: a surface, what lies on it, shadows beside and under. Products are product.py's."""

import math
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from sandbox.painter import colours, materials, props, stage
from sandbox.painter.camera import Camera, lay_out
from sandbox.painter.colours import Rgb, to_linear
from sandbox.painter.light import leaf_outline
from sandbox.painter.plan import Hero, Plan
from sandbox.painter.product import Product
from sandbox.painter.raster import Array, blur, over, rng_of, smooth

FAR = 60.0  # units; so far that the view is all but parallel
UNDER = -0.13  # depth of the surface under the middle of what lies on it
NAMED_SURFACES = {
    "linen": "linen",
    "marble": "marble",
    "wood": "wood",
    "oak": "wood",
    "walnut": "wood",
    "concrete": "stone",
    "stone": "stone",
    "sand": "sand",
    "moss": "moss",
}
SURFACES = {
    "beach": "sand",
    "desert": "sand",
    "city": "stone",
    "mountain": "stone",
    "forest": "moss",
    "sill": "wood",
    "living": "wood",
}


def look_down(plan: Plan, hero: Hero) -> Plan:
    """The plan with a camera above the middle of the group and a light that grazes the surface."""
    width, height = plan.camera.width_px, plan.camera.height_px
    rng = rng_of(plan.seed, "down")
    share = float(rng.uniform(0.56, 0.66))
    unit = min(share * height / hero.height, share * width / hero.width)
    shift_x, shift_y = rng.uniform(-0.06, 0.06) * width, rng.uniform(-0.03, 0.05) * height
    base_y = height / 2 + shift_y + unit * hero.height / 2
    camera = Camera(width, height, unit, width / 2 + shift_x, base_y, FAR, hero.height / 2)
    side = math.copysign(1.0, plan.light.toward[0] or 1.0)
    toward = np.array((side * rng.uniform(0.5, 0.7), rng.uniform(0.45, 0.65), 0.62))
    toward /= np.linalg.norm(toward)
    light = replace(
        plan.light, toward=(float(toward[0]), float(toward[1]), float(toward[2])), rim=0.1, falloff=0.06, casters=[]
    )
    return replace(plan, camera=camera, light=light)


def spread_out(products: list[Product]) -> list[Product]:
    """The group on one plane."""
    return [replace(p, foot=(p.foot[0], 0.0, 0.0)) for p in products]


def paint(plan: Plan, hero: bool) -> Array:
    """The lit surface with its props, linear (h, w, 3). hero: put a dish in the middle, as there is no product."""
    ground = lay_out(
        replace(plan.camera, eye=1e4, base_y_px=plan.camera.base_y_px + plan.camera.unit_px * 1e4), -1e6, UNDER
    )
    x = ground.x
    rows = np.arange(plan.camera.height_px, dtype=np.float32)[:, None] + 0.5
    y = np.broadcast_to((plan.camera.base_y_px - rows) / plan.camera.unit_px, x.shape).astype(np.float32)
    room = stage.room_of(plan)
    kind = SURFACES.get(plan.setting, room.floor)
    kind = next((k for word, k in NAMED_SURFACES.items() if word in plan.reading.materials), kind)
    kind = "linen" if plan.reading.subject == "garment" and kind in ("paper", "water", "moss") else kind
    colour, _ = materials.base_colours(plan, kind, room.wall)
    albedo, relief = materials.floor(plan, kind, x, -y, colour)
    light = plan.light
    seen = light.visible(x, y, np.full_like(x, UNDER)) * light.key_on(x, y, np.full_like(x, UNDER))
    close = _closeness(plan, x, y)
    canvas = albedo * (light.ambient * close[..., None] + light.key * (seen * (1.0 + relief))[..., None])
    canvas = np.asarray(canvas, np.float32)
    _lay_props(plan, canvas, hero)
    return canvas


def _closeness(plan: Plan, x: Array, y: Array) -> Array:
    """Sky light lost under what lies there: the outlines of the casters, blurred."""
    out = np.ones_like(x)
    for caster in plan.light.casters:
        gx, gy = (
            (x - caster.x) / (caster.half_width + 0.1),
            (y - caster.y - caster.height / 2) / (caster.height / 2 + 0.1),
        )
        out *= 1.0 - 0.30 * np.exp(-((gx**2 + gy**2) ** 2))
    return out


def _lay_props(plan: Plan, canvas: Array, hero: bool) -> None:
    rng, roles, unit = rng_of(plan.seed, "laid"), plan.roles, plan.camera.unit_px
    width, height = plan.camera.width_px, plan.camera.height_px
    if hero:
        colour = plan.reading.subject_colour or roles.accent
        inner = props.COFFEE if plan.reading.subject == "mug" else colours.lighter(colour, 0.1)
        _lay(
            plan,
            canvas,
            *_dish(plan, unit * 0.46, colours.lighter(roles.second, 0.3), None),
            width / 2,
            height / 2,
            0.05,
        )
        _lay(plan, canvas, *_dish(plan, unit * 0.30, colour, inner), width / 2, height / 2, 0.16)
    turn = rng.uniform(0, 6.28)
    for k in range(0, 6 if hero else int(rng.integers(3, 5)), 2 if hero else 1):
        angle = turn + k * 2.1 + rng.uniform(-0.3, 0.3)
        px = width * (0.5 + 0.50 * math.cos(angle) * rng.uniform(0.85, 1.05))
        py = height * (0.5 + 0.50 * math.sin(angle) * rng.uniform(0.85, 1.05))
        if k % 2 == 0:
            inward = math.atan2(height / 2 - py, width / 2 - px) + rng.uniform(0.5, 0.9)
            _lay(plan, canvas, *_sprig(plan, unit * rng.uniform(0.6, 0.85), inward, k), px, py, 0.04)
        else:
            colour = (roles.accent, roles.second, colours.lighter(roles.wall, 0.2))[int(rng.integers(3))]
            filled = props.COFFEE if rng.random() < 0.35 else None
            _lay(plan, canvas, *_dish(plan, unit * rng.uniform(0.16, 0.32), colour, filled), px, py, 0.08)


def _lay(plan: Plan, canvas: Array, rgb: Array, alpha: Array, px: float, py: float, rise: float) -> None:
    """Lays a card with a soft shadow; `rise` is how high it stands, in units."""
    unit, (ax, _) = plan.camera.unit_px, plan.light.away
    x0, y0 = round(px - alpha.shape[1] / 2), round(py - alpha.shape[0] / 2)
    pad = int(unit * (rise + 0.12)) + 2
    shade = np.pad(alpha, pad)
    length = rise * 1.2 * unit
    soft = max(0.02 * unit, unit * rise * (0.12 + plan.light.soft))
    dx, dy = round(ax * length), round(length * 0.8)
    for sigma, strength, sx, sy in ((soft, 0.50, dx, dy), (unit * 0.02, 0.30, dx // 5, dy // 5)):
        mask = np.clip(blur(shade, sigma), 0, 1) * strength
        over(canvas, np.zeros((*mask.shape, 3), np.float32), np.asarray(mask, np.float32), x0 - pad + sx, y0 - pad + sy)
    over(canvas, rgb, alpha, x0, y0)


def _dish(plan: Plan, radius: float, colour: Rgb, inner: Rgb | None) -> tuple[Array, Array]:
    """A plate or a cup from above: rim, slope, well; `inner` fills it."""
    n = max(8, int(radius * 2) + 4)
    axis = (np.arange(n, dtype=np.float32) + 0.5 - n / 2) / radius
    gx, gy = np.meshgrid(axis, axis)
    away = np.sqrt(gx**2 + gy**2) + 1e-5
    # slope of the glaze along the radius: up at the rim's outside, down into the well
    slope = 0.9 * smooth(0.95, 1.0, away) - 0.9 * smooth(0.93, 0.90, away) * smooth(0.70, 0.84, away)
    light = plan.light
    facing = np.clip(
        (gx / away * slope * light.toward[0] - gy / away * slope * light.toward[1]) + light.toward[2] * 1.25, 0.1, 1.5
    )
    rgb = to_linear(colour) * (light.ambient + light.key * facing[..., None])
    if inner is not None:
        well = 1.0 - smooth(0.84, 0.87, away)
        depth = 0.75 + 0.25 * smooth(0.87, 0.3, away)
        shine = 0.35 * np.exp(-(((gx - 0.35 * np.sign(light.toward[0])) / 0.16) ** 2 + ((gy + 0.3) / 0.12) ** 2))
        filled = to_linear(inner) * (light.ambient + light.key) * depth[..., None] + shine[..., None] * light.key
        rgb = rgb * (1 - well[..., None]) + filled * well[..., None]
    return np.asarray(rgb, np.float32), np.asarray(1.0 - smooth(1.0 - 1.5 / radius, 1.0, away), np.float32)


def _sprig(plan: Plan, length: float, angle: float, salt: int) -> tuple[Array, Array]:
    """A twig of long leaves, each in a shade of its own."""
    rng = rng_of(plan.seed, "sprig", salt)
    green = colours.towards(plan.roles.all, (0.42, 0.50, 0.36), 0.35)
    fine, side = 2, int(length * 2.6)
    image = Image.new("RGBA", (side * fine, side * fine), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    x = side * fine / 2 - math.cos(angle) * length * fine / 2
    y = side * fine / 2 - math.sin(angle) * length * fine / 2
    steps, turn = 10, rng.uniform(-0.05, 0.05)
    for i in range(steps):
        nx, ny = x + math.cos(angle) * length * fine / steps, y + math.sin(angle) * length * fine / steps
        draw.line(
            [(x, y), (nx, ny)], fill=_ink(colours.lighter(green, -0.45)), width=max(2, round(length * fine * 0.012))
        )
        for hand in (-1.0, 1.0):
            lean, size = (
                angle + hand * rng.uniform(0.55, 0.95),
                length * fine * 0.115 * rng.uniform(0.8, 1.2) * (1.1 - 0.5 * i / steps),
            )
            tone = colours.lighter(green, float(rng.uniform(-0.28, 0.18)))
            draw.polygon(leaf_outline((nx, ny), lean, size * 2.0, size * 0.42), fill=_ink(tone))
            tip = (nx + math.cos(lean) * size * 1.8, ny + math.sin(lean) * size * 1.8)
            draw.line([(nx, ny), tip], fill=_ink(colours.lighter(tone, 0.16)), width=max(1, round(size * 0.05)))
        x, y, angle = nx, ny, angle + turn
    small = np.asarray(image.resize((side, side), Image.Resampling.LANCZOS), np.float32) / 255
    light = plan.light
    return np.asarray(small[..., :3] ** 2.2 * (light.ambient + light.key), np.float32), np.ascontiguousarray(
        small[..., 3]
    )


def _ink(rgb: Rgb) -> tuple[int, int, int, int]:
    return round(rgb[0] * 255), round(rgb[1] * 255), round(rgb[2] * 255), 255
