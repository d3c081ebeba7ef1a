"""The object store on moto: immutable puts, lost answers, swaps, and errors that name a setting."""

import hashlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from moto import mock_aws

from domain.errors import InputError, StorageError
from storage.objects import keys
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore, Stored

SETTINGS = ObjectSettings(
    private_bucket="private-drafts",
    public_bucket="public-blobs",
    access_key="AKIAUNITTESTUNITTEST",
    secret_key="unit" * 10,
    threads=8,
)


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with mock_aws(), ObjectStore(SETTINGS, sleep=lambda _: None, jitter=lambda: 0.5) as opened:
        opened.require_buckets(create=True)
        yield opened


def blob_of(data: bytes) -> str:
    return keys.blob(hashlib.sha256(data).hexdigest(), "png")


def put(store: ObjectStore, key: str, data: bytes) -> Stored:
    return store.put_immutable(store.public, key, data, "image/png", cache_control=keys.IMMUTABLE)


def test_bytes_come_back_as_they_went_in(store: ObjectStore) -> None:
    stored = put(store, blob_of(b"picture"), b"picture")
    assert stored.created
    assert stored.size_bytes == 7
    assert store.get(store.public, stored.key) == b"picture"
    assert store.exists(store.public, stored.key)
    head = store.head(store.public, stored.key)
    assert head is not None
    assert head.media_type == "image/png"


def test_the_same_bytes_twice_are_one_object_and_no_error(store: ObjectStore) -> None:
    put(store, blob_of(b"picture"), b"picture")
    assert not put(store, blob_of(b"picture"), b"picture").created


def test_an_immutable_key_is_never_replaced(store: ObjectStore) -> None:
    put(store, "drafts/run/a.png", b"first")
    with pytest.raises(StorageError, match="already holds other bytes"):
        put(store, "drafts/run/a.png", b"other")
    with pytest.raises(StorageError, match="already holds other bytes"):
        put(store, "drafts/run/a.png", b"of another length")
    assert store.get(store.public, "drafts/run/a.png") == b"first"


def test_bytes_that_do_not_fit_their_key_are_not_sent(store: ObjectStore) -> None:
    with pytest.raises(InputError, match="another sha256"):
        put(store, blob_of(b"picture"), b"another picture")
    assert not store.exists(store.public, blob_of(b"picture"))


def test_damage_in_the_store_is_seen_when_reading(store: ObjectStore) -> None:
    store.client.put_object(Bucket=store.public, Key=blob_of(b"picture"), Body=b"damaged")
    with pytest.raises(StorageError, match="does not hold the bytes"):
        store.get(store.public, blob_of(b"picture"))


def test_more_bytes_than_expected_are_not_read(store: ObjectStore) -> None:
    put(store, blob_of(b"picture"), b"picture")
    with pytest.raises(StorageError, match="more than the 3 expected"):
        store.get(store.public, blob_of(b"picture"), max_bytes=3)


def lose_first_answer(store: ObjectStore) -> list[str]:
    """The first put reaches the store, and its answer gets lost on the way back."""
    lost: list[str] = []

    def drop(request: Any, event_name: str, **_: Any) -> None:
        if event_name == "before-send.s3.PutObject" and not lost:
            lost.append(request.url)
            raise ConnectionClosedError(endpoint_url=request.url)

    # moto answers in the same event, before us: it has stored the object when the connection breaks.
    store.client.meta.events.register_last("before-send", drop)
    return lost


def test_a_lost_answer_to_a_stored_put_is_success(store: ObjectStore) -> None:
    lost = lose_first_answer(store)
    stored = put(store, blob_of(b"picture"), b"picture")
    assert len(lost) == 1
    assert not stored.created
    assert store.get(store.public, stored.key) == b"picture"


def test_a_lost_answer_to_a_won_swap_is_won(store: ObjectStore) -> None:
    lost = lose_first_answer(store)
    etag = store.compare_and_swap(store.public, "pointer.json", b'{"commit_id":"mine"}', None)
    assert len(lost) == 1
    assert etag is not None
    assert store.compare_and_swap(store.public, "pointer.json", b'{"commit_id":"next"}', etag) is not None


def test_a_swap_with_an_old_etag_loses_and_changes_nothing(store: ObjectStore) -> None:
    first = store.compare_and_swap(store.public, "pointer.json", b'{"commit_id":"a"}', None)
    assert store.compare_and_swap(store.public, "pointer.json", b'{"commit_id":"b"}', first) is not None
    assert store.compare_and_swap(store.public, "pointer.json", b'{"commit_id":"c"}', first) is None
    assert store.compare_and_swap(store.public, "pointer.json", b'{"commit_id":"c"}', None) is None
    found = store.get_with_etag(store.public, "pointer.json")
    assert found is not None
    assert found[0] == b'{"commit_id":"b"}'


