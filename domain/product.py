"""A product of a feed, and the rows that could not become one."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Product:
    """One picture-worthy product: a Shopify handle with its variants, or a Merchant item.

    `sku` is the key of everything made for it. `photo_names` are what a photo may be called (handle, SKUs, file names
    in the feed), best first; `photo_urls` the https addresses of the feed. `lines` are the feed's line numbers.
    """

    sku: str
    title: str
    description: str = ""
    brand: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    photo_names: tuple[str, ...] = ()
    photo_urls: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What decides its picture (and so its fingerprint): not prices, stock or line numbers."""
        return {
            "sku": self.sku,
            "title": self.title,
            "description": self.description,
            "brand": self.brand,
            "kind": self.kind,
            "tags": list(self.tags),
            "attributes": dict(sorted(self.attributes.items())),
        }


@dataclass(frozen=True)
class BadRow:
    """A row (or a product) that was set aside: 1-based line in the file, and a reason for a person."""

    line: int
    sku: str
    reason: str


@dataclass(frozen=True)
class FeedReading:
    """A feed that was read: the good products, and every row that was not, with its reason."""

    dialect: str
    products: tuple[Product, ...]
    bad_rows: tuple[BadRow, ...]
    rows_read: int
