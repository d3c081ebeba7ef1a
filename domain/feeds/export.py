"""The supplemental feed for Google Merchant: published addresses back to the catalog, item by item.

What lives here: the TSV. What may not: which pictures were published, and where.
Source: support.google.com/merchants/answer/7439882 (a supplemental feed is matched by `id` and needs no other column);
at most ten additional images an item (answer/6324370).
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.errors import InputError
from domain.feeds.bounds import MAX_ROWS, MAX_URL_CHARS

COLUMNS = ("id", "image_link", "additional_image_link", "disclosure")
MAX_ADDITIONAL_IMAGES = 10
BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class SupplementalRow:
    """One item: its id in the primary feed, where its pictures are, and what to say about how they were made."""

    id: str
    image_link: str
    additional_image_links: tuple[str, ...] = ()
    disclosure: str = ""


def supplemental_feed(rows: Iterable[SupplementalRow]) -> str:
    """TSV with a header, one line an item, LF. InputError names an item that cannot be written."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    seen: set[str] = set()
    for row in rows:
        if not row.id.strip() or row.id in seen or len(seen) >= MAX_ROWS:
            raise InputError(f"item {row.id!r} is empty, there twice, or beyond {MAX_ROWS:,} rows", where="feed")
        seen.add(row.id)
        writer.writerow(_cells(row))
    return out.getvalue()


def _cells(row: SupplementalRow) -> tuple[str, ...]:
    if len(row.additional_image_links) > MAX_ADDITIONAL_IMAGES:
        raise InputError(f"over {MAX_ADDITIONAL_IMAGES} additional images", where=f"item {row.id}")
    for address in (row.image_link, *row.additional_image_links):
        _check_address(address, row.id)
    # The list of addresses is comma separated, so a comma inside one is percent-encoded, as Google asks.
    more = ",".join(address.replace(",", "%2C") for address in row.additional_image_links)
    cells = (row.id, row.image_link, more, row.disclosure)
    if any(BREAKS.search(cell) for cell in cells):
        raise InputError("a tab, line break or control character in a value", where=f"item {row.id!r}")
    return cells


def _check_address(address: str, item: str) -> None:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in address
    except ValueError:
        usable = False
    if not usable or len(address) > MAX_URL_CHARS:
        raise InputError("a picture's address is not a usable http(s) address", where=f"item {item}")
