"""The door where a review broke it: doubt seen too late, wires that fail oddly, a full disk. No network here."""

import errno
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from budget.drift import Drift, Drifts
from domain.attempt import Intent
from domain.errors import CapRefused, InputError, LedgerConflict, VendorBusy, VendorSilent
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from tasks import paid_calls
from tasks.paid_calls import InDoubt, PaidCall, pay
from tasks.spool import Spool
from tests.support.money import audit_counters, bench_wiring, paid_call, replace_waits, request, set_run_cap
from vendors.contract import Accepted, Delivered
from wiring import Wiring

pytestmark = pytest.mark.anyio
COST_MICROS, DEARER_MICROS = 14_000, 21_000


class Scripted:
    """A vendor that does as told and counts its POSTs."""

    name, can_be_asked_again, max_active = "bfl", True, 2

    def __init__(self, submit: Callable[[], Awaitable[Any]]) -> None:
        self._submit, self.posts = submit, 0

    def measure(self, asked: RenderRequest) -> Measured:
        usage = Usage(output_mp=1)
        return Measured(usage, usage, usage, asked.width_px, asked.height_px)

    def takes_seed(self, model_id: str) -> bool:
        return True

    async def submit(self, asked: RenderRequest) -> Accepted | Delivered:
        self.posts += 1
        answer: Accepted | Delivered = await self._submit()
        return answer

    async def collect(self, job: Job, **_: Any) -> Receipt:
        return receipt()


def receipt() -> Receipt:
    return Receipt(b"\x89PNG\r\n\x1a\n....", "image/png", "flux-2-klein-4b", Usage(output_mp=1), COST_MICROS)


async def delivers() -> Delivered:
    return Delivered(receipt())


async def accepts() -> Accepted:
    return Accepted(Job("j-1", "", COST_MICROS))


async def stays_silent() -> Delivered:
    raise VendorSilent("the request left, and no answer came", vendor="bfl", code="no-answer", fault="network")


def raises(error: Exception) -> Callable[[], Awaitable[Any]]:
    async def fail() -> None:
        raise error

    return fail


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = bench_wiring(tmp_path / "home", "http://127.0.0.1:9")
    set_run_cap(made, 10**9)
    yield made
    made.close()


def states(w: Wiring) -> list[str]:
    return [attempt.state for attempt in audit_counters(w)]


def call(vendor: Scripted) -> PaidCall:
    return paid_call(vendor, request())


def price_rises(w: Wiring) -> None:
    """Another call of this model was billed more than the book says."""
    version = w.price_book.version
    risen = Drift("elsewhere", "r0", "bfl", "flux-2-klein-4b", version, COST_MICROS, DEARER_MICROS)
    Drifts(w.database, w.price_book, w.now).note(risen)


async def delivers_dearer() -> Delivered:
    return Delivered(replace(receipt(), cost_micros=DEARER_MICROS))


async def test_work_that_fell_into_doubt_while_another_waited_for_a_slot_is_not_sent_by_it(w: Wiring) -> None:
    """The other looked, found nothing, and had to wait: what it saw is old when it gets its slot."""
    first, second = Scripted(stays_silent), Scripted(delivers)
    other = bench_wiring(w.settings.home, "http://127.0.0.1:9")
    real = other.ledger.hold

    def hold_late(intent: Intent, **more: Any) -> Any:
        held = w.ledger.hold(intent, slots=2)
        w.ledger.send(held.attempt_id)
        w.ledger.doubt(held.attempt_id, code="no-answer", note="")
        other.ledger.hold = real  # type: ignore[method-assign]
        return real(intent, **more)

    other.ledger.hold = hold_late  # type: ignore[method-assign]
    with pytest.raises(InDoubt):
        await pay(other, second, call(first))
    assert second.posts == 0
    assert states(w) == ["in_doubt"]
    other.close()


async def test_a_request_that_the_wire_refuses_to_send_gives_its_hold_back(w: Wiring) -> None:
    vendor = Scripted(raises(InputError("a prompt has 1 to 32000 characters", where="prompt")))
    with pytest.raises(InputError):
        await pay(w, vendor, call(vendor))
    assert states(w) == ["released"]


