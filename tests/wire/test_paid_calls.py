"""The one door to a paid call, against the real sandbox: each end agrees with the vendors' invoice."""

from dataclasses import replace

import pytest

from domain.errors import DraftlineError, VendorRefused
from tasks.paid_calls import InDoubt, Paid
from tests.support.money import (
    BFL_MODEL,
    GOOGLE_MODEL,
    MODELS,
    VENDOR_OF,
    audit,
    folder_store,
    paid_call,
    request,
)
from tests.support.paid_bench import Bench

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]


# fault -> how the attempt ends for (BFL, Gemini); None where the fault does not exist for that vendor
ENDS: dict[str, tuple[str | None, str | None]] = {
    "quota_per_day": (None, "released"),
    "no_credits": ("released", None),
    "server_error": ("in_doubt", "in_doubt"),
    "unavailable": ("in_doubt", "released"),
    "cut_headers": ("in_doubt", "in_doubt"),
    "cut_request": ("in_doubt", "in_doubt"),
    "cut_before": ("in_doubt", "in_doubt"),
    "cut_after": ("in_doubt", "in_doubt"),
    "cut_status": ("in_doubt", "in_doubt"),
    "cut_in_headers": ("in_doubt", "in_doubt"),
    "cut_mid_answer": ("in_doubt", "in_doubt"),
    "cut_last_byte": ("in_doubt", "in_doubt"),
    "unclosed": ("settled", "settled"),
    "answered_twice": ("settled", "settled"),
    "slow": ("settled", "settled"),
    "late": ("settled", "settled"),
    "found_late": ("in_doubt", None),
    "moderated_request": ("released", "settled"),
    "moderated_output": ("released", "settled"),
    "task_failed": ("released", None),
    "unknown_status": ("in_doubt", "settled"),
    "poll_503": ("settled", None),
    "task_lost": ("in_doubt", None),
    "expired_link": ("settled", None),
    "empty": ("settled", "settled"),
    "text_only": (None, "settled"),
    "interim_images": (None, "settled"),
    "model_swapped": (None, "settled"),
    "wrong_size": ("settled", "settled"),
    "truncated_image": ("settled", "settled"),
    "not_an_image": ("settled", "settled"),
    "charged_without_image": ("settled", "settled"),
    "another_image": ("settled", None),
    "same_image_twice": (None, "settled"),
    "price_change": ("settled", "settled"),
    "dearer_bill": ("settled", None),
    "more_tokens": (None, "settled"),
    "charged_twice": ("settled", "settled"),
}
# What no answer of the vendor shows: only its invoice does (test_paid_calls_drift.py).
FOR_THE_AUDIT = {(GOOGLE_MODEL, "price_change"), (BFL_MODEL, "charged_twice"), (GOOGLE_MODEL, "charged_twice")}
CASES = [
    (model_id, fault, state)
    for fault, states in ENDS.items()
    for model_id, state in zip(MODELS, states, strict=True)
    if state is not None and (model_id, fault) not in FOR_THE_AUDIT
]


@pytest.mark.parametrize(("model_id", "fault", "state"), CASES)
async def test_every_fault_ends_as_it_must_and_is_never_paid_twice(
    bench: Bench, model_id: str, fault: str, state: str
) -> None:
    rule = {"match": {"vendor": VENDOR_OF[model_id]}, "fault": fault, "factor": 1.5, "seconds": 0.2}
    bench.sandbox.rules([rule])
    call = bench.call(model_id)
    first = await bench.ends(call)
    (attempt,) = bench.attempts()
    assert attempt.state == state, first
    bill = bench.sandbox.invoice()
    audit(bench.w, bill)
    bench.sandbox.rules([])
    second = await bench.ends(call)
    after = bench.sandbox.invoice()
    assert after["duplicates"] == 0
    audit(bench.w, after)
    if state == "settled":
        assert after == bill
        assert _facts(second, replayed=False) == _facts(first, replayed=False)
    if fault == "found_late":
        # the vendor knows the job by now, so it is collected: one bill, one image
        assert isinstance(second, Paid)
        assert len(after["lines"]) == 1
    elif state == "in_doubt":
        assert after == bill
        assert isinstance(second, InDoubt)


