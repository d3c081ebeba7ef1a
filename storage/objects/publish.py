"""The publish protocol: manifests, then a snapshot, then the pointer.

What lives here: commits to a catalog. What may not: what is in a manifest (it is a plain dict), images, the database.

A commit is visible as a whole or not at all. Blobs come first (the caller has put them), a manifest names only what
exists, a snapshot lists every asset of the catalog, and one small pointer is moved by compare-and-swap. A reader
follows the pointer only. Versions grow by one; a rollback is a new version with an old content.
Snapshots of writers that lost a race stay behind as orphans; nothing names them.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.canonical import canonical_json, digest, sha256_hex
from domain.errors import InputError, PublishConflict, StorageError
from storage.objects import keys
from storage.objects.catalog import Catalog, Snapshot, next_snapshot, read_catalog, read_version
from storage.objects.store import MAX_JSON_BYTES, ObjectStore

MAX_REBASES = 60
FIRST_WAIT_S, MAX_WAIT_S = 0.02, 1.0
MAX_COMMIT_ASSETS = 50_000
MAX_NAMED_OBJECTS = 1_000  # in one manifest
MAX_MANIFEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class PublishCommit:
    """What one run wants to change: `assets` maps a SKU to its manifest (a plain JSON dict); `removed` SKUs go away.

    The same `commit_id` with the same assets is published once, however often it is asked for.
    """

    catalog: str
    run_id: str
    commit_id: str
    assets: Mapping[str, Mapping[str, Any]]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """Where a commit went. `created` is False when it had been published before; `manifests` maps SKU to key."""

    catalog: str
    version: int
    commit_id: str
    snapshot_key: str
    pointer_key: str
    created: bool
    manifests: Mapping[str, str] = field(default_factory=dict)


def publish(store: ObjectStore, commit: PublishCommit) -> Published:
    """Publish a commit. Raises StorageError (a named blob is missing), PublishConflict (too many other writers)."""
    _check(commit)
    fingerprint = digest({"assets": {k: dict(v) for k, v in commit.assets.items()}, "removed": sorted(commit.removed)})
    current = read_catalog(store, commit.catalog)
    done = _done_before(current, commit.catalog, commit.commit_id, fingerprint)
    if done is not None:
        return replace(done, manifests={sku: _manifest_key(commit, sku) for sku in commit.assets})
    _check_named_objects(store, commit)
    entries = dict(store.map(lambda sku: (sku, _put_manifest(store, commit, sku)), sorted(commit.assets)))

    def change(assets: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {sku: entry for sku, entry in {**assets, **entries}.items() if sku not in commit.removed}

    about = {"commit_id": commit.commit_id, "run_id": commit.run_id, "fingerprint": fingerprint}
    published = _commit(store, commit.catalog, about, change, current)
    return replace(published, manifests={sku: entry["manifest"] for sku, entry in entries.items()})


async def apublish(store: ObjectStore, commit: PublishCommit) -> Published:
    """publish() beside an event loop; in a thread of its own, as it waits for jobs of the store's pool."""
    return await asyncio.to_thread(publish, store, commit)


def rollback(store: ObjectStore, catalog: str, version: int, *, run_id: str, commit_id: str) -> Published:
    """Publish the content of an old version as a new one: versions never go back, readers check that they grow."""
    _check_id(commit_id)
    fingerprint = digest({"rollback_to": version})
    current = read_catalog(store, catalog)
    if current.snapshot is None:
        raise InputError("has never been published", where=f"catalog {catalog}")
    done = _done_before(current, catalog, commit_id, fingerprint)
    if done is not None:
        return done
    old = read_version(store, catalog, version).assets
    about = {"commit_id": commit_id, "run_id": run_id, "fingerprint": fingerprint, "rollback_to": version}
    return _commit(store, catalog, about, lambda _: {k: dict(v) for k, v in old.items()}, current)


def read_current(store: ObjectStore, catalog: str) -> Snapshot | None:
    """What readers see now, None if the catalog has never been published."""
    return read_catalog(store, catalog).snapshot


def _commit(store: ObjectStore, catalog: str, about: dict[str, Any], change: Any, current: Catalog) -> Published:
    """Snapshot and pointer, rebased on whatever the others did in between, at most MAX_REBASES times."""
    for attempt in range(MAX_REBASES):
        if attempt:
            store.sleep(min(MAX_WAIT_S, FIRST_WAIT_S * 2**attempt) * store.jitter())
            current = read_catalog(store, catalog)
            done = _done_before(current, catalog, about["commit_id"], about["fingerprint"])
            if done is not None:
                return replace(done, created=True)
        if (published := _try_once(store, catalog, about, change, current)) is not None:
            return published
    raise PublishConflict(
        f"catalog {catalog} was moved by others {MAX_REBASES} times in a row; nothing of commit "
        f"{about['commit_id']} is visible, publish it again later"
    )


