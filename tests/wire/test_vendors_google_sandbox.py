"""Gemini's wire against the real sandbox process: each usage, priced, is the invoice's line to the micro-dollar."""

import hashlib
import io
from collections.abc import AsyncIterator
from math import ceil
from typing import Any

import httpx
import pytest
from PIL import Image

from domain.errors import VendorBusy, VendorError, VendorRefused, VendorSilent
from domain.render import Receipt, Reference, RenderRequest, Usage
from sandbox.catalogue import load_catalogue
from vendors.google.client import Google
from vendors.google.measure import measure
from vendors.google.models import models

pytestmark = [pytest.mark.server, pytest.mark.anyio]

MODEL = "gemini-3.1-flash-image"
RATES = load_catalogue().google


def request(model_id: str = MODEL, width_px: int = 512, height_px: int = 512, **more: Any) -> RenderRequest:
    more.setdefault("output_format", "jpeg")
    return RenderRequest(model_id, more.pop("prompt", "a red kettle"), width_px, height_px, **more)


def photo() -> Reference:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(out, "PNG")
    return Reference(hashlib.sha256(out.getvalue()).hexdigest(), "image/png", 300, 200, out.getvalue())


def priced(usage: Usage, model_id: str) -> int:
    model = RATES[model_id]
    nanos = (usage.text_in_tokens + usage.image_in_tokens) * model.rate_input_nanos
    nanos += usage.text_out_tokens * model.rate_text_out_nanos + usage.image_out_tokens * model.rate_image_out_nanos
    return ceil(nanos / 1000)


@pytest.fixture
async def google(sandbox_server: Any) -> AsyncIterator[Google]:
    vendor = Google(api_key=sandbox_server.google_key, base_url=sandbox_server.google_url)
    yield vendor
    await vendor.aclose()


async def render(vendor: Google, asked: RenderRequest) -> Receipt:
    return (await vendor.submit(asked)).receipt


async def ended(vendor: Google, sandbox: Any, *rules: dict[str, Any]) -> Receipt | VendorError:
    sandbox.rules(list(rules))
    try:
        return await render(vendor, request())
    except VendorError as error:
        return error


def billed(sandbox: Any) -> int:
    return int(sandbox.invoice()["total_micros"])


@pytest.mark.parametrize("model_id", sorted(models()))
async def test_every_model_is_billed_what_its_usage_says_and_never_above_the_worst(
    google: Google, sandbox_server: Any, model_id: str
) -> None:
    asked = request(model_id, 1024, 1024, references=(photo(),))
    receipt, measured = await render(google, asked), measure(asked)
    (line,) = sandbox_server.invoice()["lines"]
    assert (
        (line["model"], line["request_id"])
        == (receipt.model_answered, receipt.vendor_id)
        == (model_id, line["request_id"])
    )
    assert priced(measured.low, model_id) <= line["micros"] <= priced(measured.worst, model_id)
    assert line["micros"] == priced(receipt.usage, model_id)
    assert Image.open(io.BytesIO(receipt.data)).size == (measured.width_px, measured.height_px) == (1024, 1024)
    assert receipt.warnings == ()


@pytest.mark.parametrize("shape", [(512, 512), (700, 400), (300, 1200), (320, 480), (640, 300)])
async def test_the_size_that_comes_is_the_size_that_was_measured(google: Google, shape: tuple[int, int]) -> None:
    asked = request(MODEL, *shape)
    measured, receipt = measure(asked), await render(google, asked)
    assert Image.open(io.BytesIO(receipt.data)).size == (measured.width_px, measured.height_px)


async def test_a_prompt_in_other_scripts_stays_below_the_worst_count(google: Google) -> None:
    for prompt in ("日本語の急須、朝の光、木のテーブル", "1 2 3 4 5 6 7 8 9", "x" * 4000):
        asked = request(prompt=prompt)
        assert (await render(google, asked)).usage.text_in_tokens <= measure(asked).worst.text_in_tokens


FAULTS = [
    ("rate_limit", VendorBusy, "rate-limited", "no"),
    ("rate_limit_no_hint", VendorBusy, "rate-limited", "no"),
    ("quota_per_day", VendorRefused, "quota", "no"),
    ("server_error", VendorSilent, "http-500", "unknown"),
    ("unavailable", VendorRefused, "unavailable", "no"),
    ("cut_before", VendorSilent, "no-answer", "unknown"),
    ("cut_after", VendorSilent, "no-answer", "unknown"),
    ("cut_mid_answer", VendorSilent, "cut-answer", "unknown"),
    ("moderated_request", VendorRefused, "moderated", "yes"),
    ("moderated_output", VendorRefused, "moderated", "yes"),
    ("unknown_status", VendorRefused, "image-quarantined", "yes"),
    ("empty", VendorRefused, "no-image", "yes"),
    ("text_only", VendorRefused, "no-image", "yes"),
    ("charged_without_image", VendorRefused, "image-other", "yes"),
]


