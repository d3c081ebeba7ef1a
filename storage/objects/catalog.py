"""What a catalog looks like in the store: the pointer, the snapshots and their history.

What lives here: reading them, and the content of the next snapshot. What may not: writing (publish.py).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.canonical import sha256_hex
from domain.errors import InputError, StorageError
from storage.objects import keys
from storage.objects.store import MAX_JSON_BYTES, ObjectStore

SCHEMA = "draftline.catalog/1"
MAX_HISTORY = 256  # commits that a snapshot remembers; older ones are reached through the oldest that it names
MAX_POINTER_BYTES = 64 * 1024
MAX_HOPS = 1_000

Assets = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Snapshot:
    """A whole catalog at one version. `assets` maps SKU to {"manifest": key, "run_id": ...}.

    `history` lists the commits before this one, newest first: {version, snapshot, commit_id, fingerprint}.
    """

    catalog: str
    version: int
    key: str
    commit_id: str
    run_id: str
    fingerprint: str
    parent: str
    assets: Assets
    history: tuple[dict[str, Any], ...]

    def as_history(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "snapshot": self.key,
            "commit_id": self.commit_id,
            "fingerprint": self.fingerprint,
        }

    def find_commit(self, commit_id: str) -> dict[str, Any] | None:
        """A commit among this one and the MAX_HISTORY before it."""
        return next((c for c in (self.as_history(), *self.history) if c["commit_id"] == commit_id), None)


@dataclass(frozen=True)
class Catalog:
    """The pointer's etag (None: there is no pointer yet) and the snapshot that it names."""

    etag: str | None
    snapshot: Snapshot | None


def read_catalog(store: ObjectStore, catalog: str) -> Catalog:
    found = store.get_with_etag(store.public, keys.pointer(catalog), MAX_POINTER_BYTES)
    if found is None:
        return Catalog(etag=None, snapshot=None)
    pointer = _object(found[0], keys.pointer(catalog))
    snapshot = _read_snapshot(store, catalog, str(pointer["snapshot"]))
    if snapshot.version != pointer["version"]:
        raise StorageError(f"the pointer of catalog {catalog} and its snapshot disagree about the version")
    return Catalog(etag=found[1], snapshot=snapshot)


def read_version(store: ObjectStore, catalog: str, version: int) -> Snapshot:
    """The snapshot of a published version, found through the history (a listing would also show lost races)."""
    snapshot = read_catalog(store, catalog).snapshot
    for _ in range(MAX_HOPS):
        if snapshot is None or version > snapshot.version or version < 1:
            break
        if snapshot.version == version:
            return snapshot
        key = next((c["snapshot"] for c in snapshot.history if c["version"] <= version), None)
        key = key or (snapshot.history[-1]["snapshot"] if snapshot.history else None)
        snapshot = None if key is None else _read_snapshot(store, catalog, str(key))
    raise InputError(f"has no version {version}", where=f"catalog {catalog}")


def next_snapshot(
    current: Catalog, catalog: str, about: Mapping[str, Any], change: Callable[[Assets], Mapping[str, Any]]
) -> tuple[int, dict[str, Any]]:
    """(version, body) after `current`. No clock goes in, so the same commit on the same parent has the same bytes."""
    before = current.snapshot
    version = 1 if before is None else before.version + 1
    history = [] if before is None else [before.as_history(), *before.history][:MAX_HISTORY]
    return version, {
        "schema": SCHEMA,
        "catalog": catalog,
        "version": version,
        "parent": "" if before is None else before.key,
        **about,
        "assets": dict(change({} if before is None else before.assets)),
        "history": history,
    }


def _read_snapshot(store: ObjectStore, catalog: str, key: str) -> Snapshot:
    data = store.get(store.public, key, MAX_JSON_BYTES)
    body = _object(data, key)
    if body.get("schema") != SCHEMA:
        raise StorageError(f"s3://{store.public}/{key} has the schema {body.get('schema')!r}, not {SCHEMA}")
    if key != keys.snapshot(catalog, int(body["version"]), sha256_hex(data)):
        raise StorageError(f"s3://{store.public}/{key} does not hold the bytes that its name promises")
    return Snapshot(
        catalog=catalog,
        version=int(body["version"]),
        key=key,
        commit_id=str(body["commit_id"]),
        run_id=str(body["run_id"]),
        fingerprint=str(body["fingerprint"]),
        parent=str(body["parent"]),
        assets=body["assets"],
        history=tuple(body["history"]),
    )


def _object(data: bytes, key: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise StorageError(f"{key} is not JSON") from error
    if not isinstance(value, dict):
        raise StorageError(f"{key} is not a JSON object")
    return value
