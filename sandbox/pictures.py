"""From a stored scene to image bytes in the asked format: painted in a small thread pool, cached, deterministic.

Nothing here knows a vendor. `Scene` is what must be kept to paint the same picture again after a restart.
"""

import asyncio
import hashlib
import io
import json
import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from PIL import Image

from sandbox.painter import SceneRequest, paint
from sandbox.state import BlobFolder, write_atomically

MAX_CACHE_BYTES = 512 * 1024 * 1024
MAX_PAINTED_PX = 4 * 1024 * 1024
MAX_PAINTED_SIDE_PX, MIN_PAINTED_SIDE_PX = 4096, 64
MAX_PAINTED_PROMPT_CHARS = 40_000
MAX_PAINTED_SEED = 2**63 - 1
PAINT_VERSION = 4
JPEG_QUALITY = 92
MIME_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
Defect = Literal["", "truncated", "not_an_image"]


@dataclass(frozen=True)
class Scene:
    """All that decides a picture. `references` are blob digests; `defect` spoils the bytes after encoding."""

    prompt: str
    width_px: int
    height_px: int
    references: tuple[str, ...]
    seed: int
    model: str
    quality: str
    format: str
    defect: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Scene":
        return cls(**row | {"references": tuple(row["references"])})

    def key(self) -> str:
        text = json.dumps([PAINT_VERSION, self.to_json()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class PictureShop:
    """Paints on demand. One picture is painted once, however many ask for it at the same time."""

    def __init__(self, folder: Path, blobs: BlobFolder) -> None:
        self._cache = PictureCache(folder)
        self._blobs = blobs
        self._pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="painter")
        self._under_way: dict[str, asyncio.Future[bytes]] = {}

    async def picture(self, scene: Scene) -> bytes:
        key = scene.key()
        future = self._under_way.get(key)
        if future is None:
            future = asyncio.get_running_loop().run_in_executor(self._pool, self._make, scene, key)
            self._under_way[key] = future
            future.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(future)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _make(self, scene: Scene, key: str) -> bytes:
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        references = tuple(self._blobs.get(digest) for digest in scene.references)
        data = _spoil(_encode(_painted(scene, references), scene.format), scene.defect)
        self._cache.put(key, data)
        return data


class PictureCache:
    """Finished bytes on disk, the least recently used dropped above MAX_CACHE_BYTES."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        by_age = sorted(folder.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime)
        self._sizes_bytes = OrderedDict((path.name, path.stat().st_size) for path in by_age)

    def get(self, key: str) -> bytes | None:
        try:
            data = (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        with self._lock:
            if key in self._sizes_bytes:
                self._sizes_bytes.move_to_end(key)
        return data

    def put(self, key: str, data: bytes) -> None:
        write_atomically(self.folder / key, data)
        with self._lock:
            self._sizes_bytes[key] = len(data)
            while sum(self._sizes_bytes.values()) > MAX_CACHE_BYTES and len(self._sizes_bytes) > 1:
                oldest, _ = self._sizes_bytes.popitem(last=False)
                (self.folder / oldest).unlink(missing_ok=True)


def _painted(scene: Scene, references: tuple[bytes, ...]) -> Image.Image:
    """Above MAX_PAINTED_PX the scene is painted smaller and enlarged: a 4K picture in seconds, not in half a minute."""
    sides_px = (scene.width_px, scene.height_px)
    area_px = scene.width_px * scene.height_px
    shrink = min(1.0, (MAX_PAINTED_PX / area_px) ** 0.5, MAX_PAINTED_SIDE_PX / max(sides_px))
    width_px, height_px = (max(MIN_PAINTED_SIDE_PX, round(side * shrink)) for side in sides_px)
    request = SceneRequest(
        prompt=scene.prompt[:MAX_PAINTED_PROMPT_CHARS],
        width_px=width_px,
        height_px=height_px,
        references=references,
        seed=scene.seed & MAX_PAINTED_SEED,
        model=scene.model,
        quality=cast(Literal["draft", "final"], scene.quality),
    )
    image = paint(request).convert("RGB")
    return image if image.size == sides_px else image.resize(sides_px, Image.Resampling.LANCZOS)


def _encode(image: Image.Image, image_format: str) -> bytes:
    out = io.BytesIO()
    if image_format == "png":
        image.save(out, "PNG", compress_level=3)
    elif image_format == "webp":
        image.save(out, "WEBP", quality=JPEG_QUALITY, method=2)
    else:
        image.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def _spoil(data: bytes, defect: str) -> bytes:
    if defect == "truncated":
        return data[: len(data) * 2 // 3]
    if defect == "not_an_image":
        return b"<html><body>504 Gateway Time-out</body></html>"
    return data


def derived_seed(*parts: object) -> int:
    """A seed for a request that named none: the same request gives the same picture."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).digest()
    return int.from_bytes(digest[:4], "big")
