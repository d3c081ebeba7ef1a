"""Product feeds: bytes in, products and bad rows out; and the two files that go back to people and to Google.

What lives here: dialects (Shopify product CSV, Google Merchant TSV and CSV), the report of rows that were set aside,
the supplemental feed. What may not: files, addresses that are opened, photos, prices of models.
"""

from domain.feeds.bounds import NOT_PUBLISHED, NOTE_PREFIX
from domain.feeds.export import SupplementalRow, supplemental_feed
from domain.feeds.reading import read_feed
from domain.feeds.report import is_note, write_report

__all__ = [
    "NOTE_PREFIX",
    "NOT_PUBLISHED",
    "SupplementalRow",
    "is_note",
    "read_feed",
    "supplemental_feed",
    "write_report",
]
