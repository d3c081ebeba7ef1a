"""Deliberately broken builds. Each is a patch of one process, applied by name; the certificate must refuse every one.

Product code knows nothing of this. A mutant that can no longer be applied fails loudly, as an AttributeError.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from bench.proof.plan import Plan
from budget.ledger import Ledger, SlotBusy
from budget.reports import list_attempts
from domain.attempt import Attempt, Intent
from domain.errors import CapRefused, LedgerConflict, VendorBusy, VendorSilent
from domain.render import RenderRequest
from storage.database.money_tables import attempt_caps, cap_windows, vendor_slots
from storage.database.upsert import insert_once
from tasks import paid_calls, recoveries
from tasks.paid_calls import Paid, PaidCall, PaidDoor
from tasks.spool import Spool
from vendors.bfl.client import Bfl
from vendors.contract import Vendor
from vendors.google.client import Google
from wiring import Wiring

ENOUGH_SLOTS = 10**6


@dataclass(frozen=True)
class Mutant:
    """`caught_by`: the certificate's lines of which at least one must fail."""

    name: str
    what: str
    break_it: Callable[[], None]
    caught_by: tuple[str, ...]


def plan_for(plan: Plan, name: str) -> Plan:
    """The schedule by which mutants are caught, and which our own build ("") passes: deaths and cuts where it hurts."""
    return replace(plan, mutant=name, deaths_at=DEATHS_AT, abandoned=1.0, faults=max(plan.faults, FAULTS))


def apply(name: str) -> None:
    """Break this process's build; "" leaves it whole."""
    if name:
        MUTANTS[name].break_it()


def _skip_hold() -> None:
    real = Ledger.hold

    def hold(self: Ledger, intent: Intent, **options: Any) -> Attempt:
        return real(self, replace(intent, hold_micros=0), **options)

    Ledger.hold = hold  # type: ignore[method-assign]


def _ignore_cap() -> None:
    real = Ledger.hold

    def hold(self: Ledger, intent: Intent, **options: Any) -> Attempt:
        try:
            return real(self, intent, **options)
        except CapRefused:
            _widen(self, 10**9)
            try:
                return real(self, intent, **options)
            finally:
                _widen(self, -(10**9))

    Ledger.hold = hold  # type: ignore[method-assign]


def _widen(ledger: Ledger, micros: int) -> None:
    with ledger._database.write() as connection:
        connection.execute(sa.text("UPDATE caps SET limit_micros = limit_micros + :micros"), {"micros": micros})


def _repost() -> None:
    for vendor in (Bfl, Google):

        async def submit(self: Any, request: RenderRequest, *, _real: Any = vendor.submit) -> Any:
            try:
                return await _real(self, request)
            except VendorSilent as error:
                raise VendorBusy(str(error), vendor=self.name, code="again", fault="network") from error

        vendor.submit = submit  # type: ignore[method-assign]


def _release_by_timer() -> None:
    real = paid_calls.pay

    async def pay(w: Wiring, vendor: Vendor, call: PaidCall) -> Paid:
        for attempt in list_attempts(w.database, states=("in_doubt",)):
            # another process's timer may have been faster
            with contextlib.suppress(LedgerConflict):
                w.ledger.release(attempt.attempt_id, code="timed-out", note="nobody answered in time")
        return await real(w, vendor, call)

    paid_calls.pay = pay


def _keep_hold() -> None:
    _settle_and(lambda hold, cost: {"held_micros": cap_windows.c.held_micros + hold})


def _settle_twice() -> None:
    _settle_and(lambda hold, cost: {"spent_micros": cap_windows.c.spent_micros + cost})


def _settle_and(values: Callable[[int, int], dict[str, Any]]) -> None:
    real = Ledger.settle

    def settle(self: Ledger, attempt_id: str, cost_micros: int, **options: Any) -> None:
        real(self, attempt_id, cost_micros, **options)
        hold = self.get(attempt_id).hold_micros
        ours = sa.select(attempt_caps.c.cap_id).where(attempt_caps.c.attempt_id == attempt_id)
        with self._database.write() as connection:
            moved = cap_windows.update().where(cap_windows.c.cap_id.in_(ours))
            connection.execute(moved.values(**values(hold, cost_micros)))

    Ledger.settle = settle  # type: ignore[method-assign]


def _no_spool() -> None:
    def keep_nothing(self: Spool, attempt_id: str, answer: Any) -> None: ...

    for step in ("put", "put_job"):
        setattr(Spool, step, keep_nothing)


def _resend_in_recovery() -> None:
    """A sent attempt without an answer is taken for one that never left."""
    real = PaidDoor.pick_up

    async def pick_up(self: PaidDoor, attempt: Attempt) -> Paid:
        spooled = self.spool.get(attempt.attempt_id) or self.spool.get_job(attempt.attempt_id)
        if attempt.state == "sent" and spooled is None:
            attempt = self.w.ledger.take_over(attempt)
            self.w.ledger.bounce(attempt.attempt_id, "never mind")
            return await PaidDoor._send(self, attempt.attempt_id)
        return await real(self, attempt)

    recoveries._RecoveryDoor.pick_up = pick_up  # type: ignore[method-assign]


def _slot_apart() -> None:
    """The slot in one transaction, the hold in the next."""
    real = Ledger.hold
    # its leaked slots are waited for in vain
    paid_calls.MAX_SLOT_WAIT_S = 0.1

    def hold(self: Ledger, intent: Intent, *, slots: int, **options: Any) -> Attempt:
        _move_slot(self, intent, 1, slots)
        attempt = real(self, intent, slots=ENOUGH_SLOTS, **options)
        _move_slot(self, intent, -1, ENOUGH_SLOTS)
        return attempt

    Ledger.hold = hold  # type: ignore[method-assign]


def _move_slot(ledger: Ledger, intent: Intent, by: int, slots: int) -> None:
    vendor = intent.dimensions.vendor
    with ledger._database.write() as connection:
        insert_once(connection, vendor_slots, {"vendor": vendor, "used": 0})
        moved = connection.execute(
            vendor_slots.update()
            .where(vendor_slots.c.vendor == vendor, vendor_slots.c.used < slots)
            .values(used=vendor_slots.c.used + by)
        )
        if moved.rowcount != 1:
            raise SlotBusy(f"all {slots} active jobs of {vendor} are taken")


# Where a process must die for every mutant to show: the answer in hand, and the answer on disk.
FAULTS = 4.0
DEATHS_AT = ("bfl.submit ended", "google.submit ended", "spool.put ended", "spool.put_job ended")
MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant
    for mutant in (
        Mutant("no-hold", "sends without money set aside", _skip_hold, ("cap", "covered")),
        Mutant("cap-ignored", "goes on when a cap refuses", _ignore_cap, ("cap",)),
        Mutant("repost", "a cut answer is taken for a busy vendor: POST again", _repost, ("twice",)),
        Mutant("timer", "a timer frees what is in doubt", _release_by_timer, ("covered", "twice")),
        Mutant("hold-kept", "settle does not return the hold", _keep_hold, ("counters",)),
        Mutant("settled-twice", "settle books the cost twice", _settle_twice, ("counters", "cap")),
        Mutant("no-spool", "books without the answer on disk", _no_spool, ("answers",)),
        Mutant("recovery-resends", "recovery sends what nobody knows", _resend_in_recovery, ("twice",)),
        Mutant("slot-apart", "slot and hold in two transactions", _slot_apart, ("slots",)),
    )
}
