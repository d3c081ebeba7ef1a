"""Amounts as people type them, in dollars. What may not live here: how amounts are shown."""

import re

from domain.errors import InputError
from domain.money import Micros, from_usd

MAX_TYPED_MICROS = 10**16
"""As the highest limit of a cap: sums of it still are 64-bit numbers."""
# a comma only between thousands: 0,05 is five cents to half of Europe, and must not be read as five dollars
_AMOUNT = re.compile(r"\$?([0-9]{1,15}|[1-9][0-9]{0,2}(,[0-9]{3}){1,4})?(\.[0-9]{1,12})?", re.ASCII)


def typed_usd(text: str, *, where: str) -> Micros:
    """`0.0336` or `$1,250.50` to micros. Raises InputError, with `where`, for anything that is no such amount."""
    plain = text.strip()
    is_amount = _AMOUNT.fullmatch(plain) and any(c.isdigit() for c in plain)
    micros = from_usd(plain.lstrip("$").replace(",", "")) if is_amount else None
    if micros is None or micros > MAX_TYPED_MICROS:
        raise InputError(f"{text[:40]!r} is not an amount in dollars such as 0.0336", where=where)
    return micros
