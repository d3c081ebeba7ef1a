"""What Google's HTTP errors (google.rpc bodies) mean for money and for a second try. Pure."""

import re
from typing import Any

from domain.errors import Fault, VendorBusy, VendorError, VendorRefused
from vendors.http import Answer
from vendors.reading import as_dict, as_list, as_text, read_json, retry_after_s, seconds, tidy
from vendors.sending import server_failed

NAME = "google"
_RETRY_IN = re.compile(r"retry in (\d{1,6}(?:\.\d{1,9})?)\s*s", re.IGNORECASE)
_UNKNOWN_4XX = (408, 499)  # somebody on the way gave up waiting: the request may have arrived
_ACCOUNT_WORDS = ("api key", "billing", "user location")


def refusal(answer: Answer) -> VendorError:
    """An answer that was not 2xx.

    Only 503 with a google.rpc body UNAVAILABLE ("overloaded") is a sure refusal among the 5xx; others are in doubt.
    """
    error = _error(answer)
    words = tidy(as_text(error.get("message"), 10_000) or answer.body[:300].decode("utf-8", "replace")) or "(no words)"
    status, rpc = answer.status, as_text(error.get("status"), 60)
    if status == 429:
        return _over_quota(answer, error, words)
    if status == 503 and rpc == "UNAVAILABLE":
        hint = _hint(answer, error)
        return VendorRefused(
            words, vendor=NAME, code="unavailable", fault="vendor", retryable=True, billed="no", retry_after_s=hint
        )
    if not 400 <= status < 500 or status in _UNKNOWN_4XX:
        return server_failed(NAME, status, words)
    opening, code, fault = _why(status, rpc, words.lower())
    return VendorRefused(f"{opening}: {words}", vendor=NAME, code=code, fault=fault)


def _why(status: int, rpc: str, words: str) -> tuple[str, str, Fault]:
    """A sure refusal as (opening words, code, whose fault). A bad key comes as 400 INVALID_ARGUMENT."""
    if status in (401, 403) or "api key" in words:
        return "the key was refused", "credentials", "account"
    if status == 402 or rpc == "FAILED_PRECONDITION" or any(w in words for w in _ACCOUNT_WORDS):
        return "the account may not do this", "account", "account"
    if status == 404:
        return "no such model or path, or it has retired", "unknown-model", "caller"
    return f"HTTP {status} {rpc}".strip(), "invalid", "caller"


def _over_quota(answer: Answer, error: dict[str, Any], words: str) -> VendorError:
    """429: wait, unless the quota is one that no waiting of this hour fills again."""
    if any(_is_lasting(v) for v in _violations(error)):
        message = f"a quota of this account is used up: {words}"
        return VendorRefused(message, vendor=NAME, code="quota", fault="account", retryable=False)
    hint = _hint(answer, error)
    return VendorBusy(f"rate limited: {words}", vendor=NAME, code="rate-limited", fault="account", retry_after_s=hint)


def _is_lasting(violation: dict[str, Any]) -> bool:
    """PerDay, or a free tier whose limit is 0 (as it is for the image models)."""
    quota_id, value = as_text(violation.get("quotaId")), violation.get("quotaValue")
    metric = as_text(violation.get("quotaMetric"))
    is_free = "FreeTier" in quota_id or "free_tier" in metric
    return "PerDay" in quota_id or (is_free and str(value) == "0")


def _hint(answer: Answer, error: dict[str, Any]) -> float | None:
    """Seconds from Retry-After, from RetryInfo, or from the words "Please retry in 10.67s"."""
    header = retry_after_s(answer.headers.get("retry-after", ""), answer.headers.get("date", ""))
    if header is not None:
        return header
    for detail in _details(error):
        if as_text(detail.get("@type")).endswith("RetryInfo"):
            delay = seconds(detail.get("retryDelay"))
            if delay is not None:
                return delay
    found = _RETRY_IN.search(as_text(error.get("message"), 10_000))
    return seconds(found[1]) if found else None


def _violations(error: dict[str, Any]) -> list[dict[str, Any]]:
    return [as_dict(v) for detail in _details(error) for v in as_list(detail.get("violations"))[:50]]


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    return [as_dict(detail) for detail in as_list(error.get("details"))[:50]]


def _error(answer: Answer) -> dict[str, Any]:
    """The error object; streams wrap it in a one-element array."""
    value = read_json(answer.body)
    if isinstance(value, list):
        value = value[0] if value else None
    return as_dict(as_dict(value).get("error"))
