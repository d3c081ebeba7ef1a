"""A small photo studio: distance fields, paints and a ray marcher with soft light. Knows no product.

Independent of every package of the repository; needs numpy and Pillow only.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE_PX, OVER_SAMPLE = 900, 2.0
STEPS, FAR, HIT = 150, 9.0, 0.0006
Field = Callable[[np.ndarray], np.ndarray]
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]

KEY = np.array((-0.62, 0.62, 0.55)) / np.linalg.norm((-0.62, 0.62, 0.55))
FILL = np.array((0.80, 0.25, 0.55)) / np.linalg.norm((0.80, 0.25, 0.55))


@dataclass(frozen=True)
class Solid:
    """field: points (n, 3) to distance. paint: points and normals to linear albedo (n, 3). gloss 0..1. glow: own light.
    amber: how much light passes through, as in a filled bottle."""

    field: Field
    paint: Paint
    gloss: float = 0.1
    glow: float = 0.0
    amber: float = 0.0


def linear(code: str) -> np.ndarray:
    """`#rrggbb` as linear light."""
    return (np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255) ** 2.2


def flat(code: str) -> Paint:
    return lambda p, n: np.broadcast_to(linear(code), p.shape).copy()


def noise(p: np.ndarray, scale: float, seed: float = 0.0) -> np.ndarray:
    """Value noise in space, -1..1."""
    q = p * scale + seed * 17.3
    cell = np.floor(q)
    f = q - cell
    f = f * f * (3 - 2 * f)
    out = np.zeros(len(p))
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                corner = cell + np.array((dx, dy, dz))
                h = np.sin(corner @ np.array((127.1, 311.7, 74.7))) * 43758.5453
                w = np.abs(1 - dx - f[:, 0]) * np.abs(1 - dy - f[:, 1]) * np.abs(1 - dz - f[:, 2])
                out += (h - np.floor(h)) * w
    return out * 2 - 1


# --- distance fields -------------------------------------------------------------------------------------------------


def turned(outline: list[tuple[float, float]], soften: float = 0.008) -> Field:
    """A lathe form from a closed outline of (radius, height), by a table of signed distances."""
    points = np.array(outline)
    low, high = points.min(axis=0) - 0.25, points.max(axis=0) + 0.25
    low[0] = 0.0
    size = 320
    grid_r, grid_y = np.meshgrid(np.linspace(low[0], high[0], size), np.linspace(low[1], high[1], size))
    at = np.stack([grid_r.ravel(), grid_y.ravel()], axis=-1)
    ends = np.roll(points, -1, axis=0)
    best, inside = np.full(len(at), 9.0), np.zeros(len(at), bool)
    for a, b in zip(points, ends, strict=True):
        edge, to = b - a, at - a
        t = np.clip((to @ edge) / max(edge @ edge, 1e-9), 0, 1)
        best = np.minimum(best, np.linalg.norm(to - t[:, None] * edge, axis=1))
        crosses = (a[1] > at[:, 1]) != (b[1] > at[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            x = a[0] + (at[:, 1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        inside ^= crosses & (at[:, 0] < x)
    table = (np.where(inside, -best, best) - soften).reshape(size, size)

    def field(p: np.ndarray) -> np.ndarray:
        r = np.hypot(p[:, 0], p[:, 2])
        u = (r - low[0]) / (high[0] - low[0]) * (size - 1)
        v = (p[:, 1] - low[1]) / (high[1] - low[1]) * (size - 1)
        cu, cv = np.clip(u, 0, size - 1.001), np.clip(v, 0, size - 1.001)
        i, j = cu.astype(int), cv.astype(int)
        f, g = cu - i, cv - j
        value = (table[j, i] * (1 - f) + table[j, i + 1] * f) * (1 - g) + (
            table[j + 1, i] * (1 - f) + table[j + 1, i + 1] * f
        ) * g
        outside = np.hypot((u - cu) * (high[0] - low[0]), (v - cv) * (high[1] - low[1])) / (size - 1)
        return value + outside

    return field


def curve(points: list[tuple[float, float]], steps: int = 10) -> list[tuple[float, float]]:
    """A smooth line through (radius, height) points."""
    p = np.array([points[0], *points, points[-1]])
    out = []
    for i in range(1, len(p) - 2):
        for t in np.linspace(0, 1, steps, endpoint=False):
            a, b, c, d = p[i - 1], p[i], p[i + 1], p[i + 2]
            out.append(
                0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            )
    return [(float(x), float(y)) for x, y in [*out, p[-1]]]


def shell(line: list[tuple[float, float]], wall: float, floor: float) -> list[tuple[float, float]]:
    """An open vessel: the outer line (from foot to rim) and an inner one a wall further in."""
    inner = [(max(0.0, r - wall), max(y, floor)) for r, y in reversed(line) if y >= floor * 0.9]
    return [(0.0, line[0][1]), *line, *inner, (0.0, floor)]


def ear(x: float, y: float, rx: float, ry: float, thick: float) -> Field:
    """A handle: an elliptic ring, cut where it would enter the body's inside (x < 0 side is dropped)."""

    def field(p: np.ndarray) -> np.ndarray:
        dx, dy = (p[:, 0] - x) / rx, (p[:, 1] - y) / ry
        ring = np.hypot(dx, dy) + 1e-6
        off = (ring - 1) * min(rx, ry)
        flat_z = p[:, 2] / 1.35
        return np.maximum((np.hypot(off, flat_z) - thick) * 0.75, x - 0.03 - p[:, 0])

    return field


