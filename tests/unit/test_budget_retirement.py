"""The edges of a retirement: 31 and 30 days before, the last day, the day itself and the day after. Takes 0.1 s."""

from datetime import date
from pathlib import Path

import pytest

from budget.price_book import PriceBook
from domain.errors import InputError, PriceMissing

BOOK = """\
version: "1"
models:
  old:
    vendor: bfl
    retires_on: 2026-12-31
    successor: new
    prices: [{from: 2026-01-01, kind: megapixel, first_mp: 100, further_mp: 10, input_mp: 1, source: s}]
  new:
    vendor: bfl
    prices: [{from: 2026-06-01, kind: megapixel, first_mp: 200, further_mp: 20, input_mp: 2, source: s}]
roles:
  pen: [{from: 2026-01-01, model: old}, {from: 2027-01-15, model: new}]
"""


@pytest.fixture
def book(tmp_path: Path) -> PriceBook:
    (tmp_path / "book.yaml").write_text(BOOK)
    return PriceBook.load(tmp_path / "book.yaml")


@pytest.mark.parametrize(
    ("on", "warned"),
    [(date(2026, 11, 30), False), (date(2026, 12, 1), True), (date(2026, 12, 30), True)],
)
def test_a_plan_is_made_until_the_last_day_and_warned_for_the_last_thirty(
    book: PriceBook, on: date, warned: bool
) -> None:
    choice = book.choose("pen", on)
    assert choice.model_id == "old"
    assert choice.warnings == (("old retires on 2026-12-31; successor: new",) if warned else ())
    book.require_alive("old", on)


@pytest.mark.parametrize("on", [date(2026, 12, 31), date(2027, 1, 1), date(2027, 6, 1)])
def test_from_its_day_on_the_id_is_refused_with_its_successor(book: PriceBook, on: date) -> None:
    with pytest.raises(InputError, match="model old was retired on 2026-12-31; its successor is new"):
        book.require_alive("old", on)


def test_a_role_is_refused_between_the_end_of_one_model_and_the_day_of_the_next(book: PriceBook) -> None:
    with pytest.raises(InputError, match="its successor is new"):
        book.choose("pen", date(2027, 1, 14))
    assert book.choose("pen", date(2027, 1, 15)).model_id == "new"


def test_an_unknown_id_is_no_living_one(book: PriceBook) -> None:
    with pytest.raises(PriceMissing):
        book.require_alive("pencil", date(2026, 6, 1))


def test_the_list_of_prices_shows_rates_roles_and_ends_of_a_day(book: PriceBook) -> None:
    assert [m.model_id for m in book.priced(date(2026, 3, 1))] == ["old"]
    old, new = book.priced(date(2027, 2, 1))
    assert (old.rates, old.roles, old.retires_on) == (
        {"first_mp": 100, "further_mp": 10, "input_mp": 1},
        (),
        date(2026, 12, 31),
    )
    assert (new.roles, new.retires_on) == (("pen",), None)
