"""Photos that people uploaded, and drafts that go in like them: what they are and where their bytes lie.

The bytes themselves are in the store. An upload of a draft names it by its file name, `draft-<image id>.<extension>`;
whoever reads that looks whether the image has these very bytes, for people may call their files so too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import uploads
from storage.database.upsert import insert_once
from storage.records.rows import from_row, to_row

PREFIX = "upload:"
"""`upload:<sha256>` names an upload where a brief names its reference photos."""
_OF_DRAFT = re.compile(r"draft-([0-9a-f]{24})\.[a-z0-9]+")


@dataclass(frozen=True)
class Upload:
    """One file, by the digest of its bytes as they came. Sizes are those of the upright picture."""

    sha256: str
    file_name: str
    media_type: str
    width_px: int
    height_px: int
    size_bytes: int
    object_key: str
    uploaded_by: str
    uploaded_at: datetime


class Uploads:
    """Writes an upload once; who came first stays its uploader."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def add(self, upload: Upload) -> bool:
        """True if these bytes are new here."""
        with self._database.write() as connection:
            return insert_once(connection, uploads, to_row(upload))

    def rename(self, sha256: str, file_name: str) -> None:
        """Another name for people to read; bytes and uploader stay."""
        with self._database.write() as connection:
            connection.execute(uploads.update().where(uploads.c.sha256 == sha256).values(file_name=file_name))

    def get(self, sha256: str) -> Upload | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(uploads).where(uploads.c.sha256 == sha256)).mappings().first()
        return from_row(Upload, row) if row else None

    def newest(self, by: str = "", limit: int = 50) -> list[Upload]:
        query = sa.select(uploads).order_by(uploads.c.uploaded_at.desc(), uploads.c.sha256).limit(limit)
        if by:
            query = query.where(uploads.c.uploaded_by == by)
        with self._database.read() as connection:
            return [from_row(Upload, row) for row in connection.execute(query).mappings()]


def draft_file_name(image_id: str, extension: str) -> str:
    """How the upload of a draft is called."""
    return f"draft-{image_id}.{extension}"


def named_draft(file_name: str) -> str:
    """The image id that such a file name says; "" for any other."""
    found = _OF_DRAFT.fullmatch(file_name)
    return found[1] if found else ""
