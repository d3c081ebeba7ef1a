"""The camera: a shift lens on a level, so verticals stay vertical and a photographed product fits in undistorted.

World: the hero stands on the floor (y = 0) at the origin, z points to the camera, one unit is about its height.
"""

from dataclasses import dataclass

import numpy as np

from sandbox.painter.raster import Array


@dataclass(frozen=True)
class Camera:
    """width_px, height_px: the raster. unit_px: pixels of one unit at z = 0. base_x_px, base_y_px: where the origin
    appears. distance: from the origin, in units. eye: height above the floor, in units."""

    width_px: int
    height_px: int
    unit_px: float
    base_x_px: float
    base_y_px: float
    distance: float
    eye: float

    @property
    def horizon_px(self) -> float:
        return self.base_y_px - self.unit_px * self.eye

    def scale_at(self, z: float) -> float:
        """Pixels of one unit at depth z."""
        return self.unit_px * self.distance / (self.distance - z)

    def to_px(self, x: float, y: float, z: float) -> tuple[float, float]:
        """A point of the world as (column, row)."""
        scale = self.scale_at(z)
        return self.base_x_px + x * scale, self.horizon_px + (self.eye - y) * scale

    def scaled(self, factor: float, width_px: int, height_px: int) -> "Camera":
        """The same view on another raster."""
        return Camera(
            width_px,
            height_px,
            self.unit_px * factor,
            self.base_x_px * factor,
            self.base_y_px * factor,
            self.distance,
            self.eye,
        )

    def floor_row(self, z: float) -> float:
        """The row of the floor at depth z."""
        return self.to_px(0.0, 0.0, z)[1]


@dataclass(frozen=True)
class Ground:
    """What every pixel of the empty set is: world positions (h, w), the depth of each row, and where the floor ends."""

    x: Array
    y: Array
    z: Array
    row_z: Array
    edge_row: int


def lay_out(camera: Camera, edge_z: float, wall_z: float) -> Ground:
    """The floor from the camera to `edge_z` (negative), and behind it an upright plane at `wall_z`."""
    rows = np.arange(camera.height_px, dtype=np.float32) + 0.5
    edge_row = int(np.clip(np.ceil(camera.floor_row(edge_z)), 0, camera.height_px))
    below = np.maximum(rows - camera.horizon_px, 1e-3)
    floor_z = camera.distance - camera.unit_px * camera.distance * camera.eye / below
    is_floor = np.arange(camera.height_px) >= edge_row
    row_z = np.where(is_floor, np.clip(floor_z, edge_z - 1.0, camera.distance - 0.05), wall_z).astype(np.float32)
    per_px = (camera.distance - row_z) / (camera.unit_px * camera.distance)
    row_y = np.where(is_floor, 0.0, camera.eye - (rows - camera.horizon_px) * per_px).astype(np.float32)
    columns = np.arange(camera.width_px, dtype=np.float32) + 0.5 - camera.base_x_px
    shape = (camera.height_px, camera.width_px)
    return Ground(
        x=np.asarray(per_px[:, None] * columns[None, :], np.float32),
        y=np.broadcast_to(row_y[:, None], shape),
        z=np.broadcast_to(row_z[:, None], shape),
        row_z=row_z,
        edge_row=edge_row,
    )
