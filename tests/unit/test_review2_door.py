"""Answers that come late to the door: after evidence, after a person's word, beside a recovery. No network here."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from budget.credits import Gap, Reading, judge
from domain.attempt import Attempt, Intent
from domain.errors import ApprovalWithdrawn, CapRefused, LedgerConflict, StorageError, VendorBusy, VendorRefused
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from tasks.paid_calls import InDoubt, PaidCall, pay
from tasks.recoveries import recover_attempts
from tasks.resolving import Word, resolve
from tasks.spool import Spool
from tests.support.money import audit, bench_wiring, paid_call, request, set_run_cap
from vendors.contract import Accepted, Delivered
from wiring import Wiring

pytestmark = pytest.mark.anyio
COST_MICROS = 14_000
JOB = Job("j-1", "", COST_MICROS)


class Vendor:
    """A vendor that bills each POST, and says `refusal` to whoever asks for a job, where it has one."""

    name, can_be_asked_again, max_active = "bfl", True, 2

    def __init__(self, refusal: Exception | None = None, before_answer: Callable[[], None] = lambda: None) -> None:
        self.refusal, self.before_answer, self.posts = refusal, before_answer, 0

    def measure(self, asked: RenderRequest) -> Measured:
        usage = Usage(output_mp=1)
        return Measured(usage, usage, usage, asked.width_px, asked.height_px)

    def takes_seed(self, model_id: str) -> bool:
        return True

    async def submit(self, asked: RenderRequest) -> Accepted | Delivered:
        self.posts += 1
        self.before_answer()
        return Accepted(JOB)

    async def collect(self, job: Job, **_: Any) -> Receipt:
        if self.refusal is not None:
            raise self.refusal
        return receipt()


def receipt() -> Receipt:
    return Receipt(b"\x89PNG\r\n\x1a\n....", "image/png", "flux-2-klein-4b", Usage(output_mp=1), COST_MICROS)


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = bench_wiring(tmp_path / "home", "http://127.0.0.1:9", poll_deadline_s=0.01)
    set_run_cap(made, 10**9)
    yield made
    made.close()


def doubtful(w: Wiring, call: PaidCall) -> str:
    """Sent, and given up by another machine."""
    intent = Intent(call.work_key, COST_MICROS, w.price_book.version, call.dimensions, call.request.canonical())
    attempt_id = w.ledger.hold(intent, slots=2).attempt_id
    w.ledger.send(attempt_id)
    w.ledger.doubt(attempt_id, code="process-died", note="said another machine")
    return attempt_id


def keep(w: Wiring, attempt_id: str, what: str) -> None:
    """This machine comes back with what it had spooled."""
    spool = Spool(w.settings.spool)
    if what == "answer":
        spool.put(attempt_id, receipt())
    else:
        spool.put_job(attempt_id, JOB)


def later_process(w: Wiring) -> Wiring:
    with w.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM processes")
    return bench_wiring(w.settings.home, "http://127.0.0.1:9", poll_deadline_s=0.01)


def kept(w: Wiring) -> set[str]:
    return Spool(w.settings.spool).attempt_ids()


def word(micros: int | None) -> Word:
    return Word(micros, "Ada", "the invoice of May")


def invoice(lines: int) -> dict[str, int]:
    return {"total_micros": lines * COST_MICROS}


@pytest.mark.parametrize("what", ["answer", "job"])
async def test_an_image_whose_bill_was_settled_by_evidence_is_still_delivered(w: Wiring, what: str) -> None:
    vendor = Vendor()
    call = paid_call(vendor, request())
    attempt_id = doubtful(w, call)
    resolve(w, attempt_id, word(COST_MICROS))
    keep(w, attempt_id, what)
    later = later_process(w)
    await recover_attempts(later)
    # the job's vendor could not be asked just now
    assert kept(w) == (set() if what == "answer" else {attempt_id})
    for _ in range(2):
        paid = await pay(later, vendor, call)
        assert (vendor.posts, paid.data, paid.cost_micros) == (0, receipt().data, COST_MICROS)
    assert kept(w) == set()
    assert audit(later, invoice(1)).settled == COST_MICROS
    later.close()


async def test_a_bill_without_an_image_stays_one_when_the_vendor_has_none(w: Wiring) -> None:
    vendor = Vendor(VendorRefused("gone", vendor="bfl", code="link-expired", fault="vendor", billed="yes"))
    call = paid_call(vendor, request())
    attempt_id = doubtful(w, call)
    resolve(w, attempt_id, word(COST_MICROS))
    keep(w, attempt_id, "job")
    for _ in range(2):
        with pytest.raises(VendorRefused):
            await pay(w, vendor, call)
    assert (vendor.posts, kept(w)) == (0, set())
    assert audit(w, invoice(1)).settled == COST_MICROS


async def test_work_that_was_called_unbilled_is_not_bought_again_while_its_answer_lies_here(w: Wiring) -> None:
    vendor = Vendor()
    call = paid_call(vendor, request())
    attempt_id = doubtful(w, call)
    resolve(w, attempt_id, word(None))
    keep(w, attempt_id, "answer")
    paid = await pay(w, vendor, call)
    assert (vendor.posts, paid.data) == (0, receipt().data)
    assert audit(w, invoice(1)).settled == COST_MICROS
    await recover_attempts(w)
    assert kept(w) == set()
    before, after = (Reading(n, "bfl", 10**6 - n * COST_MICROS, 0, "", w.now()) for n in range(2))
    judged = judge(Gap(before, after, (w.ledger.get(paid.attempt_id),)))
    assert judged.finding == "unclear", "its charge lies before the readings around its row"


async def test_a_found_answer_is_booked_also_where_the_approval_was_withdrawn_since(w: Wiring) -> None:
    """It was sent while the approval stood; only what would be sent now needs one."""
    vendor = Vendor()
    call = replace(paid_call(vendor, request()), approved_quote="f" * 64)
    attempt_id = doubtful(w, call)
    resolve(w, attempt_id, word(None))
    keep(w, attempt_id, "answer")
    paid = await pay(w, vendor, call)
    assert (vendor.posts, paid.cost_micros, kept(w)) == (0, COST_MICROS, set())
    with pytest.raises(ApprovalWithdrawn, match="nobody approved"):
        await pay(w, vendor, replace(paid_call(vendor, request(prompt="a blue kettle")), approved_quote="f" * 64))
    assert vendor.posts == 0
    audit(w, invoice(1))


async def test_a_crash_while_a_found_answer_is_booked_leaves_nothing_that_would_be_sent(
    w: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor()
    call = paid_call(vendor, request())
    resolve(w, attempt_id := doubtful(w, call), word(None))
    keep(w, attempt_id, "answer")

    def killed(*_: object) -> None:
        raise StorageError("here the process ends")

    with monkeypatch.context() as patched:
        patched.setattr(w.ledger, "send", killed)
        with pytest.raises(StorageError):
            await pay(w, vendor, call)
    assert w.ledger.find(call.work_key).state == "held"  # type: ignore[union-attr]
    assert (await pay(w, vendor, call)).data == receipt().data
    assert vendor.posts == 0


async def test_an_answer_that_no_cap_has_room_for_any_more_waits_in_its_file(w: Wiring) -> None:
    vendor = Vendor()
    call = paid_call(vendor, request())
    attempt_id = doubtful(w, call)
    resolve(w, attempt_id, word(None))
    keep(w, attempt_id, "answer")
    set_run_cap(w, COST_MICROS - 1)
    with pytest.raises(CapRefused):
        await pay(w, vendor, call)
    await recover_attempts(w)
    assert (vendor.posts, kept(w)) == (0, {attempt_id})
    set_run_cap(w, 10**9)
    assert (await pay(w, vendor, call)).data == receipt().data
    assert vendor.posts == 0
    audit(w, invoice(1))


@pytest.mark.parametrize("micros", [COST_MICROS, None])
def test_a_word_about_work_that_is_no_longer_in_doubt_comes_too_late(
    w: Wiring, monkeypatch: pytest.MonkeyPatch, micros: int | None
) -> None:
    """Its job was found between the look and the word: freeing or booking it now would lose what is being collected."""
    vendor = Vendor()
    attempt_id = doubtful(w, paid_call(vendor, request()))
    get = w.ledger.get

    def look_then_found(asked: str) -> Attempt:
        found = get(asked)
        if found.state == "in_doubt":
            w.ledger.accept(asked, JOB)
        return found

    monkeypatch.setattr(w.ledger, "get", look_then_found)
    with pytest.raises(LedgerConflict, match="is accepted"):
        resolve(w, attempt_id, word(micros))
    assert get(attempt_id).state == "accepted"


@pytest.mark.parametrize("step", ["deliver", "settle"])
async def test_a_run_takes_the_image_that_a_recovery_booked_a_moment_before_it(
    w: Wiring, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    vendor = Vendor()
    call, real, turns = paid_call(vendor, request()), getattr(w.ledger, step), [0]

    def another_is_faster(*args: Any, **more: Any) -> None:
        turns[0] += 1
        real(*args, **more)
        if turns[0] == 1:
            real(*args, **more)

    monkeypatch.setattr(w.ledger, step, another_is_faster)
    paid = await pay(w, vendor, call)
    assert (vendor.posts, paid.data) == (1, receipt().data)
    assert audit(w, invoice(1)).settled == COST_MICROS


async def test_a_run_is_told_of_the_refusal_that_a_recovery_booked_a_moment_before_it(
    w: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(VendorRefused("blood", vendor="bfl", code="moderated", fault="policy"))
    real = w.ledger.release

    def another_is_faster(*args: Any, **more: Any) -> None:
        real(*args, **more)
        real(*args, **more)

    monkeypatch.setattr(w.ledger, "release", another_is_faster)
    with pytest.raises(VendorRefused, match="refused before: blood"):
        await pay(w, vendor, paid_call(vendor, request()))
    assert vendor.posts == 1
    audit(w, invoice(0))


async def test_work_that_was_called_unbilled_is_not_sent_again_once_its_vendor_says_that_it_billed_it(
    w: Wiring, caplog: pytest.LogCaptureFixture
) -> None:
    vendor = Vendor(VendorRefused("gone", vendor="bfl", code="link-expired", fault="vendor", billed="yes"))
    call = paid_call(vendor, request())
    attempt_id = doubtful(w, call)
    w.ledger.accept(attempt_id, JOB)
    w.ledger.doubt(attempt_id, code="unknown-job", note="the vendor no longer knows the task")
    resolve(w, attempt_id, word(None))
    for _ in range(2):
        with pytest.raises(VendorRefused, match="link-expired"):
            await pay(w, vendor, call)
    assert vendor.posts == 0
    assert f"paid.released_was_billed attempt={attempt_id}" in caplog.text


@pytest.mark.parametrize("bought_again", [True, False])
async def test_an_answer_that_comes_when_its_work_was_bought_again_is_not_thrown_away_in_silence(
    w: Wiring, caplog: pytest.LogCaptureFixture, bought_again: bool
) -> None:
    vendor = Vendor()
    call = paid_call(vendor, request())
    attempt_id = doubtful(w, call)
    resolve(w, attempt_id, word(None))
    if not bought_again:
        keep(w, attempt_id, "answer")
    await pay(w, vendor, call)
    assert vendor.posts == bought_again
    keep(w, attempt_id, "answer")
    await recover_attempts(w)
    assert kept(w) == set()
    assert (f"recovery.released_was_billed attempt={attempt_id}" in caplog.text) == bought_again


async def test_a_sure_refusal_that_comes_after_the_attempt_was_given_up_ends_the_doubt(w: Wiring) -> None:
    """This process was slow to answer for so long that another one took it for dead; the 429 says what became of it."""

    def given_up() -> None:
        (attempt_id,) = [a for a, _ in w.ledger.slots_taken("bfl")]
        w.ledger.doubt(attempt_id, code="process-died", note="said another machine")
        raise VendorBusy("over the limit", vendor="bfl", code="rate-limited", fault="account")

    vendor = Vendor(before_answer=lambda: given_up() if vendor.posts == 1 else None)
    assert (await pay(w, vendor, paid_call(vendor, request()))).data == receipt().data
    assert vendor.posts == 2
    assert audit(w, invoice(1)).settled == COST_MICROS


async def test_doubt_without_a_file_stays_doubt(w: Wiring) -> None:
    vendor = Vendor()
    call = paid_call(vendor, request())
    doubtful(w, call)
    with pytest.raises(InDoubt):
        await pay(w, vendor, call)
    assert vendor.posts == 0
