"""The one paid POST: sent exactly once, and every way that it can fail named by what it means for money.

A failure before the first byte left is VendorBusy (nothing was created); any later one, or an answer that ends early,
is VendorSilent (in doubt). What a vendor's statuses and bodies mean lives with each vendor.
"""

import asyncio
from collections.abc import Mapping

import httpx

from domain.errors import VendorBusy, VendorError, VendorRefused, VendorSilent
from vendors.http import Answer, build, exchange

# httpx raises these only while it opens a connection (TCP, TLS, proxy) or waits for one: no byte of ours has left.
BEFORE_ANY_BYTE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
# Above the sum of the steps' own timeouts, against an answer that comes drop by drop.
WHOLE_MARGIN_S = 120.0


async def send_once(
    transport: httpx.AsyncBaseTransport,
    url: httpx.URL,
    *,
    vendor: str,
    headers: Mapping[str, str],
    body: bytes,
    read_timeout_s: float,
    max_bytes: int,
) -> Answer:
    """POSTs `body` once. Raises VendorBusy ("no-connection") or VendorSilent ("no-answer", "cut-answer").

    A refusal (4xx) is returned even when its body broke off: the status alone says that nothing was created.
    """
    sent = {"content-type": "application/json", "accept": "application/json", "connection": "close", **headers}
    request = build("POST", url, headers=sent, body=body, read_timeout_s=read_timeout_s)
    try:
        async with asyncio.timeout(read_timeout_s + WHOLE_MARGIN_S):
            answer = await exchange(transport, request, max_bytes=max_bytes)
    except BEFORE_ANY_BYTE as error:
        raise no_connection(vendor, error) from error
    except (httpx.HTTPError, TimeoutError) as error:
        what = f"the request left, and no answer came ({type(error).__name__})"
        raise VendorSilent(what, vendor=vendor, code="no-answer", fault="network", retryable=False) from error
    if not answer.whole and not 400 <= answer.status < 500:
        message = f"the answer (HTTP {answer.status}) broke off"
        raise VendorSilent(message, vendor=vendor, code="cut-answer", fault="network", retryable=False)
    return answer


def no_connection(vendor: str, error: Exception) -> VendorBusy:
    message = f"no connection, nothing was sent ({type(error).__name__})"
    return VendorBusy(message, vendor=vendor, code="no-connection", fault="network")


def no_key(vendor: str) -> VendorRefused:
    message = f"no key is set (DRAFTLINE_{vendor.upper()}_API_KEY), nothing was sent"
    return VendorRefused(message, vendor=vendor, code="credentials", fault="account")


def broken_answer(vendor: str, what: str) -> VendorError:
    """An answer to a paid POST that says neither yes nor no."""
    return VendorSilent(what, vendor=vendor, code="broken-answer", fault="vendor")


def server_failed(vendor: str, status: int, words: str) -> VendorError:
    """A 5xx (or another status without meaning here) to a paid POST: perhaps created, perhaps not."""
    message = f"HTTP {status} {words}".strip()
    return VendorSilent(message, vendor=vendor, code=f"http-{status}", fault="vendor")
