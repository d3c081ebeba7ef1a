"""Photos at addresses: nothing is connected to unless the host is listed, the form is right and the place is public.

No test here reaches a network: names are resolved by a stub, and every connect is seen (and stopped) by an audit hook.
"""

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import InputError
from domain.product import Product
from storage.photos import Fetcher, FetchRefused, GuardedFetcher, PhotoFinder, photo_policy

PNG = b"\x89PNG\r\n\x1a\nxx"
PUBLIC = "93.184.216.34"
METADATA = "169.254.169.254"

# facts/publish.md, section 5, and their relatives: each is written as a photo's address of a feed.
BAD = [
    "https://2130706433/a.png",  # 127.0.0.1 in decimal
    "https://0x7f000001/a.png",
    "https://0177.0.0.1/a.png",
    "https://127.1/a.png",
    "https://127.0.0.1/a.png",
    "https://localhost/a.png",
    "https://169.254.169.254/latest/meta-data/",
    "https://meta.example.com/a.png",  # a name that resolves to it
    "https://mixed.example.com/a.png",  # to a public address and to it
    "https://[::ffff:169.254.169.254]/a.png",
    "https://[::ffff:7f00:1]/a.png",
    "https://user:pw@cdn.example.com/a.png",
    "https://cdn.example.com@127.0.0.1/a.png",
    "https://0.0.0.0/a.png",
    "https://[::]/a.png",
    "https://[::1]/a.png",
    "https://[64:ff9b::a9fe:a9fe]/a.png",
    "https://[2002:7f00:1::]/a.png",
    "https://[fd00:ec2::254]/a.png",
    "https://192.0.0.192/a.png",
    "https://224.0.0.1/a.png",
    "https://10.0.0.8/a.png",
    "https://100.64.0.1/a.png",
    "https://①②⑦.0.0.1/a.png",
    "https://cdn.example.com:8443/a.png",
    "https://cdn.example.com:22/a.png",
    "http://cdn.example.com/a.png",
    "ftp://cdn.example.com/a.png",
    "file:///etc/passwd",
    "gopher://cdn.example.com/a.png",
    "data:image/png;base64,AAAA",
    "//cdn.example.com/a.png",
    "https:///a.png",
    "https://cdn.example.com\\@127.0.0.1/a.png",
    "https://cdn.example.com/a\r\nHost: x",
    "https://[::1%25lo]/a.png",
    "https://[bad/a.png",
    "",
]
LISTED = frozenset(
    {"cdn.example.com", "meta.example.com", "mixed.example.com", "localhost", "127.0.0.1", "169.254.169.254", "0.0.0.0"}
    | {"2130706433", "127.1", "10.0.0.8", "192.0.0.192", "224.0.0.1", "100.64.0.1"}
)
ANSWERS = {
    "meta.example.com": [METADATA],
    "mixed.example.com": [PUBLIC, METADATA],
    "localhost": ["127.0.0.1"],
    "cdn.example.com": [PUBLIC],
}


