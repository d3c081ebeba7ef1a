"""A quote: the price of a whole plan before it runs, line by line, and the hash that an approval names."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from domain.canonical import digest
from domain.money import PriceRange, show, total


@dataclass(frozen=True)
class QuoteLine:
    """`count` calls of one model for one asset and stage; `done` of them are paid already and cost nothing again.

    `held` of the others need no new hold: an attempt of an earlier process has set their money aside.
    `fingerprint` is the asset's: a changed brief or reference changes the quote's hash.
    """

    asset_key: str
    sku: str
    stage: str
    tier: str
    role: str
    model_id: str
    vendor: str
    count: int
    each: PriceRange
    done: int = 0
    fingerprint: str = ""
    held: int = 0

    @property
    def asked_micros(self) -> int:
        """What caps must still have room for, in micros: the worst price of what is neither paid nor held."""
        return self.each.worst * max(0, self.open - self.held)

    @property
    def open(self) -> int:
        return max(0, self.count - self.done)

    @property
    def range(self) -> PriceRange:
        return self.each.times(self.open)


@dataclass(frozen=True)
class Quote:
    """Totals in micros over what is still to be paid. `hash` covers prices, models, counts and work."""

    lines: tuple[QuoteLine, ...]
    price_version: str
    warnings: tuple[str, ...] = ()

    @property
    def range(self) -> PriceRange:
        return sum((line.range for line in self.lines), PriceRange())

    @property
    def full(self) -> PriceRange:
        """As `range`, but as if nothing had been paid yet."""
        return sum((line.each.times(line.count) for line in self.lines), PriceRange())

    @property
    def hash(self) -> str:
        rows = [{k: v for k, v in (asdict(line) | {"done": 0}).items() if k != "held"} for line in self.lines]
        return digest({"lines": rows, "price_version": self.price_version})

    def by(self, column: str) -> dict[str, PriceRange]:
        sums: dict[str, PriceRange] = {}
        for line in self.lines:
            key = str(getattr(line, column))
            sums[key] = sums.get(key, PriceRange()) + line.range
        return sums

    def as_dict(self) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "price_version": self.price_version,
            "total": asdict(self.range),
            "total_without_replays": asdict(self.full),
            "lines": [{**asdict(line), "total": asdict(line.range)} for line in self.lines],
            "warnings": list(self.warnings),
        }


def inversion_warning(draft_model: str, draft: PriceRange, final_model: str, final: PriceRange) -> str:
    """The sentence for a draft that is dearer than its final, with the numbers; "" where the order is right."""
    if draft.expected <= final.expected:
        return ""
    return (
        f"tier inversion: a draft with {draft_model} costs {show(draft.expected)}, "
        f"more than its final with {final_model} at {show(final.expected)}"
    )


def saving_micros(lines: Sequence[QuoteLine], final_each: dict[str, int]) -> int:
    """What cheap drafts save against making every draft in its asset's final model, in micros (may be negative)."""
    drafts = [line for line in lines if line.tier == "draft"]
    return total(line.count * (final_each.get(line.asset_key, 0) - line.each.expected) for line in drafts)
