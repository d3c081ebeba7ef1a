"""The empty set: floor and backdrop of each setting, lit. Objects and lettering are drawn elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sandbox.painter import backdrops, materials
from sandbox.painter.camera import Camera, Ground, lay_out
from sandbox.painter.colours import Rgb, to_linear
from sandbox.painter.light import Light
from sandbox.painter.plan import Plan
from sandbox.painter.raster import Array, blur, smooth


@dataclass(frozen=True)
class Room:
    """Depths of a setting in units, its floor and wall materials, and its backdrop when that is no plain wall."""

    edge_z: float
    wall_z: float
    floor: str
    wall: str
    gloss: float = 0.0
    seamless: float = 0.0
    backdrop: str = ""


ROOMS: dict[str, tuple[Room, ...]] = {
    "studio": (
        Room(-2.2, -2.2, "paper", "paper", 0.05, 0.9),
        Room(-1.7, -1.7, "paper", "plaster", 0.05, 0.0),
        Room(-2.6, -2.6, "paper", "paper", 0.30, 0.5),
    ),
    "kitchen": (
        Room(-1.5, -1.5, "wood", "tile", 0.12),
        Room(-1.1, -4.0, "wood", "plaster", 0.15, 0.0, "room"),
        Room(-1.4, -1.4, "marble", "plaster", 0.3),
        Room(-1.6, -1.6, "wood", "plaster", 0.10),
    ),
    "sill": (Room(-0.75, -0.75, "painted", "plaster", 0.12, 0.0, "window"),),
    "living": (Room(-1.25, -1.25, "wood", "plaster", 0.2), Room(-1.0, -4.2, "wood", "plaster", 0.2, 0.0, "room")),
    "bath": (Room(-1.4, -1.4, "marble", "tile", 0.45), Room(-2.4, -2.4, "water", "tile", 0.5)),
    "stone": (Room(-1.6, -1.6, "stone", "plaster", 0.05), Room(-2.2, -2.2, "stone", "stone", 0.05)),
    "linen": (Room(-1.9, -1.9, "linen", "plaster", 0.0, 0.5), Room(-1.6, -1.6, "linen", "curtain", 0.0)),
    "beach": (Room(-60.0, -60.0, "beach", "", 0.0, 0.0, "sky"),),
    "desert": (Room(-14.0, -14.0, "sand", "", 0.0, 0.0, "dunes"),),
    "mountain": (Room(-2.2, -30.0, "rock", "", 0.0, 0.0, "mountains"),),
    "forest": (Room(-4.0, -9.0, "moss", "", 0.0, 0.0, "forest"),),
    "city": (Room(-1.1, -9.0, "dark", "", 0.5, 0.0, "city"),),
}


def room_of(plan: Plan) -> Room:
    """The room that this seed takes among those of the setting."""
    rooms = ROOMS[plan.setting]
    wanted = plan.reading.materials
    floors = {"oak": "wood", "walnut": "wood", "concrete": "stone", "slate": "stone"}
    named = {floors.get(m, m) for m in wanted}

    def fit(number: int) -> tuple[int, int]:
        room = rooms[number]
        busy = room.backdrop == "room" and bool(plan.reading.text)
        return (2 * (room.floor in named) + (room.wall in named) - busy, (number + plan.variant) % len(rooms))

    return rooms[max(range(len(rooms)), key=fit)]


@dataclass(frozen=True)
class Stage:
    """The lit empty set (h, w, 3) linear, with what the objects need of it."""

    rgb: Array
    ground: Ground
    room: Room
    floor_light: Array
    wall_light: Array


def build(plan: Plan, contacts: list[tuple[float, float, float, float]]) -> Stage:
    """Paints the set. contacts: (x, z, radius, strength) of what stands on the floor, for the dark under it."""
    room, camera = room_of(plan), plan.camera
    ground = lay_out(camera, room.edge_z, room.wall_z)
    edge = ground.edge_row
    rgb = np.zeros((camera.height_px, camera.width_px, 3), np.float32)
    colour_floor, colour_wall = materials.base_colours(plan, room.floor, room.wall)
    if edge > 0:
        rgb[:edge] = _wall(plan, room, ground, edge, colour_wall)
    if edge < camera.height_px:
        rgb[edge:] = _floor(plan, room, ground, edge, colour_floor, contacts, rgb[:edge])
    if room.seamless:
        _melt(rgb, edge, camera, room)
    return Stage(rgb, ground, room, to_linear(colour_floor), to_linear(colour_wall))


def _wall(plan: Plan, room: Room, ground: Ground, edge: int, colour: Rgb) -> Array:
    x, y, z = (np.ascontiguousarray(a[:edge]) for a in (ground.x, ground.y, ground.z))
    light = plan.light
    painter: Callable[[Plan, Array, Array, int], Array] | None = backdrops.OPEN_AIR.get(room.backdrop)
    if painter is not None:
        return painter(plan, x, y, ground.edge_row)
    albedo = materials.wall(plan, room.wall, x, y, colour)
    # a far room has windows of its own: what stands before the key here does not reach it
    far = room.backdrop == "room"
    seen = np.full_like(x, 0.75) if far else light.visible(x, y, z) * light.key_on(x, y, z)
    corner = 1.0 - (0.0 if room.seamless else 0.34) * np.exp(-np.maximum(y, 0) / 0.22)
    glow = light.glow * np.exp(-((x / 2.4) ** 2 + ((y - 0.8) / 1.7) ** 2))
    front = _facing(light, (0.0, 0.0, 1.0))
    shine = (
        light.ambient * (corner * (0.94 + 0.05 * np.clip(y, 0, 2)))[..., None]
        + light.key * (seen * front + glow * 1.6)[..., None]
    )
    lit = np.asarray(albedo * shine, np.float32)
    indoors = backdrops.INDOORS.get(room.backdrop)
    return indoors(plan, x, y, lit) if indoors else lit


def _facing(light: Light, normal: tuple[float, float, float]) -> float:
    """How squarely a big plane meets the key; kept near 1, so that the palette's colours come out as asked."""
    dot = sum(a * b for a, b in zip(light.toward, normal, strict=True))
    return float(np.clip(0.72 + 0.60 * dot, 0.50, 1.0))