async def test_a_wire_that_fails_with_a_bug_leaves_visible_doubt_and_no_slot(w: Wiring) -> None:
    vendor = Scripted(raises(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        await pay(w, vendor, call(vendor))
    assert states(w) == ["in_doubt"]
    assert w.ledger.slots_taken("bfl") == []


@pytest.mark.parametrize("answers", [delivers, accepts])
async def test_a_full_disk_does_not_throw_a_paid_answer_away(
    w: Wiring, monkeypatch: pytest.MonkeyPatch, answers: Callable[[], Awaitable[Any]]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spool, "put", full)
    monkeypatch.setattr(Spool, "put_job", full)
    vendor = Scripted(answers)
    assert (await pay(w, vendor, call(vendor))).cost_micros == COST_MICROS
    assert states(w) == ["settled"]


async def test_giving_up_after_429_leaves_a_call_alone_that_somebody_else_has_sent_since(
    w: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paid_calls, "MAX_SENDS", 1)
    vendor = Scripted(raises(VendorBusy("over the limit", vendor="bfl", code="rate-limited", fault="account")))
    real = w.ledger.bounce

    def bounce_then_another_sends(attempt_id: str, note: str) -> None:
        real(attempt_id, note)
        w.ledger.send(attempt_id)

    monkeypatch.setattr(w.ledger, "bounce", bounce_then_another_sends)
    with pytest.raises(LedgerConflict, match="is sent, so it cannot become released"):
        await pay(w, vendor, call(vendor))
    assert states(w) == ["sent"]


async def test_a_refused_cap_still_says_so_and_sends_nothing(w: Wiring) -> None:
    set_run_cap(w, COST_MICROS - 1)
    vendor = Scripted(delivers)
    with pytest.raises(CapRefused):
        await pay(w, vendor, call(vendor))
    assert vendor.posts == 0
    assert states(w) == []


@pytest.mark.parametrize("has_room", [False, True])
async def test_a_hold_that_waited_out_a_429_is_made_anew_when_the_price_rose_meanwhile(
    w: Wiring, monkeypatch: pytest.MonkeyPatch, has_room: bool
) -> None:
    """Sent on the old hold it would pass its cap, although the price was known before a byte left."""
    set_run_cap(w, DEARER_MICROS - (not has_room))
    vendor = Scripted(raises(VendorBusy("over the limit", vendor="bfl", code="rate-limited", fault="account")))

    async def price_rises_meanwhile(_: float) -> None:
        price_rises(w)
        vendor._submit = delivers_dearer

    with monkeypatch.context() as waiting:
        replace_waits(waiting, price_rises_meanwhile)
        if has_room:
            assert (await pay(w, vendor, call(vendor))).cost_micros == DEARER_MICROS
        else:
            with pytest.raises(CapRefused):
                await pay(w, vendor, call(vendor))
    held = [(a.state, a.hold_micros) for a in audit_counters(w)]
    again = [("settled", DEARER_MICROS)] if has_room else []
    assert held == [("released", COST_MICROS), *again]
    assert vendor.posts == 1 + has_room


async def test_a_hold_of_an_earlier_process_is_made_anew_when_the_price_rose_meanwhile(w: Wiring) -> None:
    vendor = Scripted(delivers_dearer)
    wanted = call(vendor)
    by, asked = wanted.dimensions, wanted.request.canonical()
    w.ledger.hold(Intent(wanted.work_key, COST_MICROS, w.price_book.version, by, asked), slots=2)
    price_rises(w)
    await pay(w, vendor, wanted)
    held = [(a.state, a.hold_micros) for a in audit_counters(w)]
    assert held == [("released", COST_MICROS), ("settled", DEARER_MICROS)]
    assert vendor.posts == 1


async def test_a_hold_of_a_dead_run_is_not_spent_by_another_one(w: Wiring) -> None:
    """It lies in that run's caps, and perhaps under an approval that was withdrawn."""
    vendor = Scripted(delivers)
    wanted = call(vendor)
    others = replace(wanted.dimensions, run_id="r0", cost_centre="hats")
    set_run_cap(w, 10**9, "r0")
    w.ledger.hold(
        Intent(wanted.work_key, COST_MICROS, w.price_book.version, others, wanted.request.canonical()), slots=2
    )
    await pay(w, vendor, wanted)
    ends = [(a.state, a.dimensions.run_id, a.dimensions.cost_centre) for a in audit_counters(w)]
    assert ends == [("released", "r0", "hats"), ("settled", "r1", "")]
    assert vendor.posts == 1
