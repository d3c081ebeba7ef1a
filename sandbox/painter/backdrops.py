"""What lies behind the ground: sky, dunes, mountains, forest, city, a window, a far room. Paints light, not objects."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from sandbox.painter import colours
from sandbox.painter.colours import Rgb, to_linear
from sandbox.painter.plan import Plan
from sandbox.painter.raster import Array, blur, resize, rng_of, sample, smooth, tile_noise


def _sky_colours(plan: Plan) -> tuple[Array, Array]:
    """(low, high) linear colours of the sky."""
    quality = plan.reading.qualities
    high: Rgb = (0.52, 0.70, 0.86)
    low: Rgb = (0.88, 0.90, 0.90)
    if "golden" in quality:
        high, low = (0.62, 0.66, 0.76), (0.99, 0.78, 0.54)
    elif "morning" in quality:
        high, low = (0.66, 0.76, 0.86), (0.98, 0.90, 0.80)
    elif "overcast" in quality:
        high, low = (0.76, 0.78, 0.80), (0.87, 0.87, 0.86)
    elif "night" in quality or "dark" in plan.reading.moods:
        high, low = (0.09, 0.12, 0.22), (0.36, 0.32, 0.38)
    if plan.reading.palette:
        light = tuple(c for c in plan.roles.all if colours.luma(c) > 0.5) or plan.roles.all
        high, low = colours.towards(plan.roles.all, high, 0.35), colours.towards(light, low, 0.45)
    return to_linear(high), to_linear(low)


def _sky_field(plan: Plan, shape: tuple[int, int], horizon: float) -> Array:
    """Gradient, sun glow and thin clouds, (h, w, 3)."""
    height, width = shape
    high, low = _sky_colours(plan)
    rows = (np.arange(height, dtype=np.float32) + 0.5) / max(horizon, 1.0)
    t = smooth(0.0, 1.05, rows)[:, None, None] ** 1.2
    sky = high * (1 - t) + low * t
    sun_x = 0.5 - 0.55 * np.sign(plan.light.away[0]) * min(1.0, abs(plan.light.away[0]) + 0.2)
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :] * (width / height)
    glow = np.exp(-(((x - sun_x * width / height) / 0.75) ** 2 + ((rows[:, None] - 0.80) / 0.5) ** 2))
    noise = tile_noise(rng_of(plan.seed, "clouds"), 256, 4, 5, stretch=3)
    u = np.broadcast_to(x * 0.22, shape)
    v = np.broadcast_to((1.0 / (1.25 - np.minimum(rows, 1.15)))[:, None] * 0.11, shape)
    cloud = smooth(0.15, 1.6, sample(noise, u, v))[..., None] * 0.42
    lit = low * 1.1 + 0.08
    return np.asarray((sky + glow[..., None] * low * 0.30) * (1 - cloud) + lit * cloud, np.float32)


def sky(plan: Plan, x: Array, y: Array, edge: int) -> Array:
    """Open sky down to the horizon."""
    return _sky_field(plan, x.shape, float(edge))


def _ridge(rng: np.random.Generator, width: int, cells: int, jag: float) -> Array:
    line = np.zeros(width, np.float32)
    amplitude, n = 1.0, cells
    for _ in range(6):
        knots = rng.standard_normal(n + 3).astype(np.float32)
        line += amplitude * np.interp(np.linspace(1, n + 1, width), np.arange(n + 3), knots).astype(np.float32)
        amplitude *= jag
        n *= 2
    return np.asarray(line - line.min(), np.float32)


def mountains(plan: Plan, x: Array, y: Array, edge: int) -> Array:
    """Ranges one behind the other, paler with distance, snow on the far ones."""
    height, width = x.shape
    rng = rng_of(plan.seed, "ridges")
    out = _sky_field(plan, x.shape, edge * 0.85)
    _, low = _sky_colours(plan)
    rock = to_linear(colours.towards(plan.roles.all, (0.28, 0.36, 0.42), 0.45))
    rows = np.arange(height, dtype=np.float32)[:, None]
    noise = tile_noise(rng, 256, 10, 5)
    for layer in range(5):
        near = (layer + 1) / 5
        line = _ridge(rng, width, 3 + layer, 0.52)
        rise = edge * (0.52 - 0.44 * near) * (0.75 + 0.25 * rng.random())
        top = edge * (0.62 + 0.36 * near) - line / max(line.max(), 1e-3) * rise - edge * 0.06
        cover = smooth(-1.2, 1.2, rows - top[None, :])
        below = np.clip((rows - top[None, :]) / (edge * 0.30), 0, 1)
        slope = np.gradient(line) * -np.sign(plan.light.away[0] or 1.0)
        u = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :] / width * 1.3, x.shape)
        tex = sample(noise, u, rows / width * 1.3 + 0.0 * u)
        lit = (
            0.86
            + 0.30 * smooth(-0.6, 0.6, np.asarray(slope / (np.abs(slope).max() + 1e-6), np.float32))[None, :]
            + 0.13 * tex
        )
        haze = (1 - near) * 0.78 + 0.28 * below * (1 - near * 0.7)
        tone = (rock * lit[..., None]) * (1 - haze[..., None]) + low * haze[..., None]
        out = out * (1 - cover[..., None]) + tone * cover[..., None]
    return np.asarray(out, np.float32)


def dunes(plan: Plan, x: Array, y: Array, edge: int) -> Array:
    """Long dunes with a lit and a shaded flank."""
    height, width = x.shape
    rng = rng_of(plan.seed, "dunes")
    out = _sky_field(plan, x.shape, edge * 0.9)
    _, low = _sky_colours(plan)
    sand = to_linear(colours.towards(plan.roles.all, (0.82, 0.58, 0.38), 0.5))
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, width, dtype=np.float32)
    side = -np.sign(plan.light.away[0] or 1.0)
    for layer in range(4):
        near = (layer + 1) / 4
        phase, waves = rng.uniform(0, 6.3), rng.uniform(1.0, 1.9)
        line = (0.5 + 0.5 * np.sin(columns * waves * 6.3 + phase)) ** 1.3 + 0.25 * np.sin(
            columns * 2.1 * waves * 6.3 + phase * 2
        )
        top = edge * (1.0 - (0.05 + 0.33 * (1 - near)) - 0.15 * line * (0.5 + 0.5 * (1 - near)))
        crest = np.gradient(line) * side
        sway = np.asarray(crest / (np.abs(crest).max() + 1e-6), np.float32)[None, :]
        below = (rows - top[None, :]) / (edge * 0.22)
        lit = 0.60 + 0.55 * smooth(-0.35, 0.35, sway + 0.4 * np.clip(below, 0, 1) - 0.12)
        haze = (1 - near) * 0.55
        tone = sand * lit[..., None] * (1 - haze) + low * haze
        cover = smooth(-1.0, 1.0, rows - top[None, :])[..., None]
        out = out * (1 - cover) + tone * cover
    return np.asarray(out, np.float32)


def _discs(shape: tuple[int, int], spots: list[tuple[float, float, float, Array]]) -> Array:
    """Additive out-of-focus discs with a slightly brighter rim: (column, row, radius, linear colour)."""
    height, width = shape
    out = np.zeros((height, width, 3), np.float32)
    for cx, cy, radius, colour in spots:
        x0, x1 = max(0, int(cx - radius - 1)), min(width, int(cx + radius + 2))
        y0, y1 = max(0, int(cy - radius - 1)), min(height, int(cy + radius + 2))
        if x0 >= x1 or y0 >= y1:
            continue
        gx = np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5 - cx
        gy = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - cy
        away = np.sqrt(gx**2 + gy**2) / radius
        edge = 0.04 + 1.6 / radius
        disc = (1.0 - smooth(1.0 - 2 * edge, 1.0, away)) * (0.78 + 0.22 * smooth(0.45, 0.9, away))
        out[y0:y1, x0:x1] += disc[..., None] * colour
    return out


def forest(plan: Plan, x: Array, y: Array, edge: int) -> Array:
    """A wood out of focus: dark trunks, leaves as discs of light, haze from the light's side."""
    height, width = x.shape
    rng = rng_of(plan.seed, "forest")
    green = colours.towards(plan.roles.all, (0.33, 0.45, 0.22), 0.3)
    dark, mid, pale = (to_linear(colours.lighter(green, a)) for a in (-0.55, -0.05, 0.5))
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    clouds = resize(rng.standard_normal((7, 9)).astype(np.float32), width, height)[..., None]
    out = dark * (1.25 - rows) + mid * (0.22 + 0.5 * rows) + mid * 0.16 * clouds
    out = np.broadcast_to(np.maximum(out, 0.01), (height, width, 3)).copy()
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    for _ in range(int(5 + 4 * width / height)):
        at, thick = rng.uniform(0, width), height * rng.uniform(0.012, 0.05)
        lean = rng.uniform(-0.04, 0.04) * height
        draw.polygon(
            [(at - thick, height), (at + thick, height), (at + lean + thick * 0.6, 0), (at + lean - thick * 0.6, 0)],
            fill=int(rng.uniform(110, 220)),
        )
    trunks = blur(np.asarray(image, np.float32) / 255, height * 0.012)[..., None]
    out = out * (1 - trunks * 0.7) + to_linear((0.17, 0.13, 0.09)) * trunks * 0.7
    spots = []
    for _ in range(int(62 * max(1.0, width / height))):
        radius = height * rng.uniform(0.018, 0.085)
        tone = pale if rng.random() < 0.6 else to_linear((0.95, 0.90, 0.62))
        spots.append(
            (
                rng.uniform(0, width),
                edge * rng.beta(1.3, 1.9),
                radius,
                np.asarray(tone * rng.uniform(0.03, 0.20), np.float32),
            )
        )
    out += _discs((height, width), spots)
    side = 0.5 - 0.6 * np.sign(plan.light.away[0])
    gx = np.linspace(0, 1, width, dtype=np.float32)[None, :] - side
    haze = np.exp(-((gx / 0.6) ** 2 + (rows[..., 0] / 0.75) ** 2))
    return np.asarray(out + haze[..., None] * to_linear((0.98, 0.92, 0.68)) * plan.light.key * 0.55, np.float32)


