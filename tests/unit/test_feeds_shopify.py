"""Shopify product CSVs: both generations of column names, variants by handle, and rows that are set aside."""

from pathlib import Path

import pytest

from domain.errors import InputError
from domain.feeds import NOT_PUBLISHED, read_feed
from domain.feeds.bounds import MAX_VARIANTS
from domain.product import BadRow, FeedReading

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "feeds"
OLD = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,"
    "Variant SKU,Variant Price,Image Src\n"
)


def read(text: str, header: str = OLD) -> FeedReading:
    return read_feed((header + text).encode(), name="shop.csv")


def only_fault(reading: FeedReading) -> BadRow:
    (bad,) = reading.bad_rows
    return bad


@pytest.mark.parametrize(("name", "rows"), [("shopify-apparel.csv", 22), ("shopify-home-and-garden.csv", 21)])
def test_a_real_export_is_read_to_the_last_row(name: str, rows: int) -> None:
    if not (REAL / name).exists():
        pytest.skip(f"the real feeds are not here: {REAL}")
    reading = read_feed((REAL / name).read_bytes(), name=name)
    assert (reading.dialect, len(reading.products), reading.rows_read, reading.bad_rows) == ("shopify", 20, rows, ())
    assert sorted(line for p in reading.products for line in p.lines) == list(range(2, rows + 2))
    assert all(p.title and p.description and p.photo_urls for p in reading.products)


def test_rows_of_one_handle_are_one_product() -> None:
    reading = read(
        'mug,Blue Mug,"<p>Stoneware &amp; glaze.</p>",Acme,Mugs,"kitchen, blue",TRUE,Color,Navy,M-1,9.99,'
        "https://cdn.example.com/a/blue%20mug.png?v=3\n"
        "mug,,,,,,,,Sky,M-2,9.99,https://cdn.example.com/a/sky.png\n"
    )
    (mug,) = reading.products
    assert (mug.sku, mug.title, mug.brand, mug.kind) == ("mug", "Blue Mug", "Acme", "Mugs")
    assert mug.description == "Stoneware & glaze."
    assert mug.tags == ("kitchen", "blue")
    assert mug.attributes == {"color": "Navy, Sky"}
    assert mug.variants == ("M-1", "M-2")
    assert mug.photo_names == ("mug", "M-1", "M-2", "blue mug.png", "sky.png")
    assert mug.photo_urls[0] == "https://cdn.example.com/a/blue%20mug.png?v=3"
    assert mug.lines == (2, 3)


def test_rows_of_one_handle_need_not_stand_together() -> None:
    reading = read("mug,,,,,,,,S,M-2,,\ncup,Cup,,,,,,,,,,\nmug,Mug,,,,,,Size,L,M-1,,\n")
    assert [(p.sku, p.lines) for p in reading.products] == [("mug", (2, 4)), ("cup", (3,))]
    assert reading.products[0].attributes == {"size": "S, L"}


def test_the_newer_column_names_are_understood() -> None:
    header = (
        "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,"
        "Option1 name,Option1 value,Option1 Linked To,Price,Product image URL,Image position,Variant image URL,"
        "Couleur (product.metafields.shopify.color-pattern),Google Shopping / Age group\n"
    )
    reading = read(
        "Tee,tee,Soft.,Acme,Apparel > Clothing > T-Shirts,,,TRUE,Active,T-1,Couleur,Rouge,"
        "product.metafields.shopify.color-pattern,10,https://c.example/2.png,2,,,adult\n"
        ",tee,,,,,,,,T-2,,Vert,,10,https://c.example/1.png,1,https://c.example/v.png,,\n",
        header,
    )
    (tee,) = reading.products
    assert (tee.sku, tee.title, tee.kind, tee.variants) == ("tee", "Tee", "T-Shirts", ("T-1", "T-2"))
    assert tee.attributes == {"color": "Rouge, Vert", "age_group": "adult"}
    assert [url[-5] for url in tee.photo_urls] == ["1", "2", "v"]


def test_skus_are_kept_to_the_letter() -> None:
    reading = read("mug,Mug,,,,,,Size,S,A&amp;B,,\nmug,,,,,,,,M,a&amp;b,,\n")
    assert reading.products[0].variants == ("A&amp;B", "a&amp;b")


def test_the_option_title_default_title_is_no_attribute() -> None:
    assert read("mug,Mug,,,,,,Title,Default Title,,,\n").products[0].attributes == {}


@pytest.mark.parametrize("row", ["mug,Mug,,,,,FALSE,,,,,\nmug,,,,,,,,S,,,\n"])
def test_an_unpublished_product_is_set_aside_with_all_its_rows(row: str) -> None:
    reading = read(row)
    assert [(b.line, b.sku, b.reason) for b in reading.bad_rows] == [
        (2, "mug", NOT_PUBLISHED),
        (3, "mug", NOT_PUBLISHED),
    ]
    assert not reading.products


