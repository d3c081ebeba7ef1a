"""The names that columns have in the dialects, and the recognition of a feed by them.

What lives here: Shopify's old and newer names, Google Merchant's names, the delimiter. What may not: rows of data.
Sources: Shopify's product CSV as exported until 2024 ("Handle", "Body (HTML)") and since ("URL handle", "Description"),
both read in public feeds 2026-11-21; support.google.com/merchants, product data specification.
"""

import csv
import re
from dataclasses import dataclass
from typing import Literal

from domain.errors import InputError
from domain.feeds.bounds import MAX_COLUMNS
from domain.feeds.rows import Row

Dialect = Literal["shopify", "merchant"]
DELIMITERS = (",", "\t", ";", "|")
FOUND_NAMES_SHOWN = 8
FOUND_NAME_CHARS = 40

SHOPIFY = {
    "handle": "handle",
    "url handle": "handle",
    "title": "title",
    "body (html)": "body",
    "body html": "body",
    "description": "body",
    "vendor": "brand",
    "type": "kind",
    "custom product type": "kind",
    "product category": "category",
    "standard product type": "category",
    "google shopping / google product category": "google_category",
    "tags": "tags",
    "published": "published",
    "published on online store": "published",
    "status": "status",
    "variant sku": "variant_sku",
    "sku": "variant_sku",
    "variant price": "price",
    "price": "price",
    "image src": "image",
    "product image url": "image",
    "image position": "image_position",
    "variant image": "variant_image",
    "variant image url": "variant_image",
    "google shopping / gender": "gender",
    "google shopping / age group": "age_group",
    "google shopping / color": "color",
    "google shopping / colour": "color",
    "google shopping / material": "material",
    "google shopping / pattern": "pattern",
    "google shopping / size": "size",
    **{f"option{n} {part}": f"option{n}_{part}" for n in (1, 2, 3) for part in ("name", "value")},
    **{f"option{n} linked to": f"option{n}_link" for n in (1, 2, 3)},
}
MERCHANT = {
    **{name.replace("_", " "): name for name in ("id", "title", "description", "brand", "product_type", "price")},
    **{name: name for name in ("color", "material", "pattern", "size", "gender")},
    "colour": "color",
    "age group": "age_group",
    "sale price": "sale_price",
    "image link": "image",
    "additional image link": "more_images",
    "additional image links": "more_images",
    "google product category": "google_category",
    "item group id": "group",
}
# Taxonomy metafields, "Farbe (product.metafields.shopify.color-pattern)": the label is in the shop's language.
METAFIELD = re.compile(r"product\.metafields\.shopify\.([a-z-]+)")
METAFIELDS = {
    "color-pattern": "color",
    "material": "material",
    "fabric": "material",
    "pattern": "pattern",
    "size": "size",
    "target-gender": "gender",
    "age-group": "age_group",
}
EXPECTED = (
    "expected a Shopify product CSV (columns Handle or URL handle, and Title) or a Google Merchant feed "
    "(columns id, title, image_link)"
)


@dataclass(frozen=True)
class Header:
    """The columns of a feed: `fields[i]` is our name of column i ("" when it is not used), `names[i]` the file's."""

    dialect: Dialect
    delimiter: str
    line: int
    last_line: int
    fields: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def key_column(self) -> int:
        return self.fields.index("handle" if self.dialect == "shopify" else "id")

    @property
    def least_columns(self) -> int:
        """How many columns a row has at least; the empty ones behind them may be missing.

        Spreadsheets leave them out for many rows at once (stata.com/support/faqs/data-management, "How Excel writes
        empty cells"). Without a price, which tells when a row has slipped, every column is asked for.
        """
        needed = ("price", "title", "handle") if self.dialect == "shopify" else ("price", "title", "id", "image")
        if "price" not in self.fields:
            return len(self.fields)
        return 1 + max(self.fields.index(field) for field in needed if field in self.fields)


def normal_name(name: str) -> str:
    """`g:Image_Link ` and `image link` are the same column."""
    plain = " ".join(name.replace("_", " ").replace("\ufeff", "").casefold().split())
    return plain.removeprefix("g:").strip()


def field_of(name: str, dialect: Dialect) -> str:
    """Our name of a column, or ""."""
    metafield = METAFIELD.search(name.casefold()) if dialect == "shopify" else None
    if metafield:
        return METAFIELDS.get(metafield[1], "")
    return (SHOPIFY if dialect == "shopify" else MERCHANT).get(normal_name(name), "")


def best_delimiter(line: str) -> str:
    """The delimiter that makes the most known names out of a header line; a comma when none does."""

    def known(delimiter: str) -> int:
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            return 0
        return sum(normal_name(cell) in SHOPIFY or normal_name(cell) in MERCHANT for cell in cells)

    return max(DELIMITERS, key=known)


def recognise(row: Row, *, delimiter: str, name: str) -> Header:
    """The header of a feed; InputError that says what was expected and what was found."""
    if row.fault:
        raise InputError(row.fault, where=f"{name}, line {row.line}", hint=EXPECTED)
    if len(row.cells) > MAX_COLUMNS:
        raise InputError(f"the header has {len(row.cells)} columns, the limit is {MAX_COLUMNS}", where=name)
    names = {normal_name(cell) for cell in row.cells}
    dialect: Dialect
    if names & {"handle", "url handle"} and "title" in names:
        dialect = "shopify"
    elif {"id", "title"} <= names:
        dialect = "merchant"
    else:
        raise InputError(f"no usable header: {EXPECTED}, found {_shown(row)}", where=f"{name}, line {row.line}")
    fields = tuple(field_of(cell, dialect) for cell in row.cells)
    return Header(dialect, delimiter, row.line, row.last_line, fields, row.cells)


def _shown(row: Row) -> str:
    found = [repr(cell.strip()[:FOUND_NAME_CHARS]) for cell in row.cells if cell.strip()]
    more = f" and {len(found) - FOUND_NAMES_SHOWN} more" if len(found) > FOUND_NAMES_SHOWN else ""
    return ", ".join(found[:FOUND_NAMES_SHOWN]) + more
