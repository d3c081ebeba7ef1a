"""Styles, scripts and icons out of review/static. Nothing that anybody uploaded."""

import mimetypes
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from review.render import static_url
from review.request import in_thread
from review.routing import Page

KINDS = frozenset({".css", ".js", ".svg", ".png", ".webmanifest"})
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_MINUTE = "public, max-age=60"


async def static_file(request: Request) -> Response:
    """A file by its path; kept for ever when the address has its hash."""
    name = request.path_params["path"]
    parts = name.split("/")
    suffix = "." + parts[-1].rpartition(".")[2]
    if suffix not in KINDS or any(part in ("", ".", "..") or "\\" in part for part in parts):
        raise HTTPException(404)
    content = await in_thread(_content, parts)
    kept = FOR_EVER if request.query_params.get("v") and str(request.url).endswith(static_url(name)) else FOR_A_MINUTE
    kind = "text/javascript" if suffix == ".js" else mimetypes.guess_type(name)[0]
    return Response(content, media_type=kind, headers={"Cache-Control": kept})


def _content(parts: list[str]) -> bytes:
    try:
        return files("review").joinpath("static", *parts).read_bytes()
    except OSError as error:
        raise HTTPException(404) from error


PAGES = (Page("/static/{path:path}", static_file, None, name="static"),)
