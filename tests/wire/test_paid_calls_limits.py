"""Limits of a paid call: 429, no connection, caps, slots, and two callers of one work."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from budget.approvals import Approvals
from budget.quote import Quote
from domain.attempt import Intent
from domain.errors import ApprovalWithdrawn, CapRefused, VendorBusy
from tasks import paid_calls
from tasks.paid_calls import Paid, pay
from tests.support.money import (
    BFL_MODEL,
    GOOGLE_MODEL,
    MODELS,
    VENDOR_OF,
    audit,
    replace_waits,
    set_run_cap,
)
from tests.support.nursery import Nursery
from tests.support.paid_bench import Bench
from wiring import Settings, Silent, build

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]


class Waits:
    """Records every wait of the door instead of waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        self._real = asyncio.sleep
        replace_waits(monkeypatch, self._record)

    async def _record(self, seconds_s: float) -> None:
        self.seconds.append(seconds_s)
        await self._real(0)


@pytest.mark.parametrize("model_id", MODELS)
async def test_429_waits_as_hinted_and_sends_again_on_the_same_hold(
    bench: Bench, model_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    match = {"vendor": VENDOR_OF[model_id], "times": 2}
    bench.sandbox.rules([{"match": match, "fault": "rate_limit", "retry_after_s": 7}])
    await bench.pay(bench.call(model_id))
    assert waits.seconds[:2] == [7.0, 7.0]
    (attempt,) = bench.attempts()
    assert (attempt.try_no, attempt.state) == (1, "settled")
    bill = bench.sandbox.invoice()
    assert len(bill["lines"]) == 1
    audit(bench.w, bill)


@pytest.mark.parametrize("model_id", MODELS)
async def test_429_without_end_gives_the_hold_back_and_says_so(
    bench: Bench, model_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(monkeypatch)
    bench.sandbox.rules([{"match": {"vendor": VENDOR_OF[model_id]}, "fault": "rate_limit_no_hint"}])
    with pytest.raises(VendorBusy):
        await bench.pay(bench.call(model_id))
    assert waits.seconds == sorted(waits.seconds)
    assert max(waits.seconds) <= 30.0
    assert [a.state for a in bench.attempts()] == ["released"]
    assert bench.sandbox.invoice()["lines"] == []
    audit(bench.w, bench.sandbox.invoice())
    bench.sandbox.rules([])
    assert (await bench.pay(bench.call(model_id))).cost_micros == audit(bench.w, bench.sandbox.invoice()).settled


@pytest.mark.parametrize("model_id", MODELS)
async def test_an_approval_withdrawn_while_a_429_is_waited_out_sends_nothing_more(
    bench: Bench, model_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    approvals, quote = Approvals(bench.w.database, bench.w.now), Quote((), "book")
    approvals.record_quote(quote, "r1", "campaign", "kettle", "test")
    approvals.approve(quote.hash, "Ada", "")
    bench.sandbox.rules([{"match": {"vendor": VENDOR_OF[model_id], "times": 1}, "fault": "rate_limit"}])
    real, call = asyncio.sleep, replace(bench.call(model_id), approved_quote=quote.hash)

    async def withdraw_meanwhile(_: float) -> None:
        if approvals.standing(quote.hash):
            approvals.withdraw(quote.hash, "Grace")
        await real(0)

    with monkeypatch.context() as waiting:
        replace_waits(waiting, withdraw_meanwhile)
        with pytest.raises(ApprovalWithdrawn, match="Grace withdrew"):
            await bench.pay(call)
    assert [(a.state, a.error_code) for a in bench.attempts()] == [("released", "approval-withdrawn")]
    assert bench.sandbox.invoice()["lines"] == []
    with pytest.raises(ApprovalWithdrawn):
        await bench.pay(call)
    approvals.approve(quote.hash, "Ada", "after all")
    await bench.pay(call)
    audit(bench.w, bench.sandbox.invoice())


async def test_without_a_connection_nothing_is_paid_and_the_hold_comes_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Waits(monkeypatch)
    nowhere = build(Settings(home=bench.w.settings.home, sandbox_url="http://127.0.0.1:9"), progress=Silent())
    async with nowhere.open_vendors() as vendors:
        for name in ("bfl", "google"):
            with pytest.raises(VendorBusy):
                await pay(bench.w, vendors[name], bench.call(BFL_MODEL if name == "bfl" else GOOGLE_MODEL))
    assert {a.state for a in bench.attempts()} == {"released"}


@pytest.mark.parametrize("model_id", MODELS)
async def test_two_pays_of_one_work_in_one_process_are_one_invoice_line(bench: Bench, model_id: str) -> None:
    call = bench.call(model_id)
    paid = await asyncio.gather(*(bench.pay(call) for _ in range(4)))
    assert sorted(p.replayed for p in paid) == [False, True, True, True]
    assert len({p.sha256 for p in paid}) == 1
    assert len(bench.sandbox.invoice()["lines"]) == 1
    audit(bench.w, bench.sandbox.invoice())


async def test_a_burst_of_20_against_a_cap_with_room_for_10_is_10_lines_and_10_refusals(bench: Bench) -> None:
    price = bench.w.price_book.price(BFL_MODEL, bench.call(BFL_MODEL).measured.worst, bench.w.today())
    set_run_cap(bench.w, 10 * price)
    outcomes = await asyncio.gather(
        *(bench.pay(bench.call(BFL_MODEL, ordinal=n, seed=n)) for n in range(20)), return_exceptions=True
    )
    refused = [o for o in outcomes if isinstance(o, CapRefused)]
    assert (len(refused), sum(isinstance(o, Paid) for o in outcomes)) == (10, 10)
    assert all("run:r1" in str(error) and "nothing was sent" in str(error) for error in refused)
    bill = bench.sandbox.invoice()
    assert len(bill["lines"]) == 10
    assert audit(bench.w, bill).settled == 10 * price


async def test_never_more_calls_are_with_the_vendor_than_it_allows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = bench.vendors["bfl"]
    monkeypatch.setattr(vendor, "max_active", 3)
    monkeypatch.setattr("tasks.paid_calls.SLOT_WAIT_S", 0.01)
    going, most = 0, 0
    submit, collect = vendor.submit, vendor.collect

    async def submitting(asked: Any) -> Any:
        nonlocal going, most
        going += 1
        most = max(most, going)
        return await submit(asked)

    async def collecting(job: Any) -> Any:
        nonlocal going
        receipt = await collect(job)
        going -= 1
        return receipt

    monkeypatch.setattr(vendor, "submit", submitting)
    monkeypatch.setattr(vendor, "collect", collecting)
    await asyncio.gather(*(bench.pay(bench.call(BFL_MODEL, ordinal=n, seed=n)) for n in range(9)))
    assert 1 <= most <= 3
    audit(bench.w, bench.sandbox.invoice())


async def test_slots_of_dead_processes_do_not_stop_the_living(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(monkeypatch)
    vendor = bench.vendors["bfl"]
    monkeypatch.setattr(vendor, "max_active", 2)
    for n in range(2):
        call = bench.call(BFL_MODEL, f"work of the dead {n}")
        bench.w.ledger.hold(Intent(call.work_key, 14_000, "book", call.dimensions), slots=2)
    bench.dies()
    await bench.pay(bench.call(BFL_MODEL))
    assert len([s for s in waits.seconds if s == paid_calls.SLOT_WAIT_S]) == 1
    # the money of the dead stays as it was: their works are gone on with, in the same attempts
    for n in range(2):
        await bench.pay(bench.call(BFL_MODEL, f"work of the dead {n}"))
    assert [a.try_no for a in bench.attempts()] == [1, 1, 1]
    assert len(bench.sandbox.invoice()["lines"]) == 3
    audit(bench.w, bench.sandbox.invoice())


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.stop()


@pytest.mark.parametrize("model_id", MODELS)
async def test_two_processes_with_one_work_are_one_invoice_line(bench: Bench, nursery: Nursery, model_id: str) -> None:
    works = [[model_id, f"a red kettle, view {n}", 0] for n in range(3)]
    job = {"home": str(bench.w.settings.home), "sandbox": bench.sandbox.url, "works": works}
    ends = nursery.run(job, job, job)
    assert [code for code, _ in ends] == [0, 0, 0]
    images = [[o.get("sha256") for o in result["outcomes"]] for _, result in ends]
    assert images[0] == images[1] == images[2]
    assert None not in images[0]
    bill = bench.sandbox.invoice()
    assert (len(bill["lines"]), bill["duplicates"]) == (3, 0)
    audit(bench.w, bill)
