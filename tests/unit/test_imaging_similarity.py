"""Near-duplicates are found, different pictures are left apart, and the answer never depends on chance."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageEnhance

from domain.errors import InputError
from imaging.similarity import (
    NEAR_DUPLICATE_DISTANCE,
    Signature,
    group_near_duplicates,
    near_duplicate_distance,
    parse_signature,
    signature,
)

PHOTOS = Path("/work/shared/data/photos")


def draft(shape: str, colour: str = "#c04020", ground: str = "#e8e0d0") -> Image.Image:
    page = Image.new("RGB", (256, 256), ground)
    draw = ImageDraw.Draw(page)
    if shape == "disc":
        draw.ellipse((60, 60, 200, 200), fill=colour)
    elif shape == "bar":
        draw.rectangle((20, 110, 240, 150), fill=colour)
    else:
        draw.polygon([(20, 240), (128, 10), (120, 240)], fill=colour)
    return page


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(io.BytesIO(out.getvalue()))


def test_the_same_picture_has_no_distance() -> None:
    assert near_duplicate_distance(draft("disc"), draft("disc")) == 0.0


def test_another_encoding_size_or_slight_brightness_is_a_near_duplicate() -> None:
    base = draft("disc")
    for other in (as_jpeg(base, 40), base.resize((128, 128)), ImageEnhance.Brightness(base).enhance(1.06)):
        assert near_duplicate_distance(base, other) < NEAR_DUPLICATE_DISTANCE


def test_other_shapes_and_other_colours_are_not_near_duplicates() -> None:
    base = draft("disc")
    for other in (draft("bar"), draft("wedge"), draft("disc", "#1030d0", "#203020")):
        assert near_duplicate_distance(base, other) > NEAR_DUPLICATE_DISTANCE


def test_distance_is_the_same_both_ways_and_bounded() -> None:
    one, other = draft("bar", "#000000", "#ffffff"), draft("wedge", "#ffffff", "#000000")
    assert near_duplicate_distance(one, other) == near_duplicate_distance(other, one) <= 1.0


def test_a_signature_survives_being_written_down() -> None:
    made = signature(draft("wedge"))
    assert parse_signature(made.text) == made
    assert len(made.text) == 128


@pytest.mark.parametrize("text", ["", "abc", "zz" * 64, "00" * 63])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_signature(text)


def test_groups_keep_the_given_order_and_the_first_leads() -> None:
    disc, bar = draft("disc"), draft("bar")
    pictures: list[tuple[str, Image.Image | Signature]] = [
        ("B1", disc),
        ("A1", bar),
        ("C1", as_jpeg(disc, 50)),
        ("D1", signature(bar.resize((100, 100)))),
    ]
    assert group_near_duplicates(pictures) == [("B1", "C1"), ("A1", "D1")]


def test_no_picture_is_lost_at_any_threshold() -> None:
    pictures = [(f"{shape}{at}", draft(shape)) for at in range(2) for shape in ("disc", "bar", "wedge")]
    for threshold in (0.0, 0.1, 1.0):
        groups = group_near_duplicates(pictures, threshold)
        assert sorted(name for group in groups for name in group) == sorted(name for name, _ in pictures)
    assert len(group_near_duplicates(pictures, 1.0)) == 1


def test_nothing_in_gives_nothing_out() -> None:
    assert group_near_duplicates([]) == []


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no product photos in {PHOTOS}")
def test_real_products_are_all_told_apart() -> None:
    photos = [(path.name, Image.open(path)) for path in sorted(PHOTOS.glob("*.png"))]
    assert len(group_near_duplicates([(name, signature(photo)) for name, photo in photos])) == len(photos)
