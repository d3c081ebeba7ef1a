"""Dressing the set: the cast drawn into it, from far to near, with shadows, halos and reflections."""

import math

import numpy as np

from sandbox.painter.cast import Piece
from sandbox.painter.colours import to_linear
from sandbox.painter.forms import Form, see
from sandbox.painter.light import Caster, caster_of
from sandbox.painter.plan import Plan
from sandbox.painter.raster import Array, blur, over, smooth
from sandbox.painter.shading import shade

MAX_PIECE_PX = 400_000  # of one form after over-sampling
SHARP_PX, SHARP_DETAIL = 0.8, 1.6  # what is less out of focus shows its edges: at the raster's own size they are stairs
MIRROR_SOFT_UNITS = 0.012


def silhouettes(plan: Plan, pieces: list[Piece]) -> list[Caster]:
    """The shadows that the pieces will throw."""
    found = []
    for piece in pieces:
        view = see_shape(piece.form)
        found.append(caster_of(view, 96.0, piece.foot))
    return found


def see_shape(form: Form) -> Array:
    """A form's outline from the side, 96 px a unit."""
    rows, half = max(3, int(form.height * 96)), max(2, int(form.half_width * 96))
    y = (rows - np.arange(rows, dtype=np.float32) - 0.5) / 96.0
    x = (np.arange(2 * half, dtype=np.float32) + 0.5 - half) / 96.0
    out = np.zeros((rows, 2 * half), np.float32)
    for part in form.parts:
        ys, rs = np.array([p[0] for p in part.profile]), np.array([p[1] for p in part.profile])
        radius = np.interp(y, ys, rs, left=0.0, right=0.0)
        out = np.maximum(out, (np.abs(x)[None, :] < radius[:, None]).astype(np.float32))
    for handle in form.handles:
        dx, dy = (x[None, :] - handle.x * handle.side) / handle.rx, (y[:, None] - handle.y) / handle.ry
        ring = np.abs(np.sqrt(dx**2 + dy**2) - 1.0) * min(handle.rx, handle.ry)
        out = np.maximum(out, (ring < handle.thick).astype(np.float32))
    return out


def contacts(pieces: list[Piece]) -> list[tuple[float, float, float, float]]:
    """Dark patches under what stands on the floor."""
    return [
        (p.foot[0], p.foot[2], max(0.08, p.form.parts[0].profile[0][1] * 1.12), 0.85)
        for p in pieces
        if p.foot[1] < 0.01
    ]


def draw(plan: Plan, canvas: Array, pieces: list[Piece], casters: list[Caster], fine: float, gloss: float) -> None:
    """Draws the pieces from far to near onto the canvas (h, w, 3), in place, with their reflections."""
    floor, sky = to_linear(plan.roles.floor), to_linear(plan.roles.wall)
    for at in sorted(range(len(pieces)), key=lambda i: (pieces[i].foot[2], pieces[i].foot[1])):
        piece = pieces[at]
        spread = _spread(plan, piece)
        detail = _affordable(plan, piece, _wished_detail(piece, spread, fine))
        surface = see(piece.form, plan.camera, piece.foot, detail, plan.seed + at)
        rgb, alpha = shade(surface, plan.light, floor, sky, casters[at])
        left, top = round(surface.left_px / detail), round(surface.top_px / detail)
        if spread > SHARP_PX:
            rgb, alpha, pad = soften(rgb, alpha, spread)
            left, top = left - pad, top - pad
        ground_ellipse(canvas, plan, piece)
        if gloss > 0.1 and piece.foot[1] < 0.01:
            base = plan.camera.to_px(*piece.foot)[1]
            mirror(canvas, rgb, alpha, left, top, base, gloss, plan.camera.unit_px)
        over(canvas, rgb, alpha, left, top)
        glow(canvas, plan, piece)


def _wished_detail(piece: Piece, spread: float, fine: float) -> float:
    """Over-sampling that a piece deserves: none for those out of focus."""
    if spread <= SHARP_PX:
        return SHARP_DETAIL
    return piece.detail * (fine if spread < 3 else 0.55)


def _affordable(plan: Plan, piece: Piece, detail: float) -> float:
    """Less over-sampling for the big ones."""
    half, camera = piece.form.half_width, plan.camera
    tall = piece.form.height + 2 * half * abs(camera.eye - piece.foot[1]) / camera.distance
    area_px = tall * 2 * half * camera.scale_at(piece.foot[2]) ** 2
    return max(0.5, min(detail, math.sqrt(MAX_PIECE_PX / max(area_px, 1.0))))


def _spread(plan: Plan, piece: Piece) -> float:
    """How far out of focus a piece is, in pixels."""
    z = piece.foot[2]
    return plan.aperture * plan.camera.unit_px * abs(z) / (plan.camera.distance - z)


