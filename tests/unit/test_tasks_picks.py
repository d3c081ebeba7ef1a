"""Picks as a person writes them: labels for the only brief, labels by brief, the machine's best; what is refused."""

import pytest

from domain.errors import SelectionError
from tasks.selections import BEST, EVERY_ASSET, parse_picks


@pytest.mark.parametrize(
    ("texts", "sheets", "wanted"),
    [
        (["A1"], ["mug"], {"mug": ("A1",)}),
        (["a1, b2"], ["mug"], {"mug": ("A1", "B2")}),
        (["A1", "C1"], ["mug"], {"mug": ("A1", "C1")}),
        (["mug=A1,B1", "bowl=C1"], ["mug", "bowl"], {"mug": ("A1", "B1"), "bowl": ("C1",)}),
        (["mug=A1", "mug=B1"], ["mug", "bowl"], {"mug": ("A1", "B1")}),
        (["*=best"], ["mug", "bowl"], {EVERY_ASSET: (BEST,)}),
        ([" mug = a1 , b1 "], ["mug", "bowl"], {"mug": ("A1", "B1")}),
    ],
)
def test_picks_are_read_as_a_person_means_them(
    texts: list[str], sheets: list[str], wanted: dict[str, tuple[str, ...]]
) -> None:
    assert parse_picks(texts, sheets) == wanted


@pytest.mark.parametrize(
    ("texts", "sheets", "message"),
    [
        (["A1"], ["mug", "bowl"], "'A1' does not say for which of 2 briefs: write BRIEF=A1"),
        (["A1"], [], "does not say for which of 0 briefs"),
        (["vase=A1"], ["mug", "bowl"], "'vase' has no contact sheet in this run; there are bowl, mug"),
        (["=A1"], ["mug"], "'' has no contact sheet"),
    ],
)
def test_picks_for_nobody_are_refused_with_what_there_is(texts: list[str], sheets: list[str], message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        parse_picks(texts, sheets)
    assert message in str(refused.value)


def test_an_empty_pick_picks_nothing() -> None:
    assert parse_picks(["mug="], ["mug"]) == {"mug": ()}