def _facts(outcome: Paid | DraftlineError, *, replayed: bool) -> object:
    """What must be equal between a first answer and its replay; an error without an image is one again."""
    return replace(outcome, replayed=replayed) if isinstance(outcome, Paid) else VendorRefused


def test_the_list_of_faults_here_is_the_sandboxs_whole_list() -> None:
    from sandbox.faults import FAULTS

    waits = {"rate_limit", "rate_limit_no_hint"}
    assert set(ENDS) | waits == set(FAULTS)
    for fault, (bfl, google) in ENDS.items():
        assert (bfl is not None, google is not None) == ("bfl" in FAULTS[fault], "google" in FAULTS[fault]), fault


@pytest.mark.parametrize("model_id", MODELS)
async def test_a_second_pay_of_the_same_work_replays_the_same_bytes_for_nothing(bench: Bench, model_id: str) -> None:
    call = bench.call(model_id)
    first = await bench.pay(call)
    bill = bench.sandbox.invoice()
    second = await bench.pay(call)
    assert (first.replayed, second.replayed) == (False, True)
    assert second == replace(first, replayed=True)
    assert folder_store(bench.w).get("private", first.object_key) == first.data
    assert bench.sandbox.invoice() == bill
    assert audit(bench.w, bill).settled == first.cost_micros == bill["total_micros"]


async def test_the_same_request_with_another_ordinal_is_new_work(bench: Bench) -> None:
    for ordinal in (0, 1):
        await bench.pay(bench.call(BFL_MODEL, ordinal=ordinal, seed=ordinal))
    assert len(bench.sandbox.invoice()["lines"]) == 2


async def test_a_swapped_model_is_paid_at_the_price_of_the_model_that_answered(bench: Bench) -> None:
    swap = {"match": {"vendor": "google"}, "fault": "model_swapped", "to": "gemini-3-pro-image"}
    bench.sandbox.rules([swap])
    asked = request("gemini-nano-banana-2.1", output_format="jpeg")
    paid = await bench.pay(paid_call(bench.vendors["google"], replace(asked, width_px=1024, height_px=1024)))
    (line,) = bench.sandbox.invoice()["lines"]
    assert line["model"] == paid.model_answered == "gemini-3-pro-image"
    assert paid.cost_micros == line["micros"]
    assert any("answered by gemini-3-pro-image" in warning for warning in paid.warnings)
    audit(bench.w, bench.sandbox.invoice())


async def test_a_swapped_model_that_makes_no_picture_is_billed_at_its_own_price(bench: Bench) -> None:
    swap = {"match": {"vendor": "google"}, "fault": "model_swapped", "to": "gemini-3-pro-image"}
    bench.sandbox.rules([swap, {"match": {"vendor": "google"}, "fault": "empty"}])
    asked = replace(request("gemini-nano-banana-2.1", output_format="jpeg"), width_px=1024, height_px=1024)
    with pytest.raises(VendorRefused):
        await bench.pay(paid_call(bench.vendors["google"], asked))
    (line,) = bench.sandbox.invoice()["lines"]
    assert (line["model"], line["image"]) == ("gemini-3-pro-image", False)
    assert audit(bench.w, bench.sandbox.invoice()).settled == line["micros"]
    assert bench.attempts()[0].model_answered == "gemini-3-pro-image"


async def test_moderated_work_is_not_sent_a_second_time(bench: Bench) -> None:
    bench.sandbox.rules([{"match": {"vendor": "bfl"}, "fault": "moderated_request"}])
    for _ in range(2):
        with pytest.raises(VendorRefused, match=r"[Mm]oderated") as refused:
            await bench.pay(bench.call(BFL_MODEL))
    assert refused.value.fault == "policy"
    assert len(bench.attempts()) == 1


async def test_a_bill_without_an_image_is_paid_once_and_named_so_afterwards(bench: Bench) -> None:
    bench.sandbox.rules([{"match": {"vendor": "google"}, "fault": "charged_without_image"}])
    call = bench.call(GOOGLE_MODEL)
    with pytest.raises(VendorRefused):
        await bench.pay(call)
    bench.sandbox.rules([])
    with pytest.raises(VendorRefused, match=r"was paid \$0\.\d+ without an image"):
        await bench.pay(call)
    assert len(bench.sandbox.invoice()["lines"]) == 1
