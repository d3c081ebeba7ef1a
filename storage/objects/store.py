"""The object store: immutable puts, verified gets, and the one compare-and-swap.

What lives here: ObjectStore, on one shared boto3 client and one bounded thread pool. What may not: what a key means
(keys.py), the order of a publication (publish.py), the environment.

Jobs in the pool never wait for other jobs in the pool, so it cannot lock itself up.
"""

import base64
import hashlib
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from domain.errors import InputError, StorageError
from storage.objects import keys
from storage.objects.client import build_client
from storage.objects.faults import LOST_RACE, NOT_THERE, TRY_AGAIN, code_of, status_of, storage_error, translated
from storage.objects.settings import ObjectSettings

T = TypeVar("T")
R = TypeVar("R")

MAX_OBJECT_BYTES = 256 * 1024 * 1024
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_CONFLICT_TRIES = 10
CONFLICT_WAIT_S = 0.05
MAX_BODY_TRIES = 3
MAX_PRESIGN_S = 7 * 24 * 3600  # S3's own limit
MAX_TAGS, MAX_TAG_KEY_CHARS, MAX_TAG_VALUE_CHARS = 10, 128, 256  # S3's own limits
MAX_METADATA_BYTES = 2048  # S3's own limit


@dataclass(frozen=True)
class Stored:
    """An object that is there. `created` is False when the same bytes had been there before."""

    bucket: str
    key: str
    sha256: str
    size_bytes: int
    etag: str
    created: bool


@dataclass(frozen=True)
class Head:
    """What the store says about an object; `sha256` is None where the store keeps no SHA256 checksum."""

    size_bytes: int
    etag: str
    media_type: str
    sha256: str | None
    metadata: Mapping[str, str]


