"""The ONE door to a vendor's submit. Every paid call of Draftline goes through `pay`, and through nothing else.

    find the work key -> replay | collect | go on | hold -> send (committed) -> bytes leave -> accept (committed)
    -> collect -> spool -> object store -> deliver -> settle

A sure refusal releases, silence leaves the attempt in doubt, a crash anywhere is picked up by the next `pay` of the
same work key. A POST is repeated only after a 429 or when no byte had left. docs/money.md draws it.
"""

import asyncio
import logging
from weakref import WeakValueDictionary

from budget.credits import FOUND
from budget.ledger import AlreadyHeld, MovedOn, SlotBusy, StillInDoubt
from domain.attempt import Attempt, Intent
from domain.errors import (
    ApprovalWithdrawn,
    InputError,
    LedgerConflict,
    MoneyError,
    PriceMissing,
    VendorBusy,
    VendorError,
    VendorRefused,
)
from domain.money import show
from domain.render import Job, Receipt
from tasks.booking import Booking, Paid, PaidCall, db, keep, look_again, to_the_end
from vendors.contract import Delivered, Vendor
from wiring import Wiring
from wiring.wiring import new_id

__all__ = ["InDoubt", "Paid", "PaidCall", "PaidDoor", "pay"]

MAX_SENDS = 8
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 30.0
SLOT_WAIT_S, MAX_SLOT_WAIT_S = 0.25, 900.0
OTHERS_WAIT_S, MAX_OTHERS_WAIT_S = 0.5, 600.0

MAX_RACES = 5
# Two equal wishes in one process meet here: the second finds the first one's image instead of paying again.
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

log = logging.getLogger("draftline.paid")


class InDoubt(MoneyError):
    """This work was sent once and nobody knows how it ended; it is not sent again by itself."""


async def pay(w: Wiring, vendor: Vendor, call: PaidCall) -> Paid:
    """Have one image made, or find it. Raises CapRefused, ApprovalWithdrawn, VendorRefused, VendorBusy, InDoubt (money
    stays visible).
    """
    door = PaidDoor(w, vendor, call)
    async with _locks.setdefault(call.work_key, asyncio.Lock()):
        for _ in range(MAX_RACES):
            attempt = await db(w.ledger.find, call.work_key)
            try:
                return await (door.make(after_try=0) if attempt is None else door.go_on(attempt))
            except AlreadyHeld:
                log.info("paid.race work=%s", call.work_key[:12])
        raise LedgerConflict(f"other processes took work {call.work_key[:12]} {MAX_RACES} times in a row")


