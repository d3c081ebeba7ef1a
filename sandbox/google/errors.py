"""Error bodies in google.rpc form, as generativelanguage.googleapis.com gives them. Facts: section 2.6."""

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from sandbox.wire import json_response

RPC = "type.googleapis.com/google.rpc."
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
KEY_INVALID = "API key not valid. Please pass a valid API key."
KEY_MISSING = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)


@dataclass
class GoogleError(Exception):
    """Becomes `{"error": {code, message, status, details}}`."""

    status: str
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)

    def response(self) -> Response:
        code = HTTP_STATUS[self.status]
        error: dict[str, Any] = {"code": code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return json_response({"error": error}, code)


def invalid(message: str) -> GoogleError:
    return GoogleError("INVALID_ARGUMENT", message)


def bad_fields(violations: list[tuple[str, str]]) -> GoogleError:
    """`violations` are (field path in snake_case, description)."""
    rows = [{"field": where, "description": text} if where else {"description": text} for where, text in violations]
    details = [{"@type": RPC + "BadRequest", "fieldViolations": rows}]
    return GoogleError("INVALID_ARGUMENT", "\n".join(text for _, text in violations), details)


def key_invalid() -> GoogleError:
    info = {
        "@type": RPC + "ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    return GoogleError(
        "INVALID_ARGUMENT",
        KEY_INVALID,
        [info, {"@type": RPC + "LocalizedMessage", "locale": "en-US", "message": KEY_INVALID}],
    )


def key_missing() -> GoogleError:
    return GoogleError("PERMISSION_DENIED", KEY_MISSING)


def model_not_found(model_id: str, version: str, method: str = "generateContent") -> GoogleError:
    message = (
        f"models/{model_id} is not found for API version {version}, or is not supported for {method}. "
        "Call ModelService.ListModels to see the list of available models and their supported methods."
    )
    return GoogleError("NOT_FOUND", message)


def route_not_found() -> GoogleError:
    return GoogleError("NOT_FOUND", "Requested entity was not found.")


def quota(model_id: str, quota_id: str, value: str, retry_delay_s: float | None) -> GoogleError:
    """429 with QuotaFailure; `retry_delay_s` None leaves RetryInfo out."""
    message = (
        "You exceeded your current quota, please check your plan and billing details. "
        "For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
    )
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
        "quotaId": quota_id,
        "quotaDimensions": {"model": model_id, "location": "global"},
        "quotaValue": value,
    }
    link = {
        "description": "Learn more about Gemini API quotas",
        "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
    }
    details: list[dict[str, Any]] = [
        {"@type": RPC + "Help", "links": [link]},
        {"@type": RPC + "QuotaFailure", "violations": [violation]},
    ]
    if retry_delay_s is not None:
        message += f"\nPlease retry in {retry_delay_s:g}s."
        details.append({"@type": RPC + "RetryInfo", "retryDelay": f"{retry_delay_s:g}s"})
    return GoogleError("RESOURCE_EXHAUSTED", message, details)
