"""Pictures on the board: small ones from a bounded cache, whole ones from the store, uploads only if they decode."""

import asyncio
import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from domain.brief import Brief
from domain.canonical import sha256_hex
from domain.errors import ImageError, InputError
from domain.run import ImageRecord
from review.access.roles import Role
from review.queries.addresses import picture_url, reference_url, upload_url
from review.thumbs import Thumbs, shrink
from review.uploads import MAX_UPLOAD_BYTES, reference_name, store_upload
from storage.objects import keys
from tasks.wishes import wishes_of_brief
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import board_wiring
from tests.support.money import folder_store
from wiring import Wiring


def photo(size: tuple[int, int] = (900, 600), kind: str = "JPEG", orientation: int = 1) -> bytes:
    out, image = io.BytesIO(), Image.new("RGB", size, "seagreen")
    image.paste("ivory", (0, 0, size[0] // 2, size[1] // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(out, kind, exif=exif)
    return out.getvalue()


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = board_wiring(tmp_path)
    yield made
    made.close()


@pytest.fixture
def viewer(w: Wiring) -> BoardClient:
    return BoardUnderTest(w).client(Role.VIEWER)


def add_draft(
    w: Wiring, data: bytes, image_id: str = "i1", key: str = "drafts/r1/a.jpg", media: str = "image/jpeg"
) -> None:
    w.store.put_immutable(w.store.private, key, data, media)
    digest = sha256_hex(data)
    w.images.add(
        ImageRecord(image_id, "r1", "mug", "draft", 0, digest, media, 9, 9, len(data), "private", key, label="A1")
    )


def test_a_thumbnail_is_small_kept_by_the_browser_and_asked_for_again_only_by_its_tag(
    w: Wiring, viewer: BoardClient
) -> None:
    add_draft(w, photo())
    first = viewer.get(picture_url("i1"))
    assert (first.status_code, first.headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(first.content)).size == (320, 213)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = viewer.get(picture_url("i1"), headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    folder_store(w).out_of_reach = True
    assert viewer.get(picture_url("i1")).content == first.content  # from the cache on disk
    assert viewer.get(picture_url("i1", "view")).headers["content-type"].startswith("image/svg")


def test_a_view_is_never_enlarged_and_the_full_size_is_the_bytes_themselves(w: Wiring, viewer: BoardClient) -> None:
    data = photo()
    add_draft(w, data)
    assert Image.open(io.BytesIO(viewer.get(picture_url("i1", "view")).content)).size == (900, 600)
    full = viewer.get(picture_url("i1", "full"))
    assert (full.content, full.headers["content-type"]) == (data, "image/jpeg")
    assert "mug-draft-A1.jpg" in full.headers["content-disposition"]


def test_bytes_that_are_no_picture_are_shown_as_none_and_never_as_a_page(w: Wiring, viewer: BoardClient) -> None:
    add_draft(w, b"<html><script>alert(1)</script>", media="text/html")
    thumb, full = viewer.get(picture_url("i1")), viewer.get(picture_url("i1", "full"))
    assert (thumb.status_code, thumb.headers["cache-control"]) == (200, "no-store")
    assert b"<svg" in thumb.content
    assert full.headers["content-type"] == "application/octet-stream"
    assert full.headers["x-content-type-options"] == "nosniff"


def test_unknown_pictures_and_sizes_are_a_placeholder_and_strangers_are_sent_to_sign_in(w: Wiring) -> None:
    under = BoardUnderTest(w)
    viewer, stranger = under.client(Role.VIEWER), under.client()
    for url in ("/pictures/none/thumb", "/pictures/i1/huge", reference_url("r", "a", 3), upload_url("0" * 64)):
        assert viewer.get(url).status_code == 404
        assert stranger.get(url, headers={"accept": "image/*"}).status_code == 401


def test_an_upload_is_kept_as_it_came_once_and_seen_upright(w: Wiring, viewer: BoardClient) -> None:
    data = photo((600, 900), orientation=6)
    made = store_upload(w, data, "C:\\photos\\my mug.jpg", "mara")
    assert (made.file_name, made.width_px, made.height_px, made.uploaded_by) == ("my mug.jpg", 900, 600, "mara")
    assert w.store.get("private", keys.original(made.sha256, "jpg")) == data
    assert store_upload(w, data, "other.jpg", "jonas") == made
    assert [u.sha256 for u in w.uploads.newest("mara")] == [made.sha256]
    shown = viewer.get(upload_url(made.sha256))
    assert Image.open(io.BytesIO(shown.content)).size == (320, 213)


def bomb() -> bytes:
    """A PNG of a few bytes that claims 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<svg onload='alert(1)'/>", "format-not-allowed"),
        (b"no picture at all", "not-an-image"),
        (photo((9, 9), "GIF"), "format-not-allowed"),
        (photo()[:-200], "truncated"),
        (bomb(), "too-many-pixels"),
        (b"\xff\xd8\xff" + bytes(MAX_UPLOAD_BYTES), "too-many-bytes"),
    ],
    ids=["nothing", "svg", "text", "gif", "truncated", "bomb", "too big"],
)
def test_what_is_no_usable_photo_is_refused_with_its_reason_and_not_kept(w: Wiring, data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as refused:
        store_upload(w, data, "x.jpg", "mara")
    assert refused.value.reason == reason
    assert w.uploads.newest() == []
    assert not (folder_store(w).folder / "private").exists()


@pytest.mark.anyio
async def test_a_brief_names_an_upload_and_gets_its_photo(w: Wiring, tmp_path: Path) -> None:
    made = store_upload(w, photo(), "mug.jpg", "mara")
    brief = Brief(name="mug", subject="a mug", references=(reference_name(made.sha256),))
    (wish,) = (await wishes_of_brief(w, brief, tmp_path)).items
    assert (wish.references[0].width_px, wish.references[0].height_px) == (900, 600)
    assert wish.brief.references == (wish.references[0].sha256,)
    assert wish.origins == (reference_name(made.sha256),)
    missing = brief.model_copy(update={"references": (reference_name("0" * 64),)})
    with pytest.raises(InputError, match="was never uploaded here"):
        await wishes_of_brief(w, missing, tmp_path)


@pytest.mark.anyio
async def test_five_hundred_who_ask_for_one_picture_make_it_once(tmp_path: Path) -> None:
    thumbs, loads = Thumbs(tmp_path), []

    def load() -> bytes:
        loads.append(1)
        return photo()

    made = await asyncio.gather(*(thumbs.get("a" * 64, "thumb", load) for _ in range(500)))
    assert len(set(made)) == len(loads) == 1


def test_the_cache_stays_within_its_bound_and_drops_the_oldest(tmp_path: Path) -> None:
    data = shrink(photo(), "thumb")
    thumbs = Thumbs(tmp_path, max_bytes=len(data) * 5)
    for n in range(8):
        asyncio.run(thumbs.get(f"{n:064d}", "thumb", photo))
        os.utime(tmp_path / "00" / f"{n:064d}-320.webp", (n + 1, n + 1))
    thumbs.trim()
    assert [path.name[63] for path in sorted((tmp_path / "00").iterdir())] == ["4", "5", "6", "7"]
    assert list(tmp_path.glob("**/.*")) == []
