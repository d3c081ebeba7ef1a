"""An object store in a folder: what the money's tests need of S3, shared by processes, and out of reach on demand."""

import uuid
from pathlib import Path
from typing import cast

from domain.canonical import sha256_hex
from domain.errors import StorageError
from storage.objects.store import ObjectStore, Stored


class FolderStore:
    """`put_immutable` and `get` of ObjectStore on files. `out_of_reach` True makes every call fail."""

    private, public = "private", "public"

    def __init__(self, folder: Path) -> None:
        self.folder, self.out_of_reach = folder, False

    def put_immutable(self, bucket: str, key: str, data: bytes, media_type: str, **_: object) -> Stored:
        self._reach()
        path = self.folder / bucket / key
        created = not path.exists()
        assert created or path.read_bytes() == data, "an immutable key was written with other bytes"
        path.parent.mkdir(parents=True, exist_ok=True)
        # whole or not at all, as S3 does it, whoever writes at the same time or dies while writing
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        aside.write_bytes(data)
        aside.replace(path)
        return Stored(bucket, key, sha256_hex(data), len(data), "", created)

    def get(self, bucket: str, key: str) -> bytes:
        self._reach()
        return (self.folder / bucket / key).read_bytes()

    def close(self) -> None:
        """Nothing is open."""

    def as_store(self) -> ObjectStore:
        return cast(ObjectStore, self)

    def _reach(self) -> None:
        if self.out_of_reach:
            raise StorageError("the store is out of reach")
