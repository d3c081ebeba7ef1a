"""What dead processes leave in odd places is found, and one thing that cannot be recovered stops nothing else."""

from typing import Any

import pytest
from sqlalchemy import update

from domain.attempt import Intent
from domain.errors import StorageError
from domain.money import Micros
from storage.database.money_tables import attempts
from tasks import recoveries
from tasks.paid_calls import InDoubt, PaidCall, pay
from tasks.recoveries import left_behind, recover_attempts, recover_before_run, tally
from tasks.spool import Spool
from tests.support.money import BFL_MODEL, GOOGLE_MODEL, audit, audit_counters
from tests.support.paid_bench import Bench
from vendors.contract import Accepted

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]


def held(bench: Bench, call: PaidCall) -> str:
    book = bench.w.price_book
    worst = book.price(call.request.model_id, call.measured.worst, bench.w.today())
    intent = Intent(call.work_key, Micros(worst), book.version, call.dimensions, call.request.canonical())
    return bench.w.ledger.hold(intent, slots=24).attempt_id


async def sent(bench: Bench, call: PaidCall) -> tuple[str, Any]:
    """Sent and answered, with nothing written down yet: the attempt and its job."""
    attempt_id = held(bench, call)
    bench.w.ledger.send(attempt_id)
    outcome = await bench.vendors["bfl"].submit(call.request)
    assert isinstance(outcome, Accepted)
    return attempt_id, outcome.job


@pytest.mark.parametrize("by", ["recovery", "the next run"])
async def test_a_job_that_another_machine_gave_up_is_collected_where_it_was_kept(bench: Bench, by: str) -> None:
    call = bench.call(BFL_MODEL)
    attempt_id, job = await sent(bench, call)
    Spool(bench.w.settings.spool).put_job(attempt_id, job)
    bench.w.ledger.doubt(attempt_id, code="process-died", note="said another machine")
    bench.dies()
    bench.sandbox.advance(60)
    if by == "recovery":
        assert tally(await recover_attempts(bench.w)) == {"settled": 1}
    paid = await bench.pay(call)
    assert len(bench.sandbox.invoice()["lines"]) == 1
    assert audit(bench.w, bench.sandbox.invoice()).settled == paid.cost_micros
    assert Spool(bench.w.settings.spool).attempt_ids() == set()


async def test_an_answer_that_another_machine_gave_up_is_booked(bench: Bench) -> None:
    call = bench.call(GOOGLE_MODEL)
    attempt_id = held(bench, call)
    bench.w.ledger.send(attempt_id)
    outcome: Any = await bench.vendors["google"].submit(call.request)
    Spool(bench.w.settings.spool).put(attempt_id, outcome.receipt)
    bench.w.ledger.doubt(attempt_id, code="process-died", note="said another machine")
    bench.dies()
    assert tally(await recover_attempts(bench.w)) == {"settled": 1}
    audit(bench.w, bench.sandbox.invoice())


async def test_a_spool_file_of_a_settled_attempt_is_swept(bench: Bench) -> None:
    paid = await bench.pay(bench.call(GOOGLE_MODEL))
    (bench.w.settings.spool / f"{paid.attempt_id}.json").write_text("{}")
    assert await recover_attempts(bench.w) == []
    assert Spool(bench.w.settings.spool).attempt_ids() == set()


async def test_the_slots_of_the_dead_are_free_afterwards(bench: Bench) -> None:
    for number, model_id in enumerate((BFL_MODEL, GOOGLE_MODEL)):
        held(bench, bench.call(model_id, f"held {number}"))
        bench.w.ledger.send(held(bench, bench.call(model_id, f"sent {number}")))
    bench.dies()
    assert tally(await recover_attempts(bench.w)) == {"released": 2, "in_doubt": 2}
    assert bench.w.ledger.slots_taken("bfl") == bench.w.ledger.slots_taken("google") == []
    audit_counters(bench.w)


async def test_work_that_the_vendor_is_still_at_is_left_for_its_own_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sandbox.rules([{"match": {"vendor": "bfl"}, "fault": "slow", "factor": 1_000_000}])
    call = bench.call(BFL_MODEL)
    attempt_id, job = await sent(bench, call)
    bench.w.ledger.accept(attempt_id, job)
    bench.dies()
    monkeypatch.setattr(recoveries, "MAX_COLLECT_S", 0.2)
    (found,) = await recover_attempts(bench.w)
    assert found.outcome == "accepted"
    assert "asked again later" in found.note
    assert [a.attempt_id for a in left_behind(bench.other_process())] == [attempt_id], "nobody has to wait for us"
    bench.sandbox.advance(7200)
    paid = await bench.pay(call)
    assert audit(bench.w, bench.sandbox.invoice()).settled == paid.cost_micros


async def test_one_attempt_that_nobody_can_read_keeps_no_other_from_its_end(bench: Bench) -> None:
    odd = held(bench, bench.call(BFL_MODEL, "odd"))
    held(bench, bench.call(BFL_MODEL, "good"))
    with bench.w.database.write() as connection:
        connection.execute(update(attempts).where(attempts.c.attempt_id == odd).values(request={}))
    bench.dies()
    found = {r.attempt.attempt_id: r for r in await recover_attempts(bench.w)}
    assert tally(list(found.values())) == {"held": 1, "released": 1}
    assert "could not be recovered: KeyError" in found[odd].note


async def test_a_run_starts_whatever_becomes_of_others_leftovers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: object) -> None:
        raise StorageError("the database did not answer")

    monkeypatch.setattr(recoveries, "recover_attempts", fails)
    await recover_before_run(bench.w)
    assert "recovery.failed error=the database did not answer" in caplog.text


async def test_a_resend_policy_of_one_vendor_is_no_policy_for_another(bench: Bench) -> None:
    """A resend is a new attempt with a hold of its own; the old one stays in doubt and counted."""
    bench.sandbox.rules([{"match": {"vendor": vendor}, "fault": "cut_after"} for vendor in ("bfl", "google")])
    calls = {"bfl": bench.call(BFL_MODEL), "google": bench.call(GOOGLE_MODEL)}
    for call in calls.values():
        await bench.ends(call)
    bench.sandbox.rules([])
    bold = bench.other_process(resend_in_doubt="google")
    with pytest.raises(InDoubt):
        await pay(bold, bench.vendors["bfl"], calls["bfl"])
    await pay(bold, bench.vendors["google"], calls["google"])
    tries = [(a.dimensions.vendor, a.try_no, a.state) for a in bench.attempts()]
    assert sorted(tries) == [("bfl", 1, "in_doubt"), ("google", 1, "in_doubt"), ("google", 2, "settled")]
    audit(bench.w, bench.sandbox.invoice())
    bold.close()
