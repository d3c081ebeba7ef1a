"""From a vendor's answer to the books: stored, delivered, settled with the right figure, or failed and told why.

Nothing here sends. A figure that departs from the price book is noted before it is settled, so that a crash between the
two finds the attempt open and notes it again; docs/prices.md says what follows from it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from budget.drift import Drift, Drifts, departure
from budget.ledger import AlreadyHeld, MovedOn
from domain.attempt import Attempt, Dimensions
from domain.canonical import sha256_hex
from domain.errors import PriceMissing, VendorError, VendorRefused, VendorSilent
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from storage.objects import keys
from tasks.alerts import of_drift, tell
from tasks.media import extension_of
from tasks.spool import Spool
from vendors.contract import Vendor
from wiring import Wiring

log = logging.getLogger("draftline.paid")
T = TypeVar("T")
UNMEASURED = Usage()


@dataclass(frozen=True)
class PaidCall:
    """One wanted image, who pays, its ordinal among equal requests, and the approved quote that it is made under."""

    request: RenderRequest
    ordinal: int
    measured: Measured
    dimensions: Dimensions
    approved_quote: str = ""

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


class Booking:
    """What becomes of the answers to one call. PaidDoor adds the way there."""

    def __init__(self, w: Wiring, vendor: Vendor, call: PaidCall) -> None:
        self.w, self.vendor, self.call = w, vendor, call
        self.spool = Spool(w.settings.spool)
        self.drifts = Drifts(w.database, w.price_book, w.now)

    async def _accept(self, attempt_id: str, job: Job) -> None:
        await look_again(self.w.ledger.accept, attempt_id, job)
        await db(self._note_quoted, attempt_id, job)
        await db(self.spool.drop, attempt_id)

    async def _book(self, attempt_id: str, receipt: Receipt, *, delivered: bool = False) -> Paid:
        """Spooled already: store the bytes as they came, deliver, settle, forget the spool.

        Raises AlreadyHeld when a recovery, evidence or a person was faster: the next look tells what became of it.
        """
        try:
            return await self._book_now(attempt_id, receipt, delivered=delivered)
        except MovedOn as error:
            raise AlreadyHeld(str(error)) from error

    async def _book_now(self, attempt_id: str, receipt: Receipt, *, delivered: bool) -> Paid:
        stored = await db(_store_original, self.w, receipt)
        if not delivered:
            await db(
                lambda: self.w.ledger.deliver(
                    attempt_id,
                    sha256=stored[0],
                    key=stored[1],
                    usage=receipt.usage.as_dict(),
                    model_answered=receipt.model_answered,
                    receipt=_kept(receipt),
                )
            )
        attempt = await db(self.w.ledger.get, attempt_id)
        cost_micros = await db(self._settle, attempt, receipt.cost_micros, receipt.usage, receipt.model_answered)
        await db(self.spool.drop, attempt_id)
        return self._paid(replace(attempt, cost_micros=cost_micros), receipt.data, replayed=False)

    async def _replay(self, attempt: Attempt) -> Paid:
        if not attempt.result_key:
            raise VendorRefused(
                f"was paid ${(attempt.cost_micros or 0) / 1e6:.4f} without an image: {attempt.error or 'no image'}",
                vendor=self.vendor.name,
                code=attempt.error_code or "no-image",
                fault="vendor",
                billed="yes",
            )
        data = await db(self.w.store.get, self.w.store.private, attempt.result_key)
        await db(self.spool.drop, attempt.attempt_id)
        return self._paid(attempt, data, replayed=True)

    async def _attach(self, attempt: Attempt, receipt: Receipt) -> Attempt:
        """The image of a bill that was settled without it. The bill stays: it was proven, or is somebody's word."""
        sha256, key = await db(_store_original, self.w, receipt)
        model, kept = receipt.model_answered, _kept(receipt)
        image: dict[str, Any] = {"sha256": sha256, "key": key, "model_answered": model, "receipt": kept}
        await db(lambda: self.w.ledger.attach(attempt.attempt_id, **image))
        told, settled = receipt.cost_micros, attempt.cost_micros
        if told not in (None, settled):
            log.error("paid.other_bill attempt=%s settled=%s told=%s", attempt.attempt_id, settled, told)
        return await db(self.w.ledger.get, attempt.attempt_id)

    async def _failed(self, attempt_id: str, error: VendorError, job: Job | None = None) -> None:
        """Book what an error says about money: nothing, a bill without an image, or nobody knows.

        Raises AlreadyHeld as `_book` does.
        """
        log.warning("paid.failed attempt=%s code=%s billed=%s", attempt_id, error.code, error.billed)
        note = str(error)
        if isinstance(error, VendorSilent) or error.billed == "unknown":
            await look_again(lambda: self.w.ledger.doubt(attempt_id, code=error.code, note=note))
        elif error.billed == "yes":
            await look_again(self._settle_without_image, attempt_id, error, job)
        else:
            await look_again(lambda: self.w.ledger.release(attempt_id, code=error.code, note=note))
        await db(self.spool.drop, attempt_id)

    # -- whose figure -------------------------------------------------------------------------------------------------

    def _settle(self, attempt: Attempt, figure: int | None, usage: Usage, answered: str = "", *, note: str = "") -> int:
        cost_micros, source = self._priced(attempt, figure, usage, answered)
        self.w.ledger.settle(attempt.attempt_id, cost_micros, source=source, note=note)
        return cost_micros

    def _settle_delivered(self, attempt: Attempt) -> None:
        figure, usage = attempt.receipt.get("cost_micros"), Usage(**{"images": 0, **attempt.usage})
        self._settle(attempt, figure, usage, attempt.model_answered, note="settled by a later process")

    def _settle_without_image(self, attempt_id: str, error: VendorError, job: Job | None) -> None:
        attempt = self.w.ledger.get(attempt_id)
        figure = error.cost_micros if error.cost_micros is not None else (job.cost_micros if job else None)
        usage = error.usage if isinstance(error.usage, Usage) else Usage(images=0)
        if figure is None and not isinstance(error.usage, Usage):
            # billed, but nobody says how much: what was held is the most that it can be
            cost_micros, source = attempt.hold_micros, "book"
        else:
            cost_micros, source = self._priced(attempt, figure, usage, error.model_answered)
        values: dict[str, Any] = {"error_code": error.code, "error": str(error), "usage": usage.as_dict()}
        values["model_answered"] = error.model_answered or None
        self.w.ledger.settle(attempt_id, cost_micros, source=source, note=str(error), **values)

    def _priced(self, attempt: Attempt, figure: int | None, usage: Usage, answered: str = "") -> tuple[int, str]:
        """The vendor's own figure where it gives one, else its usage at the book's price of the model that answered.

        A figure that departs from the book is noted on the way.
        """
        if figure is None:
            cost_micros = self._price_of(attempt, usage, answered)
            self._note(attempt, cost_micros, usage_micros=None)
            return cost_micros, "book"
        with suppress(PriceMissing):  # a bill is a fact, also for a model that the book no longer names
            self._note(attempt, figure, usage_micros=self._price_of(attempt, usage, answered))
        return figure, "vendor"

    def _price_of(self, attempt: Attempt, usage: Usage, answered: str) -> int:
        """By the price of the day on which it was held."""
        book = self.w.price_book
        model_id = answered if answered in book.models else self.call.request.model_id
        return book.price(model_id, usage, attempt.held_at.date())

    # -- drift --------------------------------------------------------------------------------------------------------

    def _note_quoted(self, attempt_id: str, job: Job) -> None:
        """A cost that the vendor names when it takes the work counts at once: the next hold comes before the bill."""
        call, book = self.call, self.w.price_book
        with suppress(PriceMissing):
            usual_micros = book.price(call.request.model_id, call.measured.worst, self.w.today())
            if job.cost_micros is not None and job.cost_micros > usual_micros:
                self._note(self.w.ledger.get(attempt_id), job.cost_micros, usage_micros=None)

    def _note(self, attempt: Attempt, figure_micros: int, *, usage_micros: int | None) -> None:
        worst_micros = self._worst_of(attempt)
        drift = departure(attempt, figure_micros, worst_micros=worst_micros, usage_micros=usage_micros)
        if drift is not None and self.drifts.note(drift):
            self._tell(drift)
        elif drift is None and attempt.job is not None and (attempt.job.cost_micros or 0) > figure_micros:
            self.drifts.correct(attempt.attempt_id, figure_micros)

    def _tell(self, drift: Drift) -> None:
        try:
            tell(self.w, of_drift(drift), on_told=lambda: self.drifts.told(drift.attempt_id))
        except Exception:
            # the work is paid: telling of its price must never stop its booking
            log.exception("drift.not_told model=%s", drift.model_id)

    def _worst_of(self, attempt: Attempt) -> int:
        """The book's worst price of the request. Recovery has not measured it: there the hold stands for it."""
        worst, book = self.call.measured.worst, self.w.price_book
        if worst == UNMEASURED or attempt.price_version != book.version:
            return attempt.hold_micros
        return book.price(self.call.request.model_id, worst, attempt.held_at.date())

    def _paid(self, attempt: Attempt, data: bytes, *, replayed: bool) -> Paid:
        kept = attempt.receipt
        seed, warnings = kept.get("seed"), kept.get("warnings", ())
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


def keep(put: Callable[[str, T], None], attempt_id: str, answer: T) -> None:
    """Spool an answer. A full disk is no reason to throw away what is in our hands: booking goes on without."""
    try:
        put(attempt_id, answer)
    except OSError as error:
        log.error("paid.not_spooled attempt=%s error=%s", attempt_id, error)


async def db(work: Callable[..., T], *args: object) -> T:
    """Short blocking work (a transaction, a put, a file) beside the event loop."""
    return await asyncio.to_thread(work, *args)


async def look_again(step: Callable[..., T], *args: object) -> T:
    """`db`, for a step of the ledger that another process may have taken first: then AlreadyHeld, and `pay` looks."""
    try:
        return await db(step, *args)
    except MovedOn as error:
        raise AlreadyHeld(str(error)) from error


async def to_the_end(work: Awaitable[T]) -> T:
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