@pytest.mark.parametrize(("status", "kept"), [("draft", 0), ("Archived", 0), ("active", 1), ("", 1)])
def test_drafts_and_archived_products_are_not_published(status: str, kept: int) -> None:
    assert len(read(f"mug,Mug,{status}\n", "Handle,Title,Status\n").products) == kept


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("mug,Mug,short\n", "too few columns: 3, the header has 12"),
        ("mug,Mug,,,,,,,,,,,surplus\n", "too many columns: 13, the header has 12"),
        (",Mug,,,,,,,,,,\n", "no handle"),
        ("mug,,,,,,,,S,,,\n", "no title"),
        ("mug,Mug,,,,,,,,,ten,\n", "the price 'ten' cannot be read"),
        ("mug,Mug,,,,,,,,,nan,\n", "the price 'nan' cannot be read"),
        ("mug,Mug,\x1b[31m,,,,,,,,,\n", "control character U+001B in column 'Body (HTML)'"),
        ("mug,Mug,\x00,,,,,,,,,\n", "control character U+0000 in column 'Body (HTML)'"),
        (f"mug,Mug,{'x' * 100_001},,,,,,,,,\n", "the cell in column 'Body (HTML)' is longer than 100,000 characters"),
        (f"{'m' * 201},Mug,,,,,,,,,,\n", "the handle is longer than 200 characters"),
        ('mug,Mug,"<p class="x">",,,,,,,,,\n', "badly quoted"),
    ],
)
def test_a_bad_row_is_reported_and_the_rest_goes_on(row: str, reason: str) -> None:
    reading = read("cup,Cup,,,,,,,,,,\n" + row + "pot,Pot,,,,,,,,,,\n")
    assert [p.sku for p in reading.products] == ["cup", "pot"]
    assert only_fault(reading).line == 3
    assert only_fault(reading).reason.startswith(reason)


@pytest.mark.parametrize("price", ["9.99", "1,234.50", "EUR 12,50", "$5", "12", "1 000,00 kr", "0"])
def test_prices_as_people_write_them_are_no_fault(price: str) -> None:
    assert len(read(f'mug,Mug,,,,,,,,,"{price}",\n').products) == 1


def test_a_bad_variant_row_does_not_take_its_product_with_it() -> None:
    reading = read("mug,Mug,,,,,,Size,S,M-1,5,\nmug,,,,,,,,L,M-2,oops,\n")
    assert reading.products[0].variants == ("M-1",)
    assert only_fault(reading) == BadRow(3, "mug", "the price 'oops' cannot be read")


def test_rows_whose_title_row_was_set_aside_say_so() -> None:
    reading = read("mug,Mug,,,,,,Size,S,M-1,oops,\nmug,,,,,,,,L,M-2,5,\n")
    assert reading.bad_rows[1].reason == "no title: the row with it (line 2) was set aside"


def test_a_handle_used_twice_for_different_titles_is_reported() -> None:
    reading = read("mug,Mug,,,,,,,,,,\nmug,Jug,,,,,,,,,,\n")
    assert only_fault(reading) == BadRow(3, "mug", "duplicate handle: line 2 has it with the title 'Mug'")


def test_a_variant_that_is_there_twice_is_reported() -> None:
    reading = read("mug,Mug,,,,,,Size,S,,,\nmug,,,,,,,,s,,,\n")
    assert only_fault(reading) == BadRow(3, "mug", "duplicate variant: line 2 has the same options")


def test_variants_beyond_the_bound_are_reported_one_by_one() -> None:
    rows = "".join(f"mug,{'Mug' if n == 0 else ''},,,,,,Size,s{n},v{n},,\n" for n in range(MAX_VARIANTS + 2))
    reading = read(rows)
    assert len(reading.products[0].variants) == MAX_VARIANTS
    assert [b.reason for b in reading.bad_rows] == [f"more than {MAX_VARIANTS} variants"] * 2


def test_plain_file_names_and_http_addresses_serve_as_names_only() -> None:
    header = "Handle,Title,Image Src,Variant Image\n"
    (mug,) = read("mug,Mug,C:\\photos\\Blue.PNG,http://cdn.example.com/x/red.jpg\n", header).products
    assert mug.photo_names == ("mug", "Blue.PNG", "red.jpg")
    assert mug.photo_urls == ()


def test_a_feed_with_only_variants_of_nothing_still_names_the_file() -> None:
    with pytest.raises(
        InputError, match=r"shop\.csv, line 1: no usable header: expected a Shopify .* found 'Name', 'Cost'"
    ):
        read_feed(b"Name,Cost\nMug,5\n", name="shop.csv")