def city(plan: Plan, x: Array, y: Array, edge: int) -> Array:
    """Dusk over a town: dark houses and the discs of its lights."""
    height, width = x.shape
    rng = rng_of(plan.seed, "city")
    dusk = to_linear(colours.towards(plan.roles.all, (0.10, 0.12, 0.24), 0.5))
    low = to_linear(colours.towards(plan.roles.all, (0.55, 0.30, 0.26), 0.4)) * 0.5
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    out = np.broadcast_to(dusk * (1 - rows) + (low * 0.7 + dusk * 0.3) * rows, (height, width, 3)).copy()
    columns, roof = np.arange(width), np.zeros(width, np.float32)
    at = 0.0
    while at < width:
        wide = height * rng.uniform(0.10, 0.28)
        roof[(columns >= at) & (columns < at + wide)] = rng.uniform(0.15, 0.62) * edge
        at += wide
    house = smooth(-1, 1, np.arange(height, dtype=np.float32)[:, None] - roof[None, :])
    house = blur(house, height * 0.02)[..., None]
    out = out * (1 - house * 0.62) + dusk * 0.25 * house * 0.62
    lamps: list[Rgb] = [
        (1.0, 0.72, 0.38),
        (1.0, 0.84, 0.58),
        (0.98, 0.5, 0.3),
        (0.55, 0.75, 1.0),
        plan.roles.accent,
        plan.roles.second,
    ]
    if "neon" in plan.reading.qualities:
        lamps += [(1.0, 0.2, 0.65), (0.25, 0.6, 1.0), (0.6, 0.25, 1.0)] * 2
    spots = []
    for _ in range(int(54 * max(1.0, (width / height) ** 0.7))):
        radius = height * rng.uniform(0.012, 0.050) * (1 + 0.9 * rng.random() ** 2)
        tone = np.asarray(to_linear(lamps[int(rng.integers(len(lamps)))]) * rng.uniform(0.12, 0.72), np.float32)
        spots.append((rng.uniform(0, width), edge * (0.25 + 0.75 * rng.beta(2.0, 1.3)), radius, tone))
    return np.asarray(out + _discs((height, width), spots), np.float32)


