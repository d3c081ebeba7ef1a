"""Fetching a photo from an allowed host, through a client that connects to the very address that it checked.

What lives here: the Fetcher contract and its guarded form. What may not: which addresses a product has.
The guard is ssrfguard 0.4.1 (facts/publish.md section 5: plain httpx connected for 16 of 22 bad addresses, it for
none); it stays behind this module, so another can take its place.
"""

import asyncio
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from typing import Any, Protocol

import httpx
from ssrfguard import BlockedAddressError, BlockedURLError, Policy, SSRFGuardError, TooManyRedirectsError
from ssrfguard.httpx import AsyncClient

from domain.errors import InputError, StorageError
from storage.photos.magic import MAX_PHOTO_BYTES, TOO_LARGE, photo_fault

TOTAL_TIMEOUT_S = 60.0  # name, connections, redirects and body together
STEP_TIMEOUT_S = 10.0  # one connect, one read
LOOKUP_TIMEOUT_S = 10.0  # getaddrinfo itself has no bound
MAX_REDIRECTS = 3
CHUNK_BYTES = 64 * 1024
HTTP_OK = 200
SETTING = "DRAFTLINE_PHOTO_HOSTS"
HOST = re.compile(r"(?:\*\.)?[^\s/:@*?#\[\]]+")  # no scheme, port, path or credentials
USER_AGENT = "Draftline photo fetcher"

Lookup = Callable[..., Iterable[Any]]


class FetchRefused(StorageError):
    """A photo was not fetched. The text names the reason, and neither the address's query nor its credentials."""


class Fetcher(Protocol):
    """Fetches one photo. Called from any thread."""

    def fetch(self, url: str) -> bytes:
        """The bytes of a picture of at most MAX_PHOTO_BYTES; FetchRefused for anything else."""


def photo_policy(allowed_hosts: frozenset[str]) -> Policy:
    """https on port 443, to listed hosts (`*.example.com` for those below one) at public addresses, no credentials."""
    if not allowed_hosts:  # an empty list means "any host" to ssrfguard
        raise InputError("a fetcher needs at least one allowed host")
    for host in allowed_hosts:
        if not HOST.fullmatch(host.strip()):
            raise InputError(f"{host!r} is not a host", where=SETTING, hint="Write names such as cdn.example.com")
    try:
        return Policy(
            allowed_schemes=frozenset({"https"}),
            allowed_ports=frozenset({443}),
            allowed_hosts=allowed_hosts,
            max_redirects=MAX_REDIRECTS,
        )
    except ValueError as error:
        raise InputError(str(error).replace("allowed_hosts", "the list"), where=SETTING) from error


def allows(policy: Policy, url: str) -> bool:
    """Whether an address as it is written may be tried: its form and its host. Where the name leads comes later."""
    try:
        policy.check_url(url)
    except SSRFGuardError:
        return False
    return True


class GuardedFetcher:
    """The Fetcher of production. Every redirect is judged like a first address; environment proxies are not used.

    `lookup` stands in for socket.getaddrinfo; what it answers is checked, so it grants nothing.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        lookup: Lookup | None = None,
        tls: SSLContext | None = None,
        total_timeout_s: float = TOTAL_TIMEOUT_S,
    ) -> None:
        self._policy = policy
        self._lookup = lookup or socket.getaddrinfo
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._total_timeout_s = total_timeout_s

    def fetch(self, url: str) -> bytes:
        """See Fetcher. Runs an event loop of its own in a thread of its own, so the caller may have one or not."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(asyncio.run, self._fetch(url)).result()

    async def _fetch(self, url: str) -> bytes:
        try:
            async with asyncio.timeout(self._total_timeout_s):
                self._policy.check_url(url)
                return await self._received(url)
        except TimeoutError as error:
            raise FetchRefused(f"no complete answer within {self._total_timeout_s:g} s") from error
        except SSRFGuardError as error:
            raise FetchRefused(_why_blocked(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise FetchRefused(f"the connection failed ({type(error).__name__})") from error

    async def _received(self, url: str) -> bytes:
        headers = {"accept": "image/*", "accept-encoding": "identity", "user-agent": USER_AGENT}
        async with (
            AsyncClient(
                policy=self._policy,
                resolver=self._bounded_lookup,
                verify=self._tls,
                trust_env=False,
                follow_redirects=True,
                timeout=STEP_TIMEOUT_S,
                headers=headers,
            ) as client,
            client.stream("GET", url) as answer,
        ):
            _check_head(answer)
            return await _body(answer)

    def _bounded_lookup(self, *args: Any) -> Iterable[Any]:
        """The lookup in a thread that can be left behind: nothing else can bound getaddrinfo."""
        answers: queue.Queue[Any] = queue.Queue(maxsize=1)

        def look() -> None:
            try:
                answers.put(list(self._lookup(*args)))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=look, name="photo-lookup", daemon=True).start()
        try:
            answer = answers.get(timeout=LOOKUP_TIMEOUT_S)
        except queue.Empty:
            raise socket.gaierror(socket.EAI_AGAIN, "the name was not resolved in time") from None
        if isinstance(answer, Exception):
            raise socket.gaierror(socket.EAI_NONAME, str(answer))
        return list(answer)


def _check_head(answer: httpx.Response) -> None:
    if answer.status_code != HTTP_OK:
        raise FetchRefused(f"the host answered with status {answer.status_code}")
    kind = answer.headers.get("content-type", "").split(";")[0].strip().casefold()
    if not kind.startswith("image/"):
        raise FetchRefused(f"the answer is {kind[:60] or 'of no stated type'}, not an image")
    if answer.headers.get("content-encoding", "identity").casefold() != "identity":
        raise FetchRefused("the answer is compressed though that was not asked for")
    length = answer.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 20 and int(length) > MAX_PHOTO_BYTES:
        raise FetchRefused(f"the picture {TOO_LARGE}")


async def _body(answer: httpx.Response) -> bytes:
    data = bytearray()
    async for chunk in answer.aiter_raw(CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_PHOTO_BYTES:
            break
    fault = photo_fault(bytes(data))
    if fault:
        raise FetchRefused(f"the picture {fault}")
    return bytes(data)


def _why_blocked(error: SSRFGuardError) -> str:
    """The guard's reason without the address it quotes (which may be signed, or hold a password)."""
    if isinstance(error, BlockedURLError):
        return f"the address {error.reason}"
    if isinstance(error, BlockedAddressError):
        return f"the host leads to {error.address}: {error.reason}"
    if isinstance(error, TooManyRedirectsError):
        return f"more than {error.limit} redirects"
    return f"refused ({type(error).__name__})"
