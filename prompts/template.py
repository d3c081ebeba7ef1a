"""The template language: one sentence a line. Parsing with exact places, and filling; knows no brief and no folder.

    # a comment
    @max_chars 4000            how long a prompt may become
    @join space                how sentences are joined: space or newline
    {subject}[, {action}].     {name} is a slot; [...] goes, with its punctuation, when a slot in it is empty

A sentence goes as a whole when a slot outside its brackets is empty. So nothing is left behind: no doubled comma, no
`Mood: .`. There is no logic, no escape and no nesting; a brace or bracket that means nothing is an error.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import InputError
from prompts.text import glue, opened

SLOTS = (
    "subject",
    "action",
    "setting",
    "light",
    "camera",
    "mood",
    "palette",
    "text",
    "room",
    "select",
    "products",
    "styles",
)
MIN_CHARS = 1_500
MAX_CHARS = 16_000
DEFAULT_CHARS = 4_000
MAX_LINES = 60
JOINS = {"space": " ", "newline": "\n"}

_TOKEN = re.compile(r"\{([^{}\[\]]*)\}|([\[\]{}])|([^{}\[\]]+)")


@dataclass(frozen=True)
class Part:
    """A run of fixed words, or (`is_slot`) the name of a slot."""

    text: str
    is_slot: bool = False


@dataclass(frozen=True)
class Group:
    """Parts that stand or go together; an optional group goes alone, any other takes its sentence with it."""

    parts: tuple[Part, ...]
    optional: bool

    def fill(self, slots: Mapping[str, str]) -> str | None:
        text = ""
        for part in self.parts:
            words = slots.get(part.text, "") if part.is_slot else part.text
            if part.is_slot and not words:
                return None
            text = glue(text, words)
        return text


@dataclass(frozen=True)
class Template:
    """A parsed template. `where` is its file as shown in errors."""

    where: str
    sentences: tuple[tuple[Group, ...], ...]
    max_chars: int = DEFAULT_CHARS
    join: str = " "

    @property
    def used_slots(self) -> frozenset[str]:
        return frozenset(p.text for s in self.sentences for g in s for p in g.parts if p.is_slot)

    def fill(self, slots: Mapping[str, str]) -> str:
        """The prompt's text; slots that are missing count as empty."""
        filled = (_fill_sentence(groups, slots) for groups in self.sentences)
        return self.join.join(opened(text) for text in filled if text)


def parse(source: str, where: str) -> Template:
    """Raises InputError with `where:line` for an unknown placeholder or directive and for loose braces or brackets."""
    lines = source.splitlines()
    if len(lines) > MAX_LINES:
        raise InputError(f"a template has at most {MAX_LINES} lines, this one has {len(lines)}", where=where)
    settings: dict[str, str] = {}
    sentences = []
    for number, raw in enumerate(lines, start=1):
        line, place = raw.strip(), f"{where}:{number}"
        if line.startswith("@"):
            _directive(line, place, settings)
        elif line and not line.startswith("#"):
            sentences.append(_sentence(line, place))
    if not any(p.is_slot and p.text == "subject" for s in sentences for g in s for p in g.parts):
        raise InputError("a template must use {subject}", where=where)
    max_chars = int(settings.get("max_chars", DEFAULT_CHARS))
    return Template(where, tuple(sentences), max_chars, JOINS[settings.get("join", "space")])


def _fill_sentence(groups: tuple[Group, ...], slots: Mapping[str, str]) -> str:
    text = ""
    for group in groups:
        words = group.fill(slots)
        if words is None and not group.optional:
            return ""
        text = glue(text, words or "")
    return text


def _directive(line: str, place: str, settings: dict[str, str]) -> None:
    name, _, value = line[1:].partition(" ")
    value = value.strip()
    if name == "max_chars":
        if not value.isdecimal() or not MIN_CHARS <= int(value) <= MAX_CHARS:
            raise InputError(f"@max_chars takes a number from {MIN_CHARS} to {MAX_CHARS}, not {value!r}", where=place)
    elif name == "join":
        if value not in JOINS:
            raise InputError(f"@join takes {' or '.join(JOINS)}, not {value!r}", where=place)
    else:
        raise InputError(f"unknown directive @{name}", where=place, hint="Known: @max_chars, @join")
    settings[name] = value


def _sentence(line: str, place: str) -> tuple[Group, ...]:
    groups: list[Group] = []
    parts: list[Part] = []
    optional = False
    for match in _TOKEN.finditer(line):
        name, bracket, words = match.groups()
        if bracket is None:
            parts.append(Part(words) if name is None else _slot(name, place, parts))
            continue
        if bracket in "{}":
            raise InputError(f"a {bracket!r} without its partner", where=place, hint="Slots are written {subject}")
        if (bracket == "[") == optional:
            raise InputError("brackets must open and close in turn and cannot be nested", where=place)
        _close(groups, parts, optional, place)
        parts, optional = [], not optional
    if optional:
        raise InputError("a '[' is never closed", where=place)
    _close(groups, parts, optional, place)
    return tuple(groups)


def _close(groups: list[Group], parts: list[Part], optional: bool, place: str) -> None:
    if optional and not any(p.is_slot for p in parts):
        raise InputError("brackets without a slot would always stand: leave them out", where=place)
    if parts:
        groups.append(Group(tuple(parts), optional))


def _slot(name: str, place: str, before: list[Part]) -> Part:
    if name not in SLOTS:
        close = difflib.get_close_matches(name, SLOTS, n=1)
        meant = f"Did you mean {{{close[0]}}}? " if close else ""
        raise InputError(f"unknown placeholder {{{name}}}", where=place, hint=f"{meant}Known: {', '.join(SLOTS)}")
    if before and before[-1].is_slot:
        raise InputError(f"something must stand between {{{before[-1].text}}} and {{{name}}}", where=place)
    return Part(name, is_slot=True)
