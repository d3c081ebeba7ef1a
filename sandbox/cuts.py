"""Connections that break at a chosen byte: while a request comes in, and anywhere in an answer on its way out.

The answer is written to the connection as raw bytes, since no server would send half a status line. Without a real
connection (a test that calls the app in process) a cut raises ConnectionResetError.
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.faults import BEFORE_BODY, FaultPlan
from sandbox.wire import CutResponse, WitnessedResponse, connection_of, until_gone

IN_ANSWER = ("cut_status", "cut_in_headers", "cut_mid_answer", "cut_last_byte")
HALF = 0.5


async def cut_request(request: Request, faults: FaultPlan) -> Response | None:
    """A cut before the whole request has come, or None. Nothing is created by it."""
    part = faults.get("cut_request")
    if part:
        await _read_share(request, part.number("share", HALF))
    return CutResponse() if faults.has(*BEFORE_BODY) else None


def spoiled(answer: Response, faults: FaultPlan) -> Response:
    """The answer to work that is done: whole, twice, in part, or not at all."""
    if faults.has("cut_after"):
        return CutResponse()
    if faults.has("unclosed"):
        return _Unclosed(answer)
    if faults.has("answered_twice"):
        return _Twice(answer)
    return _Part(answer, faults) if faults.has(*IN_ANSWER) else answer


class _Part(Response):
    """The first bytes of an answer, then the connection closes."""

    def __init__(self, answer: Response, faults: FaultPlan) -> None:
        super().__init__()
        self._answer, self._faults = answer, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is None:
            raise ConnectionResetError("cut by the sandbox in the answer")
        connection.write(_first_bytes(self._answer, self._faults))
        connection.close()
        await until_gone(receive)


class _Unclosed(Response):
    """The whole answer; the connection stays open until the peer closes it."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is None:
            await self._answer(scope, receive, send)
            return
        # the peer is told to close, or a kept-alive client would wait on a connection that nobody answers any more
        self._answer.headers["connection"] = "close"
        connection.write(_head(self._answer) + bytes(self._answer.body))
        _witness(self._answer)
        await until_gone(receive)


class _Twice(Response):
    """The whole answer, and at once the same bytes again, which nobody asked for."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is not None:
            connection.write(_head(self._answer) + bytes(self._answer.body))
        await self._answer(scope, receive, send)


def _first_bytes(answer: Response, faults: FaultPlan) -> bytes:
    line, head, body = _status_line(answer), _head(answer), bytes(answer.body)
    if faults.has("cut_status"):
        return line
    if faults.has("cut_in_headers"):
        return head[: (len(line) + len(head)) // 2]
    if faults.has("cut_last_byte"):
        return head + body[:-1]
    middle = faults.get("cut_mid_answer")
    at = int(middle.number("at_byte", len(body) // 2)) if middle else 0
    # always a cut: below zero counts from the end, and at least the last byte is missing
    return head + body[: max(0, min(at if at >= 0 else len(body) + at, len(body) - 1))]


def _status_line(answer: Response) -> bytes:
    return f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}\r\n".encode()


def _head(answer: Response) -> bytes:
    rows = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return _status_line(answer) + rows + b"\r\n"


def _witness(answer: Response) -> None:
    if isinstance(answer, WitnessedResponse):
        answer.on_delivered()


async def _read_share(request: Request, share: float) -> None:
    """Read until that share of the announced body has come."""
    wanted_bytes = int(request.headers.get("content-length", "0")) * share
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes >= wanted_bytes:
            return
