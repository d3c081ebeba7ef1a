"""Recovery sweeps what processes that are gone left open: by evidence, without sending anything, whoever wanted it."""

import pytest

from domain.attempt import Intent
from domain.errors import StorageError, VendorSilent
from domain.money import Micros
from tasks.paid_calls import InDoubt, PaidCall
from tasks.recoveries import recover_attempts, tally
from tests.support.money import BFL_MODEL, GOOGLE_MODEL, MODELS, audit, folder_store
from tests.support.paid_bench import Bench
from vendors.contract import Accepted
from wiring.settings import ALL_VENDORS

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]


def _held(bench: Bench, call: PaidCall) -> str:
    book = bench.w.price_book
    worst = book.price(call.request.model_id, call.measured.worst, bench.w.today())
    intent = Intent(call.work_key, Micros(worst), book.version, call.dimensions, call.request.canonical())
    return bench.w.ledger.hold(intent, slots=24).attempt_id


@pytest.mark.parametrize("model_id", MODELS)
async def test_a_hold_that_was_never_sent_goes_back(bench: Bench, model_id: str) -> None:
    _held(bench, bench.call(model_id))
    bench.dies()
    assert tally(await recover_attempts(bench.w)) == {"released": 1}
    assert bench.sandbox.invoice()["lines"] == []
    assert audit(bench.w, bench.sandbox.invoice()).settled == 0


async def test_accepted_work_is_collected_into_the_journal_and_its_run_finds_it_paid(bench: Bench) -> None:
    call = bench.call(BFL_MODEL)
    attempt_id = _held(bench, call)
    bench.w.ledger.send(attempt_id)
    outcome = await bench.vendors["bfl"].submit(call.request)
    assert isinstance(outcome, Accepted)
    bench.w.ledger.accept(attempt_id, outcome.job)
    bench.dies()
    assert tally(await recover_attempts(bench.w)) == {"settled": 1}
    bill = bench.sandbox.invoice()
    found = await bench.pay(call)
    assert found.replayed
    assert bench.sandbox.invoice() == bill
    assert audit(bench.w, bill).settled == found.cost_micros == bill["total_micros"]


@pytest.mark.parametrize("model_id", MODELS)
async def test_a_kept_answer_is_booked(bench: Bench, model_id: str) -> None:
    folder_store(bench.w).out_of_reach = True
    with pytest.raises(StorageError):
        await bench.pay(bench.call(model_id))
    bench.dies()
    assert tally(await recover_attempts(bench.w)) == {"settled": 1}
    audit(bench.w, bench.sandbox.invoice())


@pytest.mark.parametrize("resend", [False, True])
async def test_a_send_without_an_answer_is_in_doubt_and_not_sent_again_even_by_policy(
    bench: Bench, resend: bool
) -> None:
    call = bench.call(GOOGLE_MODEL)
    bench.w.ledger.send(_held(bench, call))
    bench.dies()
    bench.w.settings.resend_in_doubt = ALL_VENDORS if resend else frozenset()
    (swept,) = await recover_attempts(bench.w)
    assert swept.outcome == "in_doubt"
    assert bench.sandbox.invoice()["lines"] == []
    bench.w.settings.resend_in_doubt = frozenset()
    with pytest.raises(InDoubt):
        await bench.pay(call)


async def test_the_work_of_the_living_is_left_alone(bench: Bench) -> None:
    _held(bench, bench.call(BFL_MODEL))
    assert await recover_attempts(bench.other_process()) == []


@pytest.mark.parametrize("by_recovery", [False, True])
async def test_a_job_that_the_vendor_learns_of_late_is_collected_and_not_bought_again(
    bench: Bench, by_recovery: bool
) -> None:
    call = bench.call(BFL_MODEL, "a red kettle [[sandbox:fault=found_late count=2]]")
    assert isinstance(await bench.ends(call), VendorSilent)
    assert isinstance(await bench.ends(call), InDoubt)
    if by_recovery:
        bench.dies()
        assert tally(await recover_attempts(bench.w)) == {"settled": 1}
    paid = await bench.pay(call)
    assert paid.replayed is by_recovery
    bill = bench.sandbox.invoice()
    assert len(bill["lines"]) == 1
    assert audit(bench.w, bill).settled == bill["total_micros"]
