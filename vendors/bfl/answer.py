"""What BFL's answers mean: a submit's, a poll's, and the receipt. Pure: an Answer in, a noun or an error out.

Charged is only what ends Ready (facts 1.10), so every other known end is billed "no".
"""

import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.errors import Fault, VendorBusy, VendorError, VendorRefused, VendorSilent
from domain.money import from_usd
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from vendors.bfl.measure import output_format
from vendors.bfl.models import model
from vendors.http import Answer, Picture
from vendors.reading import (
    as_amount,
    as_count,
    as_dict,
    as_list,
    as_text,
    read_json,
    retry_after_s,
    seconds,
    tidy,
)
from vendors.sending import broken_answer, server_failed

NAME = "bfl"
GOING = ("Pending", "Reasoning", "Generating")
MODERATED = ("Request Moderated", "Content Moderated")
FAILED = ("Error", "Failed")
NOT_FOUND = "Task not found"
MAX_CREDITS = 100_000
MAX_BALANCE_CREDITS = 10**12
MAX_MP = 1_000
MAX_SEED = 2**63 - 1
CREDIT_DECIMALS = 9
CREDITS_PER_USD = 100
MAX_PROMPT_FACT_CHARS = 4_000
_JOB_ID = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
_UNKNOWN_4XX = (408, 499)  # somebody on the way gave up waiting: the request may have arrived


@dataclass(frozen=True)
class Going:
    """Unfinished. `status` in BFL's words."""

    status: str


@dataclass(frozen=True)
class Again:
    """This poll told nothing (a failed GET): ask again, not before `retry_after_s` if hinted."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Ready:
    """Finished and charged. `sample` is a signed link: never logged, never stored."""

    sample: str = field(repr=False)
    cost_micros: int | None
    seed: int | None
    facts: dict[str, Any]


def accepted(answer: Answer, request: RenderRequest, measured: Measured) -> Job:
    """The job of a submit answer. Raises VendorBusy, VendorRefused, or VendorSilent where it says neither."""
    if not 200 <= answer.status < 300:
        raise refusal(answer)
    body = as_dict(read_json(answer.body))
    job_id = as_text(body.get("id"))
    if not _JOB_ID.match(job_id):
        raise broken_answer(NAME, f"HTTP {answer.status} to the submit without a usable id")
    facts = _job_facts(body, request, measured)
    poll_url = as_text(body.get("polling_url"))
    return Job(job_id, poll_url, cost_micros=credits_to_micros(body.get("cost")), facts=facts)


def refusal(answer: Answer) -> VendorError:
    """A submit that was not answered with 2xx."""
    words, status = error_words(answer), answer.status
    if status == 429:
        message, hint = f"over the limit of active tasks: {words}", _hint(answer)
        return VendorBusy(message, vendor=NAME, code="rate-limited", fault="account", retry_after_s=hint)
    if not 400 <= status < 500 or status in _UNKNOWN_4XX:
        return server_failed(NAME, status, words)
    opening, code, fault = _why(status, words.lower())
    return VendorRefused(f"{opening}: {words}", vendor=NAME, code=code, fault=fault)


def _why(status: int, words: str) -> tuple[str, str, Fault]:
    """A sure refusal as (opening words, code, whose fault)."""
    if "moderat" in words:
        return "the prompt or a reference was moderated", "moderated", "policy"
    if status in (401, 403) or "api key" in words:
        return "the key was refused", "credentials", "account"
    if status == 402:
        return "no credits left", "no-credits", "account"
    if status == 404:
        return "no such model or path", "unknown-model", "caller"
    return f"HTTP {status}", "invalid", "caller"


def poll_step(answer: Answer, job: Job) -> Going | Again | Ready:
    """One poll's meaning: the body's `status` first, then the HTTP code. Raises for every end but Ready.

    A failed task may come as HTTP 422 with a status body, so the code alone decides nothing.
    """
    body = as_dict(read_json(answer.body)) if answer.whole else {}
    if as_text(body.get("id")) not in ("", job.job_id):
        # an answer given twice on a kept connection is read as the next request's
        return Again("another-job")
    status = as_text(body.get("status"), 100)
    if status in GOING:
        return Going(status)
    if status == "Ready":
        return _ready(body, job)
    if status:
        raise _ended(status, body)
    return _without_status(answer)


def receipt(job: Job, ready: Ready, picture: Picture) -> Receipt:
    """The picture and its bill: the settled cost of the Ready answer, else the submit's, else None."""
    warnings = [str(w) for w in as_list(job.facts.get("warnings"))]
    asked = as_text(job.facts.get("output_format"))
    if asked and picture.media_type != f"image/{asked}":
        warnings.append(f"{asked} was asked for, {picture.media_type} came")
    if job.cost_micros is not None and ready.cost_micros not in (None, job.cost_micros):
        warnings.append(f"estimated at {job.cost_micros} micro-dollars, settled at {ready.cost_micros}")
    return Receipt(
        data=picture.data,
        media_type=picture.media_type,
        model_answered=as_text(job.facts.get("model_id")),
        usage=usage_of(job),
        cost_micros=settled(job, ready),
        seed=ready.seed if ready.seed is not None else _seed(job.facts.get("seed")),
        vendor_id=job.job_id,
        warnings=tuple(warnings),
        facts=ready.facts,
    )


