"""Photos that people upload, and drafts that go in like them: decoded in a child process, then stored as they came.

What may not live here: the form, and who may upload.
"""

from pathlib import PurePosixPath

from domain.canonical import sha256_hex
from imaging.decode import DecodeLimits, decode_untrusted
from review.queries.likes import KnownDraft
from storage.objects import keys
from storage.records.uploads import PREFIX, Upload, draft_file_name, named_draft
from tasks.media import extension_of
from wiring import Wiring

MAX_UPLOAD_BYTES = 20 * 1024 * 1024
MAX_UPLOAD_PIXELS = 50_000_000
MAX_NAME_CHARS = 120


def store_upload(w: Wiring, data: bytes, file_name: str, by: str) -> Upload:
    """Check and keep one file; the same bytes again give the upload that is there. Blocks for about 0.3 s.

    Raises ImageError, its `reason` one of imaging.decode.REASONS, for what is no usable photo; nothing is kept then.
    The bytes go into the private bucket unchanged; sizes are those of the upright picture.
    """
    known = w.uploads.get(sha256_hex(data))
    if known is not None:
        return known
    photo = decode_untrusted(data, DecodeLimits(max_bytes=MAX_UPLOAD_BYTES, max_pixels=MAX_UPLOAD_PIXELS))
    key = keys.original(photo.sha256, extension_of(photo.media_type))
    w.store.put_immutable(w.store.private, key, data, photo.media_type)
    upload = Upload(
        sha256=photo.sha256,
        file_name=_plain_name(file_name),
        media_type=photo.media_type,
        width_px=photo.width_px,
        height_px=photo.height_px,
        size_bytes=len(data),
        object_key=key,
        uploaded_by=by,
        uploaded_at=w.now(),
    )
    w.uploads.add(upload)
    return w.uploads.get(photo.sha256) or upload


def store_draft(w: Wiring, draft: KnownDraft, by: str) -> Upload:
    """A draft as an upload, so that a brief can name it: the very bytes that the vendor sent, checked like anybody's.

    Raises StorageError (FileNotFoundError from a store in a folder) where they cannot be read, ImageError as above.
    """
    data = w.store.get(draft.bucket or w.store.private, draft.object_key)
    name = draft_file_name(draft.image_id, extension_of(draft.media_type))
    upload = store_upload(w, data, name, by)
    if not named_draft(upload.file_name):
        # somebody saved the draft and uploaded it by hand: from now on it is known for what it is
        w.uploads.rename(upload.sha256, name)
    return upload


def reference_name(sha256: str) -> str:
    """How a brief names the upload among its references."""
    return f"{PREFIX}{sha256}"


def _plain_name(file_name: str) -> str:
    """The last part of what the browser called it, for people to read; it never becomes a path."""
    name = PurePosixPath(file_name.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable())[:MAX_NAME_CHARS] or "photo"
