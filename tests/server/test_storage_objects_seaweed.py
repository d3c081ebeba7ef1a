"""The object store and the publish protocol on a real S3 server: what moto would let through."""

import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ConnectionClosedError

from domain.errors import StorageError
from storage.objects import keys
from storage.objects.probe import CHECKS, probe
from storage.objects.publish import PublishCommit, Published, publish, read_current, rollback
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore, Stored

pytestmark = pytest.mark.server

RACERS = 16
WRITERS, COMMITS_EACH = 8, 3


class Crash(BaseException):
    """kill -9, as far as a thread can have it."""


@pytest.fixture
def store(s3_server: ObjectSettings) -> Iterator[ObjectStore]:
    with ObjectStore(s3_server) as opened:
        yield opened


@pytest.fixture
def catalog() -> str:
    return f"catalog-{secrets.token_hex(4)}"


def put_blob(store: ObjectStore, data: bytes) -> Stored:
    key = keys.blob(hashlib.sha256(data).hexdigest(), "webp")
    return store.put_immutable(
        store.public, key, data, "image/webp", tags={"tier": "final", "sku": "A 1"}, cache_control=keys.IMMUTABLE
    )


def commit(store: ObjectStore, catalog: str, commit_id: str, *texts: str) -> PublishCommit:
    assets = {}
    for text in texts:
        blob = put_blob(store, text.encode())
        assets[text.split()[0]] = {"alt": text, "files": [{"key": blob.key, "size_bytes": blob.size_bytes}]}
    return PublishCommit(catalog, f"run-{commit_id}", commit_id, assets)


def skus(store: ObjectStore, catalog: str) -> dict[str, str]:
    snapshot = read_current(store, catalog)
    assert snapshot is not None
    manifests = {sku: store.get(store.public, entry["manifest"]) for sku, entry in snapshot.assets.items()}
    return {sku: json.loads(data)["alt"] for sku, data in manifests.items()}


def test_the_probe_finds_every_promise_kept_and_leaves_nothing(s3_server: ObjectSettings, store: ObjectStore) -> None:
    checks = probe(s3_server)
    assert [(c.name, c.detail) for c in checks if not c.ok] == []
    assert [c.name for c in checks] == [*CHECKS, "clean up"]
    assert not [key for key in store.list_keys(store.private, "drafts/") if "probe" in key]


def test_the_probe_says_which_setting_is_wrong(s3_server: ObjectSettings) -> None:
    wrong_key = probe(replace(s3_server, secret_key="wrong" * 8))
    assert [(c.name, c.ok) for c in wrong_key if c.name == "buckets answer"] == [("buckets answer", False)]
    missing = probe(replace(s3_server, public_bucket="not-there-at-all"))
    assert "DRAFTLINE_S3_PUBLIC_BUCKET" in missing[0].detail
    with (
        pytest.raises(StorageError, match="DRAFTLINE_S3_ACCESS_KEY"),
        ObjectStore(replace(s3_server, access_key="NOBODY", secret_key="wrong" * 8)) as stranger,
    ):
        stranger.put_immutable(stranger.private, "drafts/r/a", b"x", "text/plain")


def test_a_put_object_keeps_its_checksum_type_and_cache_time(store: ObjectStore) -> None:
    stored = put_blob(store, secrets.token_bytes(50_000))
    head = store.head(store.public, stored.key)
    assert head is not None
    assert (head.sha256, head.size_bytes, head.media_type) == (stored.sha256, 50_000, "image/webp")


def test_of_sixteen_different_puts_at_once_one_wins_and_stays(store: ObjectStore, s3_server: ObjectSettings) -> None:
    key = f"drafts/race-{secrets.token_hex(4)}/a"
    start = threading.Barrier(RACERS)

    def racer(number: int) -> bytes | None:
        data = b"racer %d" % number
        start.wait(timeout=60)
        try:
            return data if store.put_immutable(store.private, key, data, "text/plain").created else None
        except StorageError:
            return None

    winners = [data for data in store.map(racer, range(RACERS)) if data is not None]
    assert len(winners) == 1
    assert store.get(store.private, key) == winners[0]


def test_a_lost_answer_to_a_stored_put_is_success(store: ObjectStore) -> None:
    lost: list[str] = []

    send = store.client._endpoint.http_session.send

    def send_and_lose(request: Any) -> Any:
        answer = send(request)
        if request.method == "PUT" and not lost:
            lost.append(request.url)
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    store.client._endpoint.http_session.send = send_and_lose
    data = secrets.token_bytes(1000)
    stored = put_blob(store, data)
    assert (len(lost), stored.created) == (1, False)
    assert store.get(store.public, stored.key) == data


def test_a_signed_address_opens_for_anybody_and_only_while_it_is_good(store: ObjectStore) -> None:
    stored = put_blob(store, b"signed")
    url = store.presign(store.public, stored.key, 60)
    with httpx.Client(trust_env=False) as browser:
        assert browser.get(url).content == b"signed"
        assert browser.get(url.split("?")[0]).status_code == 403


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_crash_after_any_put_is_healed_by_publishing_again(
    store: ObjectStore, s3_server: ObjectSettings, catalog: str, step: int
) -> None:
    publish(store, commit(store, catalog, "c0", "mug zero", "vase zero"))
    wanted = commit(store, catalog, "c1", "mug one", "lamp one")
    count = 0
    lock = threading.Lock()
    with ObjectStore(s3_server) as doomed:
        send = doomed.client._endpoint.http_session.send

        def send_and_crash(request: Any) -> Any:
            nonlocal count
            answer = send(request)
            with lock:
                count += request.method == "PUT"
                if request.method == "PUT" and count == step:
                    raise Crash
            return answer

        doomed.client._endpoint.http_session.send = send_and_crash
        with pytest.raises(Crash):
            publish(doomed, wanted)
    publish(store, commit(store, catalog, "c2", "vase two"))
    result = publish(store, wanted)
    assert result.version == (2 if step == 4 else 3)
    assert skus(store, catalog) == {"mug": "mug one", "lamp": "lamp one", "vase": "vase two"}
    before = store.list_keys(store.public, f"catalogs/{catalog}/")
    assert publish(store, wanted).version == result.version
    assert store.list_keys(store.public, f"catalogs/{catalog}/") == before


def test_eight_writers_lose_no_update_and_readers_see_no_torn_catalog(
    store: ObjectStore, s3_server: ObjectSettings, catalog: str
) -> None:
    results: list[Published] = []
    errors: list[BaseException] = []

    def writer(number: int) -> None:
        try:
            with ObjectStore(replace(s3_server, threads=2)) as own:
                for n in range(COMMITS_EACH):
                    results.append(publish(own, commit(own, catalog, f"w{number}-{n}", f"sku-{number}-{n} text")))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):
        if (current := read_current(store, catalog)) is not None:
            assert current.version >= seen
            seen = current.version
            assert len(current.assets) == current.version  # each commit adds one SKU
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []
    assert sorted(r.version for r in results) == list(range(1, WRITERS * COMMITS_EACH + 1))
    assert len(skus(store, catalog)) == WRITERS * COMMITS_EACH


def test_a_rollback_is_a_new_version_with_the_old_content(store: ObjectStore, catalog: str) -> None:
    publish(store, commit(store, catalog, "c1", "mug one"))
    publish(store, commit(store, catalog, "c2", "mug two", "lamp two"))
    assert rollback(store, catalog, 1, run_id="run", commit_id="back").version == 3
    assert skus(store, catalog) == {"mug": "mug one"}
