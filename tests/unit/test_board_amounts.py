"""How money reads on the board: cents for decisions, a tenth of a cent for one picture, every micro for attempts."""

import pytest

from review.amounts import at_least, at_most, exact, money, price


@pytest.mark.parametrize(
    ("micros", "told"),
    [
        (0, "$0.00"),
        (1, "<$0.01"),
        (4_999, "<$0.01"),
        (5_000, "$0.01"),
        (45_000, "$0.05"),
        (101_000, "$0.10"),
        (1_234_999, "$1.23"),
        (17_435_400_000, "$17,435.40"),
        (-45_000, "-$0.05"),
        (-1, "-<$0.01"),
    ],
)
def test_what_people_decide_by_is_to_the_cent_and_never_zero_where_there_is_something(micros: int, told: str) -> None:
    assert money(micros) == told


@pytest.mark.parametrize(
    ("micros", "told"), [(0, "$0.00"), (1, "$0.01"), (101_000, "$0.11"), (110_000, "$0.11"), (9_999_999, "$10.00")]
)
def test_a_worst_price_is_never_shown_as_less_than_it_is(micros: int, told: str) -> None:
    assert at_most(micros) == told


@pytest.mark.parametrize(
    ("micros", "told"),
    [
        (0, "$0.00"),
        (1, "<$0.01"),
        (9_899_000, "$9.89"),
        (9_890_000, "$9.89"),
        (9_999_999, "$9.99"),
        (17_435_409_999, "$17,435.40"),
        (-1, "-$0.01"),
    ],
)
def test_what_is_left_is_never_shown_as_more_than_it_is(micros: int, told: str) -> None:
    assert at_least(micros) == told


@pytest.mark.parametrize(
    ("micros", "told"),
    [(0, "$0.000"), (14_000, "$0.014"), (34_821, "$0.035"), (139_802, "$0.140"), (100, "<$0.001")],
)
def test_one_picture_s_price_tells_cheap_models_apart(micros: int, told: str) -> None:
    assert price(micros) == told


@pytest.mark.parametrize(("micros", "told"), [(0, "$0.000000"), (34_821, "$0.034821"), (45_000, "$0.045000")])
def test_an_attempt_s_amounts_have_every_micro_and_line_up(micros: int, told: str) -> None:
    assert exact(micros) == told
