"""Faults that leave nothing behind, in Google's form: quotas, outages, a cut before the work."""

from starlette.responses import Response

from sandbox.catalogue import GoogleModel
from sandbox.faults import FaultPlan
from sandbox.google.errors import GoogleError, quota
from sandbox.wire import CutResponse

RETRY_AFTER_S = 1.0
PER_DAY_RETRY_AFTER_S = 10.0
INTERNAL_TEXT = (
    "An internal error has occurred. Please retry or report in "
    "https://developers.generativeai.google/guide/troubleshooting"
)


def refusal(model: GoogleModel, faults: FaultPlan) -> Response | None:
    """A cut, or None; raises GoogleError for faults with a body."""
    limited = faults.get("rate_limit")
    if limited:
        wait_s = limited.number("retry_after_s", RETRY_AFTER_S)
        raise quota(model.id, "GenerateRequestsPerMinutePerProjectPerModel", "20", wait_s)
    if faults.has("rate_limit_no_hint"):
        raise GoogleError("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
    if faults.has("quota_per_day"):
        # The real service adds RetryInfo here too; only the quotaId tells that waiting is no use.
        raise quota(model.id, "GenerateRequestsPerDayPerProjectPerModel", "250", PER_DAY_RETRY_AFTER_S)
    if faults.has("server_error"):
        raise GoogleError("INTERNAL", INTERNAL_TEXT)
    if faults.has("unavailable"):
        raise GoogleError("UNAVAILABLE", "The model is overloaded. Please try again later.")
    return CutResponse() if faults.has("cut_before") else None
