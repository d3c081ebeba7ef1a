"""A paid answer is never lost and never bought again: store out of reach, dead processes, cancellations, doubt."""

import asyncio
from typing import Any

import pytest

from domain.errors import CapRefused, DraftlineError, StorageError
from tasks.paid_calls import InDoubt, pay
from tasks.spool import Spool
from tests.support.money import (
    BFL_MODEL,
    GOOGLE_MODEL,
    MODELS,
    VENDOR_OF,
    audit,
    audit_counters,
    folder_store,
    set_run_cap,
)
from tests.support.paid_bench import Bench

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]


@pytest.mark.parametrize("model_id", MODELS)
async def test_an_image_survives_a_store_that_is_out_of_reach(bench: Bench, model_id: str) -> None:
    call, store = bench.call(model_id), folder_store(bench.w)
    store.out_of_reach = True
    with pytest.raises(StorageError):
        await bench.pay(call)
    (attempt,) = bench.attempts()
    assert attempt.is_open
    bill = bench.sandbox.invoice()
    assert len(bill["lines"]) == 1
    with pytest.raises(StorageError):
        await bench.pay(call)
    store.out_of_reach = False
    paid = await bench.pay(call)
    assert paid.data == store.get("private", paid.object_key)
    assert paid.cost_micros == bill["total_micros"]
    assert bench.sandbox.invoice() == bill
    audit(bench.w, bill)
    assert list(bench.w.settings.spool.iterdir()) == []


@pytest.mark.parametrize("model_id", MODELS)
async def test_a_spooled_answer_of_a_dead_process_is_booked_by_the_next(bench: Bench, model_id: str) -> None:
    call = bench.call(model_id)
    folder_store(bench.w).out_of_reach = True
    with pytest.raises(StorageError):
        await bench.pay(call)
    bench.dies()
    paid = await bench.pay(call)
    assert not paid.replayed
    assert audit(bench.w, bench.sandbox.invoice()).settled == paid.cost_micros > 0


async def test_an_answer_found_after_its_attempt_was_given_up_is_booked(bench: Bench) -> None:
    call = bench.call(GOOGLE_MODEL)
    folder_store(bench.w).out_of_reach = True
    with pytest.raises(StorageError):
        await bench.pay(call)
    bench.w.ledger.doubt(bench.attempts()[0].attempt_id, code="process-died", note="said another machine")
    folder_store(bench.w).out_of_reach = False
    paid = await bench.pay(call)
    sums = audit(bench.w, bench.sandbox.invoice())
    assert (sums.settled, sums.in_doubt) == (paid.cost_micros, 0)


async def test_a_job_whose_row_could_not_be_written_is_still_collected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise StorageError("the database did not answer")

    call = bench.call(BFL_MODEL)
    with monkeypatch.context() as patched:
        patched.setattr(bench.w.ledger, "accept", fails)
        with pytest.raises(StorageError):
            await bench.pay(call)
    assert [a.state for a in bench.attempts()] == ["sent"]
    paid = await bench.pay(call)
    assert audit(bench.w, bench.sandbox.invoice()).settled == paid.cost_micros
    assert len(bench.sandbox.invoice()["lines"]) == 1


async def test_accepted_work_of_a_dead_process_is_collected_not_bought_again(bench: Bench) -> None:
    bench.sandbox.rules([{"match": {"vendor": "bfl"}, "fault": "slow", "factor": 1_000_000}])
    accepted = bench.committed("accept")
    call = bench.call(BFL_MODEL)
    paying = asyncio.ensure_future(bench.pay(call))
    await accepted.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    bench.dies()
    bench.sandbox.advance(7200)
    paid = await bench.pay(call)
    bill = bench.sandbox.invoice()
    assert len(bill["lines"]) == 1
    assert audit(bench.w, bill).settled == paid.cost_micros


@pytest.mark.parametrize("model_id", MODELS)
async def test_cancelling_in_the_middle_of_an_answer_books_the_answer(
    bench: Bench, model_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = bench.vendors[VENDOR_OF[model_id]]
    left = asyncio.Event()
    submit = vendor.submit

    async def submitting(asked: Any) -> Any:
        left.set()
        return await submit(asked)

    monkeypatch.setattr(vendor, "submit", submitting)
    call = bench.call(model_id)
    paying = asyncio.ensure_future(bench.pay(call))
    await left.wait()
    while not paying.done():
        # again and again, as an anyio cancel scope does
        paying.cancel()
        await asyncio.sleep(0.005)
    assert paying.cancelled()
    (attempt,) = bench.attempts()
    assert attempt.state == ("settled" if model_id == GOOGLE_MODEL else "accepted")
    audit_counters(bench.w)
    paid = await bench.pay(call)
    bill = bench.sandbox.invoice()
    assert len(bill["lines"]) == 1
    assert audit(bench.w, bill).settled == paid.cost_micros


async def test_cancelling_while_it_waits_for_a_429_ends_at_once_and_pays_nothing(bench: Bench) -> None:
    bench.sandbox.rules([{"match": {"vendor": "google"}, "fault": "rate_limit", "retry_after_s": 30}])
    bounced = bench.committed("bounce")
    paying = asyncio.ensure_future(bench.pay(bench.call(GOOGLE_MODEL)))
    await bounced.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    assert bench.attempts()[0].state == "held"
    bench.sandbox.rules([])
    await bench.pay(bench.call(GOOGLE_MODEL))
    assert [a.try_no for a in bench.attempts()] == [1]
    audit(bench.w, bench.sandbox.invoice())


async def test_doubtful_work_is_sent_again_only_by_policy_and_inside_the_caps(bench: Bench) -> None:
    bench.sandbox.rules([{"match": {"vendor": "google", "nth": 1}, "fault": "cut_after"}])
    call = bench.call(GOOGLE_MODEL)
    with pytest.raises(DraftlineError):
        await bench.pay(call)
    with pytest.raises(InDoubt, match="stay held"):
        await bench.pay(call)
    (doubtful,) = bench.attempts()
    bold = bench.other_process(resend_in_doubt=True)
    set_run_cap(bold, doubtful.hold_micros)
    with pytest.raises(CapRefused):
        await pay(bold, bench.vendors["google"], call)
    set_run_cap(bold, 3 * doubtful.hold_micros)
    paid = await pay(bold, bench.vendors["google"], call)
    assert [(a.try_no, a.state) for a in bench.attempts()] == [(1, "in_doubt"), (2, "settled")]
    bill = bench.sandbox.invoice()
    sums = audit(bench.w, bill)
    assert bill["total_micros"] == 2 * paid.cost_micros == sums.settled + paid.cost_micros
    bold.close()


async def test_the_spool_is_empty_after_a_good_run(bench: Bench) -> None:
    for model_id in MODELS:
        paid = await bench.pay(bench.call(model_id))
        assert Spool(bench.w.settings.spool).get(paid.attempt_id) is None
    assert list(bench.w.settings.spool.iterdir()) == []
