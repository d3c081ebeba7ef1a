"""The webhook's wire: one signed POST, tried three times. Knows no alert and no ledger; logs no address.

Straight on httpx's transport, as the vendors' wires are: a client writes the whole address, which is a password for
Slack, into the log at INFO, and waits for the end of whatever a receiver drips. No redirect is followed.
"""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

TRIES = 3
TIMEOUT_S = 3.0
WAITS_S = (0.2, 1.0)
POST_AT_MOST_S = TRIES * 2 * TIMEOUT_S + sum(WAITS_S)
"""Connecting and answering have a limit each."""

log = logging.getLogger("draftline.webhooks")


def post_alert(url: str, body: Mapping[str, Any], *, secret: str, now: Callable[[], datetime]) -> bool:
    """True when the receiver answered 2xx. The signature is over the body, whose id shows a body that came before."""
    data = json.dumps(body, ensure_ascii=False).encode()
    problem = ""
    for turn in range(TRIES):
        if turn:
            threading.Event().wait(WAITS_S[turn - 1])
        problem, final = _send(url, data, _headers(data, secret, int(now().timestamp())))
        if final:
            break
    if problem:
        # host only: the path of a Slack address is its password
        log.warning("alert.not_posted host=%s id=%s problem=%s", urlsplit(url).hostname, body.get("id"), problem)
    return not problem


def _send(url: str, data: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    """(what went wrong, whether asking again is of no use)."""
    try:
        with httpx.HTTPTransport(proxy=_proxy(url)) as transport:
            timeout = {"timeout": httpx.Timeout(TIMEOUT_S).as_dict()}
            request = httpx.Request("POST", url, content=data, headers=headers, extensions=timeout)
            answer = transport.handle_request(request)
            # the status says it all: the body is not waited for
            answer.close()
    except httpx.HTTPError as error:
        return type(error).__name__, False
    if answer.is_success:
        return "", True
    return f"HTTP {answer.status_code}", answer.status_code < 500 and answer.status_code not in (408, 429)


def _proxy(url: str) -> str | None:
    """The environment's, which has no business with a receiver on this machine."""
    if url.startswith("http:") or proxy_bypass(urlsplit(url).hostname or ""):
        return None
    return getproxies().get("https") or getproxies().get("all")


def _headers(data: bytes, secret: str, timestamp: int) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "X-Draftline-Timestamp": str(timestamp)}
    if secret:
        headers["X-Draftline-Signature"] = f"sha256={hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()}"
    return headers
