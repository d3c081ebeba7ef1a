"""Recovery: what processes that are gone left open, without waiting for anybody to ask for that work again.

    held       never sent: the hold goes back          accepted   polled and collected (the vendor can be asked again)
    sent       the spool's answer, else in doubt       delivered  settled
    in doubt   the answer or the job in this machine's spool; otherwise it stays

It never sends anything: the two ways to a POST are closed off below. A collected image goes into the store, the journal
and the run that wanted it (tasks/collected.py), which goes on with it when somebody starts it again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from budget.credits import FOUND
from budget.unfinished import NEVER_SENT, attempts_among, doubted_with_a_job, open_attempts_of, working_processes
from domain.attempt import Attempt
from domain.errors import DraftlineError, MoneyError, StorageError
from domain.render import Job, Measured, Receipt, Reference, RenderRequest, Usage
from tasks.collected import enter
from tasks.evidence import take_readings
from tasks.paid_calls import Paid, PaidCall, PaidDoor
from tasks.spool import Spool
from vendors.contract import Vendor
from vendors.registry import VENDORS
from wiring import Wiring

MAX_AT_ONCE = 8
MAX_COLLECT_S = 60.0
"""How long one pass asks for one job. Its process is gone for a while, so most are Ready at the first poll."""
BEFORE_RUN_S = 60.0
"""What a run waits for others' leftovers at most; the scheduled recovery takes the rest."""
UNKNOWN_EDGE_PX = 1024
"""References are recorded by digest only; one megapixel each is what we send at most by default."""

log = logging.getLogger("draftline.recovery")


class NeverSent(MoneyError):
    """The hold of a process that is gone, before any byte left: it was given back."""


@dataclass(frozen=True)
class Recovered:
    """One attempt that was left behind and what became of it; `note` says why, for a person."""

    attempt: Attempt
    outcome: str
    note: str = ""


class _RecoveryDoor(PaidDoor):
    """The door from the inside only: it books and collects, and cannot send."""

    async def pick_up(self, attempt: Attempt) -> Paid:
        # asking for accepted work may take long: it is not made ours, so that its own run never has to wait for us
        if attempt.state == "accepted" and attempt.job and attempt.attempt_id not in self.spool.attempt_ids():
            return await self._collect(attempt.attempt_id, attempt.job)
        return await super().pick_up(attempt)

    async def make(self, *, after_try: int) -> Paid:
        raise MoneyError("recovery sends nothing; in doubt it stays")

    async def _book_anew(self, attempt: Attempt, receipt: Receipt) -> Paid:
        raise MoneyError("recovery holds nothing, for it has not measured the request; its run books the answer")

    async def _send(self, attempt_id: str, *, is_new: bool = False) -> Paid:
        note = "its process ended before it was sent"
        await asyncio.to_thread(lambda: self.w.ledger.give_up(attempt_id, code=NEVER_SENT, note=note))
        raise NeverSent(note)

    async def _ask(self, job: Job) -> Receipt:
        try:
            async with asyncio.timeout(MAX_COLLECT_S):
                return await super()._ask(job)
        except TimeoutError as error:
            raise MoneyError(f"still with the vendor after {MAX_COLLECT_S:.0f} s; it is asked again later") from error


async def recover_before_run(w: Wiring) -> None:
    """At the start of every run: collect what others left, read balances. Bounded, never a reason to fail."""
    try:
        async with asyncio.timeout(BEFORE_RUN_S):
            found = await recover_attempts(w)
            if any(w.settings.owns_account(name) for name in VENDORS):
                await take_readings(w, by="run")
    except TimeoutError:
        log.warning("recovery.out_of_time limit_s=%.0f", BEFORE_RUN_S)
    except DraftlineError as error:
        log.warning("recovery.failed error=%s", error)
    else:
        _show(w, found)


async def recover_attempts(w: Wiring) -> list[Recovered]:
    """Everything that belongs to no living process, each to the end that its evidence gives."""
    left = await asyncio.to_thread(left_behind, w)
    await asyncio.to_thread(_forget_booked, w)
    if not left:
        return []
    gate = asyncio.Semaphore(MAX_AT_ONCE)
    async with w.open_vendors() as vendors:

        async def one(attempt: Attempt) -> Recovered:
            async with gate:
                return await _recover(w, vendors, attempt)

        return list(await asyncio.gather(*(one(attempt) for attempt in left)))


