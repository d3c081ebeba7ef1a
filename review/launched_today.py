"""How much one person may start by herself: the limit counts this launch with her others of the day.

Otherwise a large plan would need nobody's word when it is launched in small parts. Days are UTC; each cost centre has
its own sum; what an approver said yes to, and what did not start, does not count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from budget.approvals import Approvals, Offer
from domain.money import from_cents
from review.access.roles import Role
from review.access.sessions import Visitor
from review.amounts import at_most, money
from review.run_state import RETRY
from storage.records.launches import Launch
from tasks.charging import COST_CENTRE
from tasks.planning import Planned
from wiring import Wiring


@dataclass(frozen=True)
class Allowance:
    """In micros at worst: this launch, and the person's others of today. `may_start`: without somebody else's word."""

    may_start: bool
    worst_micros: int
    earlier_micros: int
    limit_micros: int

    @property
    def together_micros(self) -> int:
        return self.worst_micros + self.earlier_micros

    @property
    def sentence(self) -> str:
        """Why somebody else has to say yes, with the numbers."""
        limit = money(self.limit_micros)
        if self.worst_micros > self.limit_micros:
            return f"Above {limit} an approver has to say yes first."
        together = at_most(self.together_micros)
        return (
            f"This launch together with your others of today, {together} at worst, is above the limit of {limit}: an "
            "approver has to say yes first."
        )


def allowance(w: Wiring, visitor: Visitor, planned: Planned | None) -> Allowance:
    """Blocking. Without a plan: what she may start of nothing."""
    limit = from_cents(w.settings.board_approval_limit_cents)
    if planned is None:
        return Allowance(True, 0, 0, limit)
    worst, earlier = planned.quote.range.worst, launched_today(w, visitor.user_id, planned) if limit else 0
    is_within = not limit or worst + earlier <= limit
    alone = visitor.can(Role.APPROVER) and not w.settings.board_four_eyes
    return Allowance(is_within or alone, worst, earlier, limit)


def launched_today(w: Wiring, user_id: str, planned: Planned) -> int:
    """What her other runs of this day in the plan's cost centre were quoted at worst, in micros: each run once."""
    since = w.now().replace(hour=0, minute=0, second=0, microsecond=0)
    quotes, centre = Approvals(w.database, w.now), planned.quote.whose[COST_CENTRE]
    offers = [quotes.quote(name) for name in _quoted(w.launches.unapproved(user_id, since))]
    dearest: dict[str, int] = {}
    for offer in offers:
        if offer is not None and offer.run_id != planned.run.run_id and _centre(offer) == centre:
            dearest[offer.run_id] = max(dearest.get(offer.run_id, 0), _full_worst(offer))
    return sum(dearest.values())


def _quoted(launches: Iterable[Launch]) -> set[str]:
    """Of what was launched anew: a start of an earlier launch again is no part of today's."""
    return {x.quote_hash for x in launches if x.quote_hash and not x.launch_id.startswith(RETRY)}


def _centre(offer: Offer) -> str:
    whose: dict[str, Any] = offer.body.get("whose", {})
    return str(whose.get(COST_CENTRE, ""))


def _full_worst(offer: Offer) -> int:
    """Of the whole quote: what of it is paid by now does not make room for the next launch."""
    return sum(line["each"]["worst"] * line["count"] for line in offer.body["lines"])
