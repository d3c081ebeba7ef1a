"""A quote: the price of a whole plan before it runs, line by line, and the hash that an approval names.

Pure: what it is made from is in tasks/quoting.py, where it is kept in budget/approvals.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from domain.canonical import canonical_json, digest
from domain.money import PriceRange, show, total

Per = Literal["sku", "stage", "model"]
PER: tuple[str, ...] = get_args(Per)
RUN, DEPLOYMENT = "run", "deployment"
"""Names in `Quote.whose` that are treated by themselves."""


@dataclass(frozen=True)
class QuoteLine:
    """`count` calls of one model for one asset and stage; `done` of them are paid already and cost nothing again.

    `held` of the others need no new hold: an attempt of an earlier process has set their money aside.
    `fingerprint` is the asset's: a changed brief or reference changes the quote's hash.
    A line of stage "retry" is what sending again may add at worst to the line of its tier.
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

    @property
    def terms(self) -> dict[str, Any]:
        """What an approval binds: everything but how far the work has come."""
        return {name: value for name, value in asdict(self).items() if name not in ("done", "held")}


@dataclass(frozen=True)
class Quote:
    """Totals in micros over what is still to be paid. `hash` covers prices, models, counts, work, and whose money.

    Not the book's version: another model's price, or a comment in the book, is no change of this plan. Whatever a
    change of the book does to this plan is in the lines' prices. `facts` tell, by asset, what a later difference is
    made of; the lines' fingerprints cover them. `whose` names, in words, the run and everything else that decides which
    caps it falls under: an approval for one cost centre is none for another, and one for a run is none for the next.
    """

    lines: tuple[QuoteLine, ...]
    price_version: str
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    whose: Mapping[str, str] = field(default_factory=dict)

    @property
    def range(self) -> PriceRange:
        return sum((line.range for line in self.lines), PriceRange())

    @property
    def full(self) -> PriceRange:
        """As `range`, but as if nothing had been paid yet: no progress of the work changes it."""
        return sum((line.each.times(line.count) for line in self.lines), PriceRange())

    @property
    def asked_micros(self) -> int:
        return total(line.asked_micros for line in self.lines)

    @property
    def hash(self) -> str:
        """The same for the same terms, in whatever order a feed named its products."""
        return hash_of(self.body)

    def known_as(self, body: Mapping[str, Any]) -> "Quote":
        """Made comparable with a quote that was kept: one made where no deployment was known binds none."""
        if body.get("whose", {}).get(DEPLOYMENT):
            return self
        return replace(self, whose={**self.whose, DEPLOYMENT: ""} if self.whose else {})

    def per(self, what: Per) -> dict[str, PriceRange]:
        """The ranges by SKU (by brief where it has none), stage or model; they add up to `range` exactly."""
        sums: dict[str, PriceRange] = {}
        for line in self.lines:
            key = {"sku": line.sku or line.asset_key, "stage": line.stage, "model": line.model_id}[what]
            sums[key] = sums.get(key, PriceRange()) + line.range
        return sums

    @property
    def body(self) -> dict[str, Any]:
        """What is kept of it, so that a later difference can be told in words."""
        return {
            "lines": [line.terms for line in self.lines],
            "price_version": self.price_version,
            "facts": {name: dict(facts) for name, facts in self.facts.items()},
            "whose": dict(self.whose),
        }

    def as_dict(self) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "price_version": self.price_version,
            "total": asdict(self.range),
            "total_without_replays": asdict(self.full),
            "lines": [{**asdict(line), "total": asdict(line.range)} for line in self.lines],
            "warnings": list(self.warnings),
        }


def hash_of(body: Mapping[str, Any]) -> str:
    """Of a quote as it is kept (`Quote.body`). Raises KeyError, TypeError or ValueError for what is no such body."""
    return digest({"lines": sorted(body["lines"], key=canonical_json), "whose": dict(body["whose"])})


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
    drafts = [line for line in lines if line.stage == "draft"]
    return total(line.count * (final_each.get(line.asset_key, 0) - line.each.expected) for line in drafts)
