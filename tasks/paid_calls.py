"""The ONE door to a vendor's submit. Every paid call of Draftline goes through `pay`, and through nothing else.

    find the work key -> replay | collect | go on | hold -> send (committed) -> bytes leave -> accept (committed)
    -> collect -> spool -> object store -> deliver -> settle

A sure refusal releases, silence leaves the attempt in doubt, a crash anywhere is picked up by the next `pay` of the
same work key. A POST is repeated only after a 429 or when no byte had left. docs/money.md draws it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

from budget.ledger import AlreadyHeld, SlotBusy, StillInDoubt
from domain.attempt import Attempt, Dimensions, Intent
from domain.canonical import sha256_hex
from domain.errors import (
    InputError,
    LedgerConflict,
    MoneyError,
    VendorBusy,
    VendorError,
    VendorRefused,
    VendorSilent,
)
from domain.money import Micros
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from storage.objects import keys
from tasks.media import extension_of
from tasks.spool import Spool
from vendors.contract import Delivered, Vendor
from wiring import Wiring

MAX_SENDS = 8
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 30.0
SLOT_WAIT_S, MAX_SLOT_WAIT_S = 0.25, 900.0
OTHERS_WAIT_S, MAX_OTHERS_WAIT_S = 0.5, 600.0

MAX_RACES = 5
# Two equal wishes in one process meet here: the second finds the first one's image instead of paying again.
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

log = logging.getLogger("draftline.paid")
T = TypeVar("T")


class InDoubt(MoneyError):
    """This work was sent once and nobody knows how it ended; it is not sent again by itself."""


@dataclass(frozen=True)
class PaidCall:
    """One wanted image, who pays, and its ordinal among equal requests."""

    request: RenderRequest
    ordinal: int
    measured: Measured
    dimensions: Dimensions

    @property
    def work_key(self) -> str:
        return self.request.work_key(self.ordinal)


@dataclass(frozen=True)
class Paid:
    """The bytes as the vendor sent them, where they are stored, and what they cost. `replayed`: paid earlier."""

    attempt_id: str
    data: bytes
    media_type: str
    sha256: str
    object_key: str
    model_answered: str
    seed: int | None
    cost_micros: int
    warnings: tuple[str, ...]
    replayed: bool


async def pay(w: Wiring, vendor: Vendor, call: PaidCall) -> Paid:
    """Have one image made, or find it. Raises CapRefused, VendorRefused, VendorBusy, InDoubt (money stays visible)."""
    door = PaidDoor(w, vendor, call)
    async with _locks.setdefault(call.work_key, asyncio.Lock()):
        for _ in range(MAX_RACES):
            attempt = await _db(w.ledger.find, call.work_key)
            try:
                return await (door.make(after_try=0) if attempt is None else door.go_on(attempt))
            except AlreadyHeld:
                log.info("paid.race work=%s", call.work_key[:12])
        raise LedgerConflict(f"other processes took work {call.work_key[:12]} {MAX_RACES} times in a row")


class PaidDoor:
    """One call on its way. Only `pay` opens it to send; recovery opens it to book and collect."""

    def __init__(self, w: Wiring, vendor: Vendor, call: PaidCall) -> None:
        self.w, self.vendor, self.call = w, vendor, call
        self.spool = Spool(w.settings.spool)

    # -- where an earlier attempt stands ------------------------------------------------------------------------------

    async def go_on(self, attempt: Attempt) -> Paid:
        if attempt.is_open and attempt.process_id != self.w.process_id:
            attempt = await self._wait_for_other(attempt)
        if attempt.state == "settled":
            return await self._replay(attempt)
        if attempt.state == "released":
            return await self._after_refusal(attempt)
        if attempt.state == "in_doubt":
            return await self._after_doubt(attempt)
        return await self.pick_up(attempt)

    async def pick_up(self, attempt: Attempt) -> Paid:
        """An open attempt whose process is gone (made ours first, so that two cannot pick it up), or our own."""
        if attempt.process_id != self.w.process_id:
            attempt = await _db(self.w.ledger.take_over, attempt)
        if (receipt := await _db(self.spool.get, attempt.attempt_id)) is not None:
            return await self._book(attempt.attempt_id, receipt, delivered=attempt.state == "delivered")
        if attempt.state == "held":
            return await self._send(attempt.attempt_id)
        if attempt.state == "sent" and (job := await _db(self.spool.get_job, attempt.attempt_id)) is not None:
            await self._accept(attempt.attempt_id, job)
            return await self._collect(attempt.attempt_id, job)
        if attempt.state == "accepted" and attempt.job is not None:
            return await self._collect(attempt.attempt_id, attempt.job)
        if attempt.state == "delivered":
            await _db(self._settle_delivered, attempt)
            return await self._replay(await _db(self.w.ledger.get, attempt.attempt_id))
        note = "the process that sent it is gone and no answer was kept"
        await _db(lambda: self.w.ledger.doubt(attempt.attempt_id, code="process-died", note=note))
        return await self._after_doubt(await _db(self.w.ledger.get, attempt.attempt_id))

    async def _replay(self, attempt: Attempt) -> Paid:
        if not attempt.result_key:
            raise VendorRefused(
                f"was paid ${(attempt.cost_micros or 0) / 1e6:.4f} without an image: {attempt.error or 'no image'}",
                vendor=self.vendor.name,
                code=attempt.error_code or "no-image",
                fault="vendor",
                billed="yes",
            )
        data = await _db(self.w.store.get, self.w.store.private, attempt.result_key)
        await _db(self.spool.drop, attempt.attempt_id)
        kept = attempt.receipt
        return self._paid(attempt, data, kept, replayed=True)

    async def _after_refusal(self, attempt: Attempt) -> Paid:
        if attempt.error_code == "moderated":
            raise VendorRefused(
                f"refused before: {attempt.error}", vendor=self.vendor.name, code="moderated", fault="policy"
            )
        return await self.make(after_try=attempt.try_no)

    async def _after_doubt(self, attempt: Attempt) -> Paid:
        if (receipt := await _db(self.spool.get, attempt.attempt_id)) is not None:
            # another machine gave this attempt up while its answer lay here
            return await self._book(attempt.attempt_id, receipt)
        if self.w.settings.resend_in_doubt:
            return await self.make(after_try=attempt.try_no)
        raise _in_doubt(attempt)

    async def _wait_for_other(self, attempt: Attempt) -> Attempt:
        """Another living process makes this very image: wait for it instead of paying twice."""
        waited = 0.0
        while attempt.is_open and await _db(self.w.processes.is_alive, attempt.process_id):
            if waited >= MAX_OTHERS_WAIT_S:
                raise LedgerConflict(f"another process has worked on attempt {attempt.attempt_id} for {waited:.0f} s")
            await asyncio.sleep(OTHERS_WAIT_S)
            waited += OTHERS_WAIT_S
            attempt = await _db(self.w.ledger.get, attempt.attempt_id)
        return attempt

    # -- a new attempt ------------------------------------------------------------------------------------------------

    async def make(self, *, after_try: int) -> Paid:
        """A new attempt, if `after_try` is still the newest: nobody may have sent this work while we waited."""
        return await self._send((await self._hold(after_try)).attempt_id)

    async def _hold(self, after_try: int) -> Attempt:
        """Hold the worst price; wait for one of the vendor's slots, as long as it takes our own jobs to end."""
        book, call = self.w.price_book, self.call
        worst = book.price(call.request.model_id, call.measured.worst, self.w.today())
        intent = Intent(call.work_key, Micros(worst), book.version, call.dimensions, call.request.canonical())
        waited, resend = 0.0, self.w.settings.resend_in_doubt
        slots = self.vendor.max_active
        while True:
            try:
                return await _db(
                    lambda: self.w.ledger.hold(intent, slots=slots, after_try=after_try, resend_in_doubt=resend)
                )
            except StillInDoubt as doubt:
                raise _in_doubt(await _db(self.w.ledger.get, doubt.attempt_id)) from doubt
            except SlotBusy:
                await _db(self._free_slots_of_the_dead)
                if waited >= MAX_SLOT_WAIT_S:
                    raise
                await asyncio.sleep(SLOT_WAIT_S)
                waited += SLOT_WAIT_S

    def _free_slots_of_the_dead(self) -> None:
        """A process that is gone keeps no slot, or its successor with other work would wait for nothing."""
        taken = self.w.ledger.slots_taken(self.vendor.name)
        gone = {name for name in {name for _, name in taken} if not self.w.processes.is_alive(name)}
        for attempt_id, process_id in taken:
            if process_id in gone:
                self.w.ledger.free_slot(attempt_id)

    async def _send(self, attempt_id: str) -> Paid:
        """Send; again only after a 429 or without a connection. Only the waits between can be cancelled."""
        for turn in range(1, MAX_SENDS + 1):
            try:
                outcome = await _to_the_end(self._submit(attempt_id))
            except VendorBusy as busy:
                if turn == MAX_SENDS:
                    await self._give_up(attempt_id, busy)
                    raise
                await asyncio.sleep(min(MAX_WAIT_S, busy.retry_after_s or FIRST_WAIT_S * 2 ** (turn - 1)))
                continue
            return outcome if isinstance(outcome, Paid) else await self._collect(attempt_id, outcome)
        raise AssertionError("the last busy answer raises")

    async def _submit(self, attempt_id: str) -> Job | Paid:
        """One send, to its booked answer or its committed job: an answer that is under way is paid for."""
        await _db(self.w.ledger.send, attempt_id)
        try:
            outcome = await self.vendor.submit(self.call.request)
        except VendorBusy as busy:
            await _db(self.w.ledger.bounce, attempt_id, str(busy))
            log.info("paid.busy attempt=%s code=%s hint_s=%s", attempt_id, busy.code, busy.retry_after_s)
            raise
        except VendorError as error:
            await self._failed(attempt_id, error)
            raise
        except InputError as error:
            # by the contract of a vendor raised before a byte leaves
            note = str(error)
            await _db(lambda: self.w.ledger.release(attempt_id, code="invalid", note=note))
            raise
        except Exception as error:
            # none of a vendor's own errors: nobody knows what was sent by then
            note = f"the wire failed with {type(error).__name__}"
            await _db(lambda: self.w.ledger.doubt(attempt_id, code="wire-failed", note=note))
            raise
        # the same task goes on at once: no await lies between a paid answer and its file
        if isinstance(outcome, Delivered):
            _keep(self.spool.put, attempt_id, outcome.receipt)
            return await self._book(attempt_id, outcome.receipt)
        _keep(self.spool.put_job, attempt_id, outcome.job)
        await self._accept(attempt_id, outcome.job)
        return outcome.job

    async def _accept(self, attempt_id: str, job: Job) -> None:
        await _db(self.w.ledger.accept, attempt_id, job)
        await _db(self.spool.drop, attempt_id)

    async def _give_up(self, attempt_id: str, busy: VendorBusy) -> None:
        await _db(lambda: self.w.ledger.give_up(attempt_id, code=busy.code, note=str(busy)))

    async def _collect(self, attempt_id: str, job: Job) -> Paid:
        try:
            receipt = await self.vendor.collect(job)
        except VendorBusy:
            # still pending, or out of reach: accepted work stays held and is asked for again by the next run
            raise
        except VendorError as error:
            await self._failed(attempt_id, error, job)
            raise
        _keep(self.spool.put, attempt_id, receipt)
        return await _to_the_end(self._book(attempt_id, receipt))

    async def _failed(self, attempt_id: str, error: VendorError, job: Job | None = None) -> None:
        """Book what an error says about money: nothing, a bill without an image, or nobody knows."""
        log.warning("paid.failed attempt=%s code=%s billed=%s", attempt_id, error.code, error.billed)
        note = str(error)
        if isinstance(error, VendorSilent) or error.billed == "unknown":
            await _db(lambda: self.w.ledger.doubt(attempt_id, code=error.code, note=note))
        elif error.billed == "yes":
            await _db(self._settle_without_image, attempt_id, error, job)
        else:
            await _db(lambda: self.w.ledger.release(attempt_id, code=error.code, note=note))
        await _db(self.spool.drop, attempt_id)

    # -- booking ------------------------------------------------------------------------------------------------------

    async def _book(self, attempt_id: str, receipt: Receipt, *, delivered: bool = False) -> Paid:
        """Spooled already: store the bytes as they came, deliver, settle, forget the spool."""
        stored = await _db(_store_original, self.w, receipt)
        if not delivered:
            await _db(
                lambda: self.w.ledger.deliver(
                    attempt_id,
                    sha256=stored[0],
                    key=stored[1],
                    usage=receipt.usage.as_dict(),
                    model_answered=receipt.model_answered,
                    receipt=_kept(receipt),
                )
            )
        cost, source = self._cost(receipt.cost_micros, receipt.usage, receipt.model_answered)
        await _db(lambda: self.w.ledger.settle(attempt_id, cost, source=source))
        await _db(self.spool.drop, attempt_id)
        attempt = await _db(self.w.ledger.get, attempt_id)
        return self._paid(attempt, receipt.data, _kept(receipt), replayed=False)

    def _settle_delivered(self, attempt: Attempt) -> None:
        kept = attempt.receipt
        usage = Usage(**{"images": 0, **attempt.usage})
        cost, source = self._cost(kept.get("cost_micros"), usage, attempt.model_answered)
        self.w.ledger.settle(attempt.attempt_id, cost, source=source, note="settled by a later process")

    def _settle_without_image(self, attempt_id: str, error: VendorError, job: Job | None) -> None:
        figure = error.cost_micros if error.cost_micros is not None else (job.cost_micros if job else None)
        if figure is None and not isinstance(error.usage, Usage):
            # billed, but nobody says how much: what was held is the most that it can be
            figure = self.w.ledger.get(attempt_id).hold_micros
        usage = error.usage if isinstance(error.usage, Usage) else Usage(images=0)
        cost, source = self._cost(figure, usage)
        values = {"error_code": error.code, "error": str(error), "usage": usage.as_dict()}
        self.w.ledger.settle(attempt_id, cost, source=source, note=str(error), **values)

    def _cost(self, figure: int | None, usage: Usage, answered: str = "") -> tuple[int, str]:
        """The vendor's own figure where it gives one, else its usage at the book's price of the model that answered."""
        if figure is not None:
            return figure, "vendor"
        book = self.w.price_book
        model_id = answered if answered in book.models else self.call.request.model_id
        return book.price(model_id, usage, self.w.today()), "book"

    def _paid(self, attempt: Attempt, data: bytes, kept: dict[str, object], *, replayed: bool) -> Paid:
        seed = kept.get("seed")
        warnings = kept.get("warnings", ())
        return Paid(
            attempt_id=attempt.attempt_id,
            data=data,
            media_type=str(kept.get("media_type", "")),
            sha256=attempt.result_sha256,
            object_key=attempt.result_key,
            model_answered=attempt.model_answered,
            seed=seed if isinstance(seed, int) else self.call.request.seed,
            cost_micros=attempt.cost_micros or 0,
            warnings=tuple(str(x) for x in warnings) if isinstance(warnings, list | tuple) else (),
            replayed=replayed,
        )


