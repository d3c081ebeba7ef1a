"""Around every answer: which hosts we answer to, the security headers, one access line. What may not live here: people.

The access line holds the path without its query (a sign-in link's token is in the query), the person and the status.
"""

import logging
import secrets
import time
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review.options import LOOPBACK_NAMES, BoardOptions

log = logging.getLogger("draftline.board")
YEAR_S = 31_536_000
ERROR_ID_BYTES = 6


def security_headers(options: BoardOptions) -> dict[str, str]:
    """What every answer carries: no inline script or style, no frame, nothing from elsewhere but pictures."""
    images = " ".join(("'self'", *options.image_origins))
    headers = {
        "content-security-policy": (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        # not no-referrer: browsers then send "Origin: null" with our own forms
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if options.is_https:
        headers["strict-transport-security"] = f"max-age={YEAR_S}; includeSubDomains"
    return headers


class Shield:
    """ASGI middleware; sets `request_id` in the request's state."""

    def __init__(self, app: ASGIApp, options: BoardOptions) -> None:
        self._app, self._options, self._headers = app, options, security_headers(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = secrets.token_hex(ERROR_ID_BYTES)
        told = _Told(send, self._headers)
        begun_s = time.monotonic()
        app = self._app if self._is_our_host(scope) else _stranger
        try:
            await app(scope, receive, told)
        finally:
            _write_line(scope, state, told.status, time.monotonic() - begun_s)

    def _is_our_host(self, scope: Scope) -> bool:
        """A page of another domain that points its name at us must get nothing (DNS rebinding)."""
        host = Headers(scope=scope).get("host", "").lower()
        ours = {self._options.host, *LOOPBACK_NAMES} - {""}
        return host in ours or host.rpartition(":")[0] in LOOPBACK_NAMES


_stranger = PlainTextResponse("This board answers to its own address only (DRAFTLINE_BOARD_BASE_URL).\n", 421)


class _Told:
    """A `send` that adds the headers and remembers the status."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send, self._headers, self.status = send, headers, 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.update(self._headers)
            headers.setdefault("cache-control", "no-store")
        await self._send(message)


def _write_line(scope: Scope, state: Mapping[str, object], status: int, took_s: float) -> None:
    visitor = state.get("visitor")
    log.info(
        "board_request id=%s method=%s path=%r status=%d user=%r took_ms=%d",
        state["request_id"],
        scope["method"],
        scope["path"],
        status,
        getattr(visitor, "user_id", "-"),
        took_s * 1000,
    )