def window(plan: Plan, x: Array, y: Array, lit: Array) -> Array:
    """A sash window over the sill: a bright garden out of focus behind white bars."""
    height, width = x.shape
    rng = rng_of(plan.seed, "window")
    top, low = _sky_colours(plan)
    t = smooth(0.0, 2.0, y)[..., None]
    green = to_linear(colours.towards(plan.roles.all, (0.48, 0.58, 0.36), 0.3))
    outside = green * (1 - t) + (low * 0.55 + top * 0.45) * 1.15 * t
    blobs = resize(rng.standard_normal((9, max(4, round(9 * width / height)))).astype(np.float32), width, height)
    outside = outside * (1.0 + 0.20 * blobs)[..., None]
    spots = []
    for _ in range(60):
        tone = np.asarray((green * 0.5 + low * 0.5) * rng.uniform(0.10, 0.45), np.float32)
        spots.append((rng.uniform(0, width), height * rng.uniform(0.1, 1.0), height * rng.uniform(0.02, 0.07), tone))
    outside = outside + _discs((height, width), spots)
    pane, bar, offset = 1.05, 0.055, rng.uniform(0.25, 0.8)
    u, v = np.abs((x + offset) % pane - pane / 2), np.abs((y + 0.86) % 1.08 - 0.54)
    frame = np.maximum(smooth(pane / 2 - bar, pane / 2 - bar + 0.012, u), smooth(0.54 - bar, 0.54 - bar + 0.012, v))
    frame = np.maximum(frame, 1.0 - smooth(0.10, 0.112, y))[..., None]
    shade = 0.62 + 0.3 * smooth(pane / 2 - bar, pane / 2, u) + 0.1 * smooth(0.0, 0.1, y)
    paint = (
        to_linear(colours.lighter(plan.roles.wall, 0.45))
        * (plan.light.ambient * 0.6 + 0.35 * plan.light.key)
        * shade[..., None]
    )
    return np.asarray(outside * (1 - frame) + paint * frame, np.float32)