class PaidDoor(Booking):
    """One call on its way. Only `pay` opens it to send; recovery opens it to book and collect."""

    # -- where an earlier attempt stands ------------------------------------------------------------------------------

    async def go_on(self, attempt: Attempt) -> Paid:
        if attempt.is_open and attempt.process_id != self.w.process_id:
            attempt = await self._wait_for_other(attempt)
        if attempt.state == "settled":
            return await self._replay(attempt if attempt.result_key else await self._with_kept_image(attempt))
        if attempt.state == "released":
            return await self._after_refusal(attempt)
        if attempt.state == "in_doubt":
            return await self._after_doubt(attempt)
        return await self.pick_up(attempt)

    async def pick_up(self, attempt: Attempt) -> Paid:
        """An open attempt whose process is gone (made ours first, so that two cannot pick it up), or our own."""
        if attempt.process_id != self.w.process_id:
            attempt = await db(self.w.ledger.take_over, attempt)
        if (receipt := await db(self.spool.get, attempt.attempt_id)) is not None:
            if attempt.state == "held":
                # `_book_anew` was interrupted
                await db(self._mark_found, attempt.attempt_id)
            return await self._book(attempt.attempt_id, receipt, delivered=attempt.state == "delivered")
        if attempt.state == "held":
            return await self._send(attempt.attempt_id)
        if attempt.state == "sent" and (job := await db(self.spool.get_job, attempt.attempt_id)) is not None:
            await self._accept(attempt.attempt_id, job)
            return await self._collect(attempt.attempt_id, job)
        if attempt.state == "accepted" and attempt.job is not None:
            return await self._collect(attempt.attempt_id, attempt.job)
        if attempt.state == "delivered":
            await look_again(self._settle_delivered, attempt)
            return await self._replay(await db(self.w.ledger.get, attempt.attempt_id))
        note = "the process that sent it is gone and no answer was kept"
        await look_again(lambda: self.w.ledger.doubt(attempt.attempt_id, code="process-died", note=note))
        return await self._after_doubt(await db(self.w.ledger.get, attempt.attempt_id))

    async def _after_refusal(self, attempt: Attempt) -> Paid:
        if attempt.error_code == "moderated":
            told = attempt.error.removeprefix(f"{self.vendor.name}: ")
            raise VendorRefused(f"refused before: {told}", vendor=self.vendor.name, code="moderated", fault="policy")
        if (receipt := await self._kept_answer(attempt)) is not None:
            return await self._book_anew(attempt, receipt)
        return await self.make(after_try=attempt.try_no)

    # -- answers kept here while others ended their attempts, by evidence or a person's word -------------------------

    async def _kept_answer(self, attempt: Attempt) -> Receipt | None:
        """The answer to an attempt that has ended: from this machine's spool, or by its job, if one is known."""
        if (receipt := await db(self.spool.get, attempt.attempt_id)) is not None:
            return receipt
        job = await db(self.spool.get_job, attempt.attempt_id) or (attempt.job if attempt.evidence else None)
        if job is None:
            return None
        try:
            receipt = await self._ask(job)
        except VendorBusy:
            raise
        except VendorError as error:
            log.info("paid.nothing_kept attempt=%s code=%s", attempt.attempt_id, error.code)
            await db(self.spool.drop, attempt.attempt_id)
            if attempt.state == "released" and error.billed == "yes":
                # somebody believed otherwise: sent again this work would be paid twice
                log.error("paid.released_was_billed attempt=%s micros=%s", attempt.attempt_id, error.cost_micros)
                raise
            return None
        keep(self.spool.put, attempt.attempt_id, receipt)
        return receipt

    async def _with_kept_image(self, attempt: Attempt) -> Attempt:
        """A bill without an image, with the image if it lies here."""
        receipt = await self._kept_answer(attempt)
        return attempt if receipt is None else await self._attach(attempt, receipt)

    async def _book_anew(self, attempt: Attempt, receipt: Receipt) -> Paid:
        """Released as unbilled, and yet its answer is here: booked as a try of its own, inside the caps, never sent.

        The file is there before the hold, so that no crash leaves a hold that somebody would send.
        """
        log.error("paid.answer_of_released attempt=%s", attempt.attempt_id)
        fresh = new_id()
        await db(self.spool.put, fresh, receipt)
        try:
            await self._hold(attempt.try_no, found_as=fresh)
        except MoneyError:
            await db(self.spool.drop, fresh)
            raise
        await db(self._mark_found, fresh)
        paid = await to_the_end(self._book(fresh, receipt))
        await db(self.spool.drop, attempt.attempt_id)
        return paid

    async def _after_doubt(self, attempt: Attempt) -> Paid:
        if (receipt := await db(self.spool.get, attempt.attempt_id)) is not None:
            # another machine gave this attempt up while its answer, or its job, lay here
            return await self._book(attempt.attempt_id, receipt)
        if (job := await db(self.spool.get_job, attempt.attempt_id)) is not None:
            await self._accept(attempt.attempt_id, job)
            return await self._collect(attempt.attempt_id, job)
        if attempt.job is not None and (paid := await self._ask_again(attempt, attempt.job)) is not None:
            return paid
        if self.w.settings.resends(self.vendor.name):
            return await self.make(after_try=attempt.try_no)
        raise _in_doubt(attempt)

    async def _ask_again(self, attempt: Attempt, job: Job) -> Paid | None:
        """A job that the vendor did not know once may be known by now; None while it is still unknown."""
        try:
            return await self._collect(attempt.attempt_id, job, doubted=True)
        except VendorBusy as busy:
            raise _in_doubt(attempt) from busy
        except VendorError as error:
            if error.billed != "unknown":
                raise
            return None

    def _mark_found(self, attempt_id: str) -> None:
        """As a try whose answer was given up: it frees its slot, and no balance is judged by the time of its row."""
        self.w.ledger.send(attempt_id)
        self.w.ledger.doubt(attempt_id, code=FOUND, note="never sent: the answer to an earlier try was found")

    async def _wait_for_other(self, attempt: Attempt) -> Attempt:
        """Another living process makes this very image: wait for it instead of paying twice."""
        waited = 0.0
        while attempt.is_open and await db(self.w.processes.is_alive, attempt.process_id):
            if waited >= MAX_OTHERS_WAIT_S:
                raise LedgerConflict(f"another process has worked on attempt {attempt.attempt_id} for {waited:.0f} s")
            await asyncio.sleep(OTHERS_WAIT_S)
            waited += OTHERS_WAIT_S
            attempt = await db(self.w.ledger.get, attempt.attempt_id)
        return attempt

    # -- a new attempt ------------------------------------------------------------------------------------------------

    async def make(self, *, after_try: int) -> Paid:
        """A new attempt, if `after_try` is still the newest: nobody may have sent this work while we waited."""
        return await self._send((await self._hold(after_try)).attempt_id, is_new=True)

    async def _hold(self, after_try: int, *, found_as: str = "") -> Attempt:
        """Hold the worst price; wait for one of the vendor's slots, as long as it takes our own jobs to end.

        `found_as` is the attempt's number where its answer lies here already: that needs nobody's yes any more.
        """
        waited = 0.0
        while True:
            try:
                return await db(self._try_hold, after_try, found_as)
            except StillInDoubt as doubt:
                raise _in_doubt(await db(self.w.ledger.get, doubt.attempt_id)) from doubt
            except SlotBusy:
                await db(self._free_slots_of_the_dead)
                if waited >= MAX_SLOT_WAIT_S:
                    raise
                await asyncio.sleep(SLOT_WAIT_S)
                waited += SLOT_WAIT_S

    def _try_hold(self, after_try: int, found_as: str) -> Attempt:
        """Priced anew each time: while it waited, the vendor may have turned out dearer, or the id been retired."""
        resend = self.w.settings.resends(self.vendor.name)
        slots, intent = self.vendor.max_active, self._intent("" if found_as else self.call.approved_quote)
        return self.w.ledger.hold(intent, slots=slots, after_try=after_try, resend_in_doubt=resend, attempt_id=found_as)

    def _intent(self, approved_quote: str) -> Intent:
        """The call at its worst price now. Raises InputError for a retired model: a stored plan may name a dead id."""
        call, book, today = self.call, self.w.price_book, self.w.today()
        book.require_alive(call.request.model_id, today)
        worst_micros = self.drifts.worst(call.request.model_id, call.measured.worst, today)
        asked = call.request.canonical()
        return Intent(call.work_key, worst_micros, book.version, call.dimensions, asked, approved_quote)

    def _free_slots_of_the_dead(self) -> None:
        """A process that is gone keeps no slot, or its successor with other work would wait for nothing."""
        taken = self.w.ledger.slots_taken(self.vendor.name)
        gone = {name for name in {name for _, name in taken} if not self.w.processes.is_alive(name)}
        for attempt_id, process_id in taken:
            if process_id in gone:
                self.w.ledger.free_slot(attempt_id)

    async def _send(self, attempt_id: str, *, is_new: bool = False) -> Paid:
        """Send; again only after a 429 or without a connection. Only the waits between can be cancelled.

        `is_new`: held, and so priced, just now.
        """
        for turn in range(1, MAX_SENDS + 1):
            if turn > 1 or not is_new:
                await look_again(self._refuse_outdated, attempt_id)
            try:
                outcome = await to_the_end(self._submit(attempt_id))
            except VendorBusy as busy:
                if turn == MAX_SENDS:
                    await self._give_up(attempt_id, busy)
                    raise
                await asyncio.sleep(min(MAX_WAIT_S, busy.retry_after_s or FIRST_WAIT_S * 2 ** (turn - 1)))
                continue
            return outcome if isinstance(outcome, Paid) else await self._collect(attempt_id, outcome)
        raise AssertionError("the last busy answer raises")

    def _refuse_outdated(self, attempt_id: str) -> None:
        """A hold may be older than its model's end, than its price by now, or a dead run's: it is given back unsent.

        The error says why a retired model is not asked; AlreadyHeld has the work held anew, at the price of now.
        """
        try:
            worst_micros = self._intent("").hold_micros
        except (InputError, PriceMissing) as error:
            self.w.ledger.give_up(attempt_id, code="retired", note=str(error))
            raise
        held = self.w.ledger.get(attempt_id)
        if worst_micros > held.hold_micros:
            note = f"held at {show(held.hold_micros)}, and costs {show(worst_micros)} at worst by now"
        elif held.dimensions != self.call.dimensions:
            note = f"held for run {held.dimensions.run_id}, whose money and approval it is"
        else:
            return
        self.w.ledger.give_up(attempt_id, code="held-anew", note=note)
        raise AlreadyHeld(note)

    async def _submit(self, attempt_id: str) -> Job | Paid:
        """One send, to its booked answer or its committed job: an answer that is under way is paid for."""
        await look_again(self._send_approved, attempt_id)
        try:
            outcome = await self.vendor.submit(self.call.request)
        except VendorBusy as busy:
            await db(self._bounce, attempt_id, busy)
            log.info("paid.busy attempt=%s code=%s hint_s=%s", attempt_id, busy.code, busy.retry_after_s)
            raise
        except VendorError as error:
            await self._failed(attempt_id, error)
            raise
        except InputError as error:
            # by the contract of a vendor raised before a byte leaves
            note = str(error)
            await db(lambda: self.w.ledger.release(attempt_id, code="invalid", note=note))
            raise
        except Exception as error:
            # none of a vendor's own errors: nobody knows what was sent by then
            note = f"the wire failed with {type(error).__name__}"
            await db(lambda: self.w.ledger.doubt(attempt_id, code="wire-failed", note=note))
            raise
        # the same task goes on at once: no await lies between a paid answer and its file
        if isinstance(outcome, Delivered):
            keep(self.spool.put, attempt_id, outcome.receipt)
            return await self._book(attempt_id, outcome.receipt)
        keep(self.spool.put_job, attempt_id, outcome.job)
        await self._accept(attempt_id, outcome.job)
        return outcome.job

    def _send_approved(self, attempt_id: str) -> None:
        """Commit that bytes may leave, unless the run's approval was withdrawn since the hold: then that goes back."""
        try:
            self.w.ledger.send(attempt_id, self.call.approved_quote)
        except ApprovalWithdrawn as error:
            self.w.ledger.give_up(attempt_id, code="approval-withdrawn", note=str(error))
            raise

    def _bounce(self, attempt_id: str, busy: VendorBusy) -> None:
        """Raises AlreadyHeld where others took us for dead and the attempt into doubt: the late answer ends that."""
        try:
            self.w.ledger.bounce(attempt_id, str(busy))
        except MovedOn as error:
            text = f"answered late: {busy}"
            self.w.ledger.release(attempt_id, code=busy.code, note=text, evidence=text)
            raise AlreadyHeld(text) from error

    async def _give_up(self, attempt_id: str, busy: VendorBusy) -> None:
        await db(lambda: self.w.ledger.give_up(attempt_id, code=busy.code, note=str(busy)))

    async def _collect(self, attempt_id: str, job: Job, *, doubted: bool = False) -> Paid:
        """`doubted`: the attempt is in doubt already, and stays so unless the vendor now says something sure."""
        try:
            receipt = await self._ask(job)
        except VendorBusy:
            # still pending, or out of reach: accepted work stays held and is asked for again by the next run
            raise
        except VendorError as error:
            if not (doubted and error.billed == "unknown"):
                await self._failed(attempt_id, error, job)
            raise
        keep(self.spool.put, attempt_id, receipt)
        return await to_the_end(self._book(attempt_id, receipt))

    async def _ask(self, job: Job) -> Receipt:
        return await self.vendor.collect(job)


def _in_doubt(attempt: Attempt) -> InDoubt:
    return InDoubt(
        f"attempt {attempt.attempt_id[:12]} of {attempt.dimensions.model_id} is in doubt "
        f"(${attempt.hold_micros / 1e6:.4f} stay held): {attempt.error or attempt.error_code}; "
        "--resend-in-doubt pays again inside the caps, `draftline attempts resolve` closes it by evidence"
    )
