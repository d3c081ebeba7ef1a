"""Scores put drafts in the order in which a person would, and say why."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from domain.errors import InputError
from imaging.colour import ciede2000, flatten
from imaging.decode import decode
from imaging.scores import WEIGHTS, Scores, score

PHOTOS = Path("/work/shared/data/photos")


def scene(edge_px: int = 384, ground: str = "#d9c7b0", subject: str = "#1b4bff", share: float = 0.5) -> Image.Image:
    """A textured product in the middle of a soft backdrop."""
    page = Image.new("RGB", (edge_px, edge_px), ground)
    side = round(edge_px * share)
    product = Image.new("RGB", (side, side), subject)
    draw = ImageDraw.Draw(product)
    for at in range(0, side, 12):
        draw.line((at, 0, side - at, side), fill="#ffffff", width=2)
    page.paste(product, ((edge_px - side) // 2, (edge_px - side) // 2))
    return page


def judged(image: Image.Image, palette: tuple[str, ...] = ("#1b4bff", "#d9c7b0")) -> Scores:
    return score(image, palette=palette, asked_width_px=384, asked_height_px=384)


def test_weights_add_up_to_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_a_good_draft_scores_high_and_says_so() -> None:
    good = judged(scene())
    assert good.overall > 0.85
    assert "close to the palette" in good.reasons


def test_a_blurred_draft_is_called_soft_and_ranks_lower() -> None:
    soft = judged(scene().filter(ImageFilter.GaussianBlur(6)))
    assert "soft focus" in soft.reasons
    assert soft.overall < judged(scene()).overall - 0.15


def test_clipped_highlights_are_named_with_their_share() -> None:
    burnt = scene(ground="#888888")
    burnt.paste("#ffffff", (100, 100, 240, 240))
    found = [reason for reason in judged(burnt).reasons if reason.startswith("highlights clipped")]
    assert len(found) == 1
    assert found[0].endswith(" %")


def test_a_white_sweep_is_not_called_clipped() -> None:
    plain = Image.new("RGB", (256, 256), "white")
    plain.paste("#7a3020", (60, 60, 200, 200))
    assert judged(plain).highlights_clipped == 0.0


def test_a_dark_draft_is_called_too_dark() -> None:
    assert "too dark" in judged(ImageEnhance.Brightness(scene()).enhance(0.03)).reasons


def test_a_tiny_product_lowers_coverage_and_its_box_is_found() -> None:
    tiny, fair = judged(scene(share=0.12)), judged(scene(share=0.5))
    assert tiny.coverage < 0.2 < fair.coverage
    assert any("small in the frame" in reason for reason in tiny.reasons)
    assert fair.subject_box == pytest.approx((0.25, 0.25, 0.75, 0.75), abs=0.03)


def test_alpha_shows_where_the_product_is() -> None:
    cut_out = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    cut_out.paste("#aa3311", (20, 40, 120, 160))
    assert judged(cut_out).subject_box == pytest.approx((0.1, 0.2, 0.6, 0.8), abs=0.02)


def test_other_colours_than_asked_lower_the_palette_score() -> None:
    near, far = judged(scene()), judged(scene(ground="#1c5a22", subject="#d01818"))
    assert near.palette is not None
    assert far.palette is not None
    assert near.palette > far.palette + 0.4
    assert "far from the palette" in far.reasons


def test_without_asked_colours_the_palette_does_not_count() -> None:
    free = judged(scene(), palette=())
    assert (free.palette, free.palette_distance) == (None, None)
    assert 0.85 < free.overall <= 1.0


def test_a_draft_smaller_than_asked_is_named() -> None:
    small = score(scene(128), palette=(), asked_width_px=384, asked_height_px=384)
    assert not small.size_ok
    assert small.size == pytest.approx(1 / 3, abs=1e-5)
    assert any("smaller than asked" in reason for reason in small.reasons)


def test_a_wrong_colour_in_the_brief_is_named() -> None:
    with pytest.raises(InputError, match="#zzz"):
        judged(scene(), palette=("#zzz",))


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 300), (2, 2)])
def test_odd_shapes_are_scored_inside_zero_to_one(size: tuple[int, int]) -> None:
    found = judged(Image.new("RGB", size, "#808080"))
    values = (found.overall, found.sharpness, found.exposure, found.contrast, found.coverage, found.size)
    assert all(0.0 <= value <= 1.0 for value in values)


def test_scores_are_the_same_at_every_call_and_fit_into_json() -> None:
    first, second = judged(scene()), judged(scene())
    assert first == second
    assert first.as_record()["overall"] == first.overall


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_colour_difference_agrees_with_the_published_pairs(
    first: tuple[float, ...], second: tuple[float, ...], expected: float
) -> None:
    """Sharma, Wu, Dalal 2005, table 1."""
    assert float(ciede2000(np.array(first, float), np.array(second, float))) == pytest.approx(expected, abs=1e-4)


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no product photos in {PHOTOS}")
def test_real_photos_rank_above_their_blurred_copies() -> None:
    for path in sorted(PHOTOS.glob("*.png"))[:4]:
        photo = flatten(decode(path.read_bytes()).image).resize((768, 768))
        soft = photo.filter(ImageFilter.GaussianBlur(3))
        assert judged(photo).sharpness > 0.6 > 0.3 > judged(soft).sharpness, path.name
