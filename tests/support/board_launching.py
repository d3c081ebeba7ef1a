"""What the launch tests share: a brief, a photo, and what a preview shows."""

import re
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
