"""The one paid POST on a real socket: sent once, on a connection of its own, and read to its end or called broken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from domain.errors import VendorBusy, VendorSilent
from vendors.http import Answer, get, read_transport, submit_transport
from vendors.sending import send_once

pytestmark = [pytest.mark.server, pytest.mark.anyio]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\n{}"


class Socket:
    """A bare server that notes each connection and the requests on it, and plays `answer` after each."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.url = answer, httpx.URL("http://127.0.0.1/")
        self.seen: list[list[bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[bytes] = []
        self.seen.append(requests)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                requests.append(head)
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
                await reader.readexactly(length)
                writer.write(self.answer)
                await writer.drain()
                if not self.answer.startswith(OK[:40]):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[Socket]:
    socket = Socket(answer)
    server = await asyncio.start_server(socket.serve, "127.0.0.1", 0)
    socket.url = httpx.URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/model")
    try:
        yield socket
    finally:
        server.close()


async def post(url: httpx.URL, transport: httpx.AsyncBaseTransport, max_bytes: int = 1000) -> Answer:
    return await send_once(
        transport, url, vendor="bfl", headers={}, body=b"{}", read_timeout_s=60.0, max_bytes=max_bytes
    )


@pytest.fixture
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    made = submit_transport()
    yield made
    await made.aclose()


async def test_each_post_gets_a_connection_of_its_own(transport: httpx.AsyncBaseTransport) -> None:
    async with listening(OK) as socket:
        for _ in range(3):
            assert (await post(socket.url, transport)).body == b"{}"
    assert [len(requests) for requests in socket.seen] == [1, 1, 1]
    assert all(b"connection: close" in requests[0].lower() for requests in socket.seen)


async def test_polls_share_a_connection() -> None:
    reads = read_transport()
    async with listening(OK) as socket:
        for _ in range(3):
            assert (await get(reads, socket.url, headers={}, timeout_s=60.0, max_bytes=100)).body == b"{}"
        await reads.aclose()
    assert [len(requests) for requests in socket.seen] == [3]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "no-answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "no-answer"),
        (b"hello, who is there?\r\n\r\n", "no-answer"),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id": "a"', "cut-answer"),
        (b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"id"\r\n', "cut-answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000, "cut-answer"),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 99\r\n\r\n{", "cut-answer"),
    ],
)
async def test_an_answer_that_breaks_off_is_in_doubt_and_not_sent_again(
    transport: httpx.AsyncBaseTransport, answer: bytes, code: str
) -> None:
    async with listening(answer) as socket:
        with pytest.raises(VendorSilent) as caught:
            await post(socket.url, transport)
    assert (caught.value.code, caught.value.billed, caught.value.retryable) == (code, "unknown", False)
    assert [len(requests) for requests in socket.seen] == [1]


async def test_a_refusal_that_breaks_off_is_still_a_refusal(transport: httpx.AsyncBaseTransport) -> None:
    async with listening(b"HTTP/1.1 422 No\r\ncontent-length: 99\r\n\r\n{") as socket:
        answer = await post(socket.url, transport)
    assert (answer.status, answer.whole) == (422, False)


async def test_a_host_without_a_name_or_a_server_is_busy_and_nothing_left(transport: httpx.AsyncBaseTransport) -> None:
    for address in ("http://127.0.0.1:9/", "http://no-such-host.invalid/"):
        with pytest.raises(VendorBusy) as caught:
            await post(httpx.URL(address), transport)
        assert (caught.value.code, caught.value.billed) == ("no-connection", "no")


async def test_a_get_that_fails_is_no_answer_and_no_error() -> None:
    reads = read_transport()
    for address in ("http://127.0.0.1:9/", "http://no-such-host.invalid/"):
        assert (await get(reads, address, headers={}, timeout_s=60.0, max_bytes=10)).status == 0
    await reads.aclose()
