"""Publication checks: a picture that a channel would refuse is stopped here, with the reason and the numbers."""

import pytest
from PIL import Image

from domain.errors import InputError
from imaging.checks import PublicationRules, channel_names, channel_rules, publication_blockers
from imaging.provenance import xmp_packet
from imaging.renditions import Format, Recipe, render

MARKED = xmp_packet("trainedAlgorithmicMedia")


def product(size: tuple[int, int] = (1100, 1100), ground: str = "#ffffff", margin: float = 0.05) -> Image.Image:
    page = Image.new("RGB", size, ground)
    left, top = round(size[0] * margin), round(size[1] * margin)
    page.paste("#7a2f1d", (left, top, size[0] - left, size[1] - top))
    return page


def reasons(
    image: Image.Image,
    rules: PublicationRules,
    name: str = "a.jpg",
    format_name: Format = "jpeg",
    xmp: bytes | None = MARKED,
) -> list[str]:
    data = render(image, Recipe(*image.size, format_name), xmp=xmp).data
    return [blocker.reason for blocker in publication_blockers(data, name, rules)]


def test_a_good_product_picture_passes_amazon_google_and_shopify() -> None:
    for channel in ("amazon-main", "google-merchant", "shopify"):
        assert reasons(product(), channel_rules(channel)) == []


def test_a_background_that_is_almost_white_is_blocked_with_its_value() -> None:
    data = render(product(ground="#fdfdfd"), Recipe(1100, 1100, "png")).data
    found = publication_blockers(data, "a.png", channel_rules("amazon-main"))
    assert [blocker.reason for blocker in found] == ["background-not-white"]
    assert "253" in found[0].message


def test_a_transparent_background_is_not_white() -> None:
    cut_out = product().convert("RGBA")
    cut_out.putpixel((0, 0), (255, 255, 255, 0))
    data = render(cut_out, Recipe(1100, 1100, "png", background=None)).data
    found = publication_blockers(data, "a.png", channel_rules("amazon-main"))
    assert [blocker.reason for blocker in found] == ["background-transparent"]


def test_a_product_that_fills_too_little_is_blocked() -> None:
    assert reasons(product(margin=0.2), channel_rules("amazon-main")) == ["product-too-small"]


def test_the_longer_edge_of_the_product_counts() -> None:
    bottle = Image.new("RGB", (1100, 1100), "white")
    bottle.paste("#224422", (450, 50, 650, 1050))
    assert reasons(bottle, channel_rules("amazon-main")) == []


def test_an_unmarked_picture_is_blocked_where_marking_is_asked() -> None:
    assert reasons(product(), channel_rules("google-merchant"), xmp=None) == ["not-marked"]


def test_avif_is_not_taken_by_google() -> None:
    assert reasons(product(), channel_rules("google-merchant"), "a.avif", "avif") == ["format-not-taken"]


def test_a_name_that_lies_about_the_format_is_blocked() -> None:
    assert reasons(product(), PublicationRules(), "a.jpg", "png") == ["wrong-extension"]
    assert reasons(product(), PublicationRules(), "no-extension") == ["wrong-extension"]


def test_size_weight_and_shape_are_checked() -> None:
    small = product((400, 500))
    assert reasons(small, channel_rules("meta-portrait")) == ["too-small"]
    assert reasons(small, PublicationRules(max_long_edge_px=450)) == ["too-large"]
    assert reasons(small, PublicationRules(max_pixels=1_000)) == ["too-large"]
    assert reasons(small, PublicationRules(max_bytes=100)) == ["too-heavy"]
    assert reasons(small, PublicationRules(ratio=1.0)) == ["wrong-ratio"]


def test_several_faults_are_all_named() -> None:
    found = reasons(product((300, 300), "#808080"), channel_rules("amazon-main"), "a.png", "webp")
    assert found == ["wrong-extension", "format-not-taken", "too-small", "background-not-white"]


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_image_are_a_blocker_not_a_crash(data: bytes) -> None:
    assert len(publication_blockers(data, "a.png", PublicationRules())) == 1


def test_every_channel_in_the_file_can_be_read_and_others_are_named() -> None:
    assert all(channel_rules(name).formats for name in channel_names())
    with pytest.raises(InputError, match="amazon-main"):
        channel_rules("nowhere")
