"""What the sandbox's painter understands of a prompt."""

import pytest

from sandbox.painter.colours import from_hex
from sandbox.painter.words import read


def test_hex_codes_and_named_colours_of_a_palette_are_read_in_order() -> None:
    assert read("Color palette: #d9c7a8, teal and #1A2B3C.").palette == (
        from_hex("#d9c7a8"), from_hex("#23747a"), from_hex("#1a2b3c"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "prompt", ["a mug on a stone counter beside an olive tree", "a terracotta bud vase in a studio", "jar of honey"]
)
def test_a_place_or_a_products_own_colour_is_no_palette(prompt: str) -> None:
    assert read(prompt).palette == ()


def test_a_palette_is_heard_also_beside_a_coloured_product() -> None:
    reading = read("a green mug in a studio, palette: coral and cream")
    assert reading.palette == (from_hex("#ea7a62"), from_hex("#efe3cb"))
    assert reading.subject == "mug"


@pytest.mark.parametrize(
    ("prompt", "light_from"),
    [
        ("Lighting: soft, falling from the right. Camera: three-quarter view from the left.", "right"),
        ("Light: coming from behind with a fine bright rim.", "behind"),
        ("low sun through a window on the left", "left"),
        ("Camera: three-quarter view from the left", ""),
        ("Light: falling from above and slightly in front", "above"),
        ("backlit bottle", "behind"),
    ],
)
def test_the_side_of_the_light_is_not_the_side_of_the_camera(prompt: str, light_from: str) -> None:
    assert read(prompt).light_from == light_from


@pytest.mark.parametrize(
    ("prompt", "setting"),
    [
        ("a linen cushion on a kitchen counter", "kitchen"),
        ("a stoneware mug in a mossy forest", "forest"),
        ("sneaker, city rooftop at night", "city"),
        ("a water-resistant watch before a seamless backdrop", "studio"),
        ("cream jar", ""),
    ],
)
def test_the_setting_is_the_place_and_not_the_material(prompt: str, setting: str) -> None:
    assert read(prompt).setting == setting


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ('The lettering reads "SLOW MORNINGS", crisp and legible.', "SLOW MORNINGS"),
        ('Write "Hello" in the image, in exactly these letters.', "Hello"),
        ("headline “New in”", "New in"),
        ('A product named "Mighty Mug" on a table', ""),
        ("no quotes, text or otherwise", ""),
    ],
)
def test_only_words_for_the_picture_are_set_in_it(prompt: str, text: str) -> None:
    assert read(prompt).text == text


def test_quoted_words_say_nothing_of_the_scene() -> None:
    reading = read('a mug in a studio, the words "BEACH NIGHT"')
    assert (reading.setting, reading.qualities) == ("studio", frozenset())


def test_framing_angle_and_place_are_read_apart() -> None:
    reading = read(
        "Camera: wide view, low angle looking slightly up, subject on the right third with open space beside it"
    )
    assert (reading.framing, reading.angle, reading.place) == ("wide", "low", "right")


def test_the_subjects_own_colour_is_heard() -> None:
    assert read("an amber glass bottle of serum").subject_colour == from_hex("#d08a2a")
