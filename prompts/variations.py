"""Draft variations: what the drafts of one brief differ in. Chosen from data, by its fingerprint and the ordinal.

The first is the plain brief. Each other one changes one or two named axes and nothing else, never an aspect that the
brief itself settles. Which aspects there are, and the words that settle them, is `prompts/variations.yaml`.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.brief import Brief
from domain.canonical import digest
from domain.catalog import Axis
from domain.errors import InputError

AXES: tuple[Axis, ...] = get_args(Axis)
LATER_AXES = ("setting", "mood")
"""Camera and light change a picture most, mood least: a sheet of few drafts differs in this order."""

MAX_VARIATIONS = 64
MAX_CHOICE_CHARS = 120
ROOM_RATIO_SPREAD = 1.3
"""Placements whose ratios differ by more than this factor are crops of each other: the subject stays inside."""

_FIELDS = ("subject", "action", "setting", "light", "camera", "mood")


@dataclass(frozen=True)
class Variation:
    """`axes` maps a changed axis to the words that are added there, e.g. {"camera": "low angle"}; empty is plain."""

    ordinal: int
    axes: dict[str, str] = field(default_factory=dict)


class Aspect(BaseModel):
    """One thing of an axis that can differ (framing of the camera), with its choices. See variations.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choices: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=MAX_CHOICE_CHARS)], ...], Field(min_length=1)
    ]
    within: bool = False
    people: bool = True
    room: bool = True
    fixed_by: tuple[str, ...] = ()

    def is_open(self, axis: Axis, brief: Brief, words: str) -> bool:
        """Whether the brief leaves this aspect to us; `words` are all its words in lower case."""
        if getattr(brief, axis) and not self.within:
            return False
        if (brief.shows_people and not self.people) or (needs_room(brief) and not self.room):
            return False
        return not any(re.search(rf"(?<!\w){re.escape(w.lower())}(?!\w)", words) for w in self.fixed_by)


Aspects = Mapping[Axis, Mapping[str, Aspect]]
_ASPECTS: TypeAdapter[dict[Axis, dict[str, Aspect]]] = TypeAdapter(dict[Axis, dict[str, Aspect]])


def parse_aspects(source: str, where: str) -> Aspects:
    """Raises InputError that names the file and the line or field."""
    try:
        return _ASPECTS.validate_python(yaml.safe_load(source))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(str(error.problem), where=f"{where}{line}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise InputError(first["msg"], where=f"{where}: {place}") from error


def variations(
    brief: Brief, count: int, aspects: Aspects, *, axes: Collection[str] | None = None
) -> tuple[Variation, ...]:
    """`count` variations, 1 to 64; `axes` restricts what may change (an empty one: nothing).

    When a brief settles so much that fewer differ, the rest repeat the plain brief: then only chance differs.
    """
    if not 1 <= count <= MAX_VARIATIONS:
        raise InputError(f"from 1 to {MAX_VARIATIONS} drafts a brief, not {count}", where=brief.name)
    unknown = set(axes or ()) - set(AXES)
    if unknown:
        raise InputError(
            f"unknown axis {', '.join(sorted(unknown))}", where=brief.name, hint=f"Known: {', '.join(AXES)}"
        )
    singles = _singles(brief, aspects, AXES if axes is None else axes)
    chosen = itertools.islice(_ordered(singles), count - 1)
    filled = itertools.chain([{}], chosen, itertools.repeat({}))
    return tuple(Variation(n, dict(axes_)) for n, axes_ in enumerate(itertools.islice(filled, count)))


def needs_room(brief: Brief) -> bool:
    """Whether its placements differ so much in shape that each other one is a deep crop."""
    ratios = [p.ratio for p in brief.placements if p.fit == "cover"]
    return len(ratios) > 1 and max(ratios) > ROOM_RATIO_SPREAD * min(ratios)


def _singles(brief: Brief, aspects: Aspects, axes: Collection[str]) -> list[list[dict[str, str]]]:
    """For each open axis its choices, axes and choices in an order that the brief's fingerprint gives."""
    key = brief.fingerprint()
    words = " ".join(" ".join(getattr(brief, f) for f in _FIELDS).lower().split())
    columns: list[list[dict[str, str]]] = []
    for axis in sorted((a for a in AXES if a in axes), key=lambda a: _rank(key, a)):
        open_choices = [
            choice
            for aspect in aspects.get(axis, {}).values()
            if aspect.is_open(axis, brief, words)
            for choice in aspect.choices
        ]
        columns.append([{axis: c} for c in sorted(open_choices, key=lambda c: digest([key, c]))])
    return columns


def _rank(key: str, axis: Axis) -> tuple[int, str]:
    return (LATER_AXES.index(axis) + 1 if axis in LATER_AXES else 0, digest([key, axis]))


def _ordered(columns: Sequence[Sequence[dict[str, str]]]) -> Iterator[dict[str, str]]:
    """First one change on each axis, then pairs and single changes in turn; none twice."""
    rows = itertools.zip_longest(*columns)
    singles = [single for row in rows for single in row if single]
    axes_count = sum(1 for column in columns if column)
    yield from singles[:axes_count]
    turns = itertools.zip_longest(_pairs(columns), singles[axes_count:])
    yield from (axes for turn in turns for axes in turn if axes)


def _pairs(columns: Sequence[Sequence[dict[str, str]]]) -> Iterator[dict[str, str]]:
    """Every pair of choices from two axes, pairs of axes in turn, last choices first (singles begin with the first)."""
    backwards = [list(reversed(column)) for column in columns if column]
    products = [_diagonal(a, b) for a, b in itertools.combinations(backwards, 2)]
    for row in itertools.zip_longest(*products):
        yield from (pair for pair in row if pair)


def _diagonal(first: Sequence[dict[str, str]], second: Sequence[dict[str, str]]) -> Iterator[dict[str, str]]:
    for shift in range(len(second)):
        for i, left in enumerate(first):
            yield left | second[(i + shift) % len(second)]
