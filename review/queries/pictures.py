"""Where the bytes of a picture lie: an image's, a product photo's, an upload's."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import uploads
from storage.database.tables import assets, images
from storage.objects import keys
from tasks.media import extension_of


@dataclass(frozen=True)
class Stored:
    """A picture in the store. `bucket` "" is the private one; `name` is what a saved copy may be called."""

    sha256: str
    bucket: str
    object_key: str
    media_type: str
    name: str


def stored_image(database: Database, image_id: str) -> Stored | None:
    names = ("sha256", "bucket", "object_key", "media_type", "asset_key", "stage", "label")
    row = _first(database, sa.select(*(images.c[name] for name in names)).where(images.c.image_id == image_id))
    if row is None:
        return None
    name = f"{row.asset_key}-{row.stage}-{row.label or 'image'}.{extension_of(row.media_type)}"
    return Stored(row.sha256, row.bucket, row.object_key, row.media_type, name)


def stored_reference(database: Database, run_id: str, asset_key: str, number: int) -> Stored | None:
    """The asset's `number`-th product photo, as it went in with requests."""
    where = (assets.c.run_id == run_id, assets.c.asset_key == asset_key)
    row = _first(database, sa.select(assets.c.plan["references"].label("references")).where(*where))
    if row is None or not 0 <= number < len(row.references or ()):
        return None
    facts = row.references[number]
    extension = extension_of(facts["media_type"])
    key = keys.original(facts["sha256"], extension)
    return Stored(facts["sha256"], "", key, facts["media_type"], f"{asset_key}-photo-{number + 1}.{extension}")


def stored_upload(database: Database, sha256: str) -> Stored | None:
    row = _first(database, sa.select(uploads).where(uploads.c.sha256 == sha256))
    return Stored(row.sha256, "", row.object_key, row.media_type, row.file_name) if row is not None else None


def _first(database: Database, query: "sa.Select[Any]") -> Any:
    with database.read() as connection:
        return connection.execute(query).first()