class _Spy:
    """Remembers every address that a socket was to connect to, and stops it."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[Any] = []

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.on and event == "socket.connect":
            self.seen.append(args[1])
            raise ConnectionRefusedError("stopped by the test")


SPY = _Spy()
sys.addaudithook(SPY)  # cannot be taken out again; it does nothing while off


@pytest.fixture
def connects() -> Iterator[list[Any]]:
    SPY.seen, SPY.on = [], True
    yield SPY.seen
    SPY.on = False


def lookup(host: str, port: int, *_: object) -> list[tuple[Any, ...]]:
    """A resolver that knows four names, and reads literal addresses as the platform does (decimal, hex, 127.1)."""
    known = ANSWERS.get(host)
    if known is None:
        try:
            known = [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            known = [host] if ":" in host else []
    if not known:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    kind = socket.SOCK_STREAM
    return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind, 6, "", (ip, port)) for ip in known]


def fetcher() -> GuardedFetcher:
    return GuardedFetcher(photo_policy(LISTED), lookup=lookup, total_timeout_s=60.0)


def product(*urls: str) -> Product:
    return Product(sku="mug", title="Mug", photo_urls=urls)


@pytest.mark.parametrize("url", BAD)
def test_a_bad_address_is_never_connected_to_even_when_its_host_is_listed(url: str, connects: list[Any]) -> None:
    with pytest.raises(FetchRefused):
        fetcher().fetch(url)
    found = PhotoFinder(None, LISTED, fetcher()).find(product(url))
    assert found.photos == ()
    assert "DRAFTLINE_PHOTO_HOSTS" in found.problems[0]
    assert connects == []


@pytest.mark.parametrize("url", BAD)
def test_the_list_of_hosts_is_not_the_only_thing_that_stops_it(url: str, connects: list[Any]) -> None:
    any_host = replace(photo_policy(LISTED), allowed_hosts=frozenset())
    with pytest.raises(FetchRefused):
        GuardedFetcher(any_host, lookup=lookup).fetch(url)
    assert connects == []


@pytest.mark.parametrize("url", [*BAD, "https://cdn.example.com/a.png"])
def test_without_listed_hosts_nothing_is_even_tried(url: str, connects: list[Any]) -> None:
    found = PhotoFinder(None).find(product(url))
    assert found.photos == ()
    assert "DRAFTLINE_PHOTO_HOSTS" in found.problems[0]
    assert connects == []


def test_a_listed_public_host_is_connected_to_at_the_address_that_was_checked(connects: list[Any]) -> None:
    """The control: without it, the tests above would pass for a fetcher that never connects."""
    with pytest.raises(FetchRefused, match="the connection failed"):
        fetcher().fetch("https://cdn.example.com/a.png")
    assert [address[:2] for address in connects] == [(PUBLIC, 443)]


def test_a_name_that_moves_after_the_check_is_looked_up_once(connects: list[Any]) -> None:
    asked: list[str] = []

    def moving(host: str, port: int, *_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        ip = PUBLIC if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    with pytest.raises(FetchRefused):
        GuardedFetcher(photo_policy(LISTED), lookup=moving).fetch("https://cdn.example.com/a.png")
    assert [address[0] for address in connects] == [PUBLIC]
    assert len(asked) == 1


def test_a_name_that_does_not_resolve_is_a_problem(connects: list[Any]) -> None:
    nowhere = photo_policy(frozenset({"*.example.org"}))
    with pytest.raises(FetchRefused, match="the connection failed"):
        GuardedFetcher(nowhere, lookup=lookup).fetch("https://cdn.example.org/a.png")
    with pytest.raises(FetchRefused, match="not in allowed_hosts"):
        GuardedFetcher(nowhere, lookup=lookup).fetch("https://example.org.evil.com/a.png")
    assert connects == []


class _Shelf:
    """A fetcher that has some pictures and knows what it was asked for."""

    def __init__(self, **pictures: bytes) -> None:
        self.pictures, self.asked = pictures, list[str]()

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        key = url.split("?", maxsplit=1)[0].rsplit("/", 1)[-1].split(".", maxsplit=1)[0]
        if key not in self.pictures:
            raise FetchRefused("the host answered with status 404")
        return self.pictures[key]


def finder(shelf: Fetcher) -> PhotoFinder:
    return PhotoFinder(None, frozenset({"cdn.example.com"}), shelf)


def test_photos_of_allowed_hosts_are_fetched_without_showing_the_query() -> None:
    found = finder(_Shelf(a=PNG)).find(product("https://cdn.example.com/p/a.png?sig=secret", "https://evil.com/b.png"))
    (photo,) = found.photos
    assert (photo.name, photo.data, photo.origin) == ("a.png", PNG, "https://cdn.example.com/p/a.png")
    assert found.problems == (
        "no photo from evil.com: the host or the form of the address is not allowed by DRAFTLINE_PHOTO_HOSTS",
    )


def test_an_address_that_fails_names_the_setting_and_not_the_secret() -> None:
    shelf = _Shelf(b=b"<html>")
    urls = (
        "https://cdn.example.com/a.png?sig=secret",
        "https://cdn.example.com/b.png",
        "https://u:pw@cdn.example.com/c",
    )
    found = finder(shelf).find(product(*urls))
    assert found.problems == (
        "no photo from https://cdn.example.com/a.png: the host answered with status 404 "
        "(hosts are allowed by DRAFTLINE_PHOTO_HOSTS)",
        "no photo from https://cdn.example.com/b.png: it is not a PNG, JPEG, WebP or AVIF picture "
        "(hosts are allowed by DRAFTLINE_PHOTO_HOSTS)",
        "no photo from cdn.example.com: the host or the form of the address is not allowed by DRAFTLINE_PHOTO_HOSTS",
    )
    assert len(shelf.asked) == 2


def test_the_number_of_addresses_tried_has_a_bound() -> None:
    shelf = _Shelf()
    finder(shelf).find(product(*(f"https://cdn.example.com/{n}.png" for n in range(20))))
    assert len(shelf.asked) == 6


@pytest.mark.parametrize(
    "host", ["https://cdn.example.com", "cdn.example.com/x", "a:443", "*", "", " ", "a.*.com", "u@h"]
)
def test_a_host_that_is_none_is_refused_at_the_start(host: str) -> None:
    with pytest.raises(InputError, match="DRAFTLINE_PHOTO_HOSTS"):
        PhotoFinder(None, frozenset({host}))
