"""The reference photos of a form as people see them: uploads by their file's name, drafts by their run and label."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from review.queries.addresses import upload_url
from review.queries.likes import drafts_behind
from storage.records.uploads import PREFIX as UPLOAD
from wiring import Wiring


@dataclass(frozen=True)
class ReferenceItem:
    """One of them. `name` is how a brief names it; `title` a file's name, or such as `draft B3 of slow-mornings`.

    `asset_url` leads to the draft; "" for an upload. `is_style`: it is there for its look, not for the product.
    """

    name: str
    title: str
    size: str
    thumb_url: str
    asset_url: str = ""
    is_style: bool = False


def reference_items(w: Wiring, names: Iterable[str], styles: Collection[str] = ()) -> list[ReferenceItem]:
    """In their order. Blocks for the database."""
    uploaded = [name for name in names if name.startswith(UPLOAD)]
    drafts, items = drafts_behind(w.database, uploaded), []
    for name in uploaded:
        digest = name.removeprefix(UPLOAD)
        found, draft = w.uploads.get(digest), drafts.get(name)
        title = draft.title if draft else found.file_name if found else "photo"
        size = f"{found.width_px} × {found.height_px}" if found else "not there any more"
        asset_url = draft.asset_url if draft else ""
        items.append(ReferenceItem(name, title, size, upload_url(digest), asset_url, name in styles))
    return items
