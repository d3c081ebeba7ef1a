"""The vendors' bad days: what share of submits, polls and downloads is spoiled, and how. Data."""

from typing import Any

# Kinds that a vendor does not have are drawn for nothing. About one request in eight is spoiled.
SUBMIT: dict[str, Any] = {
    "rate_limit": {"rate": 0.03, "retry_after_s": 0.05},
    "rate_limit_no_hint": 0.005,
    "cut_headers": 0.004,
    "cut_request": 0.004,
    "cut_before": 0.004,
    "cut_after": 0.005,
    "cut_status": 0.003,
    "cut_in_headers": 0.003,
    "cut_mid_answer": 0.004,
    "cut_last_byte": 0.003,
    "answered_twice": 0.004,
    "server_error": 0.003,
    "unavailable": 0.003,
    "slow": {"rate": 0.02, "factor": 3},
    "moderated_request": 0.006,
    "moderated_output": 0.006,
    "task_failed": 0.006,
    "task_lost": 0.002,
    "found_late": 0.003,
    "unknown_status": 0.002,
    "poll_503": {"rate": 0.01, "count": 2},
    "expired_link": {"rate": 0.01, "count": 2},
    "empty": 0.003,
    "text_only": 0.004,
    "interim_images": 0.004,
    "same_image_twice": 0.003,
    "model_swapped": {"rate": 0.003, "to": "gemini-3.1-flash-lite-image"},
    "another_image": 0.002,
    "wrong_size": 0.002,
    "truncated_image": 0.002,
    "not_an_image": 0.002,
    "charged_without_image": 0.004,
}
POLL: dict[str, Any] = {
    "cut_after": 0.01,
    "cut_mid_answer": 0.01,
    "cut_in_headers": 0.005,
    "cut_last_byte": 0.005,
    "unavailable": 0.01,
    "server_error": 0.005,
    "rate_limit": {"rate": 0.005, "retry_after_s": 0.05},
}
DOWNLOAD: dict[str, Any] = {
    "cut_after": 0.01,
    "cut_mid_answer": 0.01,
    "cut_last_byte": 0.005,
    "unavailable": 0.01,
}


def chaos(seed: int, times: float) -> dict[str, Any]:
    """The body of POST /_sandbox/chaos, with `times` the rates above."""
    stages = {"submit": SUBMIT, "poll": POLL, "download": DOWNLOAD}
    return {"seed": seed, "rates": {stage: _scaled(rates, times) for stage, rates in stages.items()}}


def _scaled(rates: dict[str, Any], times: float) -> dict[str, Any]:
    return {k: {**v, "rate": v["rate"] * times} if isinstance(v, dict) else v * times for k, v in rates.items()}
