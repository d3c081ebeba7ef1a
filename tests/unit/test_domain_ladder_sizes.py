"""Sizes: multiples of 16, inside what is paid for, in the shape of the largest placement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brief import Brief
from domain.ladder import Choice, Rung
from domain.placement import Placement
from domain.sizing import PIXELS_PER_MEGAPIXEL, Size, crop_loss, crop_warnings, draft_size, final_size, fit, shape


def _brief(*placements: str | Placement, final_megapixels: float = 0) -> Brief:
    return Brief.model_validate(
        {"name": "mug", "subject": "a mug", "placements": placements, "final_megapixels": final_megapixels}
    )


def _choice(megapixels: float | None) -> Choice:
    return Choice("flux-pro", megapixels, "because")


@given(ratio=st.floats(0.25, 4.0), megapixels=st.floats(0.25, 16.0))
def test_any_size_is_in_sixteens_within_bounds_and_close_to_its_shape(ratio: float, megapixels: float) -> None:
    size = fit(ratio, megapixels)
    assert size.width_px % 16 == size.height_px % 16 == 0
    assert size.pixels <= megapixels * PIXELS_PER_MEGAPIXEL
    assert size.pixels >= 0.85 * megapixels * PIXELS_PER_MEGAPIXEL
    assert abs(size.ratio / ratio - 1) <= 0.035


@pytest.mark.parametrize(
    ("placement", "megapixels", "expected"),
    [
        ("web", 1, Size(1024, 1024)),
        ("hero", 1, Size(1360, 768)),
        ("hero", 2, Size(1920, 1088)),
        ("hero-4k", 8, Size(3840, 2160)),
        ("hero-4k", 4, Size(2720, 1536)),
        ("story", 2, Size(1088, 1920)),
        ("feed", 4, Size(2048, 2048)),
    ],
)
def test_finals_take_the_placements_own_size_where_it_fits(placement: str, megapixels: float, expected: Size) -> None:
    assert final_size(_brief(placement), _choice(megapixels)) == expected


def test_a_small_placement_still_gets_a_whole_final() -> None:
    assert final_size(_brief("thumb"), _choice(2)).pixels > 1.9 * PIXELS_PER_MEGAPIXEL


def test_the_briefs_own_megapixels_win_over_the_ladders() -> None:
    assert final_size(_brief("feed", final_megapixels=1), _choice(4)) == Size(1024, 1024)


def test_without_megapixels_a_rung_makes_one() -> None:
    assert final_size(_brief("feed"), _choice(None)) == Size(1024, 1024)
    assert draft_size(_brief("feed"), Rung(role="flux-flex")) == Size(1024, 1024)


@given(width=st.integers(16, 8192), height=st.integers(16, 8192), megapixels=st.floats(0.5, 8.0))
def test_a_draft_has_the_shape_of_its_final(width: int, height: int, megapixels: float) -> None:
    brief = _brief(Placement(name="slot", width_px=width, height_px=height))
    draft = draft_size(brief, Rung(role="flux-flex", megapixels=1))
    final = final_size(brief, _choice(megapixels))
    assert abs(draft.ratio / final.ratio - 1) <= 0.045
    assert 0.24 <= final.ratio <= 4.1


def test_very_wide_and_very_tall_are_held_between_one_to_four() -> None:
    assert shape(_brief(Placement(name="board", width_px=728, height_px=90))) == 4.0
    assert shape(_brief(Placement(name="tower", width_px=120, height_px=600))) == 0.25


def test_a_placement_that_would_lose_more_than_two_fifths_is_told() -> None:
    brief = _brief("hero-4k", "story", "social-square", "hero")
    warnings = crop_warnings(brief, final_size(brief, _choice(8)))
    assert len(warnings) == 2
    assert "'story' (1080x1920) keeps only 32 % of a picture of 3840x2160" in warnings[0]
    assert "'social-square'" in warnings[1]


def test_padding_loses_nothing() -> None:
    story = Placement(name="story", width_px=1080, height_px=1920, fit="contain")
    brief = _brief("hero-4k", story)
    assert crop_warnings(brief, final_size(brief, _choice(8))) == ()


def test_crop_loss_is_the_same_both_ways() -> None:
    assert crop_loss(2.0, 1.0) == crop_loss(1.0, 2.0) == 0.5
    assert crop_loss(1.5, 1.5) == 0
