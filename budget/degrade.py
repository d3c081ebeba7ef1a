"""Degrade instead of stop: a policy that makes a plan cheaper, step by step, as its tightest cap fills.

Data, as ladders are (wiring/degrade/*.yaml); pure rules, no file, no price. A policy is only used when somebody asks
for it. It lowers counts and roles, never raises them, and never goes below its floor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from budget.caps import CapUse
from domain.ladder import RoleName
from domain.money import show

OFF = "off"
MAX_STEPS = 12
Stage = Literal["draft", "final"]
Drafts = Annotated[int, Field(ge=1, le=16)]
Names = tuple[Annotated[str, Field(min_length=1, max_length=120)], ...]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Step(_Data):
    """What is lowered once the tightest cap is used to `at_percent`, on top of the steps before."""

    at_percent: Annotated[int, Field(ge=1, le=100)]
    drafts: Drafts | None = None
    draft_roles: dict[RoleName, RoleName] = {}
    final_roles: dict[RoleName, RoleName] = {}

    @model_validator(mode="after")
    def _does_something(self) -> "Step":
        if self.drafts is None and not self.draft_roles and not self.final_roles:
            raise ValueError("it lowers nothing: name drafts, draft_roles or final_roles")
        same = [role for roles in (self.draft_roles, self.final_roles) for role, to in roles.items() if role == to]
        if same:
            raise ValueError(f"{same[0]} is lowered to itself")
        return self


class Floor(_Data):
    """What is never gone below: so many drafts, and finals of these roles are left as they are."""

    drafts: Drafts = 1
    finals: tuple[RoleName, ...] = ()


class Except(_Data):
    """Whose plans are never lowered."""

    campaigns: Names = ()
    cost_centres: Names = ()


class DegradePolicy(_Data):
    """Steps in the order in which they are taken. `fit`: take further ones until the worst price fits the caps."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    floor: Floor = Floor()
    leave_alone: Except = Except()
    fit: bool = True

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "DegradePolicy":
        percents = [step.at_percent for step in self.steps]
        if percents != sorted(set(percents)):
            raise ValueError("steps: each at_percent must be higher than the one before")
        for number, step in enumerate(self.steps):
            if step.drafts is not None and step.drafts < self.floor.drafts:
                raise ValueError(f"steps.{number}.drafts: {step.drafts} is below the floor of {self.floor.drafts}")
            kept = set(step.final_roles) & set(self.floor.finals)
            if kept:
                raise ValueError(f"steps.{number}.final_roles: {min(kept)} is a floor")
        return self

    def roles(self) -> tuple[str, ...]:
        """Every role that it names, once."""
        maps = (roles for step in self.steps for roles in (step.draft_roles, step.final_roles))
        return tuple(dict.fromkeys(role for roles in maps for pair in roles.items() for role in pair))

    def leaves_alone(self, *, campaign: str, cost_centre: str) -> bool:
        return campaign in self.leave_alone.campaigns or cost_centre in self.leave_alone.cost_centres

    def steps_at(self, pressure: "Pressure") -> int:
        """How many steps are taken at this pressure; exactly at a step's percent it is taken."""
        return sum(pressure.reaches(step.at_percent) for step in self.steps)


@dataclass(frozen=True)
class Pressure:
    """How full the tightest cap is that a plan falls under, before the plan itself; "" for no cap."""

    cap: str = ""
    committed_micros: int = 0
    limit_micros: int = 0

    @property
    def percent(self) -> int:
        """Whole percent, rounded down; a cap of nothing is full."""
        return self.committed_micros * 100 // self.limit_micros if self.limit_micros else 100 * bool(self.cap)

    def reaches(self, percent: int) -> bool:
        return self.percent >= percent


def pressure_of(uses: Sequence[CapUse]) -> Pressure:
    """That of the fullest cap."""
    found = [Pressure(f"{u.cap.cap_id} ({u.window})", u.committed_micros, u.cap.limit_micros) for u in uses]
    return max(found, key=lambda p: (not p.limit_micros, p.percent, p.cap), default=Pressure())


@dataclass(frozen=True)
class Change:
    """One thing that was lowered, at which step."""

    what: str
    before: str
    after: str
    at_percent: int

    def __str__(self) -> str:
        return f"{self.what} {self.before} -> {self.after}"


def lowered_note(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """The sentence that goes with everything made by a lowered plan of an asset; none where nothing was lowered."""
    facts = plan.get("lowered")
    if not facts:
        return ()
    return (f"lowered by policy {facts['policy']}: {lowered_words(facts)} ({facts['why']})",)


def degrade_words(facts: Mapping[str, Any]) -> str:
    """What a policy did to a whole plan, in a sentence with the numbers."""
    before, after = facts["before"], facts["after"]
    return (
        f"Lowered by policy {facts['policy']}, because {facts['why']}; assets: {facts['assets']}; "
        f"expected {show(before['expected'])} -> {show(after['expected'])}, "
        f"worst {show(before['worst'])} -> {show(after['worst'])}"
    )


def lowered_words(facts: Mapping[str, Any]) -> str:
    return "; ".join(str(Change(**change)) for change in facts["changes"])


@dataclass(frozen=True)
class Making:
    """What an asset is made with: its number of drafts and its two roles. `changes` say how it came to that."""

    drafts: int
    draft_role: str
    final_role: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Lowering:
    """A policy's first `steps` steps, and why they are taken. Without a policy nothing is lowered."""

    policy: DegradePolicy | None = None
    steps: int = 0
    why: str = ""

    def apply(self, making: Making, can: Callable[[Stage, str], bool]) -> Making:
        """`making`, lowered. `can` says whether a role is able to make this asset; one that is not is passed over."""
        if self.policy is None:
            return making
        for step in self.policy.steps[: self.steps]:
            making = _lowered(making, step, self.policy.floor, can)
        return making

    def all_steps(self) -> list["Lowering"]:
        """Every lowering that the policy knows, from none to all of it."""
        most = len(self.policy.steps) if self.policy else 0
        return [replace(self, steps=steps) for steps in range(most + 1)]

    def facts(self, making: Making) -> dict[str, Any]:
        """What an asset's plan keeps of it, under the key `lowered`; nothing where nothing was lowered."""
        if self.policy is None or not making.changes:
            return {}
        changes = [asdict(change) for change in making.changes]
        return {"lowered": {"policy": self.policy.name, "why": self.why, "changes": changes}}


def _lowered(making: Making, step: Step, floor: Floor, can: Callable[[Stage, str], bool]) -> Making:
    drafts, draft_role, final_role = making.drafts, making.draft_role, making.final_role
    changes = list(making.changes)
    fewer = max(floor.drafts, step.drafts) if step.drafts else drafts
    if fewer < drafts:
        changes.append(Change("drafts", str(drafts), str(fewer), step.at_percent))
        drafts = fewer
    cheaper = step.draft_roles.get(draft_role, "")
    if cheaper and can("draft", cheaper):
        changes.append(Change("draft model", draft_role, cheaper, step.at_percent))
        draft_role = cheaper
    cheaper = step.final_roles.get(final_role, "")
    if cheaper and final_role not in floor.finals and can("final", cheaper):
        changes.append(Change("final model", final_role, cheaper, step.at_percent))
        final_role = cheaper
    return Making(drafts, draft_role, final_role, tuple(changes))