class ObjectStore:
    """Everything we do with S3. Every failure is a StorageError that names the object and, if it can, the setting.

    `sleep` and `jitter` are handed in by tests. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        settings: ObjectSettings,
        *,
        client: Any = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.client = build_client(settings) if client is None else client
        self.private, self.public = settings.private_bucket, settings.public_bucket
        self.sleep, self.jitter = sleep, jitter
        self._pool = ThreadPoolExecutor(max_workers=settings.threads, thread_name_prefix="s3")

    def __enter__(self) -> "ObjectStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.client.close()

    # Writing.

    def put_immutable(
        self,
        bucket: str,
        key: str,
        data: bytes,
        media_type: str,
        *,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        cache_control: str | None = None,
    ) -> Stored:
        """Store `data` under `key` if nothing is there yet; the same bytes already there are success.

        `metadata` is ASCII only (prompts belong into the manifest), `tags` at most 10.
        Raises StorageError when the key holds other bytes, InputError when the key names another digest.
        """
        digest = self._checked(bucket, key, data)
        request = _put_request(bucket, key, data, media_type) | _extras(metadata, tags, cache_control)
        etag = self._put_if(request | {"IfNoneMatch": "*"}, f"put {len(data)} bytes at")
        if etag is not None:
            return Stored(bucket, key, digest, len(data), etag, created=True)
        # 412 is not "somebody else won": boto3 repeats a put whose answer got lost, and then meets its own write.
        return self._same_already(bucket, key, digest, len(data))

    def compare_and_swap(self, bucket: str, key: str, data: bytes, etag: str | None) -> str | None:
        """Replace an object that still has `etag` (None: that is not there yet). Its new etag, or None: lost.

        After a 412 the object is read back: with our bytes in it, only the answer had got lost, and we have won. So
        `data` must say whose it is (a pointer holds its commit id). The whole is compared, not the id alone: another
        process that publishes the same commit may have put it on another parent.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        request = _put_request(bucket, key, data, "application/json") | {"CacheControl": keys.NO_CACHE}
        new_etag = self._put_if(request | condition, "swap")
        if new_etag is not None:
            return new_etag
        found = self.get_with_etag(bucket, key, MAX_JSON_BYTES)
        return found[1] if found is not None and found[0] == data else None

    def delete(self, bucket: str, key: str) -> None:
        """Delete what is temporary (probes, drafts). Nothing published is ever deleted through this."""
        with translated("delete", bucket, key):
            self.client.delete_object(Bucket=bucket, Key=key)

    # Reading.

    def get(self, bucket: str, key: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """The bytes, at most `max_bytes`, checked against the sha256 if the key names one. StorageError if missing."""
        found = self.get_with_etag(bucket, key, max_bytes)
        if found is None:
            raise StorageError(f"there is no s3://{bucket}/{key}")
        promised = keys.named_sha256(key)
        if promised is not None and hashlib.sha256(found[0]).hexdigest() != promised:
            raise StorageError(f"s3://{bucket}/{key} does not hold the bytes that its name promises")
        return found[0]

    def get_with_etag(self, bucket: str, key: str, max_bytes: int = MAX_JSON_BYTES) -> tuple[bytes, str] | None:
        """The bytes and the etag of the same version, None if there is no such object."""
        for attempt in range(1, MAX_BODY_TRIES + 1):
            try:
                return self._read(bucket, key, max_bytes)
            except (BotoCoreError, HTTPClientError) as error:
                # botocore retries requests, not a body that breaks off half way.
                if attempt == MAX_BODY_TRIES:
                    raise storage_error(error, "get", bucket, key) from error
            except ClientError as error:
                if code_of(error) in NOT_THERE:
                    return None
                raise storage_error(error, "get", bucket, key) from error
        raise AssertionError("unreachable")

    def head(self, bucket: str, key: str) -> Head | None:
        """What is known about an object, None if it (or its bucket: a HEAD cannot tell) is not there."""
        try:
            with translated("look at", bucket, key):
                answer = self.client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except StorageError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in NOT_THERE:
                return None
            raise
        return Head(
            size_bytes=int(answer["ContentLength"]),
            etag=str(answer["ETag"]),
            media_type=str(answer.get("ContentType", "")),
            sha256=_hex(answer.get("ChecksumSHA256")),
            metadata=dict(answer.get("Metadata", {})),
        )

    def exists(self, bucket: str, key: str) -> bool:
        return self.head(bucket, key) is not None

    def presign(self, bucket: str, key: str, expires_s: int) -> str:
        """A GET address that works without credentials for `expires_s` seconds. Never log it."""
        if not 1 <= expires_s <= MAX_PRESIGN_S:
            raise InputError(f"{expires_s} s is not between 1 and {MAX_PRESIGN_S}", where="presign")
        with translated("sign an address for", bucket, key):
            return str(
                self.client.generate_presigned_url(
                    "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_s
                )
            )

    def list_keys(self, bucket: str, prefix: str, max_keys: int = 1000) -> list[str]:
        """At most `max_keys` keys under a prefix, in order."""
        with translated("list", bucket, prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, PaginationConfig={"MaxItems": max_keys}
            )
            return [str(entry["Key"]) for page in pages for entry in page.get("Contents", [])]

    def require_buckets(self, *, create: bool = False) -> None:
        """Raise StorageError unless both buckets answer; with `create` make the missing ones (embedded, tests)."""
        for bucket in (self.private, self.public):
            try:
                with translated("open", bucket):
                    self.client.head_bucket(Bucket=bucket)
            except StorageError as error:
                missing = isinstance(error.__cause__, ClientError) and status_of(error.__cause__) == 404
                if not missing:
                    raise
                if not create:
                    name = "DRAFTLINE_S3_PRIVATE_BUCKET" if bucket == self.private else "DRAFTLINE_S3_PUBLIC_BUCKET"
                    raise StorageError(f"there is no bucket {bucket}; look at {name}") from error
                with translated("create bucket", bucket):
                    self.client.create_bucket(Bucket=bucket)

    # Threads.

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`function` of every item, in threads, in order; the first error is raised after the others have ended."""
        futures = [self._pool.submit(function, item) for item in items]
        for future in futures:
            future.exception()
        return [future.result() for future in futures]

    # Inside.

    def _checked(self, bucket: str, key: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        promised = keys.named_sha256(key)
        if promised is not None and promised != digest:
            raise InputError("the key names another sha256 than the bytes have", where=f"s3://{bucket}/{key}")
        if len(data) > MAX_OBJECT_BYTES:
            raise InputError(f"{len(data)} bytes are more than {MAX_OBJECT_BYTES}", where=f"s3://{bucket}/{key}")
        return digest

    def _put_if(self, request: dict[str, Any], action: str) -> str | None:
        """The etag of a conditional put, None for 412. A 409 means that another put was under way: ask again."""
        for attempt in range(1, MAX_CONFLICT_TRIES + 1):
            try:
                return str(self.client.put_object(**request)["ETag"])
            except ClientError as error:
                if code_of(error) in LOST_RACE:
                    return None
                if code_of(error) not in TRY_AGAIN or attempt == MAX_CONFLICT_TRIES:
                    raise storage_error(error, action, request["Bucket"], request["Key"]) from error
            except (BotoCoreError, HTTPClientError) as error:
                raise storage_error(error, action, request["Bucket"], request["Key"]) from error
            self.sleep(CONFLICT_WAIT_S * attempt * (0.5 + self.jitter()))
        raise AssertionError("unreachable")

    def _same_already(self, bucket: str, key: str, digest: str, size_bytes: int) -> Stored:
        there = self.head(bucket, key)
        if there is None:
            raise StorageError(f"s3://{bucket}/{key} was there, and is gone again: does something delete objects?")
        found = there.sha256
        if found is None and there.size_bytes == size_bytes:
            # The store keeps no SHA256: read the bytes, which are as many as we hold in memory anyway.
            again = self.get_with_etag(bucket, key, max(size_bytes, 1))
            found = None if again is None else hashlib.sha256(again[0]).hexdigest()
        if there.size_bytes != size_bytes or found != digest:
            raise StorageError(f"s3://{bucket}/{key} already holds other bytes; an immutable key is never replaced")
        return Stored(bucket, key, digest, size_bytes, there.etag, created=False)

    def _read(self, bucket: str, key: str, max_bytes: int) -> tuple[bytes, str]:
        answer = self.client.get_object(Bucket=bucket, Key=key)
        with answer["Body"] as body:
            if int(answer["ContentLength"]) > max_bytes:
                raise StorageError(
                    f"s3://{bucket}/{key} has {answer['ContentLength']} bytes, more than the {max_bytes} expected"
                )
            return body.read(), str(answer["ETag"])


def _put_request(bucket: str, key: str, data: bytes, media_type: str) -> dict[str, Any]:
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {"Bucket": bucket, "Key": key, "Body": data, "ContentType": media_type, "ChecksumSHA256": checksum}


def _extras(
    metadata: Mapping[str, str] | None, tags: Mapping[str, str] | None, cache_control: str | None
) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if metadata:
        if not all(text.isascii() for pair in metadata.items() for text in pair):
            raise InputError("must be ASCII", where="object metadata", hint="Longer texts belong into the manifest")
        if sum(len(k) + len(v) for k, v in metadata.items()) > MAX_METADATA_BYTES:
            raise InputError(f"is longer than {MAX_METADATA_BYTES} bytes", where="object metadata")
        extras["Metadata"] = dict(metadata)
    if tags:
        if len(tags) > MAX_TAGS:
            raise InputError(f"{len(tags)} are more than {MAX_TAGS}", where="object tags")
        if any(len(k) > MAX_TAG_KEY_CHARS or len(v) > MAX_TAG_VALUE_CHARS for k, v in tags.items()):
            raise InputError(f"have at most {MAX_TAG_VALUE_CHARS} characters each", where="object tags")
        extras["Tagging"] = urlencode(tags)
    if cache_control:
        extras["CacheControl"] = cache_control
    return extras


def _hex(checksum: str | None) -> str | None:
    """A base64 checksum as hex; the composite form of multipart uploads ("...-3") says nothing about the bytes."""
    return None if not checksum or "-" in checksum else base64.b64decode(checksum).hex()
