"""Recovery: what processes that are gone left open, without waiting for anybody to ask for that work again.

    held       never sent: the hold goes back          accepted   polled and collected (the vendor can be asked again)
    sent       the spool's answer, else in doubt       delivered  settled

It never sends anything: the two ways to a POST are closed off below. A collected image waits in the store and in the
journal; the run that wanted it finds it there, paid, when it goes on.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

from budget.reports import list_attempts
from domain.attempt import OPEN_STATES, Attempt
from domain.errors import DraftlineError, MoneyError
from domain.render import Measured, Reference, RenderRequest, Usage
from tasks.paid_calls import Paid, PaidCall, PaidDoor
from vendors.contract import Vendor
from wiring import Wiring

MAX_AT_ONCE = 8
UNKNOWN_EDGE_PX = 1024
"""References are recorded by digest only; one megapixel each is what we send at most by default."""


class NeverSent(MoneyError):
    """The hold of a process that is gone, before any byte left: it was given back."""


@dataclass(frozen=True)
class Recovered:
    """One open attempt and what became of it; `note` says why, for a person."""

    attempt: Attempt
    outcome: str
    note: str = ""


class _RecoveryDoor(PaidDoor):
    """The door from the inside only: it books and collects, and cannot send."""

    async def make(self, *, after_try: int) -> Paid:
        raise MoneyError("recovery sends nothing; in doubt it stays")

    async def _send(self, attempt_id: str) -> Paid:
        note = "its process ended before it was sent"
        await asyncio.to_thread(lambda: self.w.ledger.give_up(attempt_id, code="never-sent", note=note))
        raise NeverSent(note)


async def recover_attempts(w: Wiring) -> list[Recovered]:
    """Everything that is open and belongs to no living process, each to the end that its evidence gives."""
    left = await asyncio.to_thread(_left_behind, w)
    gate = asyncio.Semaphore(MAX_AT_ONCE)
    async with w.open_vendors() as vendors:

        async def one(attempt: Attempt) -> Recovered:
            async with gate:
                return await _recover(w, vendors[attempt.dimensions.vendor], attempt)

        return list(await asyncio.gather(*(one(attempt) for attempt in left)))


def tally(recovered: list[Recovered]) -> dict[str, int]:
    return dict(Counter(item.outcome for item in recovered))


def _left_behind(w: Wiring) -> list[Attempt]:
    found = list_attempts(w.database, states=tuple(sorted(OPEN_STATES)))
    alive = {name: w.processes.is_alive(name) for name in {a.process_id for a in found}}
    return [a for a in found if not alive[a.process_id]]


async def _recover(w: Wiring, vendor: Vendor, attempt: Attempt) -> Recovered:
    door = _RecoveryDoor(w, vendor, _call_of(attempt))
    problem = ""
    try:
        await door.pick_up(attempt)
    except DraftlineError as error:
        problem = str(error)
    now = await asyncio.to_thread(w.ledger.get, attempt.attempt_id)
    return Recovered(now, now.state, problem)


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
