"""Placements: the slots that renditions serve. Sizes from each channel's published rules (docs/placements.md)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Format = Literal["jpeg", "webp", "avif", "png"]
Fit = Literal["cover", "contain"]

MAX_EDGE_PX = 8192
MAX_PLACEMENTS = 16


class Placement(BaseModel):
    """One slot: its exact size in pixels and the formats that it takes.

    `fit` cover crops around the subject; contain pads with `background`. `white_background` is a publication check
    (Amazon's main image). `max_bytes` 0 means no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    width_px: Annotated[int, Field(ge=16, le=MAX_EDGE_PX)]
    height_px: Annotated[int, Field(ge=16, le=MAX_EDGE_PX)]
    formats: tuple[Format, ...] = ("jpeg", "webp", "avif")
    fit: Fit = "cover"
    background: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#ffffff"
    white_background: bool = False
    max_bytes: Annotated[int, Field(ge=0)] = 0

    @property
    def ratio(self) -> float:
        return self.width_px / self.height_px

    @property
    def pixels(self) -> int:
        return self.width_px * self.height_px


BUILTIN: dict[str, Placement] = {
    p.name: p
    for p in (
        # Serves Google Merchant (1500 advised, 16 MB), Amazon (1600 for zoom) and Shopify (2048 advised, 20 MB).
        Placement(name="feed", width_px=2048, height_px=2048, formats=("jpeg",), max_bytes=16_000_000),
        Placement(name="feed-small", width_px=1024, height_px=1024, formats=("jpeg", "webp")),
        Placement(name="web", width_px=1600, height_px=1600, formats=("webp", "avif")),
        Placement(name="web-small", width_px=800, height_px=800, formats=("webp", "avif")),
        Placement(name="thumb", width_px=400, height_px=400, formats=("webp",)),
        Placement(name="hero", width_px=1920, height_px=1080),
        Placement(name="hero-4k", width_px=3840, height_px=2160, formats=("jpeg", "avif")),
        Placement(name="banner", width_px=1600, height_px=640),
        Placement(name="social-square", width_px=1080, height_px=1080, formats=("jpeg",)),
        Placement(name="social-portrait", width_px=1080, height_px=1350, formats=("jpeg",)),
        Placement(name="story", width_px=1080, height_px=1920, formats=("jpeg",)),
        Placement(name="link-preview", width_px=1200, height_px=628, formats=("jpeg",)),
    )
}
