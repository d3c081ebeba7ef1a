"""What every stage needs of an asset: its brief, its references' bytes, ids, and how problems are kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from domain.brief import Brief
from domain.canonical import digest
from domain.errors import CapRefused, DraftlineError, NotApproved, VendorError
from domain.render import Reference
from domain.run import Asset, ImageRecord, Run, Stage
from storage.objects import keys
from tasks.media import extension_of
from wiring import Wiring

T = TypeVar("T")
BATCH, MAX_BATCHES = 25, 60
BYTES_CACHE = 64
"""References and selects kept in memory; each is at most a few megabytes."""


def batches(asset_keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Batches for one task run each: at least BATCH assets, and never more than MAX_BATCHES batches."""
    size = max(BATCH, -(-len(asset_keys) // MAX_BATCHES))
    return [tuple(asset_keys[at : at + size]) for at in range(0, len(asset_keys), size)]


def brief_of(asset: Asset) -> Brief:
    return Brief.model_validate(asset.brief)


def image_id(run_id: str, asset_key: str, stage: Stage, ordinal: int) -> str:
    """The same image of the same run always has the same id."""
    return digest([run_id, asset_key, stage, ordinal])[:24]


def references_of(w: Wiring, asset: Asset) -> tuple[Reference, ...]:
    """The asset's photos with their bytes, from the object store."""
    return tuple(
        Reference(**facts, data=stored_bytes(w, keys.original(facts["sha256"], extension_of(facts["media_type"]))))
        for facts in asset.plan["references"]
    )


def stored_bytes(w: Wiring, key: str) -> bytes:
    """The private object's bytes, checked against its name; kept in memory for the next stage that asks."""
    return _cached(w.store.get, w.store.private, key)


@lru_cache(maxsize=BYTES_CACHE)
def _cached(get: Callable[[str, str], bytes], bucket: str, key: str) -> bytes:
    return get(bucket, key)


def reference_of(image: ImageRecord, data: bytes) -> Reference:
    return Reference(image.sha256, image.media_type, image.width_px, image.height_px, data)


async def gather_all(jobs: Sequence[Awaitable[T]]) -> list[T | DraftlineError]:
    """Run all to their end. Our own errors come back as values; anything else is a bug and is raised, after all ended.

    A cap, an account or a withdrawn approval that refuses is raised too: going on would only be refused again.
    """
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and (not isinstance(result, DraftlineError) or stops_the_run(result)):
            raise result
    return [r for r in results if not isinstance(r, BaseException) or isinstance(r, DraftlineError)]


def stops_the_run(error: BaseException) -> bool:
    return isinstance(error, CapRefused | NotApproved) or (isinstance(error, VendorError) and error.fault == "account")


def run_and_assets(w: Wiring, run_id: str, asset_keys: Sequence[str]) -> tuple[Run, list[Asset]]:
    return w.runs.get(run_id), w.runs.assets(run_id, asset_keys)
