"""BFL's wire against the real sandbox process: each end agrees with the vendor's invoice, to the micro-dollar."""

import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image

from domain.errors import VendorBusy, VendorError, VendorRefused, VendorSilent
from domain.render import Receipt, Reference, RenderRequest
from vendors.bfl.client import Bfl
from vendors.bfl.measure import measure
from vendors.bfl.models import models

pytestmark = [pytest.mark.server, pytest.mark.anyio]


def request(model_id: str = "flux-2-klein-4b", width_px: int = 64, height_px: int = 96, **more: Any) -> RenderRequest:
    return RenderRequest(model_id, "a red kettle", width_px, height_px, **more)


def photo(width_px: int, height_px: int) -> Reference:
    out = io.BytesIO()
    Image.new("RGB", (width_px, height_px), "teal").save(out, "PNG")
    data = out.getvalue()
    return Reference(hashlib.sha256(data).hexdigest(), "image/png", width_px, height_px, data)


@pytest.fixture
async def bfl(sandbox_server: Any) -> AsyncIterator[Bfl]:
    vendor = Bfl(api_key=sandbox_server.bfl_key, base_url=sandbox_server.bfl_url, poll_interval_s=0.01)
    yield vendor
    await vendor.aclose()


async def render(vendor: Bfl, asked: RenderRequest) -> Receipt:
    return await vendor.collect((await vendor.submit(asked)).job)


async def ended(vendor: Bfl, sandbox: Any, *rules: dict[str, Any]) -> Receipt | VendorError:
    """What one small request ends in under these rules, after everything in the sandbox has had time to finish."""
    sandbox.rules(list(rules))
    try:
        return await render(vendor, request())
    except VendorError as error:
        sandbox.advance(3600)
        return error


def billed(sandbox: Any) -> int:
    return int(sandbox.invoice()["total_micros"])


@pytest.mark.parametrize("model_id", sorted(models()))
async def test_every_model_is_billed_what_its_receipt_says(bfl: Bfl, sandbox_server: Any, model_id: str) -> None:
    asked = request(model_id, 320, 208, seed=7, output_format="jpeg")
    receipt = await render(bfl, asked)
    line = sandbox_server.delivered_line()
    assert (line["model"], line["job_id"], line["micros"]) == (model_id, receipt.vendor_id, receipt.cost_micros)
    assert (receipt.model_answered, receipt.media_type, receipt.seed) == (model_id, "image/jpeg", 7)
    assert receipt.usage == measure(asked).worst
    assert receipt.warnings == ()
    assert Image.open(io.BytesIO(receipt.data)).size == (320, 208)
    assert line["delivered"]


@pytest.mark.parametrize(("sizes", "micros"), [([(500, 400)], 45_000), ([(1100, 1000), (64, 64)], 75_000)])
async def test_references_are_billed_as_measured(
    bfl: Bfl, sandbox_server: Any, sizes: list[tuple[int, int]], micros: int
) -> None:
    asked = request("flux-2-pro", references=tuple(photo(*size) for size in sizes))
    receipt = await render(bfl, asked)
    assert receipt.cost_micros == billed(sandbox_server) == micros
    assert receipt.usage.input_mp == measure(asked).worst.input_mp


async def test_a_size_off_the_grid_comes_back_as_measured(bfl: Bfl) -> None:
    asked = request(width_px=100, height_px=130, output_format="png")
    measured, receipt = measure(asked), await render(bfl, asked)
    assert Image.open(io.BytesIO(receipt.data)).size == (measured.width_px, measured.height_px) == (112, 144)
    assert any("rounded" in w for w in receipt.warnings)


FAULTS = [
    ("rate_limit", VendorBusy, "rate-limited", "no"),
    ("rate_limit_no_hint", VendorBusy, "rate-limited", "no"),
    ("no_credits", VendorRefused, "no-credits", "no"),
    ("server_error", VendorSilent, "http-500", "unknown"),
    ("unavailable", VendorSilent, "http-503", "unknown"),
    ("cut_before", VendorSilent, "no-answer", "unknown"),
    ("cut_after", VendorSilent, "no-answer", "unknown"),
    ("cut_mid_answer", VendorSilent, "cut-answer", "unknown"),
    ("moderated_request", VendorRefused, "moderated", "no"),
    ("moderated_output", VendorRefused, "moderated", "no"),
    ("task_failed", VendorRefused, "failed", "no"),
    ("task_lost", VendorSilent, "unknown-job", "unknown"),
    ("unknown_status", VendorSilent, "unknown-status", "unknown"),
    ("empty", VendorRefused, "no-image", "yes"),
    ("charged_without_image", VendorRefused, "link-expired", "yes"),
]


@pytest.mark.parametrize(("fault", "kind", "code", "said"), FAULTS)
async def test_each_fault_is_named_and_its_bill_agrees_with_the_invoice(
    bfl: Bfl, sandbox_server: Any, fault: str, kind: type[VendorError], code: str, said: str
) -> None:
    error = await ended(bfl, sandbox_server, {"match": {"vendor": "bfl"}, "fault": fault, "retry_after_s": 3})
    assert isinstance(error, kind)
    assert (error.code, error.billed) == (code, said)
    if said != "unknown":
        assert billed(sandbox_server) == (error.cost_micros or 0)
    assert error.retry_after_s == (3.0 if fault == "rate_limit" else None)


