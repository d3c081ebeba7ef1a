"""Random faults that the next run draws again: at most one a request, by a seed and the request's own content.

A draw depends on the seed, the stage, the content and how often that content came, not on the order in which many
processes arrive. No HTTP here; what a fault does lives with each vendor's routes.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import BEFORE_BODY, FAULTS, Asked, Fault, FaultError, checked_params, draw

MAX_CONTENTS = 200_000
MAX_SUM = 1 + 1e-9
ON_ANY_GET = frozenset(
    {"rate_limit", "rate_limit_no_hint", "server_error", "unavailable", "cut_before", "cut_after", "cut_status"}
    | {"cut_in_headers", "cut_mid_answer", "cut_last_byte", "unclosed", "answered_twice", "slow"}
)
ALLOWED: Mapping[str, frozenset[str]] = {
    "submit": frozenset(FAULTS),
    "poll": ON_ANY_GET | {"poll_503", "task_lost", "unknown_status"},
    "download": ON_ANY_GET | {"expired_link", "truncated_image", "not_an_image"},
}


@dataclass(frozen=True)
class Chance:
    fault: Fault
    rate: float


@dataclass
class Chaos:
    """`given` is what was asked for, as JSON; empty means none."""

    given: dict[str, Any] = field(default_factory=dict)
    drawn: Counter[str] = field(default_factory=Counter)
    _counts: OrderedDict[str, int] = field(default_factory=OrderedDict)

    @classmethod
    def from_json(cls, given: object) -> "Chaos":
        """Raises FaultError naming what is wrong."""
        if not given:
            return cls()
        if not isinstance(given, dict) or set(given) - {"seed", "rates"} or not isinstance(given.get("rates"), dict):
            raise FaultError("chaos is {seed: number, rates: {submit|poll|download: {fault: rate}}}")
        if not isinstance(given.get("seed", 0), int):
            raise FaultError(f"seed is a whole number, not {given['seed']!r}")
        for stage, rates in given["rates"].items():
            _check(stage, rates)
        return cls(given)

    def to_json(self) -> dict[str, Any]:
        return {**self.given, "drawn": dict(sorted(self.drawn.items()))}

    def before_body(self, asked: Asked) -> tuple[Fault, ...]:
        return self._draw(asked, f"head {asked.path}", (c for c in self._chances(asked) if c.fault.kind in BEFORE_BODY))

    def after_body(self, asked: Asked, body_sha256: str) -> tuple[Fault, ...]:
        rest = (c for c in self._chances(asked) if c.fault.kind not in BEFORE_BODY)
        return self._draw(asked, f"{asked.stage} {body_sha256}", rest)

    def _chances(self, asked: Asked) -> list[Chance]:
        return [_chance(kind, rate) for kind, rate in self.given.get("rates", {}).get(asked.stage, {}).items()]

    def _draw(self, asked: Asked, content: str, chances: Iterable[Chance]) -> tuple[Fault, ...]:
        """The rates lie one after another between 0 and 1; the fault that the number falls on, if the vendor has it."""
        laid = list(chances)
        if not laid:
            return ()
        number = draw(self.given.get("seed", 0), f"{content}:{self._count(content)}")
        for chance in laid:
            number -= chance.rate
            if number < 0:
                return self._drawn(asked, chance.fault)
        return ()

    def _drawn(self, asked: Asked, fault: Fault) -> tuple[Fault, ...]:
        if asked.vendor not in FAULTS[fault.kind]:
            return ()
        self.drawn[f"{asked.stage} {fault.kind}"] += 1
        return (fault,)

    def _count(self, content: str) -> int:
        count = self._counts.pop(content, 0) + 1
        self._counts[content] = count
        if len(self._counts) > MAX_CONTENTS:
            self._counts.popitem(last=False)
        return count


def _chance(kind: str, rate: Any) -> Chance:
    if isinstance(rate, dict):
        return Chance(Fault(kind, {k: v for k, v in rate.items() if k != "rate"}), rate["rate"])
    return Chance(Fault(kind), rate)


def _check(stage: str, rates: object) -> None:
    allowed = ALLOWED.get(stage)
    if allowed is None or not isinstance(rates, dict):
        raise FaultError(f"rates are given by stage: {', '.join(ALLOWED)}; not {stage!r}")
    unknown = set(rates) - allowed
    if unknown:
        raise FaultError(f"{', '.join(sorted(unknown))}: no fault of a {stage}; there is {', '.join(sorted(allowed))}")
    for kind, given in rates.items():
        _check_rate(kind, given)
    if sum(_chance(kind, given).rate for kind, given in rates.items()) > MAX_SUM:
        raise FaultError(f"the rates of {stage} add up to more than 1")


def _check_rate(kind: str, given: Any) -> None:
    rate = given.get("rate") if isinstance(given, dict) else given
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise FaultError(f"the rate of {kind} is between 0 and 1, not {rate!r}")
    if isinstance(given, dict):
        checked_params({k: v for k, v in given.items() if k != "rate"})
