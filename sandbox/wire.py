"""HTTP pieces both vendors share: reading a bounded body, answering JSON, and really cutting a TCP connection.

A server process puts a handle on the connection into the ASGI scope (see server.py); without it, in a test that calls
the app in process, a cut raises ConnectionResetError, which the caller sees as the transport's failure.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CONNECTION_EXTENSION = "sandbox.connection"
CHUNK_BYTES = 256 * 1024


class Connection(Protocol):
    """The part of asyncio's transport that a cut needs."""

    def write(self, data: bytes) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...
    def is_closing(self) -> bool: ...


class BodyTooLargeError(ValueError):
    """The request body is above the vendor's limit."""


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body, or BodyTooLargeError as soon as it is too long."""
    chunks, size_bytes = [], 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise BodyTooLargeError(f"body above {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def canonical_sha256(body: object) -> str:
    """sha256 of the JSON with sorted keys and no spaces: equal for equal requests, however they were written."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def connection_of(scope: Scope) -> Connection | None:
    connection: Connection | None = (scope.get("extensions") or {}).get(CONNECTION_EXTENSION)
    return connection


class CutResponse(Response):
    """No answer at all: the connection goes away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is None:
            raise ConnectionResetError("cut by the sandbox")
        connection.abort()
        await until_gone(receive)


class WitnessedResponse(Response):
    """An answer that calls `on_delivered` only if the peer was still there when the last byte was handed over."""

    def __init__(self, content: bytes, on_delivered: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(content, **kwargs)
        self.on_delivered = on_delivered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body, gone = bytes(self.body), False
        for start in range(0, len(body), CHUNK_BYTES):
            # asked before each write: who has every byte may hang up before we could ask after it
            gone = connection is not None and connection.is_closing()
            await send({"type": "http.response.body", "body": body[start : start + CHUNK_BYTES], "more_body": True})
        if scope["method"] != "HEAD" and not gone:
            self.on_delivered()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def json_response(body: object, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dump_json(body), status_code, headers, media_type="application/json")


def dump_json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def until_gone(receive: Callable[[], Awaitable[Any]]) -> None:
    """Waits until the server has noticed the cut; answering earlier would let it send a 500."""
    while (await receive())["type"] != "http.disconnect":
        pass