def charged_without_image(job: Job, ready: Ready, code: str, message: str) -> VendorRefused:
    """Ready, so charged, and yet no picture can be had."""
    cost_micros = settled(job, ready)
    return VendorRefused(
        message, vendor=NAME, code=code, fault="vendor", billed="yes", usage=usage_of(job), cost_micros=cost_micros
    )


def out_of_reach(code: str, message: str) -> VendorBusy:
    """The job lives on at BFL; asking later is safe, and the money stays held."""
    return VendorBusy(message, vendor=NAME, code=code, fault="network", billed="unknown")


def settled(job: Job, ready: Ready) -> int | None:
    return job.cost_micros if ready.cost_micros is None else ready.cost_micros


def usage_of(job: Job) -> Usage:
    """The usage kept in a job's facts at submit."""
    kept = as_dict(job.facts.get("usage"))
    return Usage(output_mp=as_count(kept.get("output_mp")), input_mp=as_count(kept.get("input_mp")))


def credits_to_micros(value: object) -> int | None:
    """Credits (a cent each) as micro-dollars; fractions of a micro go up. None for no usable figure.

    Prices are whole micros: what lies beyond the ninth decimal of a credit is dust of a sum in floats
    (1.7000000000000002), and rounding it up would bill a micro more than was held.
    """
    amount = as_amount(value, MAX_CREDITS)
    return None if amount is None else int(from_usd(round(amount, CREDIT_DECIMALS) / CREDITS_PER_USD, up=True))


def balance(answer: Answer) -> int | None:
    """What is left on the account, in micros; None where the answer does not say it.

    Rounded to the nearest micro: a balance is a sum that came through somebody's floats, and prices are whole micros.
    """
    body = as_dict(read_json(answer.body)) if answer.status == 200 and answer.whole else {}
    left = as_amount(body.get("credits"), MAX_BALANCE_CREDITS)
    return None if left is None else int(from_usd(left / CREDITS_PER_USD))


def error_words(answer: Answer) -> str:
    """BFL's words: `detail` as text, `detail` as a list, `message`, `error`, then whatever stands there."""
    value = read_json(answer.body)
    body = as_dict(value)
    for name in ("detail", "message", "error"):
        words = _words(body.get(name))
        if words:
            return tidy(words)
    return tidy(answer.body[:1000].decode("utf-8", "replace")) or "(no words)"


def _words(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item) for item in value[:10])))
    if isinstance(value, dict):
        where = ".".join(str(part)[:40] for part in as_list(value.get("loc"))[:5])
        words = as_text(value.get("msg")) or as_text(value.get("message"))
        return f"{where}: {words}" if where and words else words
    return as_text(value, 10_000)