def answer_first_with(store: ObjectStore, operation: str, status: int, code: str, times: int = 1) -> list[int]:
    """The first answers are errors, and nothing reaches the store."""
    seen: list[int] = []

    def fail(**_: Any) -> tuple[Any, dict[str, Any]] | None:
        if len(seen) >= times:
            return None
        seen.append(status)
        answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return SimpleNamespace(status_code=status), answer

    store.client.meta.events.register(f"before-call.s3.{operation}", fail)
    return seen


def test_a_conflict_with_another_put_under_way_is_asked_again(store: ObjectStore) -> None:
    seen = answer_first_with(store, "PutObject", 409, "ConditionalRequestConflict", times=3)
    assert put(store, blob_of(b"picture"), b"picture").created
    assert len(seen) == 3


def test_conflicts_without_end_end_in_an_error(store: ObjectStore) -> None:
    answer_first_with(store, "PutObject", 409, "ConditionalRequestConflict", times=10_000)
    with pytest.raises(StorageError, match="ConditionalRequestConflict"):
        put(store, blob_of(b"picture"), b"picture")


@pytest.mark.parametrize(
    ("status", "code", "setting"),
    [
        (404, "NoSuchBucket", "DRAFTLINE_S3_PUBLIC_BUCKET"),
        (403, "InvalidAccessKeyId", "DRAFTLINE_S3_ACCESS_KEY"),
        (403, "SignatureDoesNotMatch", "DRAFTLINE_S3_SECRET_KEY"),
        (403, "AccessDenied", "DRAFTLINE_S3_ACCESS_KEY"),
        (400, "ExpiredToken", "DRAFTLINE_S3_SESSION_TOKEN"),
        (400, "XAmzContentSHA256Mismatch", "DRAFTLINE_S3_CHECKSUMS"),
    ],
)
def test_an_error_names_the_setting_to_look_at(store: ObjectStore, status: int, code: str, setting: str) -> None:
    answer_first_with(store, "PutObject", status, code)
    with pytest.raises(StorageError, match=setting) as caught:
        put(store, blob_of(b"picture"), b"picture")
    assert str(SETTINGS.secret_key) not in str(caught.value)


def test_an_endpoint_out_of_reach_names_its_setting(store: ObjectStore) -> None:
    def refuse(request: Any, **_: Any) -> None:
        raise ConnectionClosedError(endpoint_url=request.url)

    store.client.meta.events.register_first("before-send.s3.HeadObject", refuse)
    with pytest.raises(StorageError, match="DRAFTLINE_S3_ENDPOINT_URL"):
        store.head(store.public, "a")


def test_a_missing_bucket_is_named_at_the_start(store: ObjectStore) -> None:
    store.client.delete_bucket(Bucket=store.public)
    with pytest.raises(StorageError, match="DRAFTLINE_S3_PUBLIC_BUCKET"):
        store.require_buckets()


def test_what_is_not_there_is_none_or_an_error_never_empty_bytes(store: ObjectStore) -> None:
    assert store.get_with_etag(store.public, "nothing") is None
    assert store.head(store.public, "nothing") is None
    with pytest.raises(StorageError, match="there is no"):
        store.get(store.public, "nothing")


def test_metadata_and_tags_are_checked_before_sending(store: ObjectStore) -> None:
    with pytest.raises(InputError, match="ASCII"):
        store.put_immutable(store.private, "drafts/r/a", b"x", "text/plain", metadata={"prompt": "schön"})
    with pytest.raises(InputError, match="tags"):
        store.put_immutable(store.private, "drafts/r/a", b"x", "text/plain", tags={f"t{n}": "v" for n in range(11)})
    assert store.list_keys(store.private, "drafts/") == []


def test_many_threads_putting_one_key_leave_one_object_and_no_error(store: ObjectStore) -> None:
    start = threading.Barrier(8)

    def racer(_: int) -> Stored:
        start.wait(timeout=30)
        return put(store, blob_of(b"picture"), b"picture")

    results = store.map(racer, range(8))
    assert {r.key for r in results} == {blob_of(b"picture")}
    assert store.list_keys(store.public, "blobs/") == [blob_of(b"picture")]
