"""Degrade instead of stop: which of a policy's steps a new plan takes, and why. Reads caps; sends and writes nothing.

A run that was opened keeps its plan: every step of the policy gives a run name of its own, and where one of them is
open (or published) already, that one goes on, however full the caps are now.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from budget.degrade import DegradePolicy, Lowering, Pressure, pressure_of
from domain.money import from_cents, show
from domain.run import Publication, Run
from tasks.planning import Planned, Planner, RunOptions, quote_parts
from tasks.quoting import asked_parts, complete
from tasks.wishes import Wishes
from vendors.contract import Vendor
from wiring import Wiring


@dataclass(frozen=True)
class Request:
    """What is planned: everything that a planner needs beside its lowering."""

    w: Wiring
    vendors: Mapping[str, Vendor]
    options: RunOptions
    wishes: Wishes
    published: Mapping[str, Publication] | None
    catalog: str

    def plan(self, lowering: Lowering) -> Planned:
        return self._planner(lowering).plan(self.wishes, published=self.published, catalog=self.catalog)

    def run_id(self, lowering: Lowering) -> str:
        return self._planner(lowering).run_id(self.wishes, published=self.published, catalog=self.catalog)

    def _planner(self, lowering: Lowering) -> Planner:
        return Planner(self.w, self.vendors, self.options, lowering)


def plan_within_caps(request: Request) -> Planned:
    """As wished, or lowered by the policy that was asked for, as far as the caps make it."""
    w = request.w
    policy = w.degrade_policy(request.options.degrade)
    name, centre = request.wishes.name, request.options.cost_centre or w.settings.cost_centre
    if policy is None or policy.leaves_alone(campaign=name, cost_centre=centre):
        return request.plan(Lowering())
    if (known := _known(request, policy)) is not None:
        lowering, run = known
        planned = request.plan(lowering)
        return _marked(planned, run.plan["degrade"]) if "degrade" in run.plan else planned
    wished = request.plan(Lowering(policy))
    return _lowered(request, policy, wished) if wished.assets else wished


def _known(request: Request, policy: DegradePolicy) -> tuple[Lowering, Run] | None:
    """The newest run that was opened for these wishes, with the lowering that gives its name."""
    found = []
    for lowering in Lowering(policy).all_steps():
        run = request.w.runs.find(request.run_id(lowering))
        if run is not None:
            why = str(run.plan.get("degrade", {}).get("why", ""))
            found.append((replace(lowering, why=why), run))
    return max(found, key=lambda pair: pair[1].created_at or request.w.now(), default=None)


def _lowered(request: Request, policy: DegradePolicy, wished: Planned) -> Planned:
    """The fewest steps that the pressure asks for and, if the policy fits plans in, with which the worst price fits."""
    pressure = _pressure(request.w, wished)
    steps = policy.steps_at(pressure)
    why = f"cap {pressure.cap} is {pressure.percent} % committed" if steps else ""
    planned = request.plan(Lowering(policy, steps, why)) if steps else wished
    tight = _too_small(request, planned) if policy.fit else ""
    why = "; ".join(filter(None, (why, tight and f"the worst price does not fit {tight}")))
    while tight and steps < len(policy.steps):
        steps += 1
        planned = request.plan(Lowering(policy, steps, why))
        tight = _too_small(request, planned)
    lowered = sum("lowered" in asset.plan for asset in planned.assets)
    if not lowered:
        return wished
    before, after = (complete(request.w, plan).quote.range for plan in (wished, planned))
    if after.worst > before.worst:
        prices = f"{show(before.worst)} -> {show(after.worst)}"
        return _left_alone(wished, f"policy {policy.name} would make it dearer: {prices}")
    facts: dict[str, Any] = {"policy": policy.name, "steps": steps, "why": why, "assets": lowered}
    return _marked(planned, facts | {"before": asdict(before), "after": asdict(after)})


def _marked(planned: Planned, facts: dict[str, Any]) -> Planned:
    return replace(planned, run=replace(planned.run, plan=planned.run.plan | {"degrade": facts}))


def _left_alone(wished: Planned, why: str) -> Planned:
    """As wished, with a warning: a role of one's own policy may be the dearer one, or have become it."""
    text = f"not lowered, {why} at worst"
    quote = replace(wished.quote, warnings=(*wished.quote.warnings, text))
    return replace(wished, quote=quote, run=replace(wished.run, warnings=quote.warnings))


def _pressure(w: Wiring, planned: Planned) -> Pressure:
    """Of the fullest cap that the plan would hold anything in."""
    return pressure_of([use for use, micros in w.ledger.plan_uses(quote_parts(w, planned)) if micros])


def _too_small(request: Request, planned: Planned) -> str:
    """A cap that has no room for the worst price, in words; "" when all have, the run's own included."""
    w, own = request.w, f"run:{planned.run.run_id}"
    parts = asked_parts(w, complete(w, planned))
    uses = w.ledger.plan_uses(parts)
    standing = [use.cap.limit_micros for use, _ in uses if use.cap.cap_id == own]
    asked = request.options.cap_cents
    limit = standing[0] if standing and not asked else from_cents(asked or w.settings.cap_run_cents)
    if sum(micros for _, micros in parts) > limit:
        return "the run's own cap"
    tight = [use.cap.cap_id for use, micros in uses if use.cap.cap_id != own and 0 < micros > use.left_micros]
    return f"cap {tight[0]}" if tight else ""