@pytest.mark.parametrize(("fault", "kind", "code", "said"), FAULTS)
async def test_each_fault_is_named_and_its_bill_agrees_with_the_invoice(
    google: Google, sandbox_server: Any, fault: str, kind: type[VendorError], code: str, said: str
) -> None:
    error = await ended(google, sandbox_server, {"match": {"vendor": "google"}, "fault": fault, "retry_after_s": 3})
    assert isinstance(error, kind)
    assert (error.code, error.billed) == (code, said)
    assert error.retry_after_s == (3.0 if fault == "rate_limit" else None)
    if said == "no":
        assert billed(sandbox_server) == 0
    if said == "yes":
        assert isinstance(error.usage, Usage)
        assert billed(sandbox_server) == priced(error.usage, MODEL) > 0


async def test_money_in_doubt_is_rightly_in_doubt(google: Google, sandbox_server: Any) -> None:
    await ended(google, sandbox_server, {"fault": "cut_before"})
    assert billed(sandbox_server) == 0
    await ended(google, sandbox_server, {"fault": "cut_mid_answer"})
    assert billed(sandbox_server) > 0


@pytest.mark.parametrize("reason", ["IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "SPII", "BLOCKLIST"])
async def test_refusals_by_policy_are_moderation(google: Google, sandbox_server: Any, reason: str) -> None:
    error = await ended(google, sandbox_server, {"fault": "moderated_output", "reason": reason})
    assert isinstance(error, VendorRefused)
    assert (error.code, error.fault, error.retryable) == ("moderated", "policy", False)


async def test_a_disabled_account_is_the_accounts_fault(google: Google, sandbox_server: Any) -> None:
    error = await ended(google, sandbox_server, {"fault": "moderated_output", "reason": "PUP_LIMITED_DISABLED"})
    assert isinstance(error, VendorRefused)
    assert (error.code, error.fault) == ("account-stopped", "account")


async def test_interim_drafts_are_passed_over(google: Google, sandbox_server: Any) -> None:
    receipt = await ended(google, sandbox_server, {"fault": "interim_images"})
    plain = await ended(google, sandbox_server)
    assert isinstance(receipt, Receipt)
    assert isinstance(plain, Receipt)
    assert receipt.data == plain.data


async def test_a_swapped_model_is_told_and_its_usage_is_what_was_billed(google: Google, sandbox_server: Any) -> None:
    receipt = await ended(google, sandbox_server, {"fault": "model_swapped", "to": "gemini-3-pro-image"})
    assert isinstance(receipt, Receipt)
    assert receipt.model_answered == "gemini-3-pro-image"
    assert any("answered by gemini-3-pro-image" in w for w in receipt.warnings)
    assert billed(sandbox_server) == priced(receipt.usage, "gemini-3-pro-image")


@pytest.mark.parametrize("fault", ["slow", "wrong_size", "truncated_image", "not_an_image"])
async def test_a_spoiled_or_slow_picture_is_delivered_with_its_bill(
    google: Google, sandbox_server: Any, fault: str
) -> None:
    receipt = await ended(google, sandbox_server, {"fault": fault})
    assert isinstance(receipt, Receipt)
    assert billed(sandbox_server) == priced(receipt.usage, MODEL)


@pytest.mark.parametrize("key", ["wrong-key-of-someone", ""])
async def test_a_wrong_key_is_the_accounts_fault_and_free(sandbox_server: Any, key: str) -> None:
    vendor = Google(api_key=key, base_url=sandbox_server.google_url)
    with pytest.raises(VendorRefused) as caught:
        await vendor.submit(request())
    await vendor.aclose()
    assert (caught.value.code, caught.value.fault, billed(sandbox_server)) == ("credentials", "account", 0)


async def test_a_retired_model_is_refused_and_free(google: Google, sandbox_server: Any) -> None:
    sandbox_server.retire(MODEL)
    with pytest.raises(VendorRefused, match="has retired") as caught:
        await google.submit(request())
    assert (caught.value.code, billed(sandbox_server)) == ("unknown-model", 0)


async def test_a_read_timeout_is_in_doubt(sandbox_server: Any) -> None:
    sandbox_server.rules([{"fault": "slow", "factor": 100}])
    vendor = Google(api_key=sandbox_server.google_key, base_url=sandbox_server.google_url, read_timeout_s=0.2)
    with pytest.raises(VendorSilent) as caught:
        await vendor.submit(request())
    await vendor.aclose()
    assert (caught.value.code, caught.value.billed) == ("no-answer", "unknown")
    assert isinstance(caught.value.__cause__, httpx.ReadTimeout)
