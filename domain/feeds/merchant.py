"""Google Merchant feeds (TSV, or CSV): rows of one item_group_id make one product.

What lives here: what Google means by its columns. What may not: quoting, encodings, Shopify's files.

Decided: the key (`sku`) is the item_group_id, or the id of an item without one. `variants` are the ids of the items,
always, since they are what a supplemental feed is written back by. An item without a group whose id is the name of
a group is that group's parent and joins it.
"""

from collections.abc import Iterable

from domain.feeds.bounds import MAX_PHOTO_NAMES, MAX_PHOTO_URLS, MAX_VARIANTS
from domain.feeds.plain_text import plain_text, short_text
from domain.feeds.records import (
    Record,
    attributes_of,
    file_names,
    https_addresses,
    key_fault,
    last_of_path,
    price_fault,
)
from domain.product import BadRow, Product


def merchant_products(records: Iterable[Record]) -> tuple[list[Product], list[BadRow]]:
    """Products in feed order, and the rows that are not in one."""
    bad: list[BadRow] = []
    groups: dict[str, list[Record]] = {}
    line_by_id: dict[str, int] = {}
    for record in records:
        item = record.one("id")
        key = record.one("group") or item
        fault = _fault(record, line_by_id, groups.get(key, []))
        if fault:
            bad.append(BadRow(record.line, item, fault))
            continue
        line_by_id[item] = record.line
        groups.setdefault(key, []).append(record)
    return [_built(key, group) for key, group in groups.items()], bad


def _fault(record: Record, line_by_id: dict[str, int], group: list[Record]) -> str:
    fault = key_fault(record, "id", "id")
    if fault:
        return fault
    if record.one("group") and key_fault(record, "group", "item_group_id"):
        return key_fault(record, "group", "item_group_id")
    if record.one("id") in line_by_id:
        return f"duplicate id: line {line_by_id[record.one('id')]} has it"
    if not record.one("title"):
        return "no title"
    if len(group) >= MAX_VARIANTS:
        return f"more than {MAX_VARIANTS} variants"
    return price_fault(record, "price", "sale_price")


def _built(key: str, group: list[Record]) -> Product:
    ids = tuple(record.one("id") for record in group)
    images = _images(group)
    return Product(
        sku=key,
        title=_first(group, "title", limit_chars=len(group[0].one("title"))),
        description=plain_text(next((d for r in group if (d := r.one("description"))), "")),
        brand=_first(group, "brand"),
        kind=_kind(group),
        attributes=attributes_of(group),
        variants=ids,
        photo_names=tuple(dict.fromkeys([key, *ids, *file_names(images)]))[:MAX_PHOTO_NAMES],
        photo_urls=https_addresses(images)[:MAX_PHOTO_URLS],
        lines=tuple(record.line for record in group),
    )


def _first(group: list[Record], field: str, *, limit_chars: int | None = None) -> str:
    value = next((v for record in group if (v := record.one(field))), "")
    return short_text(value) if limit_chars is None else short_text(value, limit_chars=limit_chars)


def _kind(group: list[Record]) -> str:
    values = (record.one(field) for field in ("product_type", "google_category") for record in group)
    return next((kind for value in values if (kind := last_of_path(value))), "")


def _images(group: list[Record]) -> list[str]:
    """Main photos of all items first, then the further ones (several in a cell, or in several columns)."""
    main = [record.one("image") for record in group if record.one("image")]
    more = [part for record in group for cell in record.all("more_images") for part in cell.split(",")]
    return main + more
