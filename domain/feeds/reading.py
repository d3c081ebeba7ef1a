"""The way of a feed: bytes, text, rows, records, products; every row ends in a product or in the report.

What lives here: the order of the steps. What may not: how a step is done.
"""

from collections.abc import Iterator

from domain.errors import InputError
from domain.feeds.bounds import MAX_ROWS
from domain.feeds.decoding import decode
from domain.feeds.headers import EXPECTED, Dialect, Header, best_delimiter, recognise
from domain.feeds.merchant import merchant_products
from domain.feeds.records import Record, records_of
from domain.feeds.rows import RowReader, physical_lines
from domain.feeds.shopify import shopify_products
from domain.product import BadRow, FeedReading, Product

SEPARATOR_LINE = "sep="  # what Excel writes, and reads, as a first line


def read_feed(data: bytes, *, name: str) -> FeedReading:
    """Products of a feed in feed order, and every row that is in none, by line.

    `name` is the file's, for messages. `dialect` is "shopify" or "merchant". `rows_read` counts rows below the header
    that are not blank: each of them is in `lines` of exactly one product or is the `line` of exactly one bad row. A
    remark about the whole file is a bad row on the header's line whose reason starts with "note: ".
    InputError when the file as a whole cannot be used: too large, no text, no header of a known dialect.
    """
    decoded = decode(data, name=name)
    lines = physical_lines(decoded.text, name=name)
    header, rows = _opened(lines, name)
    records: list[Record] = []
    bad: list[BadRow] = [BadRow(header.line, "", decoded.note)] if decoded.note else []
    rows_read = 0
    for record in rows:
        rows_read += 1
        if isinstance(record, BadRow):
            bad.append(record)
        else:
            records.append(record)
    if rows_read > MAX_ROWS:
        raise InputError(f"the feed has over {MAX_ROWS:,} rows", where=name, hint="Split it")
    products, faults = _products(records, header.dialect)
    report = tuple(sorted(bad + faults, key=lambda row: row.line))
    return FeedReading(header.dialect, tuple(products), report, rows_read)


def _opened(lines: list[str], name: str) -> tuple[Header, Iterator[Record | BadRow]]:
    """The header, and the records below it."""
    first = next((line for line in lines if _counts(line)), "")
    delimiter = best_delimiter(first)
    reader = RowReader(lines, delimiter=delimiter, name=name)
    rows = iter(reader)
    for row in rows:
        if not row.blank and not _is_separator_line(lines[row.line - 1]):
            header = recognise(row, delimiter=delimiter, name=name)
            reader.width = len(header.fields)
            return header, records_of(rows, header)
    raise InputError(f"the feed is empty: {EXPECTED}", where=name)


def _counts(line: str) -> bool:
    return bool(line.strip()) and not _is_separator_line(line)


def _is_separator_line(line: str) -> bool:
    return line.casefold().startswith(SEPARATOR_LINE) and len(line.strip()) <= len(SEPARATOR_LINE) + 1


def _products(records: list[Record], dialect: Dialect) -> tuple[list[Product], list[BadRow]]:
    return shopify_products(records) if dialect == "shopify" else merchant_products(records)
