"""People in a brief are told from the words of products: the dearer final for people is not bought for hand cream."""

import pytest

from domain.people import person_named


@pytest.mark.parametrize(
    "words",
    [
        "a hand-thrown stoneware mug",
        "hand cream in a glass jar",
        "a face mask in a tin",
        "a wall clock with a white face",
        "a women\u2019s jacket",
        "a man's watch",
        "kids' table, birch",
        "a couple of bowls",
        "a linen table runner",
        "sunglasses for men",
        "a baby blue kettle",
        "a picture in portrait format",
    ],
)
def test_a_products_own_words_name_nobody(words: str) -> None:
    assert person_named(words) == ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("a woman holding a hand-thrown mug", "woman"),
        ("hands around a warm mug", "hands"),
        ("a couple of friends at a table", "friends"),
        ("a couple at breakfast", "couple"),
        ("A barista pouring", "barista"),
        ("two kids and their dog", "kids"),
        ("her face in the morning light", "face"),
        ("a man in a women's jacket", "man"),
    ],
)
def test_people_are_named_with_the_word_that_speaks_of_them(words: str, named: str) -> None:
    assert person_named(words) == named
