"""The guarded fetch against a real TLS server on loopback, which the test's policy lets through for that one port."""

import asyncio
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.photos import MAX_PHOTO_BYTES, FetchRefused, GuardedFetcher, photo_policy

pytestmark = pytest.mark.server
HOST = "photos.example.com"
OTHER = "other.example.com"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


@dataclass
class Shop:
    port: int
    tls: ssl.SSLContext
    asked: list[tuple[str, str]]

    def fetcher(self, *, hosts: tuple[str, ...] = (HOST,), total_timeout_s: float = 20.0) -> GuardedFetcher:
        policy = photo_policy(frozenset(hosts))
        policy = replace(policy, allowed_ports=frozenset({self.port}), allowed_networks=(ip_network("127.0.0.1/32"),))
        return GuardedFetcher(policy, lookup=self._lookup, tls=self.tls, total_timeout_s=total_timeout_s)

    def url(self, path: str, host: str = HOST) -> str:
        return f"https://{host}:{self.port}{path}"

    def _lookup(self, host: str, port: int, *_: object) -> list[tuple[Any, ...]]:
        address = "169.254.169.254" if host.startswith("meta") else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName("meta.example.com")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(*private))
    return cert_file, key_file


def _handler(asked: list[tuple[str, str]], stop: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.headers["host"].split(":")[0], self.path))
            answers: dict[str, Callable[[], None]] = {
                "/a.png": lambda: self.answer(200, PNG),
                "/page": lambda: self.answer(200, b"<html>", kind="text/html"),
                "/fake.png": lambda: self.answer(200, b"<html>"),
                "/packed.png": lambda: self.answer(200, PNG, more=("content-encoding", "gzip")),
                "/announced.png": lambda: self.answer(200, b"", length=MAX_PHOTO_BYTES + 1),
                "/endless.png": self.endless,
                "/stalled.png": self.stalled,
                "/to/a": lambda: self.moved("/a.png"),
                "/to/http": lambda: self.moved(f"http://{self.headers['host']}/a.png"),
                "/to/metadata": lambda: self.moved(self.other("meta.example.com")),
                "/to/literal": lambda: self.moved(self.other("169.254.169.254")),
                "/to/other": lambda: self.moved(self.other(OTHER)),
                "/to/port": lambda: self.moved(f"https://{HOST}/a.png"),
                "/loop": lambda: self.moved("/loop"),
            }
            answers.get(self.path, lambda: self.answer(404, b"gone"))()

        def answer(
            self,
            status: int,
            data: bytes,
            *,
            kind: str = "image/png",
            length: int | None = None,
            more: tuple[str, str] = ("x-test", "yes"),
        ) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data) if length is None else length))
            self.send_header(*more)
            self.end_headers()
            self.wfile.write(data)

        def moved(self, place: str) -> None:
            self.answer(302, b"", more=("location", place))

        def other(self, host: str) -> str:
            return f"https://{host}:{self.headers['host'].split(':')[1]}/a.png"

        def endless(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.end_headers()
            try:
                for _ in range(64):
                    self.wfile.write(PNG[:8] + bytes(1024 * 1024))
            except OSError:
                asked.append(("", "cut"))

        def stalled(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.end_headers()
            self.wfile.write(PNG[:8])
            stop.wait(30)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to the test's output."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Handshakes that the client breaks off are part of these tests."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    cert_file, key_file = _certificate(tmp_path_factory.mktemp("tls"))
    asked: list[tuple[str, str]] = []
    stop = threading.Event()
    server = _Server(("127.0.0.1", 0), _handler(asked, stop))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield Shop(server.server_port, ssl.create_default_context(cafile=str(cert_file)), asked)
    stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def shop(running: Shop) -> Shop:
    running.asked.clear()
    return running


@pytest.mark.parametrize("path", ["/a.png", "/to/a"])
def test_a_picture_arrives_as_it_was_sent(shop: Shop, path: str) -> None:
    assert shop.fetcher().fetch(shop.url(path)) == PNG


@pytest.mark.anyio
async def test_it_can_be_called_where_a_loop_runs_and_from_a_thread(shop: Shop) -> None:
    assert shop.fetcher().fetch(shop.url("/a.png")) == PNG
    assert await asyncio.to_thread(shop.fetcher().fetch, shop.url("/a.png")) == PNG


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing.png", "status 404"),
        ("/page", "text/html, not an image"),
        ("/fake.png", "not a PNG, JPEG, WebP or AVIF"),
        ("/packed.png", "compressed"),
        ("/announced.png", "larger than 30 MB"),
        ("/endless.png", "larger than 30 MB"),
        ("/loop", "more than 3 redirects"),
    ],
)
def test_what_is_no_picture_or_too_much_is_refused(shop: Shop, path: str, reason: str) -> None:
    with pytest.raises(FetchRefused, match=reason):
        shop.fetcher().fetch(shop.url(path))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/to/http", "scheme 'http' is not in"),
        ("/to/metadata", r"leads to 169\.254\.169\.254"),
        ("/to/literal", "169"),
        ("/to/other", "not in allowed_hosts"),
        ("/to/port", "port 443 is not in"),
    ],
)
def test_a_redirect_is_judged_like_a_first_address(shop: Shop, path: str, reason: str) -> None:
    with pytest.raises(FetchRefused, match=reason):
        shop.fetcher(hosts=(HOST, "meta.example.com")).fetch(shop.url(path))
    assert shop.asked == [(HOST, path)]


def test_the_certificate_must_be_for_the_name_though_the_address_is_pinned(shop: Shop) -> None:
    with pytest.raises(FetchRefused, match="the connection failed"):
        shop.fetcher(hosts=(OTHER,)).fetch(shop.url("/a.png", OTHER))
    assert shop.asked == []


def test_a_host_that_stalls_is_left_when_the_time_is_up(shop: Shop) -> None:
    with pytest.raises(FetchRefused, match=r"no complete answer within 0\.5 s"):
        shop.fetcher(total_timeout_s=0.5).fetch(shop.url("/stalled.png"))


def test_loopback_is_refused_by_the_policy_as_it_is_in_production(shop: Shop) -> None:
    strict = replace(photo_policy(frozenset({HOST})), allowed_ports=frozenset({shop.port}))
    with pytest.raises(FetchRefused, match=r"leads to 127\.0\.0\.1"):
        GuardedFetcher(strict, lookup=shop._lookup, tls=shop.tls).fetch(shop.url("/a.png"))
    assert shop.asked == []


def test_a_proxy_of_the_environment_is_not_used(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert shop.fetcher().fetch(shop.url("/a.png")) == PNG