def _try_once(
    store: ObjectStore, catalog: str, about: dict[str, Any], change: Any, current: Catalog
) -> Published | None:
    version, body = next_snapshot(current, catalog, about, change)
    data = canonical_json(body).encode()
    if len(data) > MAX_JSON_BYTES:
        raise StorageError(f"the snapshot of catalog {catalog} would have {len(data)} bytes, over {MAX_JSON_BYTES}")
    key = keys.snapshot(catalog, version, sha256_hex(data))
    store.put_immutable(store.public, key, data, "application/json", cache_control=keys.IMMUTABLE)
    pointer = {
        "version": version,
        "snapshot": key,
        "snapshot_sha256": sha256_hex(data),
        "parent": body["parent"],
        "commit_id": about["commit_id"],
    }
    pointer_key = keys.pointer(catalog)
    text = canonical_json(pointer).encode()
    if store.compare_and_swap(store.public, pointer_key, text, current.etag) is None:
        return None
    return Published(catalog, version, about["commit_id"], key, pointer_key, created=True)


def _done_before(current: Catalog, catalog: str, commit_id: str, fingerprint: str) -> Published | None:
    done = None if current.snapshot is None else current.snapshot.find_commit(commit_id)
    if done is None:
        return None
    if done["fingerprint"] != fingerprint:
        raise StorageError(f"commit id {commit_id} of catalog {catalog} was already used for other content")
    return Published(catalog, done["version"], commit_id, done["snapshot"], keys.pointer(catalog), created=False)


def _put_manifest(store: ObjectStore, commit: PublishCommit, sku: str) -> dict[str, Any]:
    data = _manifest_bytes(commit, sku)
    key = _manifest_key(commit, sku)
    store.put_immutable(store.public, key, data, "application/json", cache_control=keys.IMMUTABLE)
    return {"manifest": key, "run_id": commit.run_id}


def _manifest_bytes(commit: PublishCommit, sku: str) -> bytes:
    return canonical_json(dict(commit.assets[sku])).encode()


def _manifest_key(commit: PublishCommit, sku: str) -> str:
    return keys.manifest(commit.catalog, sku, sha256_hex(_manifest_bytes(commit, sku)))


def _check(commit: PublishCommit) -> None:
    _check_id(commit.commit_id)
    keys.name(commit.catalog, "catalog")
    if not commit.assets and not commit.removed:
        raise InputError("changes nothing", where=f"commit {commit.commit_id}")
    if both := sorted(set(commit.assets) & set(commit.removed)):
        raise InputError(f"changes and removes {both[0]}", where=f"commit {commit.commit_id}")
    if len(commit.assets) > MAX_COMMIT_ASSETS:
        raise InputError(f"has more than {MAX_COMMIT_ASSETS} assets", where=f"commit {commit.commit_id}")
    for sku in commit.assets:
        if len(_manifest_bytes(commit, sku)) > MAX_MANIFEST_BYTES:
            raise InputError(f"is larger than {MAX_MANIFEST_BYTES} bytes", where=f"manifest of {sku}")


def _check_id(commit_id: str) -> None:
    keys.name(commit_id, "commit id")


def _check_named_objects(store: ObjectStore, commit: PublishCommit) -> None:
    """HEAD of every blob and original that the manifests name, in threads; sizes too, where a manifest states them."""
    wanted: dict[tuple[str, str], int | None] = {}
    for sku in sorted(commit.assets):
        named = list(_named(store, commit.assets[sku]))
        if not any(key.startswith("blobs/") for _, key, _ in named):
            raise StorageError(f"the manifest of {sku} names no blob, so there is nothing to publish")
        if len(named) > MAX_NAMED_OBJECTS:
            raise InputError(f"names more than {MAX_NAMED_OBJECTS} objects", where=f"manifest of {sku}")
        for bucket, key, size_bytes in named:
            wanted[bucket, key] = size_bytes if size_bytes is not None else wanted.get((bucket, key))
    wrong = [text for text in store.map(lambda item: _wrong(store, *item), wanted.items()) if text]
    if wrong:
        raise StorageError(f"{len(wrong)} objects that the manifests name are not as they say: {'; '.join(wrong[:5])}")


def _wrong(store: ObjectStore, where: tuple[str, str], size_bytes: int | None) -> str:
    there = store.head(*where)
    if there is None:
        return f"s3://{where[0]}/{where[1]} is missing"
    if size_bytes is not None and there.size_bytes != size_bytes:
        return f"s3://{where[0]}/{where[1]} has {there.size_bytes} bytes, not {size_bytes}"
    return ""


def _named(store: ObjectStore, value: Any, size_bytes: int | None = None) -> Iterator[tuple[str, str, int | None]]:
    """(bucket, key, size) of every string in a manifest that is the key of a blob or an original.

    The size is the "size_bytes" that stands beside the key in the same object.
    """
    if isinstance(value, str):
        if keys.is_blob(value):
            yield store.public, value, size_bytes
        elif keys.is_original(value):
            yield store.private, value, None
    elif isinstance(value, Mapping):
        beside = value.get("size_bytes")
        for inner in value.values():
            yield from _named(store, inner, beside if isinstance(beside, int) else None)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named(store, inner)
