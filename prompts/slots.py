"""From a brief, a draft variation and reference roles to the slots that templates use. Pure; knows no template."""

from collections.abc import Sequence

from domain.brief import MAX_REFERENCES, Brief
from domain.errors import InputError
from domain.prompt import ReferenceRole
from prompts.text import glue, has_marker, listing, phrase, quoted
from prompts.variations import Variation, needs_room

MAX_ROLES = MAX_REFERENCES + 1
"""A brief's references and, before them, the select."""

WORD_SLOTS = ("subject", "action", "setting", "light", "camera", "mood")
"""Slots that hold free words of the brief; only these may be shortened."""

ROOM = "the whole subject well inside the frame, with free space on every side for other crops"


def slots_for(brief: Brief, variation: Variation | None, roles: Sequence[ReferenceRole]) -> dict[str, str]:
    """Every slot by name, empty where the brief says nothing. Raises InputError when no subject is left."""
    axes = variation.axes if variation else {}
    slots = {name: _with_axis(phrase(getattr(brief, name)), axes.get(name, "")) for name in WORD_SLOTS}
    if not slots["subject"]:
        raise InputError("nothing is left to show once markers and punctuation are gone", where=f"{brief.name}.subject")
    slots["palette"] = ", ".join(brief.palette)
    slots["text"] = quoted(brief.text_in_image)
    slots["room"] = ROOM if needs_room(brief) else ""
    return slots | _reference_slots(roles, brief)


def marker_warnings(brief: Brief) -> tuple[str, ...]:
    """One sentence for each field that lost a `[[marker]]`."""
    fields = [n for n in (*WORD_SLOTS, "text_in_image") if has_marker(getattr(brief, n))]
    return tuple(f"{name}: text in double square brackets was left out of the prompt" for name in fields)


def _with_axis(words: str, axis: str) -> str:
    return glue(words, f", {axis}") if words and axis else words or axis


def _reference_slots(roles: Sequence[ReferenceRole], brief: Brief) -> dict[str, str]:
    if len(roles) > MAX_ROLES:
        raise InputError(f"at most {MAX_ROLES} reference images, not {len(roles)}", where=f"{brief.name}.references")
    if "select" in roles[1:]:
        raise InputError("there is one select and it is the first reference", where=f"{brief.name}.references")
    return {
        "select": _images([i for i, role in enumerate(roles, 1) if role == "select"]),
        "products": _images([i for i, role in enumerate(roles, 1) if role == "product"]),
        "styles": _images([i for i, role in enumerate(roles, 1) if role == "style"]),
    }


def _images(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    return f"image{'s' if len(numbers) > 1 else ''} {listing([str(n) for n in numbers])}"
