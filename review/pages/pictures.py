"""Pictures: thumbnails and views from a cache on disk, the full size from the store. Only for people who signed in.

What may not live here: what a picture is to a run, and how it is made small.
"""

from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors import ImageError, StorageError
from review.access.roles import Role
from review.queries.pictures import Stored, stored_image, stored_reference, stored_upload
from review.request import in_thread, wiring
from review.routing import Page
from review.thumbs import EDGE_PX, MEDIA_TYPE, Thumbs
from storage.database import Database

KEPT = "private, max-age=31536000, immutable"
PRESIGNED_S = 300
SIZES = (*EDGE_PX, "full")
SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/avif"})
PLACEHOLDER = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 320" role="img" aria-label="no picture">
<rect width="320" height="320" fill="#8a8a8a" fill-opacity="0.18"/>
<g fill="none" stroke="#8a8a8a" stroke-width="6" stroke-linejoin="round" stroke-linecap="round">
<rect x="100" y="110" width="120" height="100" rx="8"/><path d="M106 200l36-40 26 26 18-18 28 32"/>
<circle cx="184" cy="142" r="9"/></g></svg>
"""


async def image(request: Request) -> Response:
    image_id = request.path_params["image_id"]
    return await _answer(request, lambda database: stored_image(database, image_id))


async def reference(request: Request) -> Response:
    asked = request.path_params
    place = (asked["run_id"], asked["asset_key"], asked["number"])
    return await _answer(request, lambda database: stored_reference(database, *place))


async def upload(request: Request) -> Response:
    sha256 = request.path_params["sha256"]
    return await _answer(request, lambda database: stored_upload(database, sha256))


async def _answer(request: Request, find: Callable[[Database], Stored | None]) -> Response:
    size = request.path_params["size"]
    found = await in_thread(find, wiring(request).database) if size in SIZES else None
    if found is None:
        return _placeholder(404)
    etag = f'"{found.sha256[:32]}-{size}"'
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"etag": etag, "cache-control": KEPT})
    try:
        if size == "full":
            return await _full(request, found, etag)
        data = await _thumbs(request).get(found.sha256, size, lambda: _bytes(request, found))
    except (StorageError, ImageError, FileNotFoundError):
        # the row is there before its bytes can be read again: a page must not break over one picture
        return _placeholder(200)
    return Response(data, media_type=MEDIA_TYPE, headers={"etag": etag, "cache-control": KEPT})


async def _full(request: Request, found: Stored, etag: str) -> Response:
    """From the store itself where browsers reach it, by an address that is good for minutes; else through us."""
    w = wiring(request)
    # such an endpoint is among the origins that our content-security-policy lets pictures come from
    if w.settings.s3_endpoint_url.startswith("https://"):
        url = await in_thread(w.store.presign, found.bucket or w.store.private, found.object_key, PRESIGNED_S)
        return RedirectResponse(url, 302, headers={"cache-control": "no-store"})
    data = await in_thread(_bytes, request, found)
    # bytes that a vendor or a stranger named an image: shown as one of four kinds, or saved, never run
    kind = found.media_type if found.media_type in SHOWN_TYPES else "application/octet-stream"
    name = f"inline; filename*=UTF-8''{quote(found.name, safe='')}"
    return Response(data, media_type=kind, headers={"etag": etag, "cache-control": KEPT, "content-disposition": name})


def _bytes(request: Request, found: Stored) -> bytes:
    store = wiring(request).store
    return store.get(found.bucket or store.private, found.object_key)


def _thumbs(request: Request) -> Thumbs:
    """One for the app: made at the first picture, on the loop that serves it."""
    state = request.app.state
    if not hasattr(state, "thumbs"):
        state.thumbs = Thumbs(wiring(request).settings.home / "thumbs")
    return state.thumbs  # type: ignore[no-any-return]


def _placeholder(status: int) -> Response:
    return Response(PLACEHOLDER, status, media_type="image/svg+xml", headers={"cache-control": "no-store"})


PAGES = (
    Page("/pictures/references/{run_id}/{asset_key}/{number:int}/{size}", reference, Role.VIEWER, name="reference"),
    Page("/pictures/uploads/{sha256}/{size}", upload, Role.VIEWER, name="upload"),
    Page("/pictures/{image_id}/{size}", image, Role.VIEWER, name="picture"),
)
