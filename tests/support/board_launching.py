"""What the launch tests share: a brief, a photo, what a preview shows, and what a browser would send of a page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.support.board import BoardClient

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTO = SAMPLES / "photos" / "stoneware-mug.png"
BRIEF = {"subject": "a stoneware mug on an oak table", "placements": "web", "form_id": "f1", "ladder": "economy"}


def seen(page: str) -> dict[str, str]:
    """What a page's form carries of the quote that it shows."""
    found = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in ("quote_hash", "quote_seen")}
    return {name: match[1].replace("&#34;", '"') for name, match in found.items() if match}


def previewed(client: BoardClient, **fields: Any) -> dict[str, Any]:
    """A brief with the quote that its preview showed."""
    answer = client.submit("/launch/preview", **{**BRIEF, **fields})
    assert answer.status_code == 200
    return {**BRIEF, **fields, **seen(answer.text)}


def filled(page: str) -> dict[str, list[str]]:
    """What a browser sends of the launch form in a page, its token apart."""
    reader = _Fields()
    reader.feed(page[page.index('id="launch-form"') :])
    return {name: values for name, values in reader.found.items() if name != "csrf_token"}


class _Fields(HTMLParser):
    """Inputs, the chosen options and the texts of text areas, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.select = self.area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name, value = has.get("name") or "", has.get("value") or ""
        if tag == "select":
            self.select = name
        elif tag == "textarea":
            self.area = name
            self.found.setdefault(name, []).append("")
        elif tag == "option" and self.select and "selected" in has:
            self.found.setdefault(self.select, []).append(value)
        elif tag == "input" and name and has.get("type") != "file" and _is_on(has):
            self.found.setdefault(name, []).append(value)

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[self.area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = ""
        elif tag == "select":
            self.select = ""


def _is_on(has: dict[str, str | None]) -> bool:
    return has.get("type") not in ("checkbox", "radio") or "checked" in has
