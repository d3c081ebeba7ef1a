"""The prompt book: templates by dialect, loaded from data, and the one way to render a brief. No network or storage."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import get_args

from domain.brief import MAX_TEXT_CHARS, Brief
from domain.canonical import sha256_hex
from domain.errors import InputError
from domain.prompt import Dialect, Prompt, ReferenceRole
from prompts.slots import MAX_ROLES, ROOM, WORD_SLOTS, marker_warnings, slots_for
from prompts.template import SLOTS, Template, parse
from prompts.text import clipped
from prompts.variations import MAX_CHOICE_CHARS, Aspects, Variation, parse_aspects, variations

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
MAX_TEMPLATE_BYTES = 64_000
MIN_WORDS_CHARS = 80
"""A slot is never shortened below this."""

MAX_PALETTE_CHARS = 8 * 42
MAX_QUOTED_CHARS = 82

_PROBE = "\x00"
_FILE = re.compile(r"^v([1-9][0-9]{0,3})\.txt$")


@dataclass(frozen=True)
class RenderedPrompt(Prompt):
    """A prompt and what a person should know about it: each warning is a sentence."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edition:
    """One template in one version: `label` is `flux/1-<sha8>` and changes with any byte of the file."""

    template: Template
    label: str


@dataclass(frozen=True)
class PromptBook:
    """Templates and draft variations. Make one with `PromptBook.load`."""

    editions: Mapping[Dialect, Edition]
    aspects: Aspects
    variations_version: str = field(default="")

    @classmethod
    def load(cls, folder: Path | None = None) -> "PromptBook":
        """The package's own data, overridden by what `folder` holds: `<dialect>/vN.txt`, `variations.yaml`.

        The highest N of a dialect counts. Raises InputError with file and line.
        """
        own = files("prompts")
        editions = {d: _newest(own / "templates" / d, d) for d in DIALECTS}
        source = own / "variations.yaml"
        if folder is not None:
            if not folder.is_dir():
                raise InputError("no such folder of prompt templates", where=str(folder))
            editions |= {d: _newest(folder / d, d) for d in DIALECTS if (folder / d).is_dir()}
            if (folder / source.name).is_file():
                source = folder / source.name
        data = _read(source)
        aspects = parse_aspects(data.decode("utf-8"), str(source))
        return cls(editions, aspects, f"variations/{sha256_hex(data)[:8]}")

    def version(self, dialect: Dialect) -> str:
        return self.editions[dialect].label

    def variations(self, brief: Brief, count: int, *, axes: Collection[str] | None = None) -> tuple[Variation, ...]:
        """The first is the plain brief; see prompts.variations."""
        return variations(brief, count, self.aspects, axes=axes)

    def render(
        self,
        brief: Brief,
        dialect: Dialect,
        *,
        variation: Variation | None = None,
        reference_roles: Sequence[ReferenceRole] = (),
    ) -> RenderedPrompt:
        """The brief in one dialect. `reference_roles` says what each image sent along is for, in their order.

        Never longer than the template's `@max_chars`: what does not fit is shortened, with a warning.
        """
        template = self.editions[dialect].template
        slots = slots_for(brief, variation, reference_roles)
        text, shortened = _fit(template, slots)
        axes = dict(variation.axes) if variation else {}
        warnings = (*marker_warnings(brief), *shortened)
        return RenderedPrompt(text, dialect, self.version(dialect), axes, warnings)

    def check(self) -> list[str]:
        """Problems that a template can have although it loads: a slot that it drops, a worst case that does not fit."""
        return [problem for d in DIALECTS for problem in _problems(self.editions[d].template)]


def _newest(folder: Traversable, dialect: Dialect) -> Edition:
    found = [(int(m.group(1)), item) for item in folder.iterdir() if (m := _FILE.match(item.name))]
    if not found:
        raise InputError("no template vN.txt in this folder", where=str(folder))
    number, file = max(found, key=lambda pair: pair[0])
    data = _read(file)
    template = parse(data.decode("utf-8"), str(file))
    return Edition(template, f"{dialect}/{number}-{sha256_hex(data)[:8]}")


def _read(file: Traversable) -> bytes:
    data = file.read_bytes()
    if len(data) > MAX_TEMPLATE_BYTES:
        raise InputError(f"more than {MAX_TEMPLATE_BYTES} bytes", where=str(file))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError("not UTF-8", where=f"{file}:{line}") from error
    return data


def _fit(template: Template, slots: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """The text inside the bound; the longest free words give way first, quoted text and references never."""
    before = dict(slots)
    text = template.fill(slots)
    while (excess := len(text) - template.max_chars) > 0:
        name = max(WORD_SLOTS, key=lambda n: len(slots[n]) if n in template.used_slots else 0)
        if len(slots[name]) <= MIN_WORDS_CHARS:
            raise InputError(f"fixed words leave no room under {template.max_chars} characters", where=template.where)
        slots[name] = clipped(slots[name], max(MIN_WORDS_CHARS, len(slots[name]) - excess))
        text = template.fill(slots)
    cut = [n for n in WORD_SLOTS if slots[n] != before[n]]
    sentence = "{} was shortened from {} to {} characters: the prompt may have {}"
    return text, tuple(sentence.format(n, len(before[n]), len(slots[n]), template.max_chars) for n in cut)


def _problems(template: Template) -> list[str]:
    found = []
    for slot in SLOTS:
        if slot not in template.used_slots and slot != "room":
            found.append(f"{template.where}: {{{slot}}} is never used, what a brief says there would be lost")
        elif slot in template.used_slots and _PROBE not in template.fill({"subject": "subject", slot: _PROBE}):
            found.append(f"{template.where}: {{{slot}}} shows only when another slot is filled too")
    try:
        _fit(template, _longest_slots())
    except InputError as error:
        found.append(str(error))
    return found


def _longest_slots() -> dict[str, str]:
    """The longest that each slot can become: a whole brief with a variation and every reference in one role."""
    words = dict.fromkeys(WORD_SLOTS, "x" * (MAX_TEXT_CHARS + MAX_CHOICE_CHARS))
    images = f"images {', '.join(str(n) for n in range(1, MAX_ROLES + 1))}"
    pictures = dict.fromkeys(("select", "products", "styles"), images)
    return words | pictures | {"palette": "x" * MAX_PALETTE_CHARS, "text": "x" * MAX_QUOTED_CHARS, "room": ROOM}