def _in_doubt(attempt: Attempt) -> InDoubt:
    return InDoubt(
        f"attempt {attempt.attempt_id[:12]} of {attempt.dimensions.model_id} is in doubt "
        f"(${attempt.hold_micros / 1e6:.4f} stay held): {attempt.error or attempt.error_code}; "
        "--resend-in-doubt pays again inside the caps, `draftline attempts resolve` closes it by evidence"
    )


def _kept(receipt: Receipt) -> dict[str, object]:
    """What a replay must know of a receipt beside its bytes."""
    return {
        "media_type": receipt.media_type,
        "seed": receipt.seed,
        "warnings": list(receipt.warnings),
        "vendor_id": receipt.vendor_id,
        "cost_micros": receipt.cost_micros,
    }


def _store_original(w: Wiring, receipt: Receipt) -> tuple[str, str]:
    """The vendor's bytes as they came, before anything decodes them. Returns (sha256, key)."""
    digest = sha256_hex(receipt.data)
    key = keys.original(digest, extension_of(receipt.media_type))
    w.store.put_immutable(w.store.private, key, receipt.data, receipt.media_type)
    return digest, key


def _keep(put: Callable[[str, T], None], attempt_id: str, answer: T) -> None:
    """Spool an answer. A full disk is no reason to throw away what is in our hands: booking goes on without."""
    try:
        put(attempt_id, answer)
    except OSError as error:
        log.error("paid.not_spooled attempt=%s error=%s", attempt_id, error)


async def _db(work: Callable[..., T], *args: object) -> T:
    """Short blocking work (a transaction, a put, a file) beside the event loop."""
    return await asyncio.to_thread(work, *args)


async def _to_the_end(work: Awaitable[T]) -> T:
    """Run `work` to its end even when the caller is cancelled (again and again), then pass the cancellation on."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled() and (failed := task.exception()) is not None:
        log.warning("paid.failed_while_cancelled error=%s", failed)
    raise cancelled
