"""The ledger's steps on PostgreSQL: one function, one round trip, one transaction each (hold.sql, move.sql).

Nothing is repeated here after a lost connection: whether it was committed is not known then, the caller gets
StorageError, and the next look at the work key tells.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from budget.caps import period_part
from budget.functions import call
from budget.refusals import AlreadyHeld, StillInDoubt, cannot_move, in_the_way, no_slot, not_approved, tried_meanwhile
from budget.steps import VALUES, Held, Hold, Move
from domain.errors import CapRefused, MoneyError
from storage.database import Database

# a hold starts again when it meets a cap's unknown time zone, or a cap that is changed under it
MAX_TURNS = 10
REFUSED_LATE, CAP_CHANGED = "DL001", "DL002"


class PostgresqlSteps:
    """`zones` grows to the time zones of all caps: windows are named here, so that both databases name them alike."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._zones: tuple[str, ...] = ("UTC",)

    def hold(self, hold: Hold) -> Held:
        for _ in range(MAX_TURNS):
            answer = self._try(hold)
            if answer["outcome"] == "held":
                return Held(answer["try_no"], tuple(answer["alerts"]))
            if answer["outcome"] == "zone":
                self._zones = (*self._zones, answer["zone"])
            elif answer["outcome"] != "again":
                raise _refusal(hold, answer)
        raise AlreadyHeld(f"caps over work {hold.intent.work_key[:12]} were changed {MAX_TURNS} times meanwhile")

    def move(self, move: Move) -> None:
        answer = call(self._database, "move", _move_parameters(move))
        if answer is not None and answer.get("outcome") == "not_approved":
            raise not_approved(move.approved_quote, answer["by"], answer["at"])
        if answer is not None:
            raise cannot_move(move.attempt_id, answer["state"], move.to)

    def _try(self, hold: Hold) -> Any:
        try:
            return call(self._database, "hold", _hold_parameters(hold, self._zones))
        except psycopg.DatabaseError as error:
            if error.sqlstate == REFUSED_LATE:
                return json.loads(error.diag.message_detail or "")
            if error.sqlstate == CAP_CHANGED:
                return {"outcome": "again"}
            raise


def _hold_parameters(hold: Hold, zones: Iterable[str]) -> list[Any]:
    intent, by = hold.intent, hold.intent.dimensions
    local = {zone: hold.now.astimezone(ZoneInfo(zone)) for zone in zones}
    return [
        hold.attempt_id,
        intent.work_key,
        intent.hold_micros,
        intent.price_version,
        json.dumps(intent.request),
        by.run_id,
        by.flow,
        by.deployment,
        by.campaign,
        by.cost_centre,
        by.asset_key,
        by.sku,
        by.stage,
        by.tier,
        by.vendor,
        by.role,
        by.model_id,
        hold.slots,
        hold.after_try,
        hold.resend_in_doubt,
        intent.approved_quote,
        hold.by,
        _utc(hold.now),
        hold.day,
        list(local),
        [period_part("day", at, by) for at in local.values()],
        [period_part("week", at, by) for at in local.values()],
        [period_part("month", at, by) for at in local.values()],
    ]


def _move_parameters(move: Move) -> list[Any]:
    states = sorted(move.allowed)
    first = [move.attempt_id, states, move.to, move.micros, move.short_note, move.by, _utc(move.now)]
    values = [move.values.get(name) for name in VALUES]
    return [
        *first,
        move.ends,
        move.frees_slot,
        move.approved_quote,
        *(json.dumps(v) if isinstance(v, dict) else v for v in values),
    ]


def _utc(at: datetime) -> datetime:
    """As the columns keep it: UTC without a zone."""
    return at.astimezone(UTC).replace(tzinfo=None)


def _refusal(hold: Hold, answer: dict[str, Any]) -> MoneyError:
    work_key, by = hold.intent.work_key, hold.intent.dimensions
    if answer["outcome"] == "in_the_way":
        return in_the_way(work_key, answer["state"])
    if answer["outcome"] == "tried":
        return tried_meanwhile(work_key, answer["try_no"])
    if answer["outcome"] == "in_doubt":
        return StillInDoubt(answer["attempt_id"])
    if answer["outcome"] == "not_approved":
        return not_approved(hold.intent.approved_quote, answer["by"], answer["at"])
    if answer["outcome"] == "busy":
        return no_slot(by.vendor, hold.slots)
    return CapRefused(
        "none" if answer["cap"] is None else f"{answer['cap']} ({answer['window']})",
        limit_micros=answer["limit_micros"],
        committed_micros=answer["committed_micros"],
        asked_micros=hold.intent.hold_micros,
        scope="" if answer["cap"] is None else by.asset_key,
    )
