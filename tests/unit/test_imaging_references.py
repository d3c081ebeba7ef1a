"""What goes to a vendor as a product's photo: only what can show a product."""

import io

import pytest
from PIL import Image, ImageDraw

from domain.errors import ImageError
from imaging.decode import decode
from imaging.references import prepare_reference


def photo(image: Image.Image, name: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, name)
    return out.getvalue()


def drawn(mode: str, size: tuple[int, int] = (200, 200), ground: object = "#f0f0f0") -> Image.Image:
    image = Image.new(mode, size, ground)  # type: ignore[arg-type]
    ImageDraw.Draw(image).ellipse((size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4), fill="#224466")
    return image


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("RGBA", (600, 600), (0, 0, 0, 0)), "transparent all over"),
        (Image.new("RGB", (2000, 300), "#5a78a0"), "one plain colour"),
        (drawn("RGB", (3, 3)), "3 x 3 pixels are too few"),
        (drawn("RGB", (2000, 8)), "2000 x 8 pixels are too few"),
    ],
)
def test_a_photo_that_can_show_no_product_is_refused(image: Image.Image, words: str) -> None:
    with pytest.raises(ImageError, match=words) as refused:
        prepare_reference(decode(photo(image)), 1.0)
    assert refused.value.reason == "nothing-to-see"


def test_a_plain_colour_is_seen_through_the_noise_of_a_jpeg() -> None:
    with pytest.raises(ImageError, match="one plain colour"):
        prepare_reference(decode(photo(Image.new("RGB", (500, 500), "#5a78a0"), "JPEG")), 1.0)


@pytest.mark.parametrize(
    "image",
    [
        drawn("RGB"),
        drawn("RGBA", ground=(0, 0, 0, 0)),
        Image.new("RGBA", (100, 100), (20, 30, 40, 120)),
        drawn("L", ground=250),
        drawn("RGB", (400, 40)),
    ],
)
def test_products_cut_out_or_not_faint_or_narrow_are_taken(image: Image.Image) -> None:
    made = prepare_reference(decode(photo(image)), 1.0)
    assert (made.width_px, made.height_px) == image.size