def far_room(plan: Plan, x: Array, y: Array, lit: Array) -> Array:
    """The room behind a table: a bright window on the light's side, a shelf, a picture; all of it will be blurred."""
    rng = rng_of(plan.seed, "room")
    side = -np.sign(plan.light.away[0] or 1.0)
    pale = to_linear(colours.lighter(plan.roles.wall, 0.5))
    out = lit * 0.80
    wx = side * rng.uniform(1.7, 2.6)
    inside = (1 - smooth(0.85, 0.87, np.abs(x - wx))) * smooth(0.25, 0.27, y) * (1 - smooth(3.2, 3.25, y))
    bars = np.maximum(1 - smooth(0.03, 0.05, np.abs(x - wx)), 1 - smooth(0.03, 0.05, np.abs((y - 0.26) % 1.0 - 0.5)))
    glass = (inside * (1 - 0.75 * bars))[..., None]
    out = out * (1 - glass) + pale * 1.35 * glass
    shelf_y = rng.uniform(1.3, 1.9)
    board = (1 - smooth(0.045, 0.055, np.abs(y - shelf_y))) * (1 - smooth(1.25, 1.27, np.abs(x + side * 1.5)))
    out = out * (1 - board[..., None]) + to_linear((0.45, 0.31, 0.2)) * plan.light.ambient * 1.2 * board[..., None]
    for i in range(6):
        cx, tall, wide = (
            -side * (0.55 + 0.36 * i + rng.uniform(-0.06, 0.06)),
            rng.uniform(0.22, 0.62),
            rng.uniform(0.07, 0.15),
        )
        tone = (plan.roles.accent, plan.roles.second, plan.roles.floor)[int(rng.integers(3))]
        body = (
            (1 - smooth(wide, wide + 0.02, np.abs(x - cx)))
            * smooth(shelf_y + 0.04, shelf_y + 0.06, y)
            * (1 - smooth(shelf_y + tall, shelf_y + tall + 0.05, y))
        )
        form = 0.55 + 0.6 * smooth(-1, 1, (x - cx) / wide * side)
        out = out * (1 - body[..., None]) + to_linear(tone) * 0.8 * (form * body)[..., None]
    return np.asarray(out, np.float32)


OPEN_AIR: dict[str, Callable[[Plan, Array, Array, int], Array]] = {
    "sky": sky,
    "mountains": mountains,
    "dunes": dunes,
    "forest": forest,
    "city": city,
}
INDOORS: dict[str, Callable[[Plan, Array, Array, Array], Array]] = {"window": window, "room": far_room}
