"""`draftline doctor --s3`: does this store keep the promises that publishing rests on?

What lives here: the checks, each a few requests, on objects of its own that are deleted afterwards. What may not:
printing. Stores exist that ignore If-None-Match, or take any secret; better to learn it here than in a lost update.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx
from botocore.exceptions import ClientError

from domain.canonical import sha256_hex
from domain.errors import DraftlineError, StorageError
from storage.objects import keys
from storage.objects.faults import code_of, status_of
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore

RACERS = 16
RACE_ROUNDS = 3
PRESIGN_S = 60
HTTP_TIMEOUT_S = 15


@dataclass(frozen=True)
class Check:
    """One promise: `ok` or not, and in `detail` what was seen."""

    name: str
    ok: bool
    detail: str


class _Broken(Exception):
    """A promise that was not kept, in words."""


@dataclass
class _Bench:
    """What the checks share: the store, and the keys to delete at the end."""

    store: ObjectStore
    run: str
    made: list[tuple[str, str]]

    def key(self, file: str) -> str:
        key = keys.draft(self.run, file)
        self.made.append((self.store.private, key))
        return key


def probe(settings: ObjectSettings) -> list[Check]:
    """Every check in order; the ones after an unreachable store are left out. Cleans up after itself."""
    # A pool as large as the race, so that the racers really run at once.
    with ObjectStore(replace(settings, threads=max(settings.threads, RACERS))) as store:
        bench = _Bench(store, f"probe-{secrets.token_hex(6)}", [])
        results: list[Check] = []
        try:
            for name, check in CHECKS.items():
                results.append(_run(name, check, bench))
                if name == "buckets answer" and not results[-1].ok:
                    return results
        finally:
            cleaned = _run("clean up", _clean_up, bench)
        return [*results, cleaned]


def _run(name: str, check: Callable[[_Bench], str], bench: _Bench) -> Check:
    try:
        return Check(name, True, check(bench))
    except _Broken as broken:
        return Check(name, False, str(broken))
    except (DraftlineError, ClientError, httpx.HTTPError) as error:
        return Check(name, False, f"{type(error).__name__}: {error}")


def _buckets(bench: _Bench) -> str:
    bench.store.require_buckets()
    return f"{bench.store.private} (private), {bench.store.public} (public)"


def _put_and_get(bench: _Bench) -> str:
    data, key = b"draftline probe", bench.key("put.txt")
    bench.store.put_immutable(
        bench.store.private, key, data, "text/plain", metadata={"probe": "yes"}, tags={"flow": "doctor"}
    )
    if bench.store.get(bench.store.private, key) != data:
        raise _Broken("other bytes came back")
    head = bench.store.head(bench.store.private, key)
    kept = "keeps SHA256" if head is not None and head.sha256 == sha256_hex(data) else "keeps no SHA256 (we read back)"
    return f"{len(data)} bytes, metadata and tags; the store {kept}"


def _public_put(bench: _Bench) -> str:
    data = f"draftline probe {bench.run}".encode()
    key = keys.blob(sha256_hex(data), "txt")
    bench.made.append((bench.store.public, key))
    bench.store.put_immutable(bench.store.public, key, data, "text/plain", cache_control=keys.IMMUTABLE)
    bench.store.get(bench.store.public, key)
    return "the public bucket takes blobs"


def _refuses_replacing(bench: _Bench) -> str:
    key = bench.key("once.txt")
    bench.store.put_immutable(bench.store.private, key, b"first", "text/plain")
    again = bench.store.put_immutable(bench.store.private, key, b"first", "text/plain")
    if again.created:
        raise _Broken("If-None-Match is ignored: a second put of the same key was taken")
    try:
        bench.store.put_immutable(bench.store.private, key, b"other", "text/plain")
    except StorageError:
        return "412, and our own repeated write counts as success"
    raise _Broken("If-None-Match is ignored: other bytes replaced an immutable object")


def _race(bench: _Bench) -> str:
    for round_number in range(RACE_ROUNDS):
        key = bench.key(f"race-{round_number}.txt")
        winners = bench.store.map(partial(_race_put, bench.store, key), range(RACERS))
        if sum(winners) != 1:
            raise _Broken(f"{sum(winners)} of {RACERS} simultaneous puts won: conditional puts are not atomic")
    return f"{RACE_ROUNDS} rounds of {RACERS} threads, one winner each"


def _race_put(store: ObjectStore, key: str, number: int) -> bool:
    try:
        return store.put_immutable(store.private, key, b"racer %d" % number, "text/plain").created
    except StorageError as error:
        if error.__cause__ is not None:
            raise
        return False


def _swap(bench: _Bench) -> str:
    store, key = bench.store, bench.key("pointer.json")
    bodies = [json.dumps({"commit_id": n}).encode() for n in range(3)]
    first = store.compare_and_swap(store.private, key, bodies[0], None)
    if first is None or store.compare_and_swap(store.private, key, bodies[1], first) is None:
        raise _Broken("a swap with the right etag was refused")
    if store.compare_and_swap(store.private, key, bodies[2], first) is not None:
        raise _Broken("If-Match is ignored: a swap with an old etag was taken")
    return "If-Match with the right etag wins, with an old one loses"


def _wrong_digest(bench: _Bench) -> str:
    wrong = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
    try:
        bench.store.client.put_object(
            Bucket=bench.store.private, Key=bench.key("damaged.txt"), Body=b"damaged", ChecksumSHA256=wrong
        )
    except ClientError as error:
        if status_of(error) == 400:
            return f"refused with {code_of(error)}"
        raise
    raise _Broken("a body that does not fit its SHA256 was taken: damage in transit would stay unseen")


def _presign(bench: _Bench) -> str:
    key = bench.key("signed.txt")
    bench.store.put_immutable(bench.store.private, key, b"signed", "text/plain")
    url = bench.store.presign(bench.store.private, key, PRESIGN_S)
    with _browser(bench.store.settings) as browser:
        if browser.get(url).content != b"signed":
            raise _Broken("the signed address does not give the object")
        if browser.get(url[:-1] + ("1" if url.endswith("0") else "0")).status_code < 400:
            raise _Broken("an address with a changed signature works as well")
        if browser.get(url.split("?")[0]).status_code < 400:
            raise _Broken("the private bucket can be read without any credentials")
    return "a signed address works; changed or unsigned it is refused"


@contextmanager
def _browser(settings: ObjectSettings) -> Iterator[httpx.Client]:
    import ssl

    verify: Any = True if settings.ca_bundle is None else ssl.create_default_context(cafile=str(settings.ca_bundle))
    # trust_env would send a loopback address through HTTP_PROXY; a real store may need that proxy.
    loopback = "127.0.0.1" in (settings.endpoint_url or "") or "localhost" in (settings.endpoint_url or "")
    with httpx.Client(verify=verify, timeout=HTTP_TIMEOUT_S, trust_env=not loopback) as client:
        yield client


def _wrong_secret(bench: _Bench) -> str:
    key = bench.key("stranger.txt")
    settings = replace(
        bench.store.settings,
        access_key=bench.store.settings.access_key or "AKIADRAFTLINEPROBE00",
        secret_key="w" * 40,
        session_token=None,
        threads=1,
    )
    with ObjectStore(settings) as stranger:
        try:
            stranger.put_immutable(stranger.private, key, b"stranger", "text/plain")
        except StorageError as error:
            if not isinstance(error.__cause__, ClientError):
                raise
            return f"refused with {code_of(error.__cause__)}"
    raise _Broken("a put with a wrong secret was taken: the store checks no credentials")


def _clean_up(bench: _Bench) -> str:
    for bucket, key in bench.made:
        bench.store.delete(bucket, key)
    left = bench.store.list_keys(bench.store.private, f"drafts/{bench.run}/")
    if left:
        raise _Broken(f"{len(left)} objects could not be deleted, the first is {left[0]}")
    return f"{len(bench.made)} objects deleted"


CHECKS: dict[str, Callable[[_Bench], str]] = {
    "buckets answer": _buckets,
    "put and get": _put_and_get,
    "public put": _public_put,
    "immutable keys": _refuses_replacing,
    "conditional put race": _race,
    "pointer swap": _swap,
    "wrong digest refused": _wrong_digest,
    "signed addresses": _presign,
    "wrong secret refused": _wrong_secret,
}
