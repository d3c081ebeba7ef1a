"""The layout of keys: the one place that knows how an object is called.

What lives here: names to keys, and the digest that a key names. What may not: requests.

    blobs/<aa>/<sha256>.<ext>                   public    immutable
    manifests/<catalog>/<sku>/<sha256>.json     public    immutable
    catalogs/<catalog>/v/<n>-<sha12>.json       public    immutable snapshot
    catalogs/<catalog>/current.json             public    the pointer, moved by compare-and-swap
    originals/<aa>/<sha256>.<ext>               private   vendor bytes as they came
    private-manifests/<catalog>/<sku>/<sha256>.json  private
    quarantine/<aa>/<sha256>.bin                private   paid bytes that could not be used
    drafts/<run>/...                            private   expire
"""

import hashlib
import re

from domain.errors import InputError

MAX_NAME_CHARS = 64
MAX_KEY_BYTES = 1024  # S3's own limit
MAX_VERSION = 10**9

IMMUTABLE = "public, max-age=31536000, immutable"
PRIVATE_IMMUTABLE = "private, max-age=31536000, immutable"
NO_CACHE = "no-cache"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_NAMED_DIGEST = re.compile(
    r"(?:(?:blobs|originals|quarantine)/([0-9a-f]{2})/|(?:private-)?manifests/[^/]+/[^/]+/)([0-9a-f]{64})\.[a-z0-9]{1,8}"
)


def blob(sha256: str, extension: str) -> str:
    return _by_digest("blobs", sha256, extension)


def original(sha256: str, extension: str) -> str:
    return _by_digest("originals", sha256, extension)


def quarantine(sha256: str) -> str:
    return _by_digest("quarantine", sha256, "bin")


def manifest(catalog: str, sku: str, sha256: str) -> str:
    return f"manifests/{name(catalog, 'catalog')}/{sku_part(sku)}/{_digest(sha256)}.json"


def private_manifest(catalog: str, sku: str, sha256: str) -> str:
    return f"private-manifests/{name(catalog, 'catalog')}/{sku_part(sku)}/{_digest(sha256)}.json"


def snapshot(catalog: str, version: int, sha256: str) -> str:
    if not 1 <= version <= MAX_VERSION:
        raise InputError(f"version {version} is not between 1 and {MAX_VERSION}", where="catalog version")
    return f"catalogs/{name(catalog, 'catalog')}/v/{version}-{_digest(sha256)[:12]}.json"


def pointer(catalog: str) -> str:
    return f"catalogs/{name(catalog, 'catalog')}/current.json"


def draft(run: str, *parts: str) -> str:
    """drafts/<run>/<part>/<part>...: at least one part, each a plain name."""
    if not parts:
        raise InputError("names no file", where="draft key")
    return _bounded("/".join(["drafts", name(run, "run"), *(name(p, "draft file") for p in parts)]))


def named_sha256(key: str) -> str | None:
    """The sha256 (hex) that a key promises for its bytes, or None: drafts, snapshots and pointers promise none."""
    found = _NAMED_DIGEST.fullmatch(key)
    if found is None or (found[1] is not None and not found[2].startswith(found[1])):
        return None
    return found[2]


def is_blob(text: str) -> bool:
    return text.startswith("blobs/") and named_sha256(text) is not None


def is_original(text: str) -> bool:
    return text.startswith("originals/") and named_sha256(text) is not None


def name(text: str, what: str) -> str:
    """A name that goes into a key as it is: letters, digits, dot, dash, underscore, not starting with a dot or dash."""
    if not _NAME.fullmatch(text):
        raise InputError(
            f"{text!r} cannot be part of a key",
            where=what,
            hint=f"Use 1 to {MAX_NAME_CHARS} letters, digits, dots, dashes and underscores",
        )
    return text


def sku_part(sku: str) -> str:
    """A SKU as one part of a key. Shops write anything into a SKU, so what is no plain name is slugged and made unique
    by eight characters of its sha256; two different SKUs never share a part."""
    if not sku.strip():
        raise InputError("is empty", where="sku")
    if _NAME.fullmatch(sku):
        return sku
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", sku).strip("-_")[:48] or "sku"
    # "~" is not allowed in a plain name, so a slug cannot meet a SKU that happens to look like it.
    return f"{slug}~{hashlib.sha256(sku.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _by_digest(folder: str, sha256: str, extension: str) -> str:
    digest = _digest(sha256)
    if not _EXTENSION.fullmatch(extension):
        raise InputError(f"{extension!r} is no file extension", where="key", hint="Write it without the dot")
    return f"{folder}/{digest[:2]}/{digest}.{extension}"


def _digest(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InputError(f"{sha256!r} is no sha256 in lower-case hex", where="key")
    return sha256


def _bounded(key: str) -> str:
    if len(key.encode()) > MAX_KEY_BYTES:
        raise InputError(f"is longer than {MAX_KEY_BYTES} bytes", where="key")
    return key
