"""HTTP for both wires, straight on httpx's transports: one exchange, one download, one deadline.

Why not httpx.AsyncClient: a paid POST wants none of what a client adds (redirects that would carry our key along,
cookies, netrc, proxies from the environment), and the client logs whole addresses, so signed links, at INFO.
What a status means does not live here.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import httpx
from pydantic import SecretStr

from domain.errors import InputError

CONNECT_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 60.0
POOL_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 64
USER_AGENT = "draftline/0.1"
# Shorter "keys" are words of a test: striking them out would garble an answer.
MIN_KEY_CHARS = 8

MAX_PORT = 65_535
_HOST = re.compile(r"^(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$|^[0-9a-f.]*:[0-9a-f:.]+$")
_MEDIA_TYPE = re.compile(r"^[a-z]+/[a-z0-9.+-]{1,60}$")

Clock = Callable[[], float]


@dataclass(frozen=True)
class Answer:
    """What came back. `status` 0: nothing did. `whole` False: the body ended early, or passed the cap."""

    status: int
    headers: Mapping[str, str] = field(default_factory=httpx.Headers)
    body: bytes = b""
    whole: bool = False


@dataclass(frozen=True)
class Picture:
    """Image bytes as they came, and their media type by the first bytes."""

    data: bytes = field(repr=False)
    media_type: str


class Deadline:
    """A point on a monotonic clock."""

    def __init__(self, clock: Clock, limit_s: float) -> None:
        self._clock, self._end_s = clock, clock() + limit_s

    def left_s(self) -> float:
        return max(self._end_s - self._clock(), 0.0)

    @property
    def passed(self) -> bool:
        return self.left_s() <= 0.0


def submit_transport() -> httpx.AsyncBaseTransport:
    """For the one paid POST: no retries, and no connection used twice (a stale one would make a false doubt)."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(retries=0, limits=limits, trust_env=False)


def read_transport() -> httpx.AsyncBaseTransport:
    """For GETs: kept-alive connections, since a poll comes every second."""
    return httpx.AsyncHTTPTransport(retries=0, limits=httpx.Limits(max_connections=MAX_CONNECTIONS), trust_env=False)


def build(
    method: str, url: httpx.URL | str, *, headers: Mapping[str, str], body: bytes | None, read_timeout_s: float
) -> httpx.Request:
    """A request with our timeouts on each step; no compression is asked for, so a byte cap means bytes."""
    timeout = httpx.Timeout(
        connect=min(CONNECT_TIMEOUT_S, read_timeout_s), write=WRITE_TIMEOUT_S, pool=POOL_TIMEOUT_S, read=read_timeout_s
    )
    common = {"user-agent": USER_AGENT, "accept-encoding": "identity"}
    extensions = {"timeout": timeout.as_dict()}
    return httpx.Request(method, url, headers=common | dict(headers), content=body, extensions=extensions)


async def exchange(transport: httpx.AsyncBaseTransport, request: httpx.Request, *, max_bytes: int) -> Answer:
    """One request, one answer. Raises httpx's errors until a status has come; then the Answer says what it got."""
    response = await transport.handle_async_request(request)
    body, whole = bytearray(), False
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > max_bytes:
                break
        else:
            whole = _as_long_as_announced(response, len(body))
    except httpx.HTTPError:
        whole = False
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, bytes(body), whole)


async def get(
    transport: httpx.AsyncBaseTransport,
    url: httpx.URL | str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    max_bytes: int,
) -> Answer:
    """A GET that costs nothing and may be repeated: every failure of the network is Answer(status=0)."""
    request = build("GET", url, headers=headers, body=None, read_timeout_s=timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            return await exchange(transport, request, max_bytes=max_bytes)
    except (httpx.HTTPError, TimeoutError):
        return Answer(status=0)


def picture_of(answer: Answer) -> Picture:
    declared = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Picture(answer.body, media_type_of(answer.body, declared))


def media_type_of(data: bytes, declared: str) -> str:
    """By the first bytes. A declaration counts only for what cannot be known by them."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    is_lie = declared in ("image/png", "image/jpeg", "image/webp")
    return declared if _MEDIA_TYPE.match(declared) and not is_lie else "application/octet-stream"


def base_address(text: str, where: str) -> httpx.URL:
    """A configured base address: http or https with a host, nothing secret in it. Raises InputError."""
    url = parse_url(text.rstrip("/"))
    if url is None or url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise InputError("must be an http or https address without user, query or fragment", where=where)
    return url


def parse_url(text: str) -> httpx.URL | None:
    """The address, or None for what cannot be sent to: odd hosts and ports end in errors that are not httpx's."""
    try:
        url = httpx.URL(text)
        return url if _HOST.match(url.raw_host.decode("ascii")) and (url.port or 0) <= MAX_PORT else None
    except (httpx.InvalidURL, ValueError):
        return None


def header_key(api_key: SecretStr | str, where: str) -> SecretStr:
    """The key, kept secret. Raises InputError for one that no header can carry; an empty one fails at submit."""
    text = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key
    if not text.isascii() or any(c.isspace() or not c.isprintable() for c in text):
        raise InputError("the key holds a space or a character that no header can carry", where=where)
    return SecretStr(text)


def without_key(answer: Answer, key: SecretStr) -> Answer:
    """An error answer with our key struck out, should the vendor echo it: its words go into messages."""
    secret = key.get_secret_value().encode()
    if answer.status < 400 or len(secret) < MIN_KEY_CHARS:
        return answer
    return replace(answer, body=answer.body.replace(secret, b"***"))


def same_place(one: httpx.URL, other: httpx.URL) -> bool:
    """Same scheme, host and port."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def monotonic_s() -> float:
    return time.monotonic()


def _port(url: httpx.URL) -> int | None:
    return url.port or {"https": 443, "http": 80}.get(url.scheme)


def _as_long_as_announced(response: httpx.Response, size_bytes: int) -> bool:
    """Whether the body has its content-length; a compressed one (we ask for none) is the transport's to check."""
    announced = response.headers.get("content-length", "")
    return not announced.isdigit() or "content-encoding" in response.headers or int(announced) == size_bytes