def pillow(half: float, thick: float) -> Field:
    """A stuffed square, a little hollow along its sides, leaning back."""
    lean = math.radians(14)

    def field(p: np.ndarray) -> np.ndarray:
        y, z = (p[:, 1] - half * 0.97), p[:, 2]
        v, w = y * math.cos(lean) + z * math.sin(lean), -y * math.sin(lean) + z * math.cos(lean)
        u = p[:, 0]
        hollow_u, hollow_v = half - 0.05 * (1 - (v / half) ** 2), half - 0.05 * (1 - (u / half) ** 2)
        a, b = np.abs(u) / hollow_u, np.abs(v) / hollow_v
        puff = np.clip((1 - a**2.2) * (1 - b**2.2), 0, 1) ** 0.42 * thick
        # creases run from the corners, where the filling is thin
        crease = np.sin(np.arctan2(v, u) * 12 + 2.0 * u) * np.clip(a * b, 0, 1) * np.clip(1.2 - np.maximum(a, b), 0, 1)
        puff = puff * (1 + 0.10 * crease)
        edge = np.maximum(np.maximum(a - 1, b - 1) * half, 0)
        return (
            np.hypot(np.maximum(np.abs(w) - puff, 0), edge) * 0.42
            + np.minimum(np.abs(w) - puff, 0) * 0.3 * (edge == 0)
            - 0.004
        )

    return field


# --- paints ----------------------------------------------------------------------------------------------------------


def stoneware(glaze: str, clay: str, dip: float, speck: float = 0.55) -> Paint:
    def paint(p: np.ndarray, n: np.ndarray) -> np.ndarray:
        line = dip + 0.012 * noise(p, 5.0)
        part = np.clip((p[:, 1] - line) / 0.012, 0, 1)[:, None]
        tone = linear(glaze) * (1 + 0.05 * noise(p, 7.0, 1)[:, None] + 0.03 * noise(p, 23.0, 2)[:, None])
        bent = p + 0.01 * noise(p, 30.0, 6)[:, None]
        dots = (
            np.clip((noise(bent, 56.0, 3) - 0.76) * 10, 0, 1) * speck
            + np.clip((noise(bent, 120.0, 4) - 0.72) * 8, 0, 1) * speck * 0.6
        )
        tone = tone * (1 - dots[:, None]) + linear("#5a4230") * dots[:, None]
        raw = linear(clay) * (1 + 0.12 * noise(p, 60.0, 5)[:, None])
        return raw * (1 - part) + tone * part

    return paint


