"""Where exactly the sandbox cuts a connection, byte for byte, and what a cut request or answer costs.

Takes about 3 s.
"""

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

pytestmark = pytest.mark.server
NB2 = "gemini-3.1-flash-image"
READ_TIMEOUT_S = 20.0
BEFORE = ("cut_headers", "cut_request", "cut_before")
AFTER = ("cut_after", "cut_status", "cut_in_headers", "cut_mid_answer", "cut_last_byte")


class Line:
    """A client that sees bytes: what came before the connection ended, and whether it was torn (reset)."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        parts = urlsplit(sandbox.url)
        self._host = parts.netloc
        self._address = (str(parts.hostname), int(parts.port or 0))

    def connect(self) -> socket.socket:
        return socket.create_connection(self._address, timeout=READ_TIMEOUT_S)

    def post(self, vendor: str, prompt: str = "a red kettle") -> bytes:
        with self.connect() as wire:
            wire.sendall(self.request(vendor, prompt))
            return all_of(wire)

    def get(self, url: str) -> bytes:
        parts = urlsplit(url)
        with self.connect() as wire:
            path = f"{parts.path}?{parts.query}"
            wire.sendall(f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\nconnection: close\r\n\r\n".encode())
            return all_of(wire)

    def request(self, vendor: str, prompt: str = "a red kettle") -> bytes:
        if vendor == "bfl":
            path, key = "/bfl/v1/flux-2-klein-4b", f"x-key: {self.sandbox.bfl_key}"
            body: dict[str, Any] = {"prompt": prompt, "width": 64, "height": 64}
        else:
            path, key = f"/google/v1beta/models/{NB2}:generateContent", f"x-goog-api-key: {self.sandbox.google_key}"
            config = {"responseModalities": ["IMAGE"], "imageConfig": {"imageSize": "512"}}
            body = {"contents": [{"parts": [{"text": prompt}]}], "generationConfig": config}
        data = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self._host}\r\n{key}\r\nconnection: close\r\ncontent-length: {len(data)}"
        )
        return head.encode() + b"\r\n\r\n" + data

    def spoil(self, fault: str, path: str | None = None, **more: Any) -> None:
        self.sandbox.rules([{"match": {"path": path} if path else {}, "fault": fault, **more}])

    def lines(self) -> list[dict[str, Any]]:
        self.sandbox.advance(60)
        return list(self.sandbox.invoice()["lines"])

    def ready(self) -> str:
        """The poll address of a finished task."""
        answer = json.loads(self.post("bfl").partition(b"\r\n\r\n")[2])
        self.sandbox.advance(60)
        return str(answer["polling_url"])


def all_of(wire: socket.socket) -> bytes:
    """Every byte until the other side ends it; a reset is an end too."""
    data = b""
    try:
        while chunk := wire.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


@pytest.fixture
def line(sandbox_server: Any) -> Line:
    return Line(sandbox_server)


def body_size(answer: bytes) -> tuple[int, int]:
    """(bytes of the body that came, bytes that were announced)."""
    head, _, body = answer.partition(b"\r\n\r\n")
    announced = next(row for row in head.split(b"\r\n") if row.lower().startswith(b"content-length"))
    return len(body), int(announced.split(b":")[1])


@pytest.mark.parametrize("vendor", ["bfl", "google"])
@pytest.mark.parametrize("fault", BEFORE)
def test_a_request_that_did_not_arrive_whole_gets_no_byte_and_costs_nothing(
    line: Line, vendor: str, fault: str
) -> None:
    line.spoil(fault)
    assert line.post(vendor) == b""
    assert line.lines() == []


def test_a_cut_after_the_head_comes_before_a_byte_of_the_body_is_sent(line: Line) -> None:
    line.spoil("cut_headers")
    with line.connect() as wire:
        wire.sendall(line.request("bfl").partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        assert all_of(wire) == b""


def test_a_cut_in_the_body_waits_for_its_share_of_it(line: Line) -> None:
    line.spoil("cut_request", share=0.5)
    head, _, body = line.request("bfl").partition(b"\r\n\r\n")
    with line.connect() as wire:
        wire.sendall(head + b"\r\n\r\n" + body[: len(body) // 4])
        wire.settimeout(0.2)
        with pytest.raises(TimeoutError):
            wire.recv(1)
        wire.settimeout(READ_TIMEOUT_S)
        wire.sendall(body[len(body) // 4 : -1])
        assert all_of(wire) == b""
    assert line.lines() == []


@pytest.mark.parametrize("vendor", ["bfl", "google"])
@pytest.mark.parametrize("fault", AFTER)
def test_work_behind_a_cut_answer_is_billed_once_and_not_delivered(line: Line, vendor: str, fault: str) -> None:
    line.spoil(fault)
    line.post(vendor)
    (row,) = line.lines()
    assert (row["image"], row["delivered"]) == (True, False)


def answers(line: Line, where: str, fault: str, **more: Any) -> bytes:
    """The spoiled bytes of a submit, a call, a poll or a download."""
    if where in ("bfl", "google"):
        line.spoil(fault, **more)
        return line.post(where)
    poll_url = line.ready()
    sample = httpx.get(poll_url).json()["result"]["sample"]
    line.spoil(fault, "get_result" if where == "poll" else "/bfl-delivery/", **more)
    return line.get(poll_url if where == "poll" else sample)


EVERYWHERE = pytest.mark.parametrize("where", ["bfl", "google", "poll", "download"])


@EVERYWHERE
def test_the_status_line_can_be_all_that_comes(line: Line, where: str) -> None:
    assert answers(line, where, "cut_status") == b"HTTP/1.1 200 OK\r\n"


@EVERYWHERE
def test_an_answer_can_end_in_its_headers(line: Line, where: str) -> None:
    came = answers(line, where, "cut_in_headers")
    assert came.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(came) > len(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in came


@EVERYWHERE
@pytest.mark.parametrize(
    ("fault", "at_byte", "kept"),
    [
        ("cut_mid_answer", None, lambda size: size // 2),
        ("cut_mid_answer", 0, lambda size: 0),
        ("cut_mid_answer", 7, lambda size: 7),
        ("cut_mid_answer", -3, lambda size: size - 3),
        ("cut_mid_answer", 10**9, lambda size: size - 1),
        ("cut_last_byte", None, lambda size: size - 1),
    ],
)
def test_a_body_can_end_at_any_byte(line: Line, where: str, fault: str, at_byte: int | None, kept: Any) -> None:
    came, announced = body_size(answers(line, where, fault, **({} if at_byte is None else {"at_byte": at_byte})))
    assert came == kept(announced)


@EVERYWHERE
def test_an_answer_can_come_twice_on_one_connection(line: Line, where: str) -> None:
    came = answers(line, where, "answered_twice")
    assert came.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert len(line.lines()) == 1


@pytest.mark.parametrize("vendor", ["bfl", "google"])
def test_a_whole_answer_can_come_without_an_end_of_the_connection(line: Line, vendor: str) -> None:
    line.spoil("unclosed")
    with line.connect() as wire:
        wire.sendall(line.request(vendor))
        came = wire.recv(65536)
        while b"\r\n\r\n" not in came or body_size(came)[0] < body_size(came)[1]:
            came += wire.recv(65536)
        wire.settimeout(0.2)
        with pytest.raises(TimeoutError):
            wire.recv(1)
    assert len(line.lines()) == 1


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "cut_headers"])
def test_a_poll_and_a_download_can_be_cut_without_a_byte_and_asked_again(line: Line, fault: str) -> None:
    poll_url = line.ready()
    line.spoil(fault, "get_result")
    assert line.get(poll_url) == b""
    line.sandbox.rules([])
    sample = httpx.get(poll_url).json()["result"]["sample"]
    line.spoil(fault, "/bfl-delivery/")
    assert line.get(sample) == b""
    line.sandbox.rules([])
    assert httpx.get(sample).status_code == 200
    assert [row["delivered"] for row in line.lines()] == [True]


@pytest.mark.parametrize("fault", ["cut_headers", "cut_request"])
def test_a_cut_before_the_prompt_cannot_look_at_the_prompt(line: Line, fault: str) -> None:
    url = f"{line.sandbox.url}/_sandbox/rules"
    refused = httpx.put(url, json=[{"match": {"prompt_contains": "kettle"}, "fault": fault}])
    assert refused.status_code == 400
    assert "before the prompt is read" in refused.json()["error"]
    assert b"HTTP/1.1 400" in line.post("bfl", f"a kettle [[sandbox:fault={fault}]]")
