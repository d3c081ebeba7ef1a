"""The report of rows that were set aside, as a CSV that a spreadsheet opens without running anything in it.

What lives here: the report. What may not: reasons, which are written where a row is judged.
"""

import csv
import io
from collections.abc import Iterable

from domain.feeds.bounds import NOTE_PREFIX
from domain.product import BadRow

COLUMNS = ("line", "sku", "reason")
# What spreadsheets take for the start of a formula, the full-width forms of East Asian locales among them (OWASP).
FORMULA_STARTS = frozenset("=+-@\t\r\n|%＝＋－＠")


def write_report(bad_rows: Iterable[BadRow]) -> str:
    """CSV (line, sku, reason) with CRLF; save it as utf-8-sig for Excel. A text that could be a formula gets a `'`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in bad_rows:
        writer.writerow((row.line, harmless(row.sku), harmless(row.reason)))
    return out.getvalue()


def is_note(row: BadRow) -> bool:
    """Whether this is a remark about the whole file and not a row that was set aside."""
    return row.reason.startswith(NOTE_PREFIX)


def harmless(text: str) -> str:
    """The text, with an apostrophe before it when a spreadsheet would calculate with it."""
    start = text.lstrip(" \u00a0\u3000")[:1]
    return f"'{text}" if text[:1] in FORMULA_STARTS or start in FORMULA_STARTS else text
