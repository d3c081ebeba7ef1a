"""Draft variations: named axes only, deterministic, never against what the brief says."""

from pathlib import Path

import pytest

from domain.brief import Brief
from domain.errors import InputError
from domain.placement import BUILTIN
from prompts.book import PromptBook
from prompts.variations import AXES, parse_aspects

BOOK = PromptBook.load()
WIDE_AND_TALL = (BUILTIN["hero"], BUILTIN["story"])
PLAIN = Brief(name="shoe", subject="a red shoe")
RICH = Brief(
    name="rich",
    subject="a porcelain cup",
    action="being filled",
    setting="an oak table in a garden",
    light="golden sunset from the left",
    camera="85mm lens, low angle",
    mood="tender",
)


def _chosen(brief: Brief, count: int = 24) -> list[tuple[tuple[str, str], ...]]:
    return [tuple(sorted(v.axes.items())) for v in BOOK.variations(brief, count)]


@pytest.mark.parametrize("brief", [PLAIN, RICH, RICH.model_copy(update={"people": True})])
def test_the_first_is_plain_and_the_next_change_one_or_two_axes(brief: Brief) -> None:
    first, *others = BOOK.variations(brief, 20)
    assert first.axes == {}
    assert all(1 <= len(v.axes) <= 2 for v in others)
    assert all(set(v.axes) <= set(AXES) for v in others)
    assert [v.ordinal for v in (first, *others)] == list(range(20))


@pytest.mark.parametrize(
    "brief", [PLAIN, RICH, Brief(name="w", subject="a cup", mood="calm", placements=WIDE_AND_TALL)]
)
def test_sixteen_and_more_differ_before_any_repeats(brief: Brief) -> None:
    assert len(set(_chosen(brief))) == 24


def test_the_same_brief_varies_the_same_way_and_more_drafts_only_add() -> None:
    assert _chosen(PLAIN, 4) == _chosen(PLAIN.model_copy(), 24)[:4]


def test_another_brief_varies_in_another_order() -> None:
    orders = {tuple(_chosen(PLAIN.model_copy(update={"subject": f"a shoe {n}"}), 4)) for n in range(6)}
    assert len(orders) > 1


def test_a_sheet_of_four_differs_in_three_axes() -> None:
    changed = [axis for v in BOOK.variations(PLAIN, 4) for axis in v.axes]
    assert set(changed) == {"camera", "light", "setting"}


def test_what_the_brief_settles_is_left_alone() -> None:
    said = " | ".join(words for variation in _chosen(RICH, 64) for _, words in variation)
    for against in ("eye level", "three-quarter", "from the right", "overcast", "daylight", "slate", "lively"):
        assert against not in said


def test_a_named_camera_still_leaves_framing_and_placement_open() -> None:
    cameras = {words for variation in _chosen(RICH, 64) for axis, words in variation if axis == "camera"}
    assert any("view" in words for words in cameras)
    assert any("third" in words for words in cameras)


def test_words_are_added_to_what_the_brief_says_of_an_axis() -> None:
    variation = next(v for v in BOOK.variations(RICH, 64) if "camera" in v.axes)
    text = BOOK.render(RICH, "flux", variation=variation).text
    assert f"85mm lens, low angle, {variation.axes['camera']}" in text


def test_other_crops_keep_the_subject_away_from_the_edges() -> None:
    wide = PLAIN.model_copy(update={"placements": WIDE_AND_TALL})
    said = " | ".join(words for variation in _chosen(wide, 64) for _, words in variation)
    assert "third" not in said
    assert "fills most of the frame" not in said


def test_people_do_not_stand_on_slate() -> None:
    said = " | ".join(words for variation in _chosen(Brief(name="p", subject="a dancer"), 64) for _, words in variation)
    assert "slate" not in said


def test_axes_can_be_restricted_and_none_means_none() -> None:
    assert {a for v in BOOK.variations(PLAIN, 8, axes=["light"]) for a in v.axes} == {"light"}
    assert all(not v.axes for v in BOOK.variations(PLAIN, 3, axes=[]))


def test_when_nothing_more_differs_the_plain_brief_repeats() -> None:
    last = BOOK.variations(PLAIN, 64, axes=["setting"])[-1]
    assert last.axes == {}
    assert last.ordinal == 63


def test_an_unknown_axis_or_a_wild_count_is_refused() -> None:
    with pytest.raises(InputError, match="unknown axis weather"):
        BOOK.variations(PLAIN, 4, axes=["weather"])
    for count in (0, 65):
        with pytest.raises(InputError, match="drafts a brief"):
            BOOK.variations(PLAIN, count)


def test_a_users_own_variations_replace_ours_and_change_the_version(tmp_path: Path) -> None:
    (tmp_path / "variations.yaml").write_text("mood: {tone: {choices: [festive]}}\n", encoding="utf-8")
    book = PromptBook.load(tmp_path)
    assert [v.axes for v in book.variations(PLAIN, 3)] == [{}, {"mood": "festive"}, {}]
    assert book.variations_version != BOOK.variations_version


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("mood: {tone: {choices: []}}", "v.yaml: mood.tone.choices"),
        ("weather: {}", "v.yaml: weather"),
        ("mood: {tone: {choices: [a], wihtin: true}}", "v.yaml: mood.tone.wihtin"),
        ("mood:\n  tone: [\n", "v.yaml:3"),
    ],
)
def test_a_wrong_variations_file_names_the_place(source: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_aspects(source, "v.yaml")
    assert caught.value.where.startswith(where)
