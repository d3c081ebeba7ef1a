"""Solid forms turned on a lathe (round or squared), ray-exact enough for a picture: positions, normals, albedo, alpha.

A form is a stack of parts; each part has a profile (height, radius) and a material. No scene, no light here.
"""

from dataclasses import dataclass, field

import numpy as np

from sandbox.painter.camera import Camera
from sandbox.painter.colours import Rgb, to_linear
from sandbox.painter.raster import Array, rng_of, sample, smooth, tile_noise

MAX_SLICES = 900


@dataclass(frozen=True)
class Material:
    """colour: sRGB. gloss: 0 matt to 1 mirror-like. speckle, mottle: strength of surface marks. glass: see-through.
    emit: own light (a flame, a lamp's shade)."""

    colour: Rgb
    gloss: float = 0.2
    speckle: float = 0.0
    mottle: float = 0.06
    glass: float = 0.0
    emit: float = 0.0


@dataclass(frozen=True)
class Part:
    """profile: (height, radius) points from below upwards, in units. square: exponent of the cross-section (2 round,
    6 a rounded square). deep: depth over width. mouth: inner radius over outer when open above. inside: what one sees
    in the mouth, `fill`: how deep it lies."""

    profile: tuple[tuple[float, float], ...]
    material: Material
    square: float = 2.0
    deep: float = 1.0
    mouth: float = 0.0
    inside: Material | None = None
    fill: float = 0.12


@dataclass(frozen=True)
class Handle:
    """A tube bent to an ellipse at the side of a form: centre, radii, thickness, in units; `side` -1 left, +1 right."""

    x: float
    y: float
    rx: float
    ry: float
    thick: float
    material: Material
    side: int = 1


@dataclass(frozen=True)
class Form:
    """A whole object. height and half_width in units."""

    parts: tuple[Part, ...]
    handles: tuple[Handle, ...] = ()

    @property
    def height(self) -> float:
        return max(p.profile[-1][0] for p in self.parts)

    @property
    def half_width(self) -> float:
        reach = max(r for p in self.parts for _, r in p.profile)
        return max([reach] + [abs(t.x) + t.rx + t.thick for t in self.handles])


@dataclass
class Surface:
    """A form seen by a camera: arrays (h, w) or (h, w, 3) on a box whose upper left corner is (left_px, top_px) of a
    raster `over_sample` times finer than the camera's."""

    left_px: int
    top_px: int
    over_sample: float
    alpha: Array
    position: Array
    normal: Array
    albedo: Array
    gloss: Array
    glass: Array
    emit: Array
    occlusion: Array
    extra: dict[str, Array] = field(default_factory=dict)


