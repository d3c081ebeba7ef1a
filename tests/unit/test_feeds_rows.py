"""Any bytes at all: line numbers, quoting gone wrong, encodings, and nothing that gets lost on the way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from domain.feeds import bounds, is_note, read_feed
from domain.feeds.plain_text import cut_at_sentence, plain_text
from domain.feeds.rows import RowReader, physical_lines
from domain.product import FeedReading

HEADER = "Handle,Title,Body (HTML)\n"


def read(text: str) -> FeedReading:
    return read_feed((HEADER + text).encode(), name="shop.csv")


def test_line_numbers_are_those_of_the_editor_where_the_row_starts() -> None:
    reading = read('mug,Mug,"one\r\ntwo\nthree"\r\n\r\n,,\r\ncup,Cup,\r\nbad\r\n')
    assert [(p.sku, p.lines) for p in reading.products] == [("mug", (2,)), ("cup", (7,))]
    assert [(b.line, b.sku) for b in reading.bad_rows] == [(8, "bad")]
    assert reading.rows_read == 3


def test_a_quote_that_is_never_closed_spoils_one_row_only() -> None:
    reading = read('mug,Mug,"oops\ncup,Cup,\npot,Pot,last')
    assert [p.sku for p in reading.products] == ["cup", "pot"]
    assert [(b.line, b.sku) for b in reading.bad_rows] == [(2, "mug")]
    assert "never closed (looked up to line 4)" in reading.bad_rows[0].reason


def test_an_unclosed_quote_that_meets_another_one_is_noticed() -> None:
    reading = read('mug,Mug,"oops\ncup,Cup,"fine, really"\npot,Pot,\n')
    assert [p.sku for p in reading.products] == ["cup", "pot"]
    assert "text follows a closing quote" in reading.bad_rows[0].reason


def test_a_well_quoted_cell_that_is_far_too_long_is_one_bad_row() -> None:
    reading = read('mug,Mug,"' + ("x" * 200 + "\n") * 1_000 + '"\ncup,Cup,\n')
    assert [p.sku for p in reading.products] == ["cup"]
    assert [(b.line, b.reason) for b in reading.bad_rows] == [(2, "a cell is longer than 100,000 characters")]


def test_empty_cells_behind_the_header_are_no_fault() -> None:
    assert len(read("mug,Mug,,,,\n").products) == 1


SHORT = "Handle,Title,Body (HTML),Variant Price,Image Src,Gift Card,Status\n"


def test_empty_cells_that_a_spreadsheet_left_out_at_the_end_are_no_fault() -> None:
    reading = read_feed((SHORT + "mug,Mug,,5,mug.png,,active\ncup,Cup,,5,cup.png\npot,Pot,,5\n").encode(), name="x")
    assert [p.sku for p in reading.products] == ["mug", "cup", "pot"]
    assert not reading.bad_rows


def test_a_row_that_broke_off_is_reported_with_its_rest_and_the_next_one_is_read() -> None:
    torn = "mug,Mug,two\nlines of,it all,5,mug.png\n\ncup,Cup,,5,cup.png,,active\npot,Pot,,5\n"
    reading = read_feed((SHORT + torn).encode(), name="x")
    assert [p.sku for p in reading.products] == ["cup", "pot"]
    assert [(b.line, b.reason) for b in reading.bad_rows] == [
        (2, "too few columns: 3, the header has 7"),
        (3, "too few columns: 4, the header has 7"),
    ]


def test_without_a_price_every_column_is_asked_for() -> None:
    reading = read_feed(b"id\ttitle\timage_link\n1\tMug\n", name="x")
    assert [b.reason for b in reading.bad_rows] == ["too few columns: 2, the header has 3"]


def test_windows_1252_is_read_line_by_line_with_a_note() -> None:
    data = HEADER.encode() + "mug,Café ☕,\n".encode() + "cup,Thé,\n".encode("cp1252") + b"pot,P\x81t,\n"
    reading = read_feed(data, name="shop.csv")
    assert [p.title for p in reading.products] == ["Café ☕", "Thé"]
    note, broken = reading.bad_rows
    assert is_note(note)
    assert (note.line, "lines 3, 4 not in UTF-8, read as Windows-1252" in note.reason) == (1, True)
    assert broken.reason == "control character U+0081 in column 'Title'"


def test_excels_separator_line_is_not_the_header() -> None:
    reading = read_feed(b"sep=;\r\nHandle;Title\r\nmug;Mug\r\n", name="x")
    assert reading.products[0].lines == (3,)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the feed is empty"),
        (b"\n\n \n", "the feed is empty"),
        (b"PK\x03\x04rest", "save it as CSV"),
        (b"\x1f\x8brest", "unpack it first"),
        (b'<rss version="2.0"><channel>', "it is XML: export the feed as TSV or CSV"),
        (b"\x89PNG\r\n\x1a\n", "no usable header"),
        (b'"Handle,Title\nmug,Mug', "never closed"),
        (b"Handle\nmug\n", "no usable header"),
        (b"a," * 501, "has 502 columns"),
        (b"Handle,Title\n" + b"\n" * (bounds.MAX_LINES + 1), "lines"),
    ],
)
def test_a_file_that_is_no_feed_is_refused_by_name(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=rf"shop\.csv.*{said}"):
        read_feed(data, name="shop.csv")


def test_files_and_row_counts_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.feeds.rows.MAX_ROWS", 3)
    monkeypatch.setattr("domain.feeds.reading.MAX_ROWS", 3)
    assert len(read("a,A,\nb,B,\n\nc,C,\n").products) == 3
    with pytest.raises(InputError, match="over 3 rows"):
        read("a,A,\nb,B,\nc,C,\nd,D,\n")
    monkeypatch.setattr("domain.feeds.decoding.MAX_FEED_BYTES", 10)
    with pytest.raises(InputError, match="limit is 10"):
        read("a,A,\n")


def test_reading_over_and_over_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.feeds.rows.MAX_REREAD_COST", 2_000)
    with pytest.raises(InputError, match="too many badly quoted rows"):
        read('x","\n' * 200)


CELLS = st.text(st.sampled_from(list('ab"\t,;\r\n= \x00\x07é☕<>&')), max_size=12)
PIECES = st.sampled_from(['"', ",", "\n", "\r\n", "\r", "mug", "Mug", "<p>", "\t", "ten", "é", " ", "\x00"])


def assert_all_accounted_for(data: bytes) -> None:
    """Every line below the header is in a product, in the report, blank, or the inside of a row that is."""
    try:
        reading = read_feed(data, name="any")
    except InputError:
        return
    good = [line for product in reading.products for line in product.lines]
    bad = [row.line for row in reading.bad_rows if not is_note(row)]
    assert len(set(good + bad)) == len(good + bad) == reading.rows_read
    assert [row.line for row in reading.bad_rows] == sorted(row.line for row in reading.bad_rows)
    assert all(product.sku and product.title for product in reading.products)
    assert len({product.sku for product in reading.products}) == len(reading.products)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_reading_or_an_input_error(data: bytes) -> None:
    assert_all_accounted_for(data)
    assert_all_accounted_for(HEADER.encode() + data)
    assert_all_accounted_for(b"\xff\xfe" + "id\ttitle\n".encode("utf-16-le") + data)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(PIECES, max_size=60).map("".join), st.sampled_from(["Handle,Title,Body (HTML)\n", "id\ttitle\tprice\n"])
)
def test_any_pieces_of_a_feed_are_accounted_for(text: str, header: str) -> None:
    assert_all_accounted_for((header + text).encode())


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(",\t;"))
def test_rows_cover_every_physical_line_exactly_once(text: str, delimiter: str) -> None:
    lines = physical_lines(text, name="any")
    rows = list(RowReader(lines, delimiter=delimiter, name="any"))
    assert [line for row in rows for line in range(row.line, row.last_line + 1)] == list(range(1, len(lines) + 1))


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from(list("<>!-[]/ap'\"= &;#x3.")), max_size=300))
def test_any_markup_becomes_text_of_bounded_length(value: str) -> None:
    assert len(plain_text(value, limit_chars=50)) <= 50


def test_descriptions_lose_their_markup_and_keep_their_words() -> None:
    html = (
        "<h2>Blue <b>m</b>ug</h2><ul><li>Holds 300&nbsp;ml</li><li>Dishwasher&#8209;safe!</li></ul>"
        "<style>p{color:red}</style><script>alert('x')</script><!-- draft --><![CDATA[x]]>"
        '<img alt="a > b" src="data:image/png;base64,' + "A" * 5_000 + '"><p>5 &lt; 6 & R&amp;D'
    )
    assert plain_text(html) == "Blue mug. Holds 300 ml. Dishwasher\u2011safe! 5 < 6 & R&D"


def test_long_descriptions_end_with_a_sentence() -> None:
    assert cut_at_sentence("One thing. Another thing. And more", 28) == "One thing. Another thing."
    assert cut_at_sentence("no sentence here at all", 15) == "no sentence"
    assert cut_at_sentence("x" * 40, 15) == "x" * 15


@pytest.mark.parametrize("start", ["<a ", "<!--", "<![", "<", "</", "<a b='", "<script>", "&#", "<aa"])
def test_hostile_markup_costs_no_more_than_its_length(start: str) -> None:
    """HTMLParser alone needs seconds for the first of these and raises on the third."""
    for _ in range(20):
        plain_text(start * (bounds.MAX_HTML_CHARS // len(start)))
