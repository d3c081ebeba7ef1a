"""The contact sheet: repeatable, complete, and readable whatever is put on it."""

import io
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image, ImageColor

from domain.errors import ImageError, InputError
from domain.run import label_of
from imaging import ink
from imaging.sheet import MAX_CELLS, Badge, Cell, contact_sheet, thumbnail

WHEN = datetime(2026, 11, 21, 3, 52, tzinfo=UTC)


def made(cells: list[Cell], title: str = "First light", made_at: datetime = WHEN) -> Image.Image:
    return Image.open(io.BytesIO(png(cells, title, made_at)))


def png(cells: list[Cell], title: str = "First light", made_at: datetime = WHEN) -> bytes:
    return contact_sheet(cells, title=title, subtitle="Ladder flux, $0.29", run_id="run-1", made_at=made_at)


def drafts(count: int, size: tuple[int, int] = (80, 60), badge: Badge = "") -> list[Cell]:
    return [Cell(label_of(at), Image.new("RGB", size, "#335577"), "Dawn", 0.5, badge) for at in range(count)]


def share_of(sheet: Image.Image, colour: str) -> float:
    return float((np.asarray(sheet.convert("RGB")) == ImageColor.getrgb(colour)).all(axis=-1).mean())


def test_labels_run_along_the_row_first() -> None:
    assert [label_of(at) for at in range(6)] == ["A1", "B1", "C1", "D1", "A2", "B2"]
    assert label_of(3, columns=3) == "A2"


def test_the_same_cells_give_the_same_bytes() -> None:
    assert png(drafts(5)) == png(drafts(5))


def test_the_same_moment_in_another_time_zone_gives_the_same_bytes() -> None:
    elsewhere = WHEN.astimezone(timezone(timedelta(hours=9)))
    assert png(drafts(1)) == png(drafts(1), made_at=elsewhere)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, MAX_CELLS])
def test_every_number_of_drafts_has_room(count: int) -> None:
    sheet = made(drafts(count))
    assert sheet.format == "PNG"
    assert share_of(sheet, "#335577") > 0.15


def test_a_fifth_draft_opens_a_second_row() -> None:
    assert made(drafts(5)).height > made(drafts(4)).height
    assert made(drafts(5)).width == made(drafts(4)).width


def test_a_select_is_framed_and_others_are_not() -> None:
    assert share_of(made(drafts(2, badge="select")), ink.GREEN) > 5 * share_of(made(drafts(2)), ink.GREEN)
    assert share_of(made(drafts(2, badge="select")), ink.GREEN) > 0.004


def test_a_rejected_draft_is_shown_faded() -> None:
    assert share_of(made(drafts(2, badge="rejected")), "#335577") == 0.0


def test_a_draft_in_doubt_has_a_place_without_an_image() -> None:
    sheet = made([*drafts(1), Cell("B1", None, "Dusk", None, "in doubt", "held $0.039")])
    assert share_of(sheet, ink.AMBER) > 0.0005


def test_file_bytes_and_pictures_look_the_same() -> None:
    picture = Image.new("RGB", (80, 60), "#335577")
    out = io.BytesIO()
    picture.save(out, "PNG")
    assert png([Cell("A1", picture)]) == png([Cell("A1", out.getvalue())])


def test_bytes_that_are_no_image_are_refused_by_name() -> None:
    with pytest.raises(ImageError):
        png([Cell("A1", b"nothing")])


@pytest.mark.parametrize("size", [(2000, 10), (10, 2000), (1, 1)])
def test_extreme_shapes_stay_inside_their_tile(size: tuple[int, int]) -> None:
    sheet = made(drafts(4, size))
    assert sheet.height < 2 * sheet.width


def test_long_and_foreign_words_are_cut_or_spelled_not_spilled() -> None:
    words = "Über-Größe café 5–10 € " + "unbreakable" * 40
    sheet = made([Cell("A1", Image.new("RGB", (9, 9)), words, 0.4, "", words)] * 4, title=words)
    assert np.asarray(sheet)[:, -20:].min() == 255
    assert ink.printable("Größe café 5–10 €") == "Größe café 5–10 €"
    assert ink.printable("Łódź Ελλάδα Москва 漢字") == "Łódź Ελλάδα Москва ??"


def test_emoji_are_left_out_because_they_are_no_words() -> None:
    assert ink.printable("Mug ☕️ café 👩🏽‍🍳🎉") == "Mug café"


@pytest.mark.parametrize(
    ("title", "whole"),
    [
        ("Größe café ☕️ 5–10 €", True),
        ("Ελλάδα", True),
        ("Mug マグ", False),
        ("قبعة", False),
        ("หมวก", False),
        ("🎉", False),
    ],
)
def test_it_is_known_whether_a_title_keeps_all_its_words(title: str, whole: bool) -> None:
    assert ink.spells(title) is whole


@pytest.mark.parametrize("count", [0, MAX_CELLS + 1])
def test_too_few_or_too_many_drafts_are_refused(count: int) -> None:
    with pytest.raises(InputError):
        png(drafts(count))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError):
        png(drafts(1), made_at=datetime(2026, 1, 1))  # noqa: DTZ001 (that is the point)


def test_a_thumbnail_is_small_enough_for_a_data_address() -> None:
    busy = Image.effect_noise((1500, 900), 40).convert("RGB")
    data = thumbnail(busy)
    assert len(data) <= 10_000
    assert max(Image.open(io.BytesIO(data)).size) == 240


def test_a_thumbnail_of_a_cut_out_stands_on_white() -> None:
    little = Image.open(io.BytesIO(thumbnail(Image.new("RGBA", (300, 300), (255, 0, 0, 0)))))
    assert little.getpixel((5, 5)) == (255, 255, 255)
