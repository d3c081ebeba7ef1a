"""Shopify's product CSV: rows of one handle make one product.

What lives here: what Shopify means by its columns. What may not: quoting, encodings, Google's feeds.

Decided: rows of one handle belong together wherever they stand in the file (a CSV that was sorted by another column
is still the same catalog), at the place of the first. The product's own values are those of its row with a title; a
row without a title is a variant or a further photo. The key (`sku`) is the handle, as Shopify's own import has it:
variants often have no SKU, and one product gets one set of pictures.
"""

from collections.abc import Iterable, Iterator

from domain.feeds.bounds import MAX_PHOTO_NAMES, MAX_PHOTO_URLS, MAX_TAGS, MAX_VARIANTS, NOT_PUBLISHED
from domain.feeds.headers import METAFIELD, METAFIELDS
from domain.feeds.plain_text import plain_text, short_text
from domain.feeds.records import (
    Record,
    attributes_of,
    distinct,
    file_names,
    https_addresses,
    key_fault,
    last_of_path,
    price_fault,
    shown,
)
from domain.product import BadRow, Product

OPTIONS = (1, 2, 3)
HIDDEN_STATUS = frozenset({"draft", "archived"})
NO = frozenset({"false", "no", "0"})
OPTION_ATTRIBUTES = {
    "color": "color",
    "colour": "color",
    "material": "material",
    "fabric": "material",
    "pattern": "pattern",
    "size": "size",
    "gender": "gender",
    "age group": "age_group",
    "age": "age_group",
}
LAST_POSITION = 10_000


def shopify_products(records: Iterable[Record]) -> tuple[list[Product], list[BadRow]]:
    """Products in feed order, and the rows that are not in one."""
    products: list[Product] = []
    bad: list[BadRow] = []
    groups: dict[str, list[Record]] = {}
    lost_titles: dict[str, int] = {}
    for record in records:
        handle = record.one("handle")
        fault = key_fault(record, "handle", "handle") or price_fault(record, "price")
        if not fault:
            groups.setdefault(handle.casefold(), []).append(record)
            continue
        bad.append(BadRow(record.line, handle, fault))
        if handle and record.one("title"):
            lost_titles.setdefault(handle.casefold(), record.line)
    for key, group in groups.items():
        product, faults = _product(group, lost_titles.get(key))
        products.extend([product] if product else [])
        bad.extend(faults)
    return products, bad


def _product(group: list[Record], lost_title_line: int | None) -> tuple[Product | None, list[BadRow]]:
    main = next((record for record in group if record.one("title")), None)
    if main is None:
        why = f"no title: the row with it (line {lost_title_line}) was set aside" if lost_title_line else "no title"
        return None, _all_bad(group, why)
    good, bad = _sorted_out(group, main)
    if _hidden(good):
        return None, bad + _all_bad(good, NOT_PUBLISHED)
    return _built(good, main), bad


def _all_bad(group: list[Record], why: str) -> list[BadRow]:
    return [BadRow(record.line, record.one("handle"), why) for record in group]


def _sorted_out(group: list[Record], main: Record) -> tuple[list[Record], list[BadRow]]:
    """Rows that belong to the product, and those that contradict it."""
    good: list[Record] = []
    bad: list[BadRow] = []
    lines_by_variant: dict[tuple[str, ...], int] = {}
    for record in group:
        variant = tuple(record.one(f"option{n}_value").casefold() for n in OPTIONS)
        fault = _contradiction(record, main, lines_by_variant, variant)
        if fault:
            bad.append(BadRow(record.line, record.one("handle"), fault))
            continue
        if any(variant):
            lines_by_variant[variant] = record.line
        good.append(record)
    return good, bad


def _contradiction(record: Record, main: Record, lines: dict[tuple[str, ...], int], variant: tuple[str, ...]) -> str:
    title = record.one("title")
    if title and title != main.one("title"):
        return f"duplicate handle: line {main.line} has it with the title {shown(main.one('title'))}"
    if variant in lines:
        return f"duplicate variant: line {lines[variant]} has the same options"
    if any(variant) and len(lines) >= MAX_VARIANTS:
        return f"more than {MAX_VARIANTS} variants"
    return ""


def _hidden(records: list[Record]) -> bool:
    states = {record.one("status").casefold() for record in records}
    published = {record.one("published").casefold() for record in records}
    return bool(states & HIDDEN_STATUS) or bool(published & NO)


def _built(records: list[Record], main: Record) -> Product:
    skus = tuple(dict.fromkeys(sku for r in records if (sku := r.one("variant_sku"))))[:MAX_VARIANTS]
    images = _images(records)
    handle = main.one("handle")
    return Product(
        sku=handle,
        title=short_text(main.one("title"), limit_chars=len(main.one("title"))),
        description=plain_text(main.one("body")),
        brand=short_text(main.one("brand")),
        kind=_kind(main),
        tags=distinct(main.one("tags").split(","), limit=MAX_TAGS),
        attributes=_attributes(records, main),
        variants=skus,
        photo_names=tuple(dict.fromkeys([handle, *skus, *file_names(images)]))[:MAX_PHOTO_NAMES],
        photo_urls=https_addresses(images)[:MAX_PHOTO_URLS],
        lines=tuple(record.line for record in records),
    )


def _kind(main: Record) -> str:
    categories = (main.one("category"), main.one("google_category"))
    return short_text(main.one("kind")) or next((k for k in map(last_of_path, categories) if k), "")


def _images(records: list[Record]) -> list[str]:
    """Addresses by Image Position where there is one, else as they come; photos of single variants last."""

    def position(record: Record) -> int:
        value = record.one("image_position")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 5 else LAST_POSITION

    ordered = sorted((r for r in records if r.one("image")), key=position)
    return [r.one("image") for r in ordered] + [r.one("variant_image") for r in records if r.one("variant_image")]


def _attributes(records: list[Record], main: Record) -> dict[str, str]:
    """From the Google Shopping and taxonomy columns; options named Color, Size and so on win, being the shop's own."""
    found = attributes_of(records)
    for n in OPTIONS:
        name = _option_attribute(records, main, n)
        values = distinct(value for value in _option_values(records, n))
        if name and values:
            found[name] = ", ".join(values)
    return found


def _option_attribute(records: list[Record], main: Record, n: int) -> str:
    """By the taxonomy link where there is one (the name is in the shop's language), else by the name."""
    first = next((r for r in (main, *records) if r.one(f"option{n}_name")), main)
    linked = METAFIELD.search(first.one(f"option{n}_link").casefold())
    if linked and linked[1] in METAFIELDS:
        return METAFIELDS[linked[1]]
    return OPTION_ATTRIBUTES.get(" ".join(first.one(f"option{n}_name").casefold().split()), "")


def _option_values(records: list[Record], n: int) -> Iterator[str]:
    return (record.one(f"option{n}_value") for record in records if record.one(f"option{n}_value"))
