"""Whether a request that changes something comes from a page of ours. What may not live here: who asks.

Two proofs, both needed: the session's own token in the form (or the X-CSRF-Token header), and a browser that says the
request came from our own origin. Before sign-in the token is tied to a cookie of the visit instead of a session.
"""

import base64
import hashlib

from starlette.exceptions import HTTPException
from starlette.requests import Request

from review.access.secrets import same
from review.options import BoardOptions

FIELD = "csrf_token"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_FIELDS = 2000
MAX_FILES = 16
SAYS = (
    "This page was open for too long, or the request came from somewhere else. Go back, reload the page and try again."
)


def token_of_visit(visit: str) -> str:
    """The form token of somebody who is not signed in; the cookie's value cannot be told from it."""
    digest = hashlib.sha256(b"draftline form " + visit.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def check(request: Request, options: BoardOptions, expected: str, *, max_body_bytes: int) -> None:
    """Raises 403 unless both proofs are there. Reads the form once; the page's own `request.form()` gets the same."""
    if not comes_from_us(request, options):
        raise HTTPException(403, SAYS)
    given = request.headers.get(HEADER) or await _in_form(request, max_body_bytes)
    if not same(expected, given):
        raise HTTPException(403, SAYS)


async def _in_form(request: Request, max_body_bytes: int) -> str:
    form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=max_body_bytes)
    given = form.get(FIELD)
    return given if isinstance(given, str) else ""


def comes_from_us(request: Request, options: BoardOptions) -> bool:
    """By Origin where the browser sends one, else by Sec-Fetch-Site; a client that sends neither is no browser."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin.lower() == (
            options.base_url.lower() or f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
        )
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
