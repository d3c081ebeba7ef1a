"""A product photo made ready to go in with a request: small enough to be cheap, flat, and deterministic.

Vendors bill references by the megapixel and say nothing of alpha, so a cut-out is put on a plain ground that differs
from the product's own edge.
"""

import io
import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from domain.errors import ImageError
from imaging.decode import Decoded

JPEG_QUALITY, PNG_LEVEL = 95, 7
WHITE = (255, 255, 255)
GREYS = ((190, 192, 195), (128, 130, 133), (70, 72, 75))
CLEAR_DISTANCE = 60.0
"""An edge nearer to white than this would melt into a white ground."""
SOLID_ALPHA = 200
MIN_EDGE_PX, MIN_PIXELS = 32, 64 * 64
"""Smaller ones are stand-ins of a shop's server, or icons: no model could see a product in them."""
CLEAR_ALPHA, PLAIN_RANGE = 8, 8
"""Nothing more solid than this anywhere, or no channel that differs by more than this: there is nothing on it."""
MAP_PX, DETACHED_ALPHA, BODY_REACH_PX = 256, 190, 5
"""A region fainter than this, further from the solid body than this on a map of MAP_PX, is a painted shadow."""


@dataclass(frozen=True)
class Prepared:
    """Bytes to send, and their size in pixels."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int


def prepare_reference(photo: Decoded, max_megapixels: float) -> Prepared:
    """At most `max_megapixels` (2^20 px), RGB on a plain ground; the same photo gives the same bytes.

    A cut-out becomes PNG (JPEG's noise along its edge would make the ground less plain), a photograph JPEG.
    Raises ImageError "nothing-to-see" for what can show no product: a picture made after it never saw the product.
    """
    _check_shows_something(photo.image)
    image, out = _fit(photo.image, max_megapixels * 1_048_576), io.BytesIO()
    if image.mode == "RGBA":
        _on_ground(image).convert("RGB").save(out, "PNG", compress_level=PNG_LEVEL)
        return Prepared(out.getvalue(), "image/png", image.width, image.height)
    image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True)
    return Prepared(out.getvalue(), "image/jpeg", image.width, image.height)


def _check_shows_something(image: Image.Image) -> None:
    if min(image.size) < MIN_EDGE_PX or image.width * image.height < MIN_PIXELS:
        raise ImageError("nothing-to-see", f"{image.width} x {image.height} pixels are too few to show a product")
    if image.mode == "RGBA":
        if _range(image.getchannel("A"))[1] <= CLEAR_ALPHA:
            raise ImageError("nothing-to-see", "the photo is transparent all over")
        # a cut-out's outline is a subject even where it is of one colour
        return
    ranges = [_range(channel) for channel in image.convert("RGB").split()]
    if all(high - low <= PLAIN_RANGE for low, high in ranges):
        raise ImageError("nothing-to-see", "the photo shows one plain colour and no product")


def _range(channel: Image.Image) -> tuple[int, int]:
    return cast(tuple[int, int], channel.getextrema())


def _fit(image: Image.Image, max_pixels: float) -> Image.Image:
    pixels = image.width * image.height
    if pixels <= max_pixels:
        return image
    scale = math.sqrt(max_pixels / pixels)
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def _without_shadow(image: Image.Image) -> Image.Image:
    """Without a soft shadow painted into the cut-out: it would tell the model of a ground that is not there."""
    alpha = image.getchannel("A")
    coarse = alpha.resize((MAP_PX, MAP_PX), Image.Resampling.BOX)
    body = coarse.point(lambda v: 255 if v > DETACHED_ALPHA else 0).filter(ImageFilter.MaxFilter(BODY_REACH_PX))
    if body.getbbox() is None:
        return image
    near_body = body.resize(image.size, Image.Resampling.BILINEAR)
    kept = image.copy()
    kept.putalpha(ImageChops.multiply(alpha, near_body))
    return kept


def _on_ground(image: Image.Image) -> Image.Image:
    image = _without_shadow(image)
    ground = Image.new("RGBA", image.size, (*_ground_for(image), 255))
    ground.alpha_composite(image)
    return ground


def _ground_for(image: Image.Image) -> tuple[int, int, int]:
    """White where the product stands out from it, else the grey from which its edge differs most."""
    edge = _edge_colours(image)
    if not len(edge) or _distance(edge, WHITE) >= CLEAR_DISTANCE:
        return WHITE
    return max(GREYS, key=lambda ground: _distance(edge, ground))


def _distance(edge: NDArray[np.float32], ground: tuple[int, int, int]) -> float:
    """How far the nearest tenth of the edge is from a ground, as a distance in 8-bit RGB."""
    return float(np.percentile(np.linalg.norm(edge - np.array(ground, dtype=np.float32), axis=1), 10))


def _edge_colours(image: Image.Image) -> NDArray[np.float32]:
    """The visible pixels next to transparent ones, as rows of RGB."""
    pixels = np.asarray(image)
    solid = pixels[..., 3] > SOLID_ALPHA
    inner = solid.copy()
    inner[1:-1, 1:-1] &= solid[:-2, 1:-1] & solid[2:, 1:-1] & solid[1:-1, :-2] & solid[1:-1, 2:]
    return pixels[..., :3][solid & ~inner].astype(np.float32)
