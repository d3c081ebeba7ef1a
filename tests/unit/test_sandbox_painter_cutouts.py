"""Shop photos on a plain ground, with the soft shadow that was painted or photographed with them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from sandbox.painter.cutout import cut, decode

SIDE = 400
BODY = (110, 110, 290, 300)  # left, top, right, bottom of every drawn product


def product(colour: tuple[int, int, int], sole: tuple[int, int, int] | None = None) -> Image.Image:
    """A box with round corners, lit from the upper left, and perhaps a sole of another colour."""
    large = Image.new("RGBA", (SIDE * 3, SIDE * 3), (0, 0, 0, 0))
    draw = ImageDraw.Draw(large)
    left, top, right, bottom = (3 * side for side in BODY)
    draw.rounded_rectangle((left, top, right, bottom), 40, fill=(*colour, 255))
    if sole is not None:
        draw.rounded_rectangle((left, bottom - 100, right, bottom), 40, fill=(*sole, 255))
    return large.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def photo(shown: Image.Image, ground: int, shadow: str) -> bytes:
    """The product on a light ground with a soft shadow, as a JPEG."""
    dark = Image.new("L", (SIDE, SIDE), 0)
    left, _, right, bottom = BODY
    if shadow == "contact":
        ImageDraw.Draw(dark).ellipse((left - 10, bottom - 12, right + 10, bottom + 12), fill=150)
    elif shadow == "drop":
        dark.paste(shown.getchannel("A").point(lambda v: v * 2 // 5), (12, 14))
    dark = dark.filter(ImageFilter.GaussianBlur(7))
    paper = Image.new("RGB", (SIDE, SIDE), (ground,) * 3)
    paper.paste((0, 0, 0), (0, 0), dark)
    paper.paste(shown, (0, 0), shown)
    out = io.BytesIO()
    paper.save(out, "JPEG", quality=85)
    return out.getvalue()


def cut_of(data: bytes) -> np.ndarray:
    found = cut(decode(data, 0), SIDE)
    assert found is not None, "not cut out"
    return np.asarray(found.image).astype(int)


PRODUCTS = {
    "red": product((190, 40, 44)),
    "black": product((30, 30, 33)),
    "grey": product((128, 129, 131)),
    "white": product((228, 228, 226)),
    "blue with a white sole": product((40, 90, 210), (226, 226, 226)),
}


LIKE_ITS_GROUND = {("white", 245, "contact"), ("blue with a white sole", 245, "contact")}
"""White on a ground that is nearly white: a strip of shadow stays, as sandbox/README.md says."""
CASES = [(name, ground, shadow) for name in PRODUCTS for ground in (255, 245) for shadow in ("contact", "drop")]


@pytest.mark.parametrize(
    ("name", "ground", "shadow"),
    [case for case in CASES if case not in LIKE_ITS_GROUND],
)
def test_a_soft_shadow_goes_and_the_product_stays(name: str, ground: int, shadow: str) -> None:
    rgba = cut_of(photo(PRODUCTS[name], ground, shadow))
    width, height = BODY[2] - BODY[0] + 1, BODY[3] - BODY[1] + 1
    solid = rgba[..., 3] > 128
    # the box is the product's own: a slab of shadow under it, or beside it, would widen it
    assert abs(rgba.shape[1] - width) <= 6
    assert abs(rgba.shape[0] - height) <= 6
    assert solid.mean() > 0.96, "the product has holes or bites"


@pytest.mark.parametrize("name", ["grey", "white"])
def test_a_grey_products_own_grey_is_kept(name: str) -> None:
    rgba = cut_of(photo(PRODUCTS[name], 255, "contact"))
    inside = rgba[20:-20, 20:-20]
    own = np.asarray(PRODUCTS[name])[200, 200, :3].astype(int)
    assert (inside[..., 3] == 255).all()
    assert np.abs(inside[..., :3] - own).max() <= 6


@pytest.mark.parametrize("name", ["red", "black", "blue with a white sole"])
def test_the_edge_of_a_dark_product_has_no_light_line(name: str) -> None:
    rgba = cut_of(photo(PRODUCTS[name], 255, "contact"))
    upper = rgba[: rgba.shape[0] // 2]
    seen = upper[..., :3].mean(-1)
    own = seen[40, upper.shape[1] // 2]
    assert seen[upper[..., 3] > 40].max() < own + 45


def test_the_edge_is_soft() -> None:
    alpha = cut_of(photo(PRODUCTS["red"], 255, "contact"))[..., 3]
    assert ((alpha > 20) & (alpha < 235)).sum() > alpha.shape[0]


def test_the_hole_of_a_handle_shows_the_scene() -> None:
    shown = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(shown)
    draw.ellipse((225, 140, 345, 270), outline=(30, 60, 140, 255), width=18)
    draw.rectangle((110, 110, 270, 300), fill=(30, 60, 140, 255))
    rgba = cut_of(photo(shown, 255, "contact"))
    row, column = 205 - 110, 300 - 110
    assert rgba[row - 15 : row + 15, column - 10 : column + 10, 3].max() < 40


@pytest.mark.parametrize("ground", [255, 245])
def test_a_white_label_is_no_hole(ground: int) -> None:
    shown = product((36, 120, 70))
    draw = ImageDraw.Draw(shown)
    for x in range(130, 270):
        draw.line((x, 160, x, 260), fill=(min(255, 190 + (x - 130)),) * 3)
    rgba = cut_of(photo(shown, ground, "contact"))
    assert (rgba[20:-20, 20:-20, 3] == 255).all()


def test_white_edge_pixels_of_a_transparent_cut_out_take_the_products_colour() -> None:
    shown = np.array(product((150, 30, 40)))
    alpha = shown[..., 3]
    # as a tool leaves it that cut the product off white paper: the outermost pixels are half paper
    rim = (alpha > 0) & (np.asarray(Image.fromarray(alpha).filter(ImageFilter.MinFilter(3))) < 128)
    shown[rim, :3] = (235, 228, 228)
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "PNG")
    rgba = cut_of(out.getvalue())
    seen = rgba[rgba[..., 3] > 20]
    assert (seen[:, 1] > 110).mean() < 0.002


def test_a_white_stripe_inside_a_transparent_cut_out_stays_white() -> None:
    shown = product((150, 30, 40))
    ImageDraw.Draw(shown).rectangle((140, 180, 260, 200), fill=(250, 250, 250, 255))
    out = io.BytesIO()
    shown.save(out, "PNG")
    rgba = cut_of(out.getvalue())
    assert (rgba[75:85, 40:140, :3] > 240).all()
