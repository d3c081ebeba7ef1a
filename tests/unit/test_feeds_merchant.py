"""Google Merchant feeds: names of columns in every spelling, groups of variants, and the way back."""

import csv
import io

import pytest

from domain.errors import InputError
from domain.feeds import SupplementalRow, read_feed, supplemental_feed, write_report
from domain.product import BadRow

HEADER = "id\ttitle\tdescription\timage_link\tprice\titem_group_id\tcolor\tsize\tproduct_type\n"
ROWS = (
    "A1\tTee red\tSoft tee.\thttps://c.example/a1.jpg\t9.99 EUR\tA\tRed\tM\tHome > Women > Tees\n"
    "B\tMug\tA mug.\thttps://c.example/b.jpg\t5.00 EUR\t\t\t\tKitchen\n"
    "A2\tTee blue\tSoft tee.\thttps://c.example/a2.jpg\t9.99 EUR\tA\tBlue\tM\tHome > Women > Tees\n"
)


def test_items_of_one_group_are_one_product() -> None:
    reading = read_feed((HEADER + ROWS).encode(), name="g.tsv")
    tee, mug = reading.products
    assert reading.dialect == "merchant"
    assert (tee.sku, tee.title, tee.variants, tee.kind) == ("A", "Tee red", ("A1", "A2"), "Tees")
    assert tee.attributes == {"color": "Red, Blue", "size": "M"}
    assert tee.photo_urls == ("https://c.example/a1.jpg", "https://c.example/a2.jpg")
    assert tee.photo_names == ("A", "A1", "A2", "a1.jpg", "a2.jpg")
    assert (tee.lines, mug.lines) == ((2, 4), (3,))
    assert (mug.sku, mug.variants) == ("B", ("B",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_make_no_difference(encoding: str, end: str) -> None:
    text = (HEADER + ROWS).replace("Mug", "Bécher à thé ☕").replace("\n", end)
    reading = read_feed(text.encode(encoding), name="g.tsv")
    assert (reading.products[1].title, reading.bad_rows) == ("Bécher à thé ☕", ())
    assert reading.products[1].lines == (3,)


@pytest.mark.parametrize(
    ("names", "delimiter"),
    [
        (("ID", "Title", "Image Link", "Item Group ID"), "\t"),
        (("g:id", "g:title", "g:image_link", "g:item_group_id"), "\t"),
        (("id", "title", "image link", "item group id"), ","),
        (("Id", "TITLE", "IMAGE_LINK", "item_group_id"), ";"),
    ],
)
def test_header_names_come_in_many_spellings(names: tuple[str, ...], delimiter: str) -> None:
    rows = [names, ("1", "Mug", "https://c.example/m.png", "G")]
    text = "\n".join(delimiter.join(cells) for cells in rows)
    (mug,) = read_feed(text.encode(), name="g").products
    assert (mug.sku, mug.title, mug.photo_urls) == ("G", "Mug", ("https://c.example/m.png",))


def test_additional_images_may_be_a_list_or_several_columns() -> None:
    text = "id\ttitle\timage_link\tadditional_image_link\tadditional_image_link\n"
    text += "1\tMug\thttps://c.example/0\thttps://c.example/1,https://c.example/2\thttps://c.example/3\n"
    assert len(read_feed(text.encode(), name="g").products[0].photo_urls) == 4


def test_an_item_named_like_a_group_is_the_groups_parent() -> None:
    text = "id\ttitle\titem_group_id\nA\tTee\t\nA1\tTee red\tA\n"
    (tee,) = read_feed(text.encode(), name="g").products
    assert (tee.sku, tee.title, tee.variants) == ("A", "Tee", ("A", "A1"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("\tNo id\t\t\t\t\t\t\t\n", "no id"),
        ("C\t\t\t\t\t\t\t\t\n", "no title"),
        ("B\tMug again\t\t\t\t\t\t\t\n", "duplicate id: line 3 has it"),
        ("C\tCup\t\t\tcheap\t\t\t\t\n", "the price 'cheap' cannot be read"),
        ("C\tCup\n", "too few columns: 2, the header has 9"),
    ],
)
def test_a_bad_item_is_reported_and_the_rest_goes_on(row: str, reason: str) -> None:
    reading = read_feed((HEADER + ROWS + row).encode(), name="g.tsv")
    assert len(reading.products) == 2
    assert [(b.line, b.reason) for b in reading.bad_rows] == [(5, reason)]


def test_tab_separated_cells_with_inch_marks_are_not_quoting() -> None:
    text = 'id\ttitle\n1\t"Best" nail 5"\n2\t"unclosed\n3\t"a ""quoted"" one"\n'
    reading = read_feed(text.encode(), name="g.tsv")
    assert [p.title for p in reading.products] == ['"Best" nail 5"', '"unclosed', 'a "quoted" one']


def test_the_report_opens_in_a_spreadsheet_without_running_anything() -> None:
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", 'a"b,c\r\nd', "%0A"]
    text = write_report(BadRow(n, sku, sku) for n, sku in enumerate(evil, start=2))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["line", "sku", "reason"]
    assert [row[0] for row in rows[1:]] == [str(n) for n in range(2, 2 + len(evil))]
    assert not any(cell.lstrip()[:1] in "=+-@\t＝" for row in rows[1:] for cell in row)
    assert rows[8][1] == 'a"b,c\r\nd'


def test_the_supplemental_feed_gives_addresses_back_by_id() -> None:
    row = SupplementalRow("A1", "https://cdn.example/b/1.jpg", ("https://cdn.example/b/2,x.jpg", "https://c.d/3"), "AI")
    text = supplemental_feed([row, SupplementalRow("B", "https://cdn.example/b/9.jpg")])
    assert text.splitlines() == [
        "id\timage_link\tadditional_image_link\tdisclosure",
        "A1\thttps://cdn.example/b/1.jpg\thttps://cdn.example/b/2%2Cx.jpg,https://c.d/3\tAI",
        "B\thttps://cdn.example/b/9.jpg\t\t",
    ]
    assert [p.sku for p in read_feed(text.replace("disclosure", "title").encode(), name="back").products] == ["A1"]


@pytest.mark.parametrize(
    "row",
    [
        SupplementalRow("", "https://c.d/1"),
        SupplementalRow("a\tb", "https://c.d/1"),
        SupplementalRow("a", "javascript:alert(1)"),
        SupplementalRow("a", ""),
        SupplementalRow("a", "https://c.d/1", disclosure="x\ny"),
        SupplementalRow("a", "https://c.d/1", ("https://c.d/1",) * 11),
    ],
)
def test_what_cannot_be_written_as_one_line_is_refused(row: SupplementalRow) -> None:
    with pytest.raises(InputError):
        supplemental_feed([row])
    with pytest.raises(InputError):
        supplemental_feed([SupplementalRow("a", "https://c.d/1")] * 2)
