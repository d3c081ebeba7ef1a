"""Ladders: which role makes the drafts, which the final, and why. Roles, not model ids.

The price book maps roles to model ids by date. A ladder is data (wiring/ladders/*.yaml). The first final rule whose
condition the brief meets is taken; the last one is always `always`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.brief import _CINEMATIC, CINEMATIC_RATIO, Brief
from domain.prompt import Dialect

When = Literal["text_in_image", "people", "cinematic", "many_references", "needs_4k", "always"]
RoleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
Megapixels = Annotated[float | None, Field(gt=0, le=16)]

MAX_RULES = 12
DEFAULT_MEGAPIXELS = 1.0


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Role(_Data):
    """What is said of a role on every ladder: its prompt dialect, and its name for people."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    dialect: Dialect


class Rung(_Data):
    """A role and the size that it renders, in megapixels of 2^20 pixels; None leaves it at one."""

    role: RoleName
    megapixels: Megapixels = None


class FinalRule(Rung):
    """A final rung and when it is taken; `why` is half a sentence for the person who pays."""

    when: When
    why: Annotated[str, Field(min_length=1, max_length=200)]


class UpscaleRung(_Data):
    """Super-resolution of a final. It runs only where a placement asks for more pixels than the final has."""

    role: RoleName = "realesrgan-x4plus"
    when: Literal["a_placement_needs_it", "never"] = "a_placement_needs_it"
    max_factor: Annotated[float, Field(ge=1, le=8)] = 4.0


@dataclass(frozen=True)
class Choice:
    """Who makes the final. `reason` is a sentence that names the evidence."""

    role: str
    megapixels: float | None
    reason: str
    when: When = "always"


class Ladder(_Data):
    """From draft to final, as roles."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    draft: Rung
    finals: Annotated[tuple[FinalRule, ...], Field(min_length=1, max_length=MAX_RULES)]
    upscale: UpscaleRung = UpscaleRung()

    @model_validator(mode="after")
    def _ends_in_always(self) -> "Ladder":
        conditions = [rule.when for rule in self.finals]
        if conditions[-1] != "always":
            raise ValueError("finals: the last rule must say `when: always`, or some briefs would have no final")
        if len(set(conditions)) != len(conditions):
            raise ValueError("finals: two rules share a `when`; the second would never be taken")
        return self

    def choose_final(self, brief: Brief) -> Choice:
        """The first rule that the brief meets, with its evidence in words."""
        for rule in self.finals:
            evidence = _EVIDENCE[rule.when](brief)
            if evidence:
                return Choice(rule.role, rule.megapixels, f"{evidence}; {rule.why}", rule.when)
        raise AssertionError("the last rule is `always`, the validator saw to it")

    def pairs(self) -> tuple[tuple[Rung, FinalRule], ...]:
        """The draft rung with each different final (role and size), for the linter of tier inversion."""
        different = {(rule.role, rule.megapixels): rule for rule in reversed(self.finals)}
        return tuple((self.draft, rule) for rule in self.finals if different[rule.role, rule.megapixels] is rule)

    def roles(self) -> tuple[str, ...]:
        """Every model role it names, once, draft first; the upscaler is no model that is paid for."""
        return tuple(dict.fromkeys((self.draft.role, *(rule.role for rule in self.finals))))


def _text(brief: Brief) -> str:
    return f'text in image: "{brief.text_in_image}"' if brief.text_in_image else ""


def _people(brief: Brief) -> str:
    if not brief.shows_people:
        return ""
    if brief.people:
        return "people: the brief says so"
    return f'people: the brief says "{brief.person_named}"'


def _cinematic(brief: Brief) -> str:
    if not brief.is_cinematic:
        return ""
    word = _word(_CINEMATIC, brief.camera, brief.mood, brief.setting, brief.light)
    if word:
        return f'cinematic: the brief says "{word}"'
    largest = brief.largest
    return (
        f"cinematic: placement {largest.name!r} is {largest.ratio:.2f} times as wide as high (from {CINEMATIC_RATIO:g})"
    )


def _references(brief: Brief) -> str:
    return f"many references: {len(brief.references)} photos" if brief.has_many_references else ""


def _four_k(brief: Brief) -> str:
    largest = brief.largest
    return f"4K: placement {largest.name!r} is {largest.width_px}x{largest.height_px}" if brief.needs_4k else ""


def _word(pattern: re.Pattern[str], *texts: str) -> str:
    found = pattern.search(" ".join(texts))
    return found.group(0) if found else ""


_EVIDENCE: Mapping[When, Callable[[Brief], str]] = {
    "text_in_image": _text,
    "people": _people,
    "cinematic": _cinematic,
    "many_references": _references,
    "needs_4k": _four_k,
    "always": lambda _brief: "nothing special is asked",
}
