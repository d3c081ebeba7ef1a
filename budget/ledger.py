"""The ledger: every change of an attempt's state, each one transaction. The only writer of money rows.

Invariant 1: held + spent <= cap for every cap, because the hold's transaction moves each counter only if it stays
within the cap's limit. Invariant 3: a hold ends settled, released or visibly in doubt. Nothing here reads a clock or
makes an id by itself: both are handed in. What a step does to the rows is in ledger_sqlite and ledger_postgresql.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.alerts import CapAlert, mark_told, read_alerts, untold_alerts
from budget.attempt_rows import read_attempt
from budget.caps import EACH, Cap, CapUse, read_caps, set_cap, set_default_cap, use_of, uses_for
from budget.ledger_postgresql import PostgresqlSteps
from budget.ledger_sqlite import SqliteSteps
from budget.refusals import AlreadyHeld, MovedOn, SlotBusy, StillInDoubt
from budget.steps import MAX_NOTE_CHARS, Hold, Move, Steps
from domain.attempt import OPEN_STATES, Attempt, Dimensions, Intent, State
from domain.errors import CapRefused, InputError, LedgerConflict
from domain.render import Job
from storage.database import Database
from storage.database.money_tables import attempt_events, attempts, cap_alerts, vendor_slots

__all__ = ["AlreadyHeld", "Ledger", "MovedOn", "SlotBusy", "StillInDoubt"]

Clock = Callable[[], datetime]
NewId = Callable[[], str]
MAX_KEYS_A_QUERY = 500
log = logging.getLogger(__name__)


class Ledger:
    """Holds, sends, accepts, delivers, settles, releases, doubts. `process_id` names who works on an attempt."""

    def __init__(self, database: Database, *, process_id: str, clock: Clock, new_id: NewId) -> None:
        self._database, self._process_id, self._clock, self._new_id = database, process_id, clock, new_id
        self._steps: Steps = SqliteSteps(database) if database.is_sqlite else PostgresqlSteps(database)
        # called after the commit with the thresholds that a hold crossed; what it does not tell stays untold
        self.on_alert: Callable[[Sequence[CapAlert]], None] | None = None

    # -- caps ------------------------------------------------------------------------------------------------------

    def set_cap(self, cap: Cap, *, by: str, why: str) -> None:
        with self._database.write() as connection:
            set_cap(connection, cap, by=by, why=why, now=self._clock())

    def set_default_caps(self, defaults: Sequence[Cap], *, by: str, why: str) -> None:
        for cap in defaults:
            # one transaction each: a transaction with two caps could wait for a hold that waits for it
            with self._database.write() as connection:
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

    # -- alerts ----------------------------------------------------------------------------------------------------

    def untold_alerts(self) -> list[CapAlert]:
        """The oldest alerts that nobody was told of yet (a bounded number: ask again)."""
        with self._database.read() as connection:
            return untold_alerts(connection)

    def told(self, alert_id: int) -> bool:
        """Mark an alert as told. True for exactly one caller."""
        with self._database.write() as connection:
            return mark_told(connection, alert_id, self._clock())

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
        self,
        intent: Intent,
        *,
        slots: int,
        after_try: int | None = None,
        resend_in_doubt: bool = False,
        attempt_id: str = "",
    ) -> Attempt:
        """Set money aside for one call, and take one of the vendor's `slots`, in one transaction.

        `after_try` is the newest try that the caller knows of (0: none). Another one means that somebody tried since,
        perhaps into doubt, and the caller must decide anew: without it doubtful work could be sent again unseen.
        `attempt_id` is its number where the caller has made one, "" makes one here.
        Raises CapRefused (does not fit a cap), SlotBusy (no slot), AlreadyHeld (somebody else holds for this work,
        or it was paid, or tried again, already), StillInDoubt (an earlier try may have been paid, and
        `resend_in_doubt` does not accept that), ApprovalWithdrawn; in each case nothing changed.
        """
        hold_id, now = attempt_id or self._new_id(), self._clock()
        hold = Hold(hold_id, intent, slots, after_try, resend_in_doubt, self._process_id, now)
        held = self._steps.hold(hold)
        if held.alert_ids:
            self._tell(held.alert_ids)
        return hold.attempt(held.try_no)

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
            event = {"attempt_id": found.attempt_id, "state": found.state, "note": note[:MAX_NOTE_CHARS]}
            connection.execute(attempt_events.insert().values(**event, by=self._process_id, at=self._clock()))
            return found

    def send(self, attempt_id: str, approved_quote: str = "") -> None:
        """Commit that bytes may leave from now on. Exactly one caller gets through.

        Once `Approvals.withdraw` has returned, nothing is sent under that quote: then this raises ApprovalWithdrawn.
        """
        self._move(attempt_id, {"held"}, "sent", approved_quote=approved_quote, process_id=self._process_id)

    def bounce(self, attempt_id: str, note: str) -> None:
        """The vendor said that nothing was created (429, or no connection): the hold stays for another send."""
        self._move(attempt_id, {"sent"}, "held", note=note)

    def accept(self, attempt_id: str, job: Job) -> None:
        """The vendor's job id, poll address and cost, in one transaction. Doubt ends when the job is found."""
        values = {"job_id": job.job_id, "poll_url": job.poll_url, "job": asdict(job)}
        self._move(
            attempt_id, {"sent", "in_doubt"}, "accepted", note=f"job {job.job_id}", micros=job.cost_micros, **values
        )

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
        values |= {"model_answered": model_answered, "receipt": dict(receipt)}
        self._move(attempt_id, {"sent", "accepted", "in_doubt"}, "delivered", note=sha256, **values)

    def attach(
        self, attempt_id: str, *, sha256: str, key: str, model_answered: str, receipt: Mapping[str, Any]
    ) -> None:
        """The image of a bill that was settled by evidence, or a person's word: it was found. No money moves.

        Raises LedgerConflict for an attempt that is not settled, or has its image.
        """
        values = {
            "result_sha256": sha256,
            "result_key": key,
            "model_answered": model_answered,
            "receipt": dict(receipt),
        }
        with self._database.write() as connection:
            bare = attempts.c.attempt_id == attempt_id, attempts.c.state == "settled", attempts.c.result_key == ""
            now = self._clock()
            moved = connection.execute(attempts.update().where(*bare).values(**values, delivered_at=now))
            if moved.rowcount != 1:
                raise MovedOn(f"attempt {attempt_id} is no bill without an image")
            event = {"attempt_id": attempt_id, "state": "settled", "note": f"its image was found: {sha256}"}
            connection.execute(attempt_events.insert().values(**event, by=self._process_id, at=now))

    def settle(
        self, attempt_id: str, cost_micros: int, *, source: str, note: str = "", evidence: str = "", **values: Any
    ) -> None:
        """The bill: the hold is replaced by what it cost; InputError for less than nothing, which would widen caps.

        `evidence` says by what work in doubt was resolved: with it nothing but work in doubt is settled, for what was
        found or answered meanwhile needs none.
        """
        if cost_micros < 0:
            raise InputError(f"a bill cannot be negative: {cost_micros} micro-dollars", where=f"attempt {attempt_id}")
        allowed: set[State] = {"in_doubt"} if evidence else {"sent", "accepted", "delivered", "in_doubt"}
        values |= {"cost_micros": cost_micros, "cost_source": source, "billed": "yes", "evidence": evidence or None}
        self._move(attempt_id, allowed, "settled", note=note, micros=cost_micros, **values)

    def release(self, attempt_id: str, *, code: str, note: str, evidence: str = "") -> None:
        """A sure refusal: the hold goes back. `evidence` as in `settle`."""
        allowed: set[State] = {"in_doubt"} if evidence else {"held", "sent", "accepted", "in_doubt"}
        self._release(attempt_id, allowed, code=code, note=note, evidence=evidence or None)

    def give_up(self, attempt_id: str, *, code: str, note: str) -> None:
        """As `release`, for a hold that was never sent (or bounced); a call that is under way is left alone."""
        self._release(attempt_id, {"held"}, code=code, note=note, evidence=None)

    def doubt(self, attempt_id: str, *, code: str, note: str) -> None:
        """Silence: the money stays held and is counted; the vendor's slot is freed."""
        values: dict[str, Any] = {"error_code": code, "error": note, "billed": "unknown"}
        self._move(attempt_id, {"sent", "accepted"}, "in_doubt", note=note, **values)

    def slots_taken(self, vendor: str) -> list[tuple[str, str]]:
        """(attempt, process) for every slot of a vendor that is taken."""
        query = sa.select(attempts.c.attempt_id, attempts.c.process_id)
        # a slot never outlives its attempt's end, and unended attempts have an index
        query = query.where(attempts.c.vendor == vendor, attempts.c.ended_at.is_(None), attempts.c.slot_taken.is_(True))
        with self._database.read() as connection:
            return [(row.attempt_id, row.process_id) for row in connection.execute(query)]

    def free_slot(self, attempt_id: str) -> None:
        """Give an attempt's slot back, for a process that is gone. Its money stays as it stands."""
        mine = attempts.c.attempt_id == attempt_id
        free = attempts.update().where(mine, attempts.c.slot_taken.is_(True)).values(slot_taken=False)
        with self._database.write() as connection:
            vendor = connection.execute(free.returning(attempts.c.vendor)).scalar_one_or_none()
            if vendor is not None:
                one_less = vendor_slots.update().where(vendor_slots.c.vendor == vendor)
                connection.execute(one_less.values(used=vendor_slots.c.used - 1))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _tell(self, alert_ids: Sequence[int]) -> None:
        """Hand the alerts of a committed hold on. The hold stands, so no failure here may make it look undone."""
        if self.on_alert is None:
            return
        try:
            with self._database.read() as connection:
                alerts = read_alerts(connection, cap_alerts.c.alert_id.in_(alert_ids))
            self.on_alert(alerts)
        except Exception:
            # the alerts stay untold for whoever asks for untold ones
            log.exception("alerts.not_handed_on ids=%s", list(alert_ids))

    def _release(self, attempt_id: str, allowed: set[State], *, code: str, note: str, evidence: str | None) -> None:
        values = {"cost_micros": 0, "error_code": code, "error": note, "billed": "no", "evidence": evidence}
        self._move(attempt_id, allowed, "released", note=note, micros=0, **values)

    def _move(self, attempt_id: str, allowed: set[State], to: State, **what: Any) -> None:
        note, micros = what.pop("note", ""), what.pop("micros", None)
        by, now, approved = self._process_id, self._clock(), what.pop("approved_quote", "")
        self._steps.move(Move(attempt_id, frozenset(allowed), to, by, now, note, micros, what, approved))

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
