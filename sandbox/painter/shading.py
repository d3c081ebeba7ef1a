"""How light meets a surface: diffuse light, a studio's reflections, glass and glow. No geometry of its own."""

import numpy as np
from PIL import Image

from sandbox.painter.forms import Surface
from sandbox.painter.light import Caster, Light
from sandbox.painter.raster import Array, resize, smooth


def shade(surface: Surface, light: Light, floor: Array, sky: Array, own: Caster | None) -> tuple[Array, Array]:
    """(rgb linear (h, w, 3), alpha (h, w)) of a form under a light, reduced to the camera's raster.

    floor, sky: linear colours that bounce up from below and in from the backdrop.
    """
    normal, position = surface.normal, surface.position
    toward = np.asarray(light.toward, np.float32)
    facing = dot(normal, toward)
    wrap = 0.12 + 0.5 * min(light.soft, 0.6)
    lit = np.clip((facing + wrap) / (1.0 + wrap), 0.0, 1.0)
    x, y, z = (np.ascontiguousarray(position[..., i]) for i in range(3))
    seen = light.visible(x, y, z, skip=own) * light.key_on(x, y, z)
    up = (0.5 + 0.5 * normal[..., 1]) * surface.occlusion
    around = light.ambient * (0.40 + 0.75 * up[..., None]) + 0.30 * floor * np.clip(
        0.45 - normal[..., 1:2], 0.0, 1.4
    ) * (light.ambient + 0.5 * light.key)
    direct = light.key * 1.15 * (lit * seen * surface.occlusion)[..., None]
    diffuse = surface.albedo * (around + direct)
    diffuse += surface.albedo * surface.glass[..., None] * light.key * _through(normal, toward, seen)[..., None]
    mirror, fresnel = _reflections(normal, toward, light, floor, sky, surface.gloss, seen)
    rgb = diffuse * (1.0 - 0.6 * fresnel * surface.gloss)[..., None] + mirror
    rgb += light.rim * light.key * (_rim(normal, toward) * surface.alpha)[..., None]
    rgb += surface.albedo * surface.emit[..., None] * np.asarray((1.25, 1.0, 0.72), np.float32)
    alpha = surface.alpha * (1.0 - surface.glass * 0.55 * smooth(0.75, 0.15, fresnel))
    return _reduce(np.asarray(rgb, np.float32), np.asarray(alpha, np.float32), surface.over_sample)


def _through(normal: Array, toward: Array, seen: Array) -> Array:
    """Light gathered on the far side of a filled glass: brightest opposite the lamp."""
    return np.asarray(
        0.55 * seen * smooth(-0.1, 0.95, -(normal[..., 0] * toward[0]) + 0.25 * normal[..., 2]), np.float32
    )


def _rim(normal: Array, toward: Array) -> Array:
    edge = np.clip(1.0 - normal[..., 2], 0.0, 1.0) ** 3
    return np.asarray(edge * np.clip(dot(normal, toward) + 0.35, 0.0, 1.0), np.float32)


def _reflections(
    normal: Array, toward: Array, light: Light, floor: Array, sky: Array, gloss: Array, seen: Array
) -> tuple[Array, Array]:
    """What a surface mirrors of a studio: a softbox at the key, a strip light opposite, floor below, backdrop above."""
    view = np.asarray((0.0, 0.14, 0.99), np.float32)
    cosine = np.clip(dot(normal, view), 0.0, 1.0)
    mirrored = 2.0 * cosine[..., None] * normal - view
    fresnel = np.asarray(0.045 + 0.955 * (1.0 - cosine) ** 5, np.float32)
    # the softbox hangs lower and more to the front than the key's rays say, so upright walls show it too
    lamp = np.asarray((toward[0], 0.42 * toward[1] + 0.06, toward[2] + 0.35), np.float32)
    lamp /= np.linalg.norm(lamp)
    side = np.asarray((lamp[2], 0.0, -lamp[0]), np.float32)
    side /= np.linalg.norm(side) + 1e-6
    up = np.cross(lamp, side) * (1.0 if np.cross(lamp, side)[1] > 0 else -1.0)
    depth = np.maximum(dot(mirrored, lamp), 0.02)
    u, v = (dot(mirrored, side)) / depth, (dot(mirrored, up)) / depth
    edge = 0.34 - 0.29 * gloss
    half_u, half_v = 0.26, 0.80
    box = (
        (1.0 - smooth_by(edge, np.abs(u) - half_u))
        * (1.0 - smooth_by(edge, np.abs(v) - half_v))
        * (dot(mirrored, lamp) > 0)
    )
    strip_at = np.asarray((-0.92 * np.sign(toward[0] or 1.0), 0.12, 0.25), np.float32)
    strip = smooth(0.965, 0.99, np.asarray(dot(mirrored, strip_at / np.linalg.norm(strip_at)), np.float32))
    tall = 1.0 - smooth(0.55, 0.8, np.abs(mirrored[..., 1]))
    above = smooth(-0.25, 0.3, mirrored[..., 1])[..., None]
    room = (floor * (1.0 - above) + sky * above) * (light.ambient + 0.35 * light.key)
    lamps = (5.5 * box * (0.25 + 0.75 * seen) + 1.1 * strip * tall)[..., None] * (light.key * 0.9 + 0.1)
    power = (gloss * (0.35 + 0.65 * gloss))[..., None]
    return np.asarray(
        (room * fresnel[..., None] + lamps * (0.055 + 0.5 * fresnel[..., None])) * power, np.float32
    ), fresnel


def smooth_by(edge: Array, value: Array) -> Array:
    """A smooth step from -edge to +edge, with an edge per point."""
    t = np.clip((value + edge) / (2 * edge), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _reduce(rgb: Array, alpha: Array, over_sample: float) -> tuple[Array, Array]:
    """To the camera's raster: averaged down, or enlarged when the form was seen coarsely."""
    if over_sample == 1.0:
        return rgb, alpha
    how = Image.Resampling.BOX if over_sample > 1.0 else Image.Resampling.BILINEAR
    width, height = max(1, round(alpha.shape[1] / over_sample)), max(1, round(alpha.shape[0] / over_sample))
    small = resize(alpha, width, height, how)
    packed = resize(rgb * alpha[..., None], width, height, how)
    return packed / np.maximum(small, 1e-4)[..., None], small


def dot(vectors: Array, by: Array) -> Array:
    """Scalar products (h, w), summed by hand: a library's matrix product may round by the number of its threads."""
    return np.asarray(vectors[..., 0] * by[0] + vectors[..., 1] * by[1] + vectors[..., 2] * by[2], np.float32)
