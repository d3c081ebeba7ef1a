"""The ledger: every change of an attempt's state, each one transaction. The only writer of money rows.

Invariant 1: held + spent <= cap for every cap, because the hold's transaction moves each counter only if it stays
within the cap's limit. Invariant 3: a hold ends settled, released or visibly in doubt. Nothing here reads a clock or
makes an id by itself: both are handed in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.attempt_rows import read_attempt
from budget.caps import EACH, Cap, CapUse, read_caps, set_cap, set_default_cap, use_of, uses_for
from domain.attempt import OPEN_STATES, Attempt, Dimensions, Intent, State
from domain.errors import CapRefused, InputError, LedgerConflict
from domain.render import Job
from storage.database import Database
from storage.database.money_tables import attempt_caps, attempt_events, attempts, cap_windows, vendor_slots
from storage.database.upsert import insert_once

Clock = Callable[[], datetime]
NewId = Callable[[], str]
MAX_KEYS_A_QUERY = 500


class AlreadyHeld(LedgerConflict):
    """This work is held, sent or paid already; nothing was held a second time."""


class StillInDoubt(LedgerConflict):
    """An earlier try at this work was sent and nobody knows how it ended; nothing was held a second time."""

    def __init__(self, attempt_id: str) -> None:
        super().__init__(f"attempt {attempt_id[:12]} at this work is in doubt: not sent again without a policy for it")
        self.attempt_id = attempt_id


class SlotBusy(LedgerConflict):
    """Every active-job slot of the vendor is taken; nothing was held. Ask again when one of ours has ended."""


class Ledger:
    """Holds, sends, accepts, delivers, settles, releases, doubts. `process_id` names who works on an attempt."""

    def __init__(self, database: Database, *, process_id: str, clock: Clock, new_id: NewId) -> None:
        self._database, self._process_id, self._clock, self._new_id = database, process_id, clock, new_id

    # -- caps ------------------------------------------------------------------------------------------------------

    def set_cap(self, cap: Cap, *, by: str, why: str) -> None:
        with self._database.write() as connection:
            set_cap(connection, cap, by=by, why=why, now=self._clock())

    def set_default_caps(self, defaults: Sequence[Cap], *, by: str, why: str) -> None:
        with self._database.write() as connection:
            for cap in defaults:
                set_default_cap(connection, cap, by=by, why=why, now=self._clock())

    def uses(self, dimensions: Dimensions) -> list[CapUse]:
        with self._database.read() as connection:
            return list(uses_for(connection, dimensions, self._clock()))

    def plan_uses(self, parts: Sequence[tuple[Dimensions, int]]) -> list[tuple[CapUse, int]]:
        """Every cap window that a plan falls under, with the micros that the plan would hold there.

        `parts` are calls by whom they are for and their worst price: a vendor's cap counts that vendor's calls only.
        """
        now, runs = self._clock(), {dimensions.run_id for dimensions, _ in parts}
        asked: dict[tuple[Cap, str], int] = {}
        with self._database.read() as connection:
            caps = [c for c in read_caps(connection) if c.scope != "run_id" or c.scope_value in (*runs, EACH)]
            for dimensions, worst_micros in parts:
                for cap in (c for c in caps if c.covers(dimensions)):
                    key = (cap, cap.window(dimensions, now))
                    asked[key] = asked.get(key, 0) + worst_micros
            return [(use_of(connection, cap, window), micros) for (cap, window), micros in asked.items()]

    def check_plan(self, parts: Sequence[tuple[Dimensions, int]], scope: str = "") -> None:
        """Refuse a whole plan before anything is sent. Raises CapRefused naming the cap that lacks most."""
        tight = [(use, micros) for use, micros in self.plan_uses(parts) if 0 < micros > use.left_micros]
        if tight:
            use, micros = min(tight, key=lambda pair: pair[0].left_micros - pair[1])
            raise _refused(use, micros, scope)

    def check_fits(self, dimensions: Dimensions, worst_micros: int, scope: str = "") -> None:
        """`check_plan` for a single part."""
        self.check_plan([(dimensions, worst_micros)], scope)

    # -- the way of one attempt ------------------------------------------------------------------------------------

    def find(self, work_key: str) -> Attempt | None:
        """The newest attempt at this work, whatever its state."""
        query = sa.select(attempts).where(attempts.c.work_key == work_key).order_by(attempts.c.try_no.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return read_attempt(row) if row else None

    def states_among(self, work_keys: Sequence[str]) -> dict[str, State]:
        """The state of the newest attempt at each of the work keys; none for work that was never held."""
        query = sa.select(attempts.c.work_key, attempts.c.state).order_by(attempts.c.try_no)
        found: dict[str, State] = {}
        with self._database.read() as connection:
            for start in range(0, len(work_keys), MAX_KEYS_A_QUERY):
                part = list(work_keys[start : start + MAX_KEYS_A_QUERY])
                rows = connection.execute(query.where(attempts.c.work_key.in_(part)))
                found |= {row.work_key: row.state for row in rows}
        return found

    def get(self, attempt_id: str) -> Attempt:
        with self._database.read() as connection:
            return self._get(connection, attempt_id)

    def hold(
        self, intent: Intent, *, slots: int, after_try: int | None = None, resend_in_doubt: bool = False
    ) -> Attempt:
        """Set money aside for one call, and take one of the vendor's `slots`, in one transaction.

        `after_try` is the newest try that the caller knows of (0: none). Another one means that somebody tried since,
        perhaps into doubt, and the caller must decide anew: without it doubtful work could be sent again unseen.
        Raises CapRefused (does not fit a cap), SlotBusy (no slot), AlreadyHeld (somebody else holds for this work,
        or it was paid, or tried again, already), StillInDoubt (an earlier try may have been paid, and
        `resend_in_doubt` does not accept that); in each case nothing changed.
        """
        now = self._clock()
        with self._database.write() as connection:
            try_no = self._next_try(connection, intent.work_key, after_try, resend_in_doubt)
            windows = self._move_caps(connection, intent, now)
            self._take_slot(connection, intent.dimensions.vendor, slots)
            attempt_id = self._new_id()
            self._insert(connection, attempt_id, intent, try_no, now)
            for cap_id, window in windows:
                row = {"attempt_id": attempt_id, "cap_id": cap_id, "window": window}
                connection.execute(attempt_caps.insert().values(**row))
            self._event(connection, attempt_id, "held", intent.hold_micros, f"try {try_no}")
            return self._get(connection, attempt_id)

    def take_over(self, attempt: Attempt) -> Attempt:
        """Make an open attempt of a process that is gone our own. Raises AlreadyHeld if another one was faster."""
        with self._database.write() as connection:
            moved = connection.execute(
                attempts.update()
                .where(attempts.c.attempt_id == attempt.attempt_id, attempts.c.process_id == attempt.process_id)
                .where(attempts.c.state.in_(sorted(OPEN_STATES)))
                .values(process_id=self._process_id)
            )
            if moved.rowcount != 1:
                raise AlreadyHeld(f"attempt {attempt.attempt_id} was taken over by another process")
            found = self._get(connection, attempt.attempt_id)
            note = f"taken over from process {attempt.process_id}, which is gone"
            self._event(connection, found.attempt_id, found.state, None, note)
            return found

    def send(self, attempt_id: str) -> None:
        """Commit that bytes may leave from now on. Exactly one caller gets through."""
        self._change(attempt_id, {"held"}, "sent", note="", sent_at=self._clock(), process_id=self._process_id)

    def bounce(self, attempt_id: str, note: str) -> None:
        """The vendor said that nothing was created (429, or no connection): the hold stays for another send."""
        self._change(attempt_id, {"sent"}, "held", note=note)

    def accept(self, attempt_id: str, job: Job) -> None:
        """The vendor's job id, poll address and cost, in one transaction."""
        values: dict[str, Any] = {"job_id": job.job_id, "poll_url": job.poll_url, "job": asdict(job)}
        values["accepted_at"] = self._clock()
        self._change(attempt_id, {"sent"}, "accepted", note=f"job {job.job_id}", micros=job.cost_micros, **values)

    def deliver(
        self,
        attempt_id: str,
        *,
        sha256: str,
        key: str,
        usage: Mapping[str, int],
        model_answered: str,
        receipt: Mapping[str, Any],
    ) -> None:
        """The bytes are stored; only the bill is left. `receipt` is what a replay must know beside the bytes."""
        values: dict[str, Any] = {"result_sha256": sha256, "result_key": key, "usage": dict(usage)}
        values |= {"model_answered": model_answered, "receipt": dict(receipt), "delivered_at": self._clock()}
        self._change(attempt_id, {"sent", "accepted", "in_doubt"}, "delivered", note=sha256, **values)

    def settle(self, attempt_id: str, cost_micros: int, *, source: str, note: str = "", **values: Any) -> None:
        """The bill: the hold is replaced by what it cost; InputError for less than nothing, which would widen caps."""
        if cost_micros < 0:
            raise InputError(f"a bill cannot be negative: {cost_micros} micro-dollars", where=f"attempt {attempt_id}")
        allowed: set[State] = {"sent", "accepted", "delivered", "in_doubt"}
        self._end(attempt_id, allowed, "settled", cost_micros, note, cost_source=source, billed="yes", **values)

    def release(self, attempt_id: str, *, code: str, note: str) -> None:
        """A sure refusal: the hold goes back."""
        allowed: set[State] = {"held", "sent", "accepted", "in_doubt"}
        self._end(attempt_id, allowed, "released", 0, note, error_code=code, error=note, billed="no")

    def give_up(self, attempt_id: str, *, code: str, note: str) -> None:
        """As `release`, for a hold that was never sent (or bounced); a call that is under way is left alone."""
        self._end(attempt_id, {"held"}, "released", 0, note, error_code=code, error=note, billed="no")

    def doubt(self, attempt_id: str, *, code: str, note: str) -> None:
        """Silence: the money stays held and is counted; the vendor's slot is freed."""
        with self._database.write() as connection:
            values = {"error_code": code, "error": note, "billed": "unknown"}
            self._move(connection, attempt_id, {"sent", "accepted"}, "in_doubt", None, note, values)
            self._free_slot(connection, attempt_id)

    def slots_taken(self, vendor: str) -> list[tuple[str, str]]:
        """(attempt, process) for every slot of a vendor that is taken."""
        query = sa.select(attempts.c.attempt_id, attempts.c.process_id)
        query = query.where(attempts.c.vendor == vendor, attempts.c.slot_taken.is_(True))
        with self._database.read() as connection:
            return [(row.attempt_id, row.process_id) for row in connection.execute(query)]

    def free_slot(self, attempt_id: str) -> None:
        """Give an attempt's slot back, for a process that is gone. Its money stays as it stands."""
        with self._database.write() as connection:
            self._free_slot(connection, attempt_id)

    # -- inside one transaction ------------------------------------------------------------------------------------

    def _next_try(self, connection: Connection, work_key: str, after_try: int | None, resend_in_doubt: bool) -> int:
        query = sa.select(attempts.c.try_no, attempts.c.state, attempts.c.attempt_id)
        query = query.where(attempts.c.work_key == work_key)
        earlier = connection.execute(query).all()
        live = [row for row in earlier if row.state not in ("released", "in_doubt")]
        if live:
            raise AlreadyHeld(f"work {work_key[:12]} is {live[0].state} already: not held a second time")
        newest = max((row.try_no for row in earlier), default=0)
        if after_try not in (None, newest):
            raise AlreadyHeld(f"work {work_key[:12]} was tried by another process meanwhile (try {newest})")
        doubtful = [row for row in earlier if row.state == "in_doubt"]
        if doubtful and not resend_in_doubt:
            raise StillInDoubt(doubtful[-1].attempt_id)
        return newest + 1

    def _move_caps(self, connection: Connection, intent: Intent, now: datetime) -> list[tuple[str, str]]:
        found = read_caps(connection, dimensions=intent.dimensions, lock=True)
        covering = [cap for cap in found if cap.covers(intent.dimensions)]
        if not covering:
            raise CapRefused("none", limit_micros=0, committed_micros=0, asked_micros=intent.hold_micros)
        return [(cap.cap_id, self._move_cap(connection, cap, intent, now)) for cap in covering]

    def _move_cap(self, connection: Connection, cap: Cap, intent: Intent, now: datetime) -> str:
        window, table = cap.window(intent.dimensions, now), cap_windows
        insert_once(connection, table, {"cap_id": cap.cap_id, "window": window})
        after = table.c.held_micros + table.c.spent_micros + intent.hold_micros
        moved = connection.execute(
            table.update()
            .where(table.c.cap_id == cap.cap_id, table.c.window == window, after <= cap.limit_micros)
            .values(held_micros=table.c.held_micros + intent.hold_micros)
        )
        if moved.rowcount != 1:
            raise _refused(use_of(connection, cap, window), intent.hold_micros, intent.dimensions.asset_key)
        return window

    def _take_slot(self, connection: Connection, vendor: str, slots: int) -> None:
        insert_once(connection, vendor_slots, {"vendor": vendor, "used": 0})
        taken = connection.execute(
            vendor_slots.update()
            .where(vendor_slots.c.vendor == vendor, vendor_slots.c.used < slots)
            .values(used=vendor_slots.c.used + 1)
        )
        if taken.rowcount != 1:
            raise SlotBusy(f"all {slots} active jobs of {vendor} are taken")

    def _free_slot(self, connection: Connection, attempt_id: str) -> None:
        freed = connection.execute(
            attempts.update()
            .where(attempts.c.attempt_id == attempt_id, attempts.c.slot_taken.is_(True))
            .values(slot_taken=False)
        )
        if freed.rowcount == 1:
            vendor = sa.select(attempts.c.vendor).where(attempts.c.attempt_id == attempt_id).scalar_subquery()
            connection.execute(
                vendor_slots.update().where(vendor_slots.c.vendor == vendor).values(used=vendor_slots.c.used - 1)
            )

    def _insert(self, connection: Connection, attempt_id: str, intent: Intent, try_no: int, now: datetime) -> None:
        row: dict[str, Any] = {
            **asdict(intent.dimensions),
            "attempt_id": attempt_id,
            "work_key": intent.work_key,
            "try_no": try_no,
            "state": "held",
            "hold_micros": intent.hold_micros,
            "price_version": intent.price_version,
            "process_id": self._process_id,
            "request": intent.request,
            "job": {},
            "usage": {},
            "receipt": {},
            "day": now.astimezone(UTC).strftime("%Y-%m-%d"),
            "slot_taken": True,
            "held_at": now,
        }
        if not insert_once(connection, attempts, row):
            raise AlreadyHeld(f"work {intent.work_key[:12]} was held by another process just now")

    def _change(
        self, attempt_id: str, allowed: set[State], to: State, *, note: str, micros: int | None = None, **values: Any
    ) -> None:
        with self._database.write() as connection:
            self._move(connection, attempt_id, allowed, to, micros, note, values)

    def _end(self, attempt_id: str, allowed: set[State], to: State, cost_micros: int, note: str, **values: Any) -> None:
        with self._database.write() as connection:
            ended = {**values, "cost_micros": cost_micros, "ended_at": self._clock()}
            self._move(connection, attempt_id, allowed, to, cost_micros, note, ended)
            # counters first, then the slot: the same order as in a hold, so that two can never wait for each other
            self._return_hold(connection, attempt_id, cost_micros)
            self._free_slot(connection, attempt_id)

    def _return_hold(self, connection: Connection, attempt_id: str, cost_micros: int) -> None:
        hold = connection.execute(
            sa.select(attempts.c.hold_micros).where(attempts.c.attempt_id == attempt_id)
        ).scalar_one()
        charged = connection.execute(
            sa.select(attempt_caps).where(attempt_caps.c.attempt_id == attempt_id).order_by(attempt_caps.c.cap_id)
        ).all()
        for row in charged:
            connection.execute(
                cap_windows.update()
                .where(cap_windows.c.cap_id == row.cap_id, cap_windows.c.window == row.window)
                .values(
                    held_micros=cap_windows.c.held_micros - hold, spent_micros=cap_windows.c.spent_micros + cost_micros
                )
            )

    def _move(
        self,
        connection: Connection,
        attempt_id: str,
        allowed: set[State],
        to: State,
        micros: int | None,
        note: str,
        values: Mapping[str, Any],
    ) -> None:
        moved = connection.execute(
            attempts.update()
            .where(attempts.c.attempt_id == attempt_id, attempts.c.state.in_(sorted(allowed)))
            .values(state=to, **values)
        )
        if moved.rowcount != 1:
            found = self._get(connection, attempt_id)
            raise LedgerConflict(f"attempt {attempt_id} is {found.state}, so it cannot become {to}")
        self._event(connection, attempt_id, to, micros, note)

    def _event(self, connection: Connection, attempt_id: str, state: str, micros: int | None, note: str) -> None:
        row = {"attempt_id": attempt_id, "state": state, "micros": micros, "note": note[:500]}
        connection.execute(attempt_events.insert().values(**row, by=self._process_id, at=self._clock()))

    def _get(self, connection: Connection, attempt_id: str) -> Attempt:
        query = sa.select(attempts).where(attempts.c.attempt_id == attempt_id)
        row = connection.execute(query).mappings().first()
        if row is None:
            raise LedgerConflict(f"there is no attempt {attempt_id}")
        return read_attempt(row)


def _refused(use: CapUse, asked_micros: int, scope: str) -> CapRefused:
    return CapRefused(
        f"{use.cap.cap_id} ({use.window})",
        limit_micros=use.cap.limit_micros,
        committed_micros=use.committed_micros,
        asked_micros=asked_micros,
        scope=scope,
    )