def wood(code: str) -> Paint:
    def paint(p: np.ndarray, n: np.ndarray) -> np.ndarray:
        warp = 0.05 * noise(p * (1.2, 1, 4), 1.6)
        ring = np.sin((p[:, 2] + warp + 0.4 * p[:, 1]) * 46 + 3 * noise(p * (0.6, 2, 2), 1.0, 7))
        fibre = noise(p * (3, 60, 60), 1.0, 9)
        return linear(code) * (1 + 0.13 * ring + 0.10 * fibre)[:, None]

    return paint


def cloth(code: str, lines: float = 210.0) -> Paint:
    def paint(p: np.ndarray, n: np.ndarray) -> np.ndarray:
        around = np.arctan2(p[:, 0], p[:, 2]) * 0.3 if lines > 300 else p[:, 0]
        slub = (
            noise(np.stack([around * 8, p[:, 1] * 90, p[:, 2] * 0], -1), 1.0) * 0.09
            + noise(np.stack([around * 90, p[:, 1] * 8, p[:, 2] * 0], -1), 1.0, 3) * 0.09
        )
        weave = 0.05 * np.sin(around * lines) + 0.05 * np.sin(p[:, 1] * lines)
        return linear(code) * (1 + slub + weave)[:, None]

    return paint


def label(
    base: str, paper: str, low: float, high: float, radius: float, words: list[tuple[str, float]], ink: str = "#2d2a26"
) -> Paint:
    """Paper with lettering round a cylinder, facing the camera; the rest in the base colour."""
    tall = high - low
    width_px, height_px = 900, int(900 * tall / (2.2 * radius))
    image = Image.new("L", (width_px, height_px), 0)
    draw = ImageDraw.Draw(image)
    y = height_px * 0.22
    for text, size in words:
        font = ImageFont.load_default(size=height_px * size)
        spaced = list(text)
        gap = height_px * size * 0.14
        total = sum(font.getlength(c) + gap for c in spaced) - gap
        x = (width_px - total) / 2
        for letter in spaced:
            draw.text((x, y), letter, font=font, fill=255)
            x += font.getlength(letter) + gap
        y += height_px * size * 1.65
    draw.line([(width_px * 0.44, y), (width_px * 0.56, y)], fill=200, width=3)
    lettering = np.asarray(image.resize((width_px, height_px)), float) / 255

    def paint(p: np.ndarray, n: np.ndarray) -> np.ndarray:
        here = ((p[:, 1] > low) & (p[:, 1] < high))[:, None]
        arc = np.arctan2(p[:, 0], p[:, 2]) * radius
        u = np.clip((arc / (2.2 * radius) + 0.5) * width_px, 0, width_px - 1).astype(int)
        v = np.clip((high - p[:, 1]) / tall * height_px, 0, height_px - 1).astype(int)
        ink_here = (lettering[v, u] * (p[:, 2] > 0))[:, None]
        sheet = linear(paper) * (1 + 0.02 * noise(p, 80.0)[:, None]) * (1 - ink_here) + linear(ink) * ink_here
        return np.where(here, sheet, linear(base))

    return paint


# --- light -----------------------------------------------------------------------------------------------------------


