"""Small copies of pictures: made once, kept on disk by digest and size, the oldest dropped above a bound.

What may not live here: who may see a picture, and where its bytes come from.
"""

import asyncio
import io
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from imaging.decode import decode

EDGE_PX = {"thumb": 320, "view": 1600}
MEDIA_TYPE = "image/webp"
MAX_CACHE_BYTES = 1024 * 1024 * 1024
LOOK_EVERY_WRITES = 200
"""So many writes between two looks at the folder's size: it may exceed its bound by that many pictures."""
KEPT_SHARE = 0.9
MAX_AT_ONCE = 2
"""Pictures decoded at once: one of 50 megapixels needs 200 MB, and 500 thumbnails may be asked for in a second."""
_QUALITY = {"thumb": 78, "view": 84}


class Thumbs:
    """The copies in one folder. Safe for several processes: files appear whole, and may vanish at any time."""

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._writes, self._lock = 0, threading.Lock()

    async def get(self, sha256: str, size: str, load: Callable[[], bytes]) -> bytes:
        """The copy as WebP; `load` gives the picture's bytes, in a thread, when there is none yet.

        Raises what `load` raises, and ImageError for bytes that are no picture.
        """
        kept = await asyncio.to_thread(self._read, sha256, size)
        if kept is not None:
            return kept
        name = f"{sha256}-{size}"
        task = self._under_way.get(name)
        if task is None:
            task = asyncio.create_task(self._make(sha256, size, load))
            self._under_way[name] = task
            task.add_done_callback(lambda ended: self._forget(name, ended))
        # whoever leaves must not take the picture away from those who still wait for it
        return await asyncio.shield(task)

    def _forget(self, name: str, ended: "asyncio.Task[bytes]") -> None:
        self._under_way.pop(name, None)
        # when everybody left, nobody else looks at its error
        if not ended.cancelled():
            ended.exception()

    async def _make(self, sha256: str, size: str, load: Callable[[], bytes]) -> bytes:
        async with self._gate:
            made = await asyncio.to_thread(lambda: shrink(load(), size))
        await asyncio.to_thread(self._write, sha256, size, made)
        return made

    def _path(self, sha256: str, size: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}-{EDGE_PX[size]}.webp"

    def _read(self, sha256: str, size: str) -> bytes | None:
        try:
            return self._path(sha256, size).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, sha256: str, size: str, data: bytes) -> None:
        path = self._path(sha256, size)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{uuid.uuid4().hex}")
        aside.write_bytes(data)
        aside.replace(path)
        with self._lock:
            self._writes += 1
            is_due = self._writes % LOOK_EVERY_WRITES == 1
        if is_due:
            self.trim()

    def trim(self) -> None:
        """Drop the oldest copies while they are more than the bound."""
        files = sorted(_sizes(self._folder))
        total_bytes = sum(size_bytes for _, size_bytes, _ in files)
        if total_bytes <= self._max_bytes:
            return
        for _, size_bytes, path in files:
            if total_bytes <= self._max_bytes * KEPT_SHARE:
                return
            path.unlink(missing_ok=True)
            total_bytes -= size_bytes


def shrink(data: bytes, size: str) -> bytes:
    """The picture as WebP with its longest edge at most EDGE_PX[size]; never enlarged."""
    image = decode(data).image
    image.thumbnail((EDGE_PX[size], EDGE_PX[size]), Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=_QUALITY[size], method=4)
    return out.getvalue()


def _sizes(folder: Path) -> list[tuple[float, int, Path]]:
    """(time, bytes, path) of every file; those that vanish meanwhile are left out."""
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append((status.st_mtime, status.st_size, path))
    return found
