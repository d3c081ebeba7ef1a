"""The ledger's steps on SQLite: BEGIN IMMEDIATE lets one writer at a time in, so a check and its update are one.

The order of checks and their words are those of hold.sql and move.sql; tests run the same steps on both.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from budget.caps import Cap, CapUse, read_caps
from budget.refusals import StillInDoubt, cannot_move, in_the_way, no_slot, not_approved, tried_meanwhile
from budget.steps import MOMENT, Held, Hold, Move
from domain.attempt import Intent
from domain.errors import CapRefused
from storage.database import Database
from storage.database.money_tables import (
    approvals,
    attempt_caps,
    attempt_events,
    attempts,
    cap_alerts,
    cap_windows,
    vendor_slots,
)

AS_READ = "%Y-%m-%d %H:%M"


class SqliteSteps:
    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, hold: Hold) -> Held:
        with self._database.write() as connection:
            try_no = _next_try(connection, hold)
            _require_approved(connection, hold.intent.approved_quote)
            uses = _move_windows(connection, hold)
            _take_slot(connection, hold.intent.dimensions.vendor, hold.slots)
            connection.execute(attempts.insert().values(**hold.row(try_no)))
            charged = [{"attempt_id": hold.attempt_id, "cap_id": use.cap.cap_id, "window": use.window} for use in uses]
            connection.execute(attempt_caps.insert(), charged)
            event = {"attempt_id": hold.attempt_id, "state": "held", "micros": hold.intent.hold_micros}
            event |= {"note": f"try {try_no}", "by": hold.by, "at": hold.now}
            connection.execute(attempt_events.insert().values(**event))
            return Held(try_no, _write_crossed(connection, uses, hold))

    def move(self, move: Move) -> None:
        with self._database.write() as connection:
            query = sa.select(attempts.c.state, attempts.c.hold_micros, attempts.c.vendor, attempts.c.slot_taken)
            before = connection.execute(query.where(attempts.c.attempt_id == move.attempt_id)).first()
            if before is None or before.state not in move.allowed:
                raise cannot_move(move.attempt_id, before.state if before else None, move.to)
            _require_approved(connection, move.approved_quote)
            _write(connection, move, slot_taken=before.slot_taken and not move.frees_slot)
            if move.ends:
                _return_hold(connection, move, before.hold_micros)
            if move.frees_slot and before.slot_taken:
                free = vendor_slots.update().where(vendor_slots.c.vendor == before.vendor)
                connection.execute(free.values(used=vendor_slots.c.used - 1))


def _next_try(connection: Connection, hold: Hold) -> int:
    query = sa.select(attempts.c.try_no, attempts.c.state, attempts.c.attempt_id)
    query = query.where(attempts.c.work_key == hold.intent.work_key).order_by(attempts.c.try_no)
    earlier = connection.execute(query).all()
    for row in earlier:
        if row.state not in ("released", "in_doubt"):
            raise in_the_way(hold.intent.work_key, row.state)
    newest = earlier[-1].try_no if earlier else 0
    if hold.after_try not in (None, newest):
        raise tried_meanwhile(hold.intent.work_key, newest)
    doubtful = [row.attempt_id for row in earlier if row.state == "in_doubt"]
    if doubtful and not hold.resend_in_doubt:
        raise StillInDoubt(doubtful[-1])
    return newest + 1


def _require_approved(connection: Connection, quote_hash: str) -> None:
    if not quote_hash:
        return
    query = sa.select(approvals.c.withdrawn_by, approvals.c.withdrawn_at).where(approvals.c.quote_hash == quote_hash)
    newest = connection.execute(query.order_by(approvals.c.approval_id.desc()).limit(1)).first()
    if newest is None:
        raise not_approved(quote_hash, None, None)
    if newest.withdrawn_at is not None:
        raise not_approved(quote_hash, newest.withdrawn_by, f"{newest.withdrawn_at:{AS_READ}}")


def _move_windows(connection: Connection, hold: Hold) -> Sequence[CapUse]:
    """Every window that the hold falls into, as it is after the hold."""
    dimensions = hold.intent.dimensions
    covering = [cap for cap in read_caps(connection, dimensions=dimensions) if cap.covers(dimensions)]
    if not covering:
        raise CapRefused("none", limit_micros=0, committed_micros=0, asked_micros=hold.intent.hold_micros)
    return [_move_window(connection, cap, cap.window(dimensions, hold.now), hold.intent) for cap in covering]


def _move_window(connection: Connection, cap: Cap, window: str, intent: Intent) -> CapUse:
    table, micros = cap_windows, intent.hold_micros
    upsert = insert(table).values(cap_id=cap.cap_id, window=window, held_micros=micros, spent_micros=0)
    upsert = upsert.on_conflict_do_update(
        index_elements=[table.c.cap_id, table.c.window], set_={"held_micros": table.c.held_micros + micros}
    )
    row = connection.execute(upsert.returning(table.c.held_micros, table.c.spent_micros)).one()
    use = CapUse(cap, window, row.held_micros, row.spent_micros)
    if use.left_micros < 0:
        raise CapRefused(
            f"{cap.cap_id} ({window})",
            limit_micros=cap.limit_micros,
            committed_micros=use.committed_micros - micros,
            asked_micros=micros,
            scope=intent.dimensions.asset_key,
        )
    return use


def _take_slot(connection: Connection, vendor: str, slots: int) -> None:
    used = vendor_slots.c.used + 1
    upsert = insert(vendor_slots).values(vendor=vendor, used=1)
    upsert = upsert.on_conflict_do_update(index_elements=[vendor_slots.c.vendor], set_={"used": used})
    if connection.execute(upsert.returning(vendor_slots.c.used)).scalar_one() > slots:
        raise no_slot(vendor, slots)


def _write_crossed(connection: Connection, uses: Iterable[CapUse], hold: Hold) -> tuple[int, ...]:
    """An alert for every threshold that the hold crossed, unless there is one; the new alerts' numbers."""
    alert_ids: list[int] = []
    for use in uses:
        for percent in use.crossed(hold.intent.hold_micros):
            row = {"cap_id": use.cap.cap_id, "window": use.window, "percent": percent, "at": hold.now}
            row |= {"limit_micros": use.cap.limit_micros, "committed_micros": use.committed_micros}
            row |= {"attempt_id": hold.attempt_id, "run_id": hold.intent.dimensions.run_id}
            once = insert(cap_alerts).values(**row).on_conflict_do_nothing()
            alert_ids += connection.execute(once.returning(cap_alerts.c.alert_id)).scalars()
    return tuple(alert_ids)


def _write(connection: Connection, move: Move, *, slot_taken: bool) -> None:
    values = {name: value for name, value in move.values.items() if value is not None}
    if move.to in MOMENT:
        values[MOMENT[move.to]] = move.now
    mine = attempts.c.attempt_id == move.attempt_id
    connection.execute(attempts.update().where(mine).values(**values, state=move.to, slot_taken=slot_taken))
    event = {"attempt_id": move.attempt_id, "state": move.to, "micros": move.micros, "note": move.short_note}
    connection.execute(attempt_events.insert().values(**event, by=move.by, at=move.now))


def _return_hold(connection: Connection, move: Move, hold_micros: int) -> None:
    charged = sa.select(attempt_caps.c.cap_id, attempt_caps.c.window)
    charged = charged.where(attempt_caps.c.attempt_id == move.attempt_id)
    key = sa.tuple_(cap_windows.c.cap_id, cap_windows.c.window)
    counters = cap_windows.update().where(key.in_(charged))
    held = cap_windows.c.held_micros - hold_micros
    spent = cap_windows.c.spent_micros + move.values["cost_micros"]
    connection.execute(counters.values(held_micros=held, spent_micros=spent))
