"""A description with HTML in it as plain text of a bounded length, cut at a sentence.

What lives here: tags, entities, sentences. What may not: columns and rows.
"""

import html
import re
from html.parser import HTMLParser

from domain.feeds.bounds import MAX_DESCRIPTION_CHARS, MAX_HTML_CHARS, MAX_SHORT_CHARS

SILENT = frozenset({"script", "style", "template", "noscript", "iframe", "svg", "head"})
INLINE = frozenset({"a", "abbr", "b", "bdi", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "u"})
SENTENCE_ENDS = (". ", "! ", "? ", "。")
MARKUP = re.compile(r"<[a-zA-Z/!?]|&[#a-zA-Z]")
# HTMLParser of Python 3.11 raises AssertionError on "<![" and takes quadratic time on unclosed tags (seen: 2.8 s for
# 20,000 characters of "<a "), so it gets tags without attributes and nothing else. Every pattern here is linear: none
# can run over the next "<", or it eats what it ran over.
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
DECLARATION = re.compile(r"<[!?][^>]*(?:>|\Z)")
TAGS = (
    re.compile(r"""<(/?[a-zA-Z][a-zA-Z0-9]*+)(?:[^<>"'a-zA-Z0-9](?:"[^"<]*"|'[^'<]*'|[^<>"'])*)?>"""),
    re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>"),
)
LOOSE = re.compile(r"<(?!/?[a-zA-Z][a-zA-Z0-9]*+>)")


class _Text(HTMLParser):
    """Collects text; block elements end a word, and a list item or a paragraph ends a sentence."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        if tag not in INLINE:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT and self._silent > 0
        if tag in {"li", "p", "h1", "h2", "h3", "h4", "tr", "div"}:
            self.parts.append("\n")
        elif tag not in INLINE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(" ".join(data.split(" ")).replace("\n", " ").replace("\r", " "))


def plain_text(value: str, *, limit_chars: int = MAX_DESCRIPTION_CHARS) -> str:
    """Text without tags, entities resolved, white space made single, at most `limit_chars` long."""
    value = value[:MAX_HTML_CHARS]
    if not MARKUP.search(value):
        return cut_at_sentence(" ".join(value.split()), limit_chars)
    parser = _Text()
    parser.feed(_bare_tags(value))
    parser.close()
    blocks = (" ".join(block.split()) for block in "".join(parser.parts).split("\n"))
    return cut_at_sentence(_joined([block for block in blocks if block]), limit_chars)


def _bare_tags(value: str) -> str:
    value = DECLARATION.sub(" ", COMMENT.sub(" ", value))
    for pattern in TAGS:
        value = pattern.sub(r"<\1>", value)
    return LOOSE.sub("&lt;", value)


def _joined(blocks: list[str]) -> str:
    """Blocks as sentences: a full stop where a block ends without any mark, so that list items do not run together."""
    ended = [text if text[-1] in ".!?:;,。" else f"{text}." for text in blocks[:-1]]
    return " ".join([*ended, *blocks[-1:]])


def cut_at_sentence(text: str, limit_chars: int) -> str:
    """At most `limit_chars`: up to the last sentence that fits, else up to the last word, else cut hard."""
    if len(text) <= limit_chars:
        return text
    head = text[:limit_chars]
    ends = [at + len(mark) for mark in SENTENCE_ENDS if (at := f"{head} ".rfind(mark)) > limit_chars // 3]
    if ends:
        return head[: max(ends)].rstrip()
    space = head.rfind(" ")
    return head[:space].rstrip() if space > limit_chars // 3 else head


def short_text(value: str, *, limit_chars: int = MAX_SHORT_CHARS) -> str:
    """A brand, a kind, a tag: one line, entities resolved, cut hard at the bound."""
    return " ".join(html.unescape(value).split())[:limit_chars].rstrip()
