"""What a webhook must not do: show its secret address, follow a redirect, wait for an answer without an end."""

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tasks import webhooks
from tasks.webhooks import post_alert
from tests.support.receiver import Receiver

pytestmark = pytest.mark.server
PATIENCE_S = 60.0


def post(url: str) -> bool:
    return post_alert(url, {"id": "cap-1"}, secret="", now=lambda: datetime(2026, 11, 21, tzinfo=UTC))


class Server:
    """Answers each POST with raw bytes, then with one byte after the other until `stop`."""

    def __init__(self, head: bytes, *, drips: bool = False) -> None:
        self.asked, self._stop = 0, threading.Event()
        self._head, self._drips = head, drips
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hook/secret-path"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.asked += 1
                connection.recv(65_536)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.sendall(self._head)
            while self._drips and not self._stop.wait(0.02):
                connection.sendall(b"x")
        except OSError:
            return

    def stop(self) -> None:
        self._stop.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE_S)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def test_the_address_is_in_no_log_at_any_level(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert post(receiver.url)
    assert len(receiver.mail) == 1
    assert "of-somebody" not in caplog.text


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    server = Server(f"HTTP/1.1 307 Moved\r\nLocation: {receiver.url}\r\nContent-Length: 0\r\n\r\n".encode())
    assert not post(server.url)
    server.stop()
    assert (server.asked, receiver.mail) == (1, [])


def test_an_answer_that_drips_for_ever_is_not_waited_for() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", drips=True)
    done = threading.Thread(target=post, args=(server.url,), daemon=True)
    done.start()
    done.join(PATIENCE_S)
    ended = not done.is_alive()
    server.stop()
    assert ended


def test_a_proxy_is_asked_for_what_is_elsewhere_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.internal:3128")
    monkeypatch.setenv("no_proxy", "alerts.internal")
    hosts = {"hooks.example": "http://proxy.internal:3128", "alerts.internal": None}
    assert {host: webhooks._proxy(f"https://{host}/x") for host in hosts} == hosts
    assert webhooks._proxy("http://127.0.0.1:8080/x") is None
