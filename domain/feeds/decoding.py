"""Bytes of a feed into text: UTF-8, UTF-16 (Google's exports), Windows-1252 line by line when it must be.

What lives here: encodings and what is said about them. What may not: columns and rows.
"""

from dataclasses import dataclass

from domain.errors import InputError
from domain.feeds.bounds import MAX_FEED_BYTES, NOTE_PREFIX

UTF8_MARK, UTF16_LE_MARK, UTF16_BE_MARK = b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"
NAMED_LINES = 5  # line numbers given in a note before it says "and N more"
# What could not be read becomes a C1 control character, so that the row is reported like any row with one in it.
UNREADABLE = "\x81"
NOT_TEXT = {
    b"PK\x03\x04": "it is a spreadsheet or a zip file: save it as CSV",
    b"\x1f\x8b": "it is gzip-compressed: unpack it first",
    b"\xd0\xcf\x11\xe0": "it is an old Excel file: save it as CSV",
    b"%PDF": "it is a PDF",
    **dict.fromkeys((b"<?xml", b"<rss", b"<feed"), "it is XML: export the feed as TSV or CSV"),
}


@dataclass(frozen=True)
class Decoded:
    """The text, and the note for the report when it had to be guessed ("" when nothing was)."""

    text: str
    note: str = ""


def decode(data: bytes, *, name: str) -> Decoded:
    """The text of a feed. InputError when it is too long, empty or plainly something else than text."""
    if len(data) > MAX_FEED_BYTES:
        raise InputError(f"the feed has {len(data):,} bytes, the limit is {MAX_FEED_BYTES:,}", where=name)
    for mark, problem in NOT_TEXT.items():
        if data.removeprefix(UTF8_MARK).startswith(mark):
            raise InputError(f"not a feed that can be read, {problem}", where=name)
    wide = _wide_encoding(data)
    if wide:
        return _decode_wide(data, wide)
    data = data.removeprefix(UTF8_MARK)
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError:
        return _decode_by_line(data)


def _wide_encoding(data: bytes) -> str:
    """UTF-16 by its mark, or without one by the zero byte beside the first letter of a header."""
    if data.startswith(UTF16_LE_MARK):
        return "utf-16-le"
    if data.startswith(UTF16_BE_MARK):
        return "utf-16-be"
    first, second = data[:1], data[1:2]
    if second == b"\0" and first not in (b"", b"\0"):
        return "utf-16-le"
    return "utf-16-be" if first == b"\0" and second not in (b"", b"\0") else ""


def _decode_wide(data: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(data.decode(encoding).removeprefix("\ufeff"))
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
        note = f"{NOTE_PREFIX}parts of the UTF-16 text are broken; rows with such a part are reported"
        return Decoded(text.replace("\ufffd", UNREADABLE), note)


def _decode_by_line(data: bytes) -> Decoded:
    """Line by line, since two exports put together are common: good UTF-8 lines must not suffer from the others."""
    lines, old = [], []
    for number, raw in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), start=1):
        try:
            lines.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(_windows_1252(raw))
            old.append(number)
    return Decoded("\n".join(lines), _note(old))


def _windows_1252(raw: bytes) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace").replace("\ufffd", UNREADABLE)


def _note(lines: list[int]) -> str:
    named = ", ".join(str(line) for line in lines[:NAMED_LINES])
    more = f" and {len(lines) - NAMED_LINES} more" if len(lines) > NAMED_LINES else ""
    noun = "line" if len(lines) == 1 else "lines"
    return f"{NOTE_PREFIX}{noun} {named}{more} not in UTF-8, read as Windows-1252; check accented letters"
