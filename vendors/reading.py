"""Reading what a vendor wrote, which may be anything: JSON without floats, and values only of the kind that we expect.

Lives here: pure helpers for both wires. Not here: HTTP, and what a field means. Nothing here raises on a strange value.
"""

import json
import re
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

MAX_MESSAGE_CHARS = 300
MAX_COUNT = 1_000_000_000
MAX_RETRY_AFTER_S = 3600.0

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_-]{64,}")
_SECONDS = re.compile(r"^\s*(\d{1,9}(?:\.\d{1,9})?)\s*s?\s*$")


def read_json(body: bytes) -> Any | None:
    """The value, with Decimal for every fraction, or None for what is not JSON (or is the JSON value null)."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: object, max_chars: int = 2048) -> str:
    """The string, or "" when it is none, is too long or cannot be written as UTF-8 (lone surrogates).

    Without NUL characters: PostgreSQL takes none, and a paid answer must not fail to be booked for one.
    """
    if not isinstance(value, str) or len(value) > max_chars:
        return ""
    value = value.replace("\x00", "")
    return value if value.isascii() or _encodable(value) else ""


def as_count(value: object) -> int:
    """A whole number from 0 to a billion, also written as a string of digits; 0 for everything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return 0
    if not 0 <= value <= MAX_COUNT or value != int(value):
        return 0
    return int(value)


def as_amount(value: object, highest: int) -> Decimal | None:
    """An exact number from 0 to `highest`, or None."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= highest:
        return None
    return Decimal(value)


def tidy(text: str, *secrets: str) -> str:
    """A vendor's words, fit for an error message: one line, short, no address, no key, no run of base64."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = _LONG_RUN.sub("...", _ADDRESS.sub("<address>", text.replace("\x00", "")))
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return text if len(text) <= MAX_MESSAGE_CHARS else text[: MAX_MESSAGE_CHARS - 3] + "..."


def seconds(value: object) -> float | None:
    """Seconds from 5, "5", "10s" or "10.67s"; None for anything else; at most an hour."""
    if isinstance(value, str):
        found = _SECONDS.match(value)
        return min(float(found[1]), MAX_RETRY_AFTER_S) if found else None
    amount = as_amount(value, MAX_COUNT)
    return None if amount is None else min(float(amount), MAX_RETRY_AFTER_S)


def retry_after_s(retry_after: str, date: str) -> float | None:
    """The header Retry-After in seconds. Its date form is read against the answer's own Date: no clock of ours."""
    plain = seconds(retry_after)
    if plain is not None:
        return plain
    try:
        wait = parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
