"""Rows into records (cells by our names), with the checks that every dialect shares.

What lives here: the record, column counts, cell bounds, control characters, prices, addresses and names of photos.
What may not: what makes a product of records.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from domain.feeds.bounds import MAX_ATTRIBUTE_VALUES, MAX_CELL_CHARS, MAX_SKU_CHARS, MAX_TITLE_CHARS, MAX_URL_CHARS
from domain.feeds.headers import Header
from domain.feeds.plain_text import short_text
from domain.feeds.rows import Row
from domain.product import BadRow

SHOWN_CHARS = 40  # of a wrong value, in a reason
# Everything of C0, DEL and C1 but tab and line ends. The BOM in the middle of a file is a sign of two files in one.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
AMOUNT = r"(?:[0-9]{1,3}(?:[.,' \u00a0\u202f][0-9]{3})+|[0-9]{1,12})(?:[.,][0-9]{1,6})?"
UNIT = r"(?:[A-Za-z]{3}|[$€£¥₹]|kr\.?|zł)"
PRICE = re.compile(rf"(?:{UNIT}\s?)?{AMOUNT}(?:\s?{UNIT})?")
SHARED_ATTRIBUTES = ("color", "material", "pattern", "size", "gender", "age_group")


@dataclass(frozen=True)
class Record:
    """One good row: `line` where it starts, `cells` the non-empty values by our name of the column, in column order."""

    line: int
    cells: dict[str, tuple[str, ...]]

    def one(self, field: str) -> str:
        """The first value that is not empty, or ""."""
        return self.cells.get(field, ("",))[0]

    def all(self, field: str) -> tuple[str, ...]:
        return self.cells.get(field, ())


def records_of(rows: Iterable[Row], header: Header) -> Iterator[Record | BadRow]:
    """Every row that is not blank as a record, or why there is none.

    Behind a row that broke off (at a line break that nobody quoted) its rest follows, which is no row: there only one
    with as many columns as the last good row counts.
    """
    torn, usual = False, len(header.fields)
    for row in rows:
        if row.blank:
            continue
        least = usual if torn else header.least_columns
        torn = bool(row.fault) or len(row.cells) < least
        usual = usual if torn else min(len(row.cells), len(header.fields))
        yield record_of(row, header, least)


def record_of(row: Row, header: Header, least_columns: int) -> Record | BadRow:
    """The record of a row that is not blank, or why there is none."""
    fault = row.fault or _width_fault(row, header, least_columns) or _cell_fault(row, header)
    if fault:
        return BadRow(row.line, _likely_key(row, header), fault)
    cells: dict[str, tuple[str, ...]] = {}
    for field, cell in zip(header.fields, row.cells, strict=False):
        if field and (value := cell.strip()):
            cells[field] = (*cells.get(field, ()), value)
    return Record(row.line, cells)


def key_fault(record: Record, field: str, noun: str) -> str:
    """Why the record cannot be one by its key, or ""."""
    key = record.one(field)
    if not key:
        return f"no {noun}"
    if len(key) > MAX_SKU_CHARS:
        return f"the {noun} is longer than {MAX_SKU_CHARS} characters"
    if "\n" in key or "\r" in key or "\t" in key:
        return f"a line break or tab in the {noun}"
    if len(record.one("title")) > MAX_TITLE_CHARS:
        return f"the title is longer than {MAX_TITLE_CHARS} characters"
    return ""


def price_fault(record: Record, *fields: str) -> str:
    """Why a price is not one, or "". A price is not used here: one that is none says that the row has slipped."""
    for field in fields:
        value = record.one(field)
        if value and not PRICE.fullmatch(value):
            return f"the price {shown(value)} cannot be read"
    return ""


def shown(value: str) -> str:
    """A wrong value for a reason: quoted, short, one line."""
    short = " ".join(value.split())
    return f"'{short[:SHOWN_CHARS]}…'" if len(short) > SHOWN_CHARS else f"'{short}'"


def attributes_of(records: Iterable[Record]) -> dict[str, str]:
    """Colour, material and so on: the different values of all records, in feed order, joined with commas."""
    records = list(records)
    found = {name: distinct(value for r in records for value in r.all(name)) for name in SHARED_ATTRIBUTES}
    return {name: ", ".join(values) for name, values in found.items() if values}


def distinct(values: Iterable[str], *, limit: int = MAX_ATTRIBUTE_VALUES) -> tuple[str, ...]:
    """Short values without repetition (capitals do not make a difference), at most `limit`."""
    kept: dict[str, str] = {}
    for value in values:
        text = short_text(value)
        if text and len(kept) < limit:
            kept.setdefault(text.casefold(), text)
    return tuple(kept.values())


def last_of_path(category: str) -> str:
    """`Home > Women > Dresses` is a dress; a bare number (Google's id of a category) says nothing to a model."""
    last = short_text(category.rsplit(">", 1)[-1])
    return "" if last.isdigit() else last


def https_addresses(values: Iterable[str]) -> tuple[str, ...]:
    """The https addresses among values, without repetition."""
    good = (
        v.strip() for v in values if v.strip().casefold().startswith("https://") and len(v.strip()) <= MAX_URL_CHARS
    )
    return tuple(dict.fromkeys(good))


def file_names(values: Iterable[str]) -> Iterator[str]:
    """The file names at the end of addresses or paths: what a photo may be called in a folder."""
    for value in values:
        try:
            path = urlsplit(value.strip()).path
        except ValueError:
            continue
        last = re.split(r"[/\\]", unquote(path))[-1].strip()
        if last and len(last) <= MAX_SKU_CHARS and not CONTROL.search(last):
            yield last


def _width_fault(row: Row, header: Header, least_columns: int) -> str:
    width, found = len(header.fields), len(row.cells)
    if found < least_columns:
        return f"too few columns: {found}, the header has {width}"
    if any(cell.strip() for cell in row.cells[width:]):
        return f"too many columns: {found}, the header has {width}"
    return ""


def _cell_fault(row: Row, header: Header) -> str:
    joined = "".join(row.cells)
    if len(joined) <= MAX_CELL_CHARS and not CONTROL.search(joined):  # nearly every row; ten times faster so
        return ""
    for name, cell in zip(header.names, row.cells, strict=False):
        if len(cell) > MAX_CELL_CHARS:
            return f"the cell in column {shown(name)} is longer than {MAX_CELL_CHARS:,} characters"
        wrong = CONTROL.search(cell)
        if wrong:
            return f"control character U+{ord(wrong[0]):04X} in column {shown(name)}"
    return ""


def _likely_key(row: Row, header: Header) -> str:
    """What is in the key's column, made safe to show: the row is broken, so it may be anything."""
    column = header.key_column
    cell = row.cells[column] if column < len(row.cells) else ""
    return " ".join(CONTROL.sub("", cell).split())[:MAX_SKU_CHARS]