def _floor(
    plan: Plan,
    room: Room,
    ground: Ground,
    edge: int,
    colour: Rgb,
    contacts: list[tuple[float, float, float, float]],
    wall: Array,
) -> Array:
    x, y, z = (np.ascontiguousarray(a[edge:]) for a in (ground.x, ground.y, ground.z))
    light = plan.light
    albedo, relief = materials.floor(plan, room.floor, x, z, colour)
    seen = light.visible(x, y, z) * light.key_on(x, y, z)
    dark = np.ones_like(x)
    for cx, cz, radius, strength in contacts:
        near = ((x - cx) / radius) ** 2 + ((z - cz) / (radius * 0.9)) ** 2
        dark *= 1.0 - strength * (0.55 * np.exp(-near * 0.8) + 0.35 * np.exp(-near * 0.22))
    if not room.seamless and room.edge_z == room.wall_z and room.edge_z > -5:
        dark *= 1.0 - 0.34 * np.exp((room.edge_z - z) / 0.28)
    top = _facing(light, (0.0, 1.0, 0.0))
    shine = (
        light.ambient * dark[..., None] + light.key * (seen * (0.35 + 0.65 * dark) * top * (1.0 + relief))[..., None]
    )
    lit = albedo * shine
    if room.gloss > 0 and edge > 4:
        lit += _mirror(plan, room, ground, edge, wall, lit.shape[0]) * dark[..., None]
    return np.asarray(lit, np.float32)


def _mirror(plan: Plan, room: Room, ground: Ground, edge: int, wall: Array, rows: int) -> Array:
    """The backdrop mirrored in a glossy floor, stronger where one looks along it."""
    source = np.clip(edge - 1 - np.arange(rows), 0, edge - 1)
    soft = blur(wall, max(2.0, plan.camera.unit_px * (0.03 if room.floor in ("water", "dark") else 0.10)))
    slant = np.clip((plan.camera.distance - ground.row_z[edge:]) / (plan.camera.eye + 1e-3) / 30.0, 0.05, 0.6)
    return np.asarray(soft[source] * (room.gloss * slant)[:, None, None], np.float32)


def _melt(rgb: Array, edge: int, camera: Camera, room: Room) -> None:
    """Rounds the seam between floor and wall into a cove."""
    if edge <= 2 or edge >= camera.height_px - 2:
        return
    reach = int(max(3, camera.scale_at(room.wall_z) * room.seamless * 0.5))
    low, high = max(0, edge - reach), min(camera.height_px, edge + max(2, reach // 2))
    band = rgb[low:high]
    rows = np.linspace(0, 1, high - low, dtype=np.float32)
    weight = np.sin(np.pi * rows)[:, None, None]
    blend = smooth(0.0, 1.0, rows)[:, None, None]
    above, below = rgb[low : low + 1], rgb[high - 1 : high]
    band += weight * 0.85 * (above * (1 - blend) + below * blend - band)


def out_of_focus(plan: Plan, stage: Stage, rgb: Array) -> Array:
    """Blurs the set by depth: sharp at the hero, softer behind and in the very front."""
    camera = plan.camera
    open_air = stage.room.backdrop in backdrops.OPEN_AIR
    rows = np.clip(stage.ground.row_z, -1.6 if open_air else -5.0, 1.6)
    spread = plan.aperture * camera.unit_px * np.abs(rows) / (camera.distance - rows) * (0.45 if open_air else 0.75)
    if stage.room.backdrop in ("city", "forest"):
        # these are painted out of focus already, as discs that a blur would wash away
        spread[: stage.ground.edge_row] = 0.0
    top = float(spread.max())
    if top < 0.7:
        return rgb
    half, full = blur(rgb, top * 0.4), blur(rgb, top)
    level = (spread / top)[:, None, None]
    first = smooth(0.0, 0.4, level)
    second = smooth(0.4, 1.0, level)
    return np.asarray(rgb * (1 - first) + half * (first - second) + full * second, np.float32)
