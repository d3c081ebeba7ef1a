"""Words from briefs and feeds, made safe to stand in a prompt. Pure text; knows no brief, template or model.

Such words are data, never instructions to us: control characters and line breaks become spaces, the sandbox's fault
markers are taken out, doubled punctuation is healed. Braces keep no meaning, because nothing is interpreted twice.
"""

import re
import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"

_MARKER = re.compile(r"\[\[.*?\]\]")
_STRAY_BRACKETS = re.compile(r"\[{2,}|\]{2,}")
_DOUBLED = re.compile(r"([,.;:!?…])(?:\s*[,.;:])+")
_LOST_COMMA = re.compile(r"\s+([,;])\s*")
_SPACE_BEFORE = re.compile(r"\s+([.:])(?=\s|$)")
_EDGES = " \t,;:."
_JOINERS = "\u200c\u200d"
_LOOSE_JOINER = re.compile(rf"(?<![^\s\[\]])[{_JOINERS}]+|[{_JOINERS}]+(?![^\s\[\]{_JOINERS}])")
"""Joiners spell words in Persian and Hindi and hold an emoji's parts together; anywhere else they only hide."""


def one_line(text: str) -> str:
    """NFC, no control or invisible characters, single spaces, and no sandbox marker `[[...]]`.

    Joiners inside words stay. Invisible characters go before the markers do, so that none of them can hide a marker.
    """
    visible = _seen(unicodedata.normalize("NFC", text))
    unmarked = _STRAY_BRACKETS.sub(" ", _MARKER.sub(" ", visible))
    return " ".join(unmarked.split())


def has_marker(text: str) -> bool:
    """Whether `one_line` takes a marker, or half of one, out of this text."""
    return bool(_STRAY_BRACKETS.search(_seen(text)))


def phrase(text: str) -> str:
    """One line that a sentence can go on after: no doubled punctuation, none at either end except `!` and `?`."""
    line = _LOST_COMMA.sub(r"\1 ", _DOUBLED.sub(r"\1", one_line(text)))
    return _SPACE_BEFORE.sub(r"\1", line).strip(_EDGES)


def quoted(text: str) -> str:
    """The exact words in quotation marks; curly ones where the words themselves hold a straight one."""
    line = one_line(text)
    if not line:
        return ""
    return f"“{line}”" if '"' in line else f'"{line}"'


def listing(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def clipped(text: str, limit_chars: int) -> str:
    """At most `limit_chars` characters, cut at a space where there is one."""
    if len(text) <= limit_chars:
        return text
    return text[: limit_chars + 1].rsplit(" ", 1)[0][:limit_chars].rstrip(_EDGES)


def opened(sentence: str) -> str:
    """A capital at the start of a sentence, unless its first word is written with capitals of its own (iPhone)."""
    first = sentence.split(" ", 1)[0]
    return sentence[:1].upper() + sentence[1:] if first.islower() else sentence


def glue(left: str, right: str) -> str:
    """Two neighbours in a sentence; the full stop or comma after a `!` or `?` is left out."""
    if left[-1:] in ("!", "?", ELLIPSIS) and right[:1] in (".", ",", ";", ":"):
        right = right[1:]
    return left + right


def _seen(text: str) -> str:
    return _LOOSE_JOINER.sub("", "".join(map(_visible, text)))


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" and char not in _JOINERS:
        return ""
    return " " if category in ("Cc", "Cs", "Co") else char
