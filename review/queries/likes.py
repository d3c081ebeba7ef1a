"""Drafts that go into another run as references: which draft a reference is. Reading only.

An upload's file name says which draft it was made of; only an image with the upload's own bytes is believed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import uploads
from storage.database.tables import images, runs
from storage.records.uploads import PREFIX, named_draft

_OF_IMAGE = ("image_id", "run_id", "asset_key", "label", "sha256", "bucket", "object_key", "media_type")


@dataclass(frozen=True)
class KnownDraft:
    """A draft with its run, and where its bytes lie. `bucket` "" is the private one."""

    image_id: str
    run_id: str
    run_name: str
    round: int
    asset_key: str
    label: str
    sha256: str
    bucket: str
    object_key: str
    media_type: str

    @property
    def title(self) -> str:
        """Such as `draft B3 of slow-mornings, round 2`, or `draft A1 of linen-apron in autumn`."""
        of = self.asset_key if self.asset_key == self.run_name else f"{self.asset_key} in {self.run_name}"
        return f"draft {self.label} of {of}" + (f", round {self.round}" if self.round > 1 else "")

    @property
    def asset_url(self) -> str:
        return f"/runs/{quote(self.run_id, safe='')}/assets/{quote(self.asset_key, safe='')}"


def draft_of(database: Database, image_id: str) -> KnownDraft | None:
    """None for what is no draft."""
    return next(iter(_drafts(database, [image_id])), None)


def drafts_behind(database: Database, references: Iterable[str]) -> dict[str, KnownDraft]:
    """Those of a brief's references that are drafts, by their names there (`upload:<sha256>`)."""
    digests = [name.removeprefix(PREFIX) for name in references if name.startswith(PREFIX)]
    if not digests:
        return {}
    query = sa.select(uploads.c.sha256, uploads.c.file_name).where(uploads.c.sha256.in_(digests))
    with database.read() as connection:
        said = {row.sha256: named_draft(row.file_name) for row in connection.execute(query)}
    drafts = {draft.image_id: draft for draft in _drafts(database, filter(None, said.values()))}
    found = {digest: drafts.get(said.get(digest, "")) for digest in digests}
    return {f"{PREFIX}{digest}": draft for digest, draft in found.items() if draft and draft.sha256 == digest}


def upload_names(database: Database, references: Iterable[str]) -> dict[str, str]:
    """The file names of those references that are uploads, by their names in a brief."""
    digests = [name.removeprefix(PREFIX) for name in references if name.startswith(PREFIX)]
    query = sa.select(uploads.c.sha256, uploads.c.file_name).where(uploads.c.sha256.in_(digests))
    with database.read() as connection:
        return {f"{PREFIX}{row.sha256}": row.file_name for row in connection.execute(query)}


def _drafts(database: Database, image_ids: Iterable[str]) -> list[KnownDraft]:
    asked = list(image_ids)
    if not asked:
        return []
    columns = (*(images.c[name] for name in _OF_IMAGE), runs.c.name.label("run_name"), runs.c.plan)
    query = sa.select(*columns).join(runs, runs.c.run_id == images.c.run_id)
    with database.read() as connection:
        rows = connection.execute(query.where(images.c.image_id.in_(asked), images.c.stage == "draft"))
        return [_draft(row) for row in rows.mappings()]


def _draft(row: Any) -> KnownDraft:
    facts = {name: row[name] for name in (*_OF_IMAGE, "run_name")}
    return KnownDraft(**facts, round=int(row["plan"].get("round", 1)))