def nearest(solids: list[Solid], p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    all_d = np.stack([s.field(p) for s in solids])
    return all_d.min(axis=0), all_d.argmin(axis=0)


def normals(solids: list[Solid], p: np.ndarray) -> np.ndarray:
    e = 0.0012
    steps = np.array([(1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)]) * e
    n = sum(np.outer(nearest(solids, p + s)[0], s) for s in steps)
    return n / (np.linalg.norm(n, axis=1, keepdims=True) + 1e-12)


def shadow(solids: list[Solid], p: np.ndarray, toward: np.ndarray, soft: float) -> np.ndarray:
    """Light left after what stands between, with a penumbra."""
    lit, t = np.ones(len(p)), np.full(len(p), 0.02)
    for _ in range(34):
        d = nearest(solids, p + t[:, None] * toward)[0]
        lit = np.minimum(lit, 0.5 + 0.5 * d / (soft * t))
        t += np.clip(d, 0.015, 0.14)
        lit = np.maximum(lit, 0)
    lit = np.clip(lit, 0, 1)
    return lit * lit * (3 - 2 * lit)


def openness(solids: list[Solid], p: np.ndarray, n: np.ndarray, floor: bool) -> np.ndarray:
    """Ambient occlusion by five steps along the normal, the table included."""
    out = np.zeros(len(p))
    for k, step in enumerate((0.02, 0.05, 0.11, 0.2, 0.32)):
        q = p + n * step
        d = nearest(solids, q)[0]
        if floor:
            d = np.minimum(d, q[:, 1])
        out += (step - d) * 0.75**k
    return np.clip(1 - 1.5 * out, 0.08, 1)


def studio(r: np.ndarray, gloss: float) -> np.ndarray:
    """What a reflected ray sees: a tall softbox at the left, a strip at the right, a bright table and a pale room."""
    edge = 0.05 + 0.5 * (1 - gloss) ** 2
    out = 0.34 + 0.42 * np.clip(r[:, 1], 0, 1) + 0.30 * np.clip(-r[:, 1], 0, 1)
    for centre, wide, tall, power in (((-0.80, 0.30, 0.52), 0.30, 0.62, 5.2), ((0.93, 0.22, 0.22), 0.10, 0.66, 3.0)):
        c = np.array(centre) / np.linalg.norm(centre)
        side = np.array((c[2], 0, -c[0])) / math.hypot(c[0], c[2])
        up = np.cross(c, side)
        depth = np.maximum(r @ c, 0.03)
        u, v = np.abs(r @ side / depth), np.abs(r @ up / depth)
        box = np.clip((wide + edge - u) / (2 * edge), 0, 1) * np.clip((tall + edge - v) / (2 * edge), 0, 1)
        out = out + power * box * (r @ c > 0)
    return out


def shine(solids: list[Solid], p: np.ndarray, d: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Colour of the hit points, linear."""
    n = normals(solids, p)
    lit = shadow(solids, p + n * 0.004, KEY, 0.22)
    open_ = openness(solids, p, n, floor=True)
    key = np.clip((n @ KEY + 0.12) / 1.12, 0, 1) * lit
    fill = np.clip((n @ FILL + 0.3) / 1.3, 0, 1)
    bounce = np.clip(-n[:, 1] * 0.6 + 0.4, 0, 1)
    light = key[:, None] * (0.95, 0.92, 0.87) + (open_ * (0.20 * fill + 0.20 + 0.12 * n[:, 1] + 0.13 * bounce))[
        :, None
    ] * (0.97, 1.0, 1.04)
    cosine = np.clip(-(n * d).sum(1), 0, 1)
    mirrored = d + 2 * cosine[:, None] * n
    fresnel = 0.04 + 0.96 * (1 - cosine) ** 5
    out = np.zeros_like(p)
    for number, solid in enumerate(solids):
        here = which == number
        if not here.any():
            continue
        albedo = np.clip(solid.paint(p[here], n[here]), 0, 1)
        gloss = solid.gloss
        glint = (
            studio(mirrored[here], gloss) * (fresnel[here] * (0.25 + 0.75 * gloss)) * gloss * (0.3 + 0.7 * open_[here])
        )
        colour = albedo * light[here] * (1 - 0.5 * gloss * fresnel[here])[:, None]
        if solid.amber:
            through = (
                np.clip(0.55 + 0.55 * n[here][:, 0] - 0.25 * np.abs(n[here][:, 0]) ** 3, 0, 1)
                * np.clip(n[here][:, 2], 0, 1) ** 0.6
            )
            colour = colour * 0.45 + albedo * solid.amber * through[:, None]
        out[here] = colour + glint[:, None] + albedo * solid.glow * (0.75 + 0.35 * n[here][:, 2:3])
    return out


def march(solids: list[Solid], origin: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distance, solid) for each ray, solid -1 where nothing is hit."""
    t, which = np.zeros(len(rays)), np.full(len(rays), -1)
    live = np.arange(len(rays))
    for _ in range(STEPS):
        p = origin + rays[live] * t[live][:, None]
        d, near = nearest(solids, p)
        hit = d < HIT
        which[live[hit]] = near[hit]
        t[live] += np.where(hit, 0, d * 0.9)
        live = live[~hit & (t[live] < FAR)]
        if not len(live):
            break
    return t, which


def render(solids: list[Solid], look: tuple[float, float], zoom: float, ground: bool) -> Image.Image:
    """A photograph: RGBA without ground, or RGB on white with its shadow. look: (height aimed at, camera's height)."""
    n = int(SIDE_PX * OVER_SAMPLE)
    origin = np.array((0.0, look[1], 5.2))
    ahead = np.array((0.0, look[0], 0.0)) - origin
    ahead /= np.linalg.norm(ahead)
    right = np.array((1.0, 0.0, 0.0))
    up = np.cross(right, ahead)
    axis = (np.arange(n) + 0.5) / n * 2 - 1
    u, v = np.meshgrid(axis, -axis)
    rays = (ahead + (u.ravel()[:, None] * right + v.ravel()[:, None] * up) * (zoom / 5.2)).astype(float)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    t, which = march(solids, origin, rays)
    rgb, alpha = np.ones((n * n, 3)), np.zeros(n * n)
    hit = which >= 0
    rgb[hit] = shine(solids, origin + rays[hit] * t[hit][:, None], rays[hit], which[hit])
    alpha[hit] = 1
    if ground:
        rgb[~hit] = _table(solids, origin, rays[~hit])
        alpha[:] = 1
    shown = np.clip(rgb, 0, None)
    shown = (
        np.where(shown > 0.75, 0.75 + 0.25 * (1 - np.exp(-(shown - 0.75) / 0.25)), shown)
        if not ground
        else np.where(hit[:, None] & (shown > 0.75), 0.75 + 0.25 * (1 - np.exp(-(shown - 0.75) / 0.25)), shown)
    )
    pixels = np.concatenate([np.clip(shown, 0, 1) ** (1 / 2.2), alpha[:, None]], axis=1).reshape(n, n, 4)
    pixels[..., :3] *= pixels[..., 3:]
    image = np.stack(
        [
            np.asarray(
                Image.fromarray(pixels[..., c].astype(np.float32)).resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
            )
            for c in range(4)
        ],
        -1,
    )
    image[..., :3] /= np.maximum(image[..., 3:], 1e-4)
    done = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")
    return done.convert("RGB") if ground else done


def _table(solids: list[Solid], origin: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """White paper with the soft shadow of what stands on it."""
    out = np.ones((len(rays), 3))
    t = np.where(rays[:, 1] < -0.02, -origin[1] / np.minimum(rays[:, 1], -0.02), 99.0)
    p = origin + rays * t[:, None]
    near = (t < 50) & (np.abs(p[:, 0]) < 2.2) & (np.abs(p[:, 2]) < 2.2)
    q = p[near]
    q[:, 1] = 0.0
    up = np.broadcast_to((0.0, 1.0, 0.0), q.shape)
    lit = 0.55 + 0.45 * shadow(solids, q + up * 0.004, KEY, 0.5)
    shade = lit * (0.35 + 0.65 * openness(solids, q, up, floor=False))
    fade = np.clip(1.6 * (1.05 - np.hypot(q[:, 0], 0.6 * q[:, 2]) * 0.9), 0, 1)
    out[near] = (1 - (1 - shade) * fade)[:, None]
    return out