def dense_profile(points: tuple[tuple[float, float], ...], step: float) -> tuple[Array, Array]:
    """The profile at an even step of height, a little smoothed so that shoulders catch light."""
    ys = np.array([p[0] for p in points], np.float32)
    rs = np.array([p[1] for p in points], np.float32)
    count = int(np.clip((ys[-1] - ys[0]) / step, 8, MAX_SLICES))
    y = np.linspace(ys[0], ys[-1], count, dtype=np.float32)
    r = np.interp(y, ys, rs).astype(np.float32)
    width = max(1, count // 60)
    kernel = np.ones(2 * width + 1, np.float32) / (2 * width + 1)
    return y, np.convolve(np.pad(r, width, mode="edge"), kernel, mode="valid").astype(np.float32)


def see(form: Form, camera: Camera, foot: tuple[float, float, float], over_sample: float, seed: int) -> Surface:
    """Looks at a form standing with its centre at `foot`; returns its visible surface."""
    scale = camera.scale_at(foot[2]) * over_sample
    tilt_of = 1.0 / (camera.distance - foot[2])
    near = 0.08 + max(abs(camera.eye - foot[1]), abs(camera.eye - foot[1] - form.height)) * tilt_of
    half_px = int(form.half_width * scale) + 4
    rows = int((form.height + 2 * form.half_width * near) * scale) + 8
    centre_x, base_row = camera.to_px(*foot)
    left = round(centre_x * over_sample) - half_px
    top = round(base_row * over_sample + form.half_width * near * scale) + 4 - rows
    origin_row = base_row * over_sample - top
    columns = (np.arange(2 * half_px, dtype=np.float32) + 0.5 + left - centre_x * over_sample) / scale
    index, table = _turn(form, columns, rows, origin_row, scale, camera, foot)
    return _dress(form, index, table, columns, rows, origin_row, scale, (left, top), over_sample, camera, foot, seed)


@dataclass
class _Slices:
    y: Array
    r: Array
    slope: Array
    part: Array
    tilt: Array


def _slices(form: Form, scale: float, camera: Camera, foot: tuple[float, float, float]) -> _Slices:
    ys, rs, slopes, parts = [], [], [], []
    for number, part in enumerate(form.parts):
        y, r = dense_profile(part.profile, 1.0 / scale)
        ys.append(y)
        rs.append(r)
        slopes.append(np.gradient(r, y))
        parts.append(np.full(len(y), number))
    y = np.concatenate(ys).astype(np.float32)
    tilt = ((camera.eye - foot[1] - y) / (camera.distance - foot[2])).astype(np.float32)
    return _Slices(y, np.concatenate(rs), np.concatenate(slopes).astype(np.float32), np.concatenate(parts), tilt)


def _turn(
    form: Form,
    columns: Array,
    rows: int,
    origin_row: float,
    scale: float,
    camera: Camera,
    foot: tuple[float, float, float],
) -> tuple[np.ndarray, _Slices]:
    """Which slice each pixel shows (-1: none): slices drawn from the farthest off eye level to the nearest."""
    table = _slices(form, scale, camera, foot)
    index = np.full((rows, len(columns)), -1, np.int32)
    grid = np.arange(rows, dtype=np.float32)[:, None] + 0.5
    # parts that start at the same height keep their order (a cap over a neck), so the sort must be stable
    for i in np.argsort(-np.abs(table.tilt), kind="stable"):
        part, radius = form.parts[table.part[i]], table.r[i]
        inside = np.nonzero(np.abs(columns) < radius)[0]
        if len(inside) == 0:
            continue
        c0, c1 = inside[0], inside[-1] + 1
        bulge = 1.0 - (np.abs(columns[c0:c1]) / radius) ** part.square
        half = np.abs(table.tilt[i]) * radius * part.deep * np.maximum(bulge, 0.0) ** (1.0 / part.square) * scale + 0.6
        centre = origin_row - table.y[i] * scale
        r0, r1 = max(0, int(centre - half.max())), min(rows, int(centre + half.max()) + 2)
        block = index[r0:r1, c0:c1]
        block[np.abs(grid[r0:r1] - centre) <= half[None, :]] = i
    return index, table


def _dress(
    form: Form,
    index: np.ndarray,
    table: _Slices,
    columns: Array,
    rows: int,
    origin_row: float,
    scale: float,
    corner: tuple[int, int],
    over_sample: float,
    camera: Camera,
    foot: tuple[float, float, float],
    seed: int,
) -> Surface:
    """From slices to positions, normals and materials."""
    shown = np.maximum(index, 0)
    part_no, y, r, slope, tilt = (a[shown] for a in (table.part, table.y, table.r, table.slope, table.tilt))
    square = np.array([p.square for p in form.parts], np.float32)[part_no]
    deep = np.array([p.deep for p in form.parts], np.float32)[part_no]
    x = np.broadcast_to(columns[None, :], y.shape)
    rel = np.clip(np.abs(x) / np.maximum(r, 1e-4), 0.0, 1.0)
    front = np.maximum(1.0 - rel**square, 0.0) ** (1.0 / square)
    z = front * r * deep
    screen = (origin_row - (np.arange(rows, dtype=np.float32)[:, None] + 0.5)) / scale
    # on the shell the row agrees with the front edge of its slice; where it does not we look onto a flat disc
    lid = np.abs(screen - (y - tilt * z)) > 2.5 / scale + np.abs(tilt) * 0.01
    nx = np.sign(x) * rel ** (square - 1.0)
    nz = front ** (square - 1.0) / deep
    length = np.sqrt(nx**2 + nz**2) + 1e-6
    ny = -slope
    normal = np.stack([nx / length, ny, nz / length], axis=-1)
    normal[lid] = (0.0, 1.0, 0.0)
    z = np.where(lid, np.clip((y - screen) / np.where(np.abs(tilt) < 0.02, 0.02, tilt), -r, r), z)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    position = np.stack([foot[0] + x, foot[1] + y, foot[2] + z], axis=-1)
    surface = Surface(
        corner[0],
        corner[1],
        over_sample,
        (index >= 0).astype(np.float32),
        position.astype(np.float32),
        normal.astype(np.float32),
        *_materials(form, part_no, seed, x, y, z),
        np.ones_like(y),
    )
    _open_mouths(form, surface, part_no, lid & (index >= 0), x, y, screen, tilt)
    for handle in form.handles:
        _add_handle(surface, handle, x, np.broadcast_to(screen, x.shape), foot)
    return surface


def _materials(
    form: Form, part_no: np.ndarray, seed: int, x: Array, y: Array, z: Array
) -> tuple[Array, Array, Array, Array]:
    mats = [p.material for p in form.parts]
    albedo = np.array([to_linear(m.colour) for m in mats], np.float32)[part_no]
    texture = tile_noise(rng_of(seed, "glaze"), 128, 5, 4)
    fine = tile_noise(rng_of(seed, "speck"), 128, 40, 2)
    around = np.arctan2(x, np.maximum(z, 1e-3)) / 3.0
    mottle = np.array([m.mottle for m in mats], np.float32)[part_no]
    speckle = np.array([m.speckle for m in mats], np.float32)[part_no]
    tone = 1.0 + mottle * sample(texture, around * 0.5, y * 0.6)
    tone = tone * (1.0 - speckle * smooth(1.55, 2.1, sample(fine, around * 1.7, y * 1.9)))
    gloss, glass, emit = (
        np.array([getattr(m, k) for m in mats], np.float32)[part_no] for k in ("gloss", "glass", "emit")
    )
    return np.asarray(albedo * tone[..., None], np.float32), gloss, glass, emit


def _open_mouths(
    form: Form, surface: Surface, part_no: np.ndarray, lid: np.ndarray, x: Array, y: Array, screen: Array, tilt: Array
) -> None:
    """Turns the top disc of an open part into its inner wall and what it holds."""
    for number, part in enumerate(form.parts):
        if part.mouth <= 0:
            continue
        top, radius = part.profile[-1][0], part.profile[-1][1] * part.mouth
        here = lid & (part_no == number) & (y > top - 0.02)
        if not here.any():
            continue
        lean = np.where(np.abs(tilt) < 0.02, 0.02, tilt)
        across = (top - screen) / lean
        opening = here & ((x / radius) ** 2 + (across / radius) ** 2 < 1.0)
        level = top - part.fill
        at_level = (level - screen) / lean
        pool = opening & ((x / radius) ** 2 + (at_level / radius) ** 2 < 0.97)
        wall = opening & ~pool
        inner = part.inside or part.material
        surface.normal[wall] = np.stack(
            [-x / radius, np.full_like(x, 0.25), np.sqrt(np.clip(1 - (x / radius) ** 2, 0.05, 1))], -1
        )[wall]
        surface.occlusion[wall] = np.clip(0.72 - 0.5 * (top - y + 0.04), 0.3, 1.0)[wall]
        surface.albedo[pool] = to_linear(inner.colour)
        surface.gloss[pool], surface.emit[pool], surface.glass[pool] = inner.gloss, inner.emit, inner.glass
        rim = np.sqrt((x / radius) ** 2 + (at_level / radius) ** 2)
        surface.occlusion[pool] = (0.55 + 0.4 * smooth(1.0, 0.55, rim))[pool]
        surface.position[pool, 1] -= part.fill


def _add_handle(surface: Surface, handle: Handle, x: Array, screen: Array, foot: tuple[float, float, float]) -> None:
    """A tube round an ellipse, beside the body (the body hides what lies behind it)."""
    dx, dy = (x - handle.x * handle.side) / handle.rx, (screen - handle.y) / handle.ry
    ring = np.sqrt(dx**2 + dy**2) + 1e-6
    gx, gy = dx / ring / handle.rx, dy / ring / handle.ry
    slope = np.sqrt(gx**2 + gy**2) + 1e-6
    off = (ring - 1.0) / slope / handle.thick
    tube = (np.abs(off) < 1.0) & (surface.alpha < 0.5)
    nz = np.sqrt(np.clip(1.0 - off**2, 0.0, 1.0))
    normal = np.stack([gx / slope * off, gy / slope * off, nz], axis=-1)
    surface.normal[tube] = normal[tube]
    surface.alpha[tube] = 1.0
    surface.albedo[tube] = to_linear(handle.material.colour)
    surface.gloss[tube], surface.glass[tube], surface.emit[tube] = handle.material.gloss, 0.0, 0.0
    surface.position[tube] = np.stack([foot[0] + x, foot[1] + screen, np.full_like(x, foot[2])], axis=-1)[tube]
    surface.occlusion[tube] = 0.9
