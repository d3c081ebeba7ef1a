"""The price book: dated prices, roles by date, retired ids refused; a price and a dialect for every ladder role."""

from datetime import date
from pathlib import Path

import pytest

from budget.price_book import PriceBook
from domain.errors import InputError, PriceMissing
from domain.render import Usage
from vendors.registry import capabilities, vendor_of
from wiring.ladder_files import ladders, roles

TODAY = date(2026, 11, 21)
BOOK = """\
version: "1"
models:
  old:
    vendor: bfl
    retires_on: 2026-12-31
    successor: new
    prices:
      - {from: 2026-01-01, kind: megapixel, first_mp: 100, further_mp: 10, input_mp: 1, source: s}
      - {from: 2026-06-01, kind: megapixel, first_mp: 200, further_mp: 20, input_mp: 2, source: s}
  new:
    vendor: bfl
    prices: [{from: 2026-06-01, kind: token, text_in: 1, image_in: 2, text_out: 3, image_out: 4, source: s}]
roles:
  pen: [{from: 2026-01-01, model: old}]
"""


@pytest.fixture
def book(tmp_path: Path) -> PriceBook:
    path = tmp_path / "book.yaml"
    path.write_text(BOOK)
    return PriceBook.load(path)


@pytest.mark.parametrize(
    ("on", "micros"),
    [(date(2026, 1, 1), 113), (date(2026, 5, 31), 113), (date(2026, 6, 1), 226), (date(2027, 1, 1), 226)],
)
def test_a_call_is_priced_by_the_row_that_is_valid_on_its_day(book: PriceBook, on: date, micros: int) -> None:
    assert book.price("old", Usage(output_mp=2, input_mp=3), on) == micros


OLDER, NEWER = "{from: 2026-01-01, kind: megapixel, f", "{from: 2026-06-01, kind: megapixel, f"


@pytest.mark.parametrize(
    ("was", "now", "where"),
    [
        (OLDER, OLDER.replace("2026", "2027"), "models.old.prices"),
        (OLDER, NEWER, "models.old.prices"),
        ("model: old}]", "model: new}, {from: 2025-01-01, model: old}]", "roles"),
    ],
)
def test_a_book_whose_rows_are_not_oldest_first_is_refused_for_its_newest_price_would_not_be_used(
    tmp_path: Path, was: str, now: str, where: str
) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(BOOK.replace(was, now))
    with pytest.raises(InputError, match=rf"{where}.*oldest first"):
        PriceBook.load(path)


def test_before_the_first_price_and_for_an_unknown_model_nothing_is_guessed(book: PriceBook) -> None:
    with pytest.raises(PriceMissing, match="starts later"):
        book.price("old", Usage(), date(2025, 12, 31))
    with pytest.raises(PriceMissing, match="no price for model 'other'"):
        book.price("other", Usage(), TODAY)
    with pytest.raises(PriceMissing, match="no model serves role 'pen'"):
        book.choose("pen", date(2025, 12, 31))
    with pytest.raises(InputError, match="knows pen"):
        book.choose("brush", TODAY)


def test_tokens_are_rounded_up_once_a_call(book: PriceBook) -> None:
    assert (
        book.price("new", Usage(text_in_tokens=1, image_in_tokens=1, text_out_tokens=1, image_out_tokens=1), TODAY) == 1
    )
    assert book.price("new", Usage(image_out_tokens=250_000), TODAY) == 1
    assert book.price("new", Usage(image_out_tokens=250_001), TODAY) == 2


@pytest.mark.parametrize(("on", "warned"), [(date(2026, 11, 30), False), (date(2026, 12, 1), True)])
def test_a_warning_comes_thirty_days_before_a_model_retires(book: PriceBook, on: date, warned: bool) -> None:
    assert book.choose("pen", on).warnings == (("old retires on 2026-12-31; successor: new",) if warned else ())


def test_a_retired_model_is_refused_with_its_successor(book: PriceBook) -> None:
    assert book.choose("pen", date(2026, 12, 30)).model_id == "old"
    with pytest.raises(InputError, match="model old was retired on 2026-12-31; its successor is new"):
        book.choose("pen", date(2026, 12, 31))


def test_a_changed_price_is_another_version(tmp_path: Path, book: PriceBook) -> None:
    path = tmp_path / "changed.yaml"
    path.write_text(BOOK.replace("first_mp: 200", "first_mp: 201"))
    assert PriceBook.load(path).version != book.version


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("first_mp: 100", "first_mp: -1", "models.old.prices.0"),
        ("kind: token", "kind: picture", "models.new.prices.0"),
        ("vendor: bfl", "seller: bfl", "models.old"),
        ("version:", "version: [", "not YAML"),
    ],
)
def test_a_wrong_book_is_refused_with_file_and_field(tmp_path: Path, was: str, becomes: str, named: str) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(BOOK.replace(was, becomes))
    with pytest.raises(InputError) as refused:
        PriceBook.load(path)
    assert named in str(refused.value)
    assert str(path) in str(refused.value)


def test_every_role_of_every_ladder_has_a_dialect_a_model_and_a_price_today() -> None:
    ours, known = PriceBook.load(), roles()
    for ladder in ladders().values():
        for role in ladder.roles():
            assert known[role].dialect
            choice = ours.choose(role, TODAY)
            assert ours.price(choice.model_id, Usage(output_mp=1, image_out_tokens=1), TODAY) > 0
            assert vendor_of(choice.model_id) == choice.vendor


def test_every_model_of_the_book_is_one_that_a_vendor_here_can_send_and_retires_when_it_says() -> None:
    ours = PriceBook.load()
    for model_id in ours.models:
        entry = ours._entry(model_id)
        assert vendor_of(model_id) == entry.vendor
        assert capabilities(model_id).retires == entry.retires_on, model_id


def test_nano_banana_2_is_served_by_its_successor_before_it_retires() -> None:
    ours = PriceBook.load()
    assert ours.choose("nano-banana-flash", date(2026, 10, 5)).model_id == "gemini-3.1-flash-image"
    assert ours.choose("nano-banana-flash", date(2026, 10, 6)).model_id == "gemini-nano-banana-2.1"