def tally(recovered: list[Recovered]) -> dict[str, int]:
    return dict(Counter(item.outcome for item in recovered))


def left_behind(w: Wiring) -> list[Attempt]:
    """Open attempts of processes that are gone, and those in doubt whose answer or job is known after all.

    The answer or the job lies in this machine's spool, or the job in the row: vendors have learned of one late. What
    the spool has of a bill that was settled without its image, by evidence or a person's word, belongs to them.
    """
    gone = [name for name in working_processes(w.database) if not w.processes.is_alive(name)]
    doubted = {a.attempt_id: a for a in _kept_here(w) if a.state == "in_doubt" or _lacks_its_image(a)}
    doubted |= {a.attempt_id: a for a in doubted_with_a_job(w.database)}
    unattended = [a for a in doubted.values() if not w.processes.is_alive(a.process_id)]
    return (open_attempts_of(w.database, gone) if gone else []) + unattended


def _kept_here(w: Wiring) -> list[Attempt]:
    kept = Spool(w.settings.spool).attempt_ids()
    return attempts_among(w.database, kept) if kept else []


def _lacks_its_image(attempt: Attempt) -> bool:
    return attempt.state == "settled" and not attempt.result_key


def _forget_booked(w: Wiring) -> None:
    """A crash between the bill and the spool's end leaves a file that nobody needs any more."""
    for attempt in _kept_here(w):
        newest = w.ledger.find(attempt.work_key) if attempt.state == "released" else attempt
        if newest is not None and newest.state == "settled" and newest.result_key:
            if attempt.state == "released" and newest.error_code != FOUND:
                # called unbilled, bought again, and now its answer is here: nothing is left that could book its bill
                again = newest.attempt_id
                log.error("recovery.released_was_billed attempt=%s bought_again=%s", attempt.attempt_id, again)
            Spool(w.settings.spool).drop(attempt.attempt_id)
        elif attempt.state == "released":
            # its run books it when it goes on: for that its caps need room
            log.error("recovery.answer_of_released attempt=%s spool=%s", attempt.attempt_id, w.settings.spool)


async def _recover(w: Wiring, vendors: Mapping[str, Vendor], attempt: Attempt) -> Recovered:
    problem = ""
    try:
        door = _RecoveryDoor(w, vendors[attempt.dimensions.vendor], _call_of(attempt))
        paid = await (door.pick_up(attempt) if attempt.is_open else door.go_on(attempt))
        problem = await asyncio.to_thread(enter, w, door.vendor, attempt, paid)
    except DraftlineError as error:
        problem = str(error)
    except Exception as error:
        # one attempt that nobody can read must not keep the others from their end; it stays as it is, and visible
        log.exception("recovery.broken attempt=%s", attempt.attempt_id)
        problem = f"could not be recovered: {type(error).__name__}: {error}"
    try:
        now = await asyncio.to_thread(w.ledger.get, attempt.attempt_id)
    except StorageError as error:
        return Recovered(attempt, attempt.state, problem or str(error))
    log.info("recovery.attempt attempt=%s was=%s is=%s", attempt.attempt_id, attempt.state, now.state)
    return Recovered(now, now.state, problem)


def _show(w: Wiring, found: list[Recovered]) -> None:
    if not found:
        return
    log.info("recovery.before_run %s", " ".join(f"{state}={count}" for state, count in tally(found).items()))
    w.progress.start("recovery", len(found))
    w.progress.step("recovery", len(found))
    w.progress.end("recovery")


def _call_of(attempt: Attempt) -> PaidCall:
    """Enough of the call to price and book it; never enough to send it."""
    asked = attempt.request
    request = RenderRequest(
        model_id=asked["model_id"],
        prompt=asked["prompt"],
        width_px=asked["width_px"],
        height_px=asked["height_px"],
        references=tuple(
            Reference(digest, "image/png", UNKNOWN_EDGE_PX, UNKNOWN_EDGE_PX, b"") for digest in asked["references"]
        ),
        seed=asked["seed"],
        output_format=asked["output_format"],
    )
    measured = Measured(Usage(), Usage(), Usage(), request.width_px, request.height_px)
    return PaidCall(request, 0, measured, attempt.dimensions)