def _ready(body: dict[str, Any], job: Job) -> Ready:
    result = as_dict(body.get("result"))
    facts: dict[str, Any] = {k: job.facts[k] for k in ("input_mp", "output_mp") if k in job.facts}
    rewritten = as_text(result.get("prompt"), MAX_PROMPT_FACT_CHARS)
    if rewritten:
        facts["prompt_used"] = rewritten
    cost_micros = credits_to_micros(body.get("cost"))
    ready = Ready(as_text(result.get("sample"), 8_192), cost_micros, _seed(result.get("seed")), facts)
    if not ready.sample:
        raise charged_without_image(job, ready, "no-image", "Ready, but the answer names no image")
    return ready


def _ended(status: str, body: dict[str, Any]) -> VendorError:
    details = body.get("details")
    words = _words(details) or "; ".join(_named(name, value) for name, value in list(as_dict(details).items())[:5])
    message = tidy(f"{status}: {words}" if words else status)
    if status in MODERATED:
        return VendorRefused(message, vendor=NAME, code="moderated", fault="policy")
    if status in FAILED:
        return VendorRefused(message, vendor=NAME, code="failed", fault="vendor", retryable=True)
    if status == NOT_FOUND:
        return VendorSilent("the vendor no longer knows the task", vendor=NAME, code="unknown-job", fault="vendor")
    return VendorSilent(f"unknown status {message}", vendor=NAME, code="unknown-status", fault="vendor")


def _named(name: str, value: object) -> str:
    words = _words(value)
    return f"{name[:60]}: {words}" if words else name[:60]


def _without_status(answer: Answer) -> Again:
    status = answer.status
    if status and not answer.whole:
        # its status may have stood in the part that is missing
        return Again("cut-answer", _hint(answer))
    if status in (401, 403):
        message = f"the key was refused while asking for the result: {error_words(answer)}"
        raise VendorBusy(message, vendor=NAME, code="credentials", fault="account", billed="unknown")
    if status == 404:
        raise VendorSilent(f"HTTP 404: {error_words(answer)}", vendor=NAME, code="unknown-job", fault="vendor")
    if 400 <= status < 500 and status not in (408, 425, 429):
        message = f"HTTP {status} while asking for the result: {error_words(answer)}"
        raise VendorSilent(message, vendor=NAME, code="poll-refused", fault="vendor")
    return Again(f"http-{status}" if status else "no-answer", _hint(answer))


def _hint(answer: Answer) -> float | None:
    header = retry_after_s(answer.headers.get("retry-after", ""), answer.headers.get("date", ""))
    return header if header is not None else seconds(as_dict(read_json(answer.body)).get("retry_after"))


def _seed(value: object) -> int | None:
    amount = as_amount(value, MAX_SEED)
    return int(amount) if amount is not None and amount == int(amount) else None


def _job_facts(body: dict[str, Any], request: RenderRequest, measured: Measured) -> dict[str, Any]:
    """Plain JSON that a later process needs: what was asked, what will be billed, what was not honoured."""
    told = {name: as_amount(body.get(name), MAX_MP) for name in ("input_mp", "output_mp")}
    warnings = list(measured.warnings)
    if credits_to_micros(body.get("cost")) is None:
        warnings.append("the vendor named no usable cost: the price book decides")
    return {
        "model_id": request.model_id,
        "output_format": output_format(request, model(request.model_id)),
        "seed": request.seed,
        "usage": {
            "output_mp": _whole_mp(told["output_mp"], measured.expected.output_mp),
            "input_mp": _whole_mp(told["input_mp"], measured.expected.input_mp),
        },
        "warnings": warnings,
        **{name: str(amount) for name, amount in told.items() if amount is not None},
    }


def _whole_mp(told: Decimal | None, measured: int) -> int:
    """Whole megapixels: ours, or more if the vendor says so (its figure has two decimals, so 1.001 reads as 1.00)."""
    return measured if told is None else max(measured, math.ceil(told))