async def test_money_in_doubt_is_rightly_in_doubt(bfl: Bfl, sandbox_server: Any) -> None:
    for fault, micros in (("cut_before", 0), ("cut_after", 14_000)):
        sandbox_server.reset()
        assert isinstance(await ended(bfl, sandbox_server, {"fault": fault}), VendorSilent)
        assert billed(sandbox_server) == micros


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "slow", "factor": 20},
        {"fault": "poll_503", "count": 3},
        {"fault": "expired_link", "count": 2},
        {"match": {"path": "get_result", "times": 2}, "fault": "cut_before"},
        {"match": {"path": "get_result", "times": 2}, "fault": "cut_mid_answer"},
        {"match": {"path": "get_result", "times": 2}, "fault": "rate_limit", "retry_after_s": 0.01},
        {"match": {"path": "/bfl-delivery/", "times": 2}, "fault": "cut_mid_answer"},
        {"match": {"path": "/bfl-delivery/", "times": 2}, "fault": "server_error"},
    ],
    ids=lambda rule: f"{rule['fault']} {rule.get('match', {}).get('path', 'submit')}",
)
async def test_troubles_after_the_submit_are_ridden_out_and_paid_once(
    bfl: Bfl, sandbox_server: Any, rule: dict[str, Any]
) -> None:
    receipt = await ended(bfl, sandbox_server, rule)
    assert isinstance(receipt, Receipt)
    assert Image.open(io.BytesIO(receipt.data)).size == (64, 96)
    assert receipt.cost_micros == billed(sandbox_server) == 14_000
    assert len(sandbox_server.invoice()["lines"]) == 1


@pytest.mark.parametrize("fault", ["wrong_size", "truncated_image", "not_an_image"])
async def test_a_spoiled_picture_is_delivered_with_its_bill_for_others_to_judge(
    bfl: Bfl, sandbox_server: Any, fault: str
) -> None:
    receipt = await ended(bfl, sandbox_server, {"fault": fault})
    assert isinstance(receipt, Receipt)
    assert receipt.cost_micros == billed(sandbox_server) == 14_000
    assert (receipt.media_type == "image/png") == (fault != "not_an_image")


async def test_a_job_can_be_collected_by_another_process_and_twice(bfl: Bfl, sandbox_server: Any) -> None:
    job = (await bfl.submit(request())).job
    other = Bfl(api_key=sandbox_server.bfl_key, base_url=sandbox_server.bfl_url, poll_interval_s=0.01)
    first, second = await other.collect(job), await bfl.collect(job)
    await other.aclose()
    assert first.data == second.data
    assert billed(sandbox_server) == 14_000


async def test_after_the_links_ten_minutes_a_fresh_one_is_given(bfl: Bfl, sandbox_server: Any) -> None:
    job = (await bfl.submit(request())).job
    sandbox_server.advance(3600)
    assert (await bfl.collect(job)).cost_micros == 14_000


async def test_the_deadline_leaves_the_job_to_be_asked_for_later(sandbox_server: Any) -> None:
    sandbox_server.rules([{"fault": "slow", "factor": 100_000}])
    vendor = Bfl(
        api_key=sandbox_server.bfl_key, base_url=sandbox_server.bfl_url, poll_interval_s=0.01, poll_deadline_s=0.1
    )
    job = (await vendor.submit(request())).job
    with pytest.raises(VendorBusy) as caught:
        await vendor.collect(job)
    assert (caught.value.code, caught.value.billed, billed(sandbox_server)) == ("pending", "unknown", 0)
    sandbox_server.advance(3600)
    assert (await vendor.collect(job)).cost_micros == billed(sandbox_server) == 14_000
    await vendor.aclose()


async def test_over_the_limit_of_active_tasks_is_busy_and_free(bfl: Bfl, sandbox_server: Any) -> None:
    sandbox_server.rules([{"fault": "slow", "factor": 100_000}])
    ends: list[str] = []

    async def one() -> None:
        try:
            await bfl.submit(request())
            ends.append("accepted")
        except VendorBusy as error:
            ends.append(error.code)

    async with anyio.create_task_group() as group:
        for _ in range(bfl.max_active + 2):
            group.start_soon(one)
    assert sorted(ends) == ["accepted"] * 24 + ["rate-limited"] * 2


@pytest.mark.parametrize(
    ("key", "code"), [("short", "credentials"), ("a-well-formed-wrong-key", "credentials"), ("", "credentials")]
)
async def test_a_wrong_key_is_the_accounts_fault_and_free(sandbox_server: Any, key: str, code: str) -> None:
    vendor = Bfl(api_key=key, base_url=sandbox_server.bfl_url)
    with pytest.raises(VendorRefused) as caught:
        await vendor.submit(request())
    await vendor.aclose()
    assert (caught.value.code, caught.value.fault, billed(sandbox_server)) == (code, "account", 0)


async def test_an_account_without_credits_is_told_so(bfl: Bfl, sandbox_server: Any) -> None:
    sandbox_server.credits(1)
    with pytest.raises(VendorRefused) as caught:
        await bfl.submit(request())
    assert (caught.value.code, caught.value.fault) == ("no-credits", "account")


async def test_a_retired_model_is_refused_and_free(bfl: Bfl, sandbox_server: Any) -> None:
    sandbox_server.retire("flux-2-klein-4b")
    with pytest.raises(VendorRefused) as caught:
        await bfl.submit(request())
    assert (caught.value.code, billed(sandbox_server)) == ("unknown-model", 0)


async def test_nothing_listening_is_busy_and_not_in_doubt() -> None:
    vendor = Bfl(api_key="some-key-or-other", base_url="http://127.0.0.1:9")
    with pytest.raises(VendorBusy) as caught:
        await vendor.submit(request())
    await vendor.aclose()
    assert (caught.value.code, caught.value.billed) == ("no-connection", "no")
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
