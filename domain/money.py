"""Money is integer micro-dollars (1,000,000 = one US dollar). No float ever touches it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import NewType

Micros = NewType("Micros", int)

MICROS_PER_USD = 1_000_000
MICROS_PER_CENT = 10_000
ZERO = Micros(0)


def from_cents(cents: int) -> Micros:
    return Micros(cents * MICROS_PER_CENT)


def from_usd(amount: Decimal | str | int, *, up: bool = False) -> Micros:
    """Exact dollars to micros; a fraction of a micro is rounded half even, or up where it must never be too little."""
    exact = Decimal(amount) * MICROS_PER_USD
    return Micros(int(exact.to_integral_value(ROUND_CEILING if up else ROUND_HALF_EVEN)))


def total(amounts: Iterable[int]) -> Micros:
    return Micros(sum(amounts))


def show(micros: int, *, places: int = 4) -> str:
    """`$0.0336`, `-$1.5000`; never loses a micro that matters: falls back to six places where four would round."""
    if places < 6 and micros % 10 ** (6 - places):
        places = 6
    sign = "-" if micros < 0 else ""
    return f"{sign}${Decimal(abs(micros)) / MICROS_PER_USD:,.{places}f}"


@dataclass(frozen=True)
class PriceRange:
    """What something will cost, in micros: `low` if all goes cheaply, `expected`, `worst` (never exceeded)."""

    low: Micros = ZERO
    expected: Micros = ZERO
    worst: Micros = ZERO

    def __add__(self, other: "PriceRange") -> "PriceRange":
        return PriceRange(
            Micros(self.low + other.low), Micros(self.expected + other.expected), Micros(self.worst + other.worst)
        )

    def times(self, count: int) -> "PriceRange":
        return PriceRange(Micros(self.low * count), Micros(self.expected * count), Micros(self.worst * count))
