"""One way to turn a value into bytes for hashing: JSON, keys sorted, no spaces, ASCII only."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of a plain value (dicts, lists, strings, ints, bools, None)."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