def ground_ellipse(canvas: Array, plan: Plan, piece: Piece) -> None:
    """The dark under something that stands on a plinth, in place."""
    camera = plan.camera
    x, y = camera.to_px(*piece.foot)
    radius = piece.form.parts[0].profile[0][1] * camera.scale_at(piece.foot[2])
    flat = max(0.05, (camera.eye - piece.foot[1]) / camera.distance)
    part = piece.form.parts[0]
    rx, ry = radius + 0.015 * camera.unit_px, (radius * part.deep * flat) + 0.012 * camera.unit_px
    darken(canvas, x, y, rx, ry, part.square, 0.62, 0.16)
    darken(canvas, x, y, rx * 1.1, ry * 1.25, 2.0, 0.30, 0.7)


def darken(
    canvas: Array, x: float, y: float, rx: float, ry: float, square: float, strength: float, soft: float
) -> None:
    """Multiplies a dark ellipse (or rounded square) with a soft edge into the canvas, in place."""
    reach = 1.0 + 2 * soft
    x0, x1 = max(0, int(x - reach * rx)), min(canvas.shape[1], int(x + reach * rx) + 1)
    y0, y1 = max(0, int(y - reach * ry)), min(canvas.shape[0], int(y + reach * ry) + 1)
    if x0 >= x1 or y0 >= y1:
        return
    gx = np.abs(np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5 - x) / rx
    gy = np.abs(np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - y) / max(ry, 0.5)
    inside = 1.0 - smooth(1.0 - soft, 1.0 + 1.8 * soft, (gx**square + gy**square) ** (1.0 / square))
    canvas[y0:y1, x0:x1] *= (1.0 - strength * inside)[..., None]


def glow(canvas: Array, plan: Plan, piece: Piece) -> None:
    """The halo of what shines by itself: a flame, a lamp's shade."""
    for part in piece.form.parts:
        if part.material.emit < 0.5:
            continue
        low, high = part.profile[0][0], part.profile[-1][0]
        x, y = plan.camera.to_px(piece.foot[0], piece.foot[1] + (low + high) / 2, piece.foot[2])
        unit = plan.camera.scale_at(piece.foot[2])
        gx = (np.arange(canvas.shape[1], dtype=np.float32)[None, :] - x) / unit
        gy = (np.arange(canvas.shape[0], dtype=np.float32)[:, None] - y) / unit
        away = np.sqrt(gx**2 + gy**2)
        flame = part.material.emit > 1.5
        halo = 0.55 * np.exp(-away / 0.07) * flame + 0.16 * np.exp(-away / 0.45)
        canvas += halo[..., None] * np.asarray((1.0, 0.62, 0.26), np.float32) * (1.0 if flame else 0.9) * dimness(plan)


def dimness(plan: Plan) -> float:
    """1 in the dark, near 0 by day: how much a small flame adds."""
    level = float((plan.light.ambient + plan.light.key).mean())
    return float(np.clip((1.05 - level) * 2.2, 0.12, 1.0))


def soften(rgb: Array, alpha: Array, spread_px: float) -> tuple[Array, Array, int]:
    """Blurs a sprite with room around it; returns the pad that was added."""
    pad = int(spread_px * 2.5) + 1
    wide_alpha = np.pad(alpha, pad)
    wide_rgb = np.pad(rgb * alpha[..., None], ((pad, pad), (pad, pad), (0, 0)))
    soft_alpha = np.clip(blur(wide_alpha, spread_px), 0.0, 1.0)
    soft_rgb = blur(wide_rgb, spread_px) / np.maximum(soft_alpha, 1e-3)[..., None]
    return soft_rgb, soft_alpha, pad


def mirror(
    canvas: Array, rgb: Array, alpha: Array, left: int, top: int, base_row: float, gloss: float, unit_px: float
) -> None:
    """A faint reflection under a sprite: turned over at its foot, softer and weaker with distance."""
    # softened with room around it: a thing that fills its box would end in a straight line
    rgb, alpha, pad = soften(rgb, alpha, unit_px * MIRROR_SOFT_UNITS)
    left, top = left - pad, top - pad
    rows = alpha.shape[0]
    depth = np.arange(rows, dtype=np.float32) / unit_px
    foot = round(base_row) - top
    fade = np.exp(-depth / 0.45)
    start = rows - foot
    reach = np.roll(fade, start)
    reach[:start] = fade[0]
    over(
        canvas,
        rgb[::-1],
        np.asarray(alpha[::-1] * (reach * gloss * 0.75)[:, None], np.float32),
        left,
        round(base_row) - start,
    )
