"""Cells of a CSV: exact dollars from micros, and text that no spreadsheet takes for a formula."""

from domain.money import MICROS_PER_USD

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def dollars(micros: int | None) -> str:
    """`0.014000`: six places, so that not a micro is lost; "" for no amount."""
    if micros is None:
        return ""
    sign, amount = ("-" if micros < 0 else ""), abs(micros)
    return f"{sign}{amount // MICROS_PER_USD}.{amount % MICROS_PER_USD:06d}"


def safe_cell(text: str) -> str:
    """With an apostrophe in front where a spreadsheet would compute it (OWASP, CSV injection); else as it is."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
