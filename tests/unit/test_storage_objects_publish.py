"""Publishing on moto: order, crashes at every step, races, idempotence, rollback."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from domain.errors import InputError, PublishConflict, StorageError
from storage.objects import keys
from storage.objects import publish as publishing
from storage.objects.publish import PublishCommit, Published, publish, read_current, rollback
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore

SETTINGS = ObjectSettings(
    private_bucket="private-drafts",
    public_bucket="public-blobs",
    access_key="AKIAUNITTESTUNITTEST",
    secret_key="unit" * 10,
    threads=8,
)
WRITERS = 8


class Crash(BaseException):
    """kill -9, as far as a thread can have it: nothing catches it on the way."""


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with mock_aws(), ObjectStore(SETTINGS, sleep=lambda _: None) as opened:
        opened.require_buckets(create=True)
        yield opened


def asset(store: ObjectStore, text: str) -> dict[str, Any]:
    data = text.encode()
    key = keys.blob(hashlib.sha256(data).hexdigest(), "webp")
    store.put_immutable(store.public, key, data, "image/webp")
    return {"files": [{"key": key, "size_bytes": len(data), "placement": "feed"}], "alt": text}


def commit(store: ObjectStore, commit_id: str, *texts: str, catalog: str = "main") -> PublishCommit:
    assets = {text.split()[0]: asset(store, text) for text in texts}
    return PublishCommit(catalog, f"run-{commit_id}", commit_id, assets)


def skus(store: ObjectStore) -> dict[str, str]:
    """What a reader sees: SKU to alt text, following pointer, snapshot and manifests."""
    snapshot = read_current(store, "main")
    if snapshot is None:
        return {}
    manifests = {sku: store.get(store.public, entry["manifest"]) for sku, entry in snapshot.assets.items()}
    return {sku: json.loads(data)["alt"] for sku, data in manifests.items()}


def everything(store: ObjectStore) -> list[str]:
    return store.list_keys(store.public, "")


def test_a_catalog_that_was_never_published_is_none(store: ObjectStore) -> None:
    assert read_current(store, "main") is None


def test_a_commit_changes_its_assets_and_keeps_the_others(store: ObjectStore) -> None:
    first = publish(store, commit(store, "c1", "mug one", "lamp one"))
    second = publish(store, commit(store, "c2", "mug two"))
    assert (first.version, second.version) == (1, 2)
    assert skus(store) == {"mug": "mug two", "lamp": "lamp one"}
    current = read_current(store, "main")
    assert current is not None
    assert current.key == second.snapshot_key
    assert current.parent == first.snapshot_key


def test_removed_skus_go_away(store: ObjectStore) -> None:
    publish(store, commit(store, "c1", "mug one", "lamp one"))
    publish(store, PublishCommit("main", "run", "c2", {}, removed=("mug",)))
    assert skus(store) == {"lamp": "lamp one"}


def test_a_manifest_that_names_a_missing_blob_is_never_visible(store: ObjectStore) -> None:
    good = asset(store, "mug one")
    missing = {"files": [{"key": keys.blob("ab" * 32, "webp")}]}
    with pytest.raises(StorageError, match=f"{'ab' * 32}.webp is missing"):
        publish(store, PublishCommit("main", "run", "c1", {"mug": good, "lamp": missing}))
    assert read_current(store, "main") is None
    assert store.list_keys(store.public, "manifests/") == []


def test_a_manifest_with_a_wrong_size_or_without_any_blob_is_refused(store: ObjectStore) -> None:
    wrong = asset(store, "mug one")
    wrong["files"][0]["size_bytes"] = 3
    with pytest.raises(StorageError, match="not 3"):
        publish(store, PublishCommit("main", "run", "c1", {"mug": wrong}))
    with pytest.raises(StorageError, match="names no blob"):
        publish(store, PublishCommit("main", "run", "c1", {"mug": {"files": []}}))


def test_an_original_is_looked_for_in_the_private_bucket(store: ObjectStore) -> None:
    manifest = asset(store, "mug one") | {"original": keys.original("cd" * 32, "png")}
    with pytest.raises(StorageError, match=r"s3://private-drafts/originals/cd/.* is missing"):
        publish(store, PublishCommit("main", "run", "c1", {"mug": manifest}))


def test_publishing_again_writes_nothing_and_returns_the_same(store: ObjectStore) -> None:
    wanted = commit(store, "c1", "mug one")
    first = publish(store, wanted)
    before = everything(store)
    again = publish(store, wanted)
    assert (again.version, again.snapshot_key, again.manifests) == (first.version, first.snapshot_key, first.manifests)
    assert not again.created
    assert everything(store) == before


def test_publishing_again_after_other_commits_still_returns_the_first_version(store: ObjectStore) -> None:
    wanted = commit(store, "c1", "mug one")
    first = publish(store, wanted)
    publish(store, commit(store, "c2", "mug two"))
    publish(store, commit(store, "c3", "lamp one"))
    before = everything(store)
    again = publish(store, wanted)
    assert (again.version, again.snapshot_key, again.created) == (1, first.snapshot_key, False)
    assert everything(store) == before
    assert skus(store)["mug"] == "mug two"


def test_a_commit_id_cannot_be_used_for_other_content(store: ObjectStore) -> None:
    publish(store, commit(store, "c1", "mug one"))
    with pytest.raises(StorageError, match="already used"):
        publish(store, commit(store, "c1", "mug two"))


def crash_at(store: ObjectStore, step: int, *, after: bool) -> None:
    """The `step`-th put of this client crashes, before it is sent or after it was stored."""
    count = 0
    lock = threading.Lock()

    def hook(event_name: str, **_: Any) -> None:
        nonlocal count
        if event_name != "before-send.s3.PutObject":
            return
        with lock:
            count += 1
            if count == step:
                raise Crash

    register = store.client.meta.events.register_last if after else store.client.meta.events.register_first
    register("before-send" if after else "before-send.s3.PutObject", hook)


# With another commit in between, every step is also tried on a real server (tests/server).
CRASHES = [(step, after, False) for step in (1, 2, 3, 4) for after in (False, True)]


@pytest.mark.parametrize(("step", "after", "other_between"), [*CRASHES, (3, True, True), (4, True, True)])
def test_a_crash_at_any_step_is_healed_by_publishing_again(
    store: ObjectStore, step: int, after: bool, other_between: bool
) -> None:
    publish(store, commit(store, "c0", "mug zero", "vase zero"))
    wanted = commit(store, "c1", "mug one", "lamp one")  # puts: two manifests, a snapshot, the pointer
    with ObjectStore(SETTINGS) as doomed:
        crash_at(doomed, step, after=after)
        with pytest.raises(Crash):
            publish(doomed, wanted)
    done = step == 4 and after
    assert skus(store) == {"mug": "mug one" if done else "mug zero", "vase": "vase zero"} | (
        {"lamp": "lamp one"} if done else {}
    )
    if other_between:
        publish(store, commit(store, "c2", "vase two"))
    result = publish(store, wanted)
    assert result.version == (3 if other_between and not done else 2)
    assert skus(store) == {"mug": "mug one", "lamp": "lamp one", "vase": "vase two" if other_between else "vase zero"}
    current = read_current(store, "main")
    assert current is not None
    assert current.version == (3 if other_between else 2)


def test_eight_writers_lose_no_update(store: ObjectStore) -> None:
    # moto itself checks and writes in two steps: the lock stands for the atomic put that a real store has (and
    # that tests/server shows on SeaweedFS). What is tested here is our rebasing.
    lock = threading.Lock()

    def writer(number: int) -> list[Published]:
        with ObjectStore(SETTINGS) as own:
            put = own.client.put_object

            def atomic(**request: Any) -> Any:
                with lock:
                    return put(**request)

            own.client.put_object = atomic
            return [publish(own, commit(own, f"w{number}-{n}", f"sku-{number}-{n} text")) for n in range(3)]

    results: list[Published] = []
    threads = [threading.Thread(target=lambda n=n: results.extend(writer(n))) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(r.version for r in results) == list(range(1, WRITERS * 3 + 1))
    assert set(skus(store)) == {f"sku-{number}-{n}" for number in range(WRITERS) for n in range(3)}


def test_a_pointer_that_others_always_move_ends_in_a_conflict(store: ObjectStore, monkeypatch: Any) -> None:
    publish(store, commit(store, "c0", "mug zero"))
    wanted = commit(store, "c1", "mug one")
    monkeypatch.setattr(publishing, "MAX_REBASES", 5)
    swap: Callable[..., str | None] = store.compare_and_swap
    tries = 0

    def beaten(bucket: str, key: str, data: bytes, etag: str | None) -> str | None:
        nonlocal tries
        tries += 1
        if tries % 2:
            publish(store, commit(store, f"other-{tries}", "lamp other"))
        return swap(bucket, key, data, etag)

    monkeypatch.setattr(store, "compare_and_swap", beaten)
    with pytest.raises(PublishConflict, match="5 times in a row"):
        publish(store, wanted)
    assert skus(store)["mug"] == "mug zero"


def test_a_rollback_is_a_new_version_with_the_old_content(store: ObjectStore) -> None:
    publish(store, commit(store, "c1", "mug one"))
    publish(store, commit(store, "c2", "mug two", "lamp two"))
    back = rollback(store, "main", 1, run_id="run", commit_id="back-1")
    assert back.version == 3
    assert skus(store) == {"mug": "mug one"}
    assert not rollback(store, "main", 1, run_id="run", commit_id="back-1").created
    with pytest.raises(InputError, match="no version 9"):
        rollback(store, "main", 9, run_id="run", commit_id="back-9")


def test_old_versions_are_found_beyond_the_history_of_one_snapshot(store: ObjectStore, monkeypatch: Any) -> None:
    monkeypatch.setattr("storage.objects.catalog.MAX_HISTORY", 2)
    for n in range(1, 8):
        publish(store, commit(store, f"c{n}", f"mug {n}"))
    rollback(store, "main", 2, run_id="run", commit_id="back")
    assert skus(store) == {"mug": "mug 2"}


def test_a_damaged_snapshot_is_an_error_not_an_empty_catalog(store: ObjectStore) -> None:
    published = publish(store, commit(store, "c1", "mug one"))
    data = store.get(store.public, published.snapshot_key)
    store.client.put_object(Bucket=store.public, Key=published.snapshot_key, Body=data.replace(b"mug", b"gum"))
    with pytest.raises(StorageError, match="does not hold the bytes"):
        read_current(store, "main")


def test_an_empty_or_contradictory_commit_is_refused(store: ObjectStore) -> None:
    with pytest.raises(InputError, match="changes nothing"):
        publish(store, PublishCommit("main", "run", "c1", {}))
    with pytest.raises(InputError, match="changes and removes"):
        publish(store, PublishCommit("main", "run", "c1", {"mug": asset(store, "mug one")}, removed=("mug",)))
    with pytest.raises(InputError, match="commit id"):
        publish(store, PublishCommit("main", "run", "c/1", {"mug": asset(store, "mug one")}))
