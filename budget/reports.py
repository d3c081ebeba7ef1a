"""Spend reports: sums over attempts by one column. Reading only; in-doubt money is shown beside what is spent."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from budget.attempt_rows import read_attempt
from domain.attempt import Attempt
from storage.database import Database
from storage.database.money_tables import attempts

SpendBy = Literal["flow", "run", "campaign", "sku", "stage", "tier", "vendor", "role", "model", "day", "cost_centre"]
SPEND_BY: tuple[str, ...] = get_args(SpendBy)
_COLUMN = {"run": "run_id", "model": "model_id"}


@dataclass(frozen=True)
class SpendRow:
    """Sums of one value of the column, in micros. `held` is set aside for work under way; `in_doubt` stays held."""

    key: str
    calls: int
    images: int
    spent_micros: int
    held_micros: int
    in_doubt_micros: int
    in_doubt: int

    @property
    def committed_micros(self) -> int:
        return self.spent_micros + self.held_micros + self.in_doubt_micros


def spend(database: Database, by: SpendBy, *, run_id: str | None = None) -> list[SpendRow]:
    """One row a value, dearest first (days in order). Released attempts cost nothing and are not counted."""
    column = attempts.c[_COLUMN.get(by, by)]
    state, open_states = attempts.c.state, ("held", "sent", "accepted", "delivered")
    query = sa.select(
        column.label("key"),
        sa.func.count().label("calls"),
        _sum(attempts.c.result_sha256 != "", 1).label("images"),
        _sum(state == "settled", attempts.c.cost_micros).label("spent"),
        _sum(state.in_(open_states), attempts.c.hold_micros).label("held"),
        _sum(state == "in_doubt", attempts.c.hold_micros).label("doubt_micros"),
        _sum(state == "in_doubt", 1).label("doubts"),
    ).where(state != "released")
    if run_id is not None:
        query = query.where(attempts.c.run_id == run_id)
    with database.read() as connection:
        rows = connection.execute(query.group_by(column)).all()
    found = [SpendRow(r.key, r.calls, r.images, r.spent, r.held, r.doubt_micros, r.doubts) for r in rows]
    return sorted(found, key=lambda r: (r.key,) if by == "day" else (-r.committed_micros, r.key))


def _sum(condition: Any, value: Any) -> Any:
    return sa.func.coalesce(sa.cast(sa.func.sum(sa.case((condition, value), else_=0)), sa.BigInteger), 0)


def list_attempts(database: Database, *, run_id: str | None = None, states: tuple[str, ...] = ()) -> list[Attempt]:
    """Attempts in the order in which they were held."""
    query = sa.select(attempts).order_by(attempts.c.held_at, attempts.c.attempt_id)
    if run_id is not None:
        query = query.where(attempts.c.run_id == run_id)
    if states:
        query = query.where(attempts.c.state.in_(states))
    if states and not {"settled", "released"} & set(states):
        # the index of unended attempts answers this, however many have ended
        query = query.where(attempts.c.ended_at.is_(None))
    with database.read() as connection:
        return [read_attempt(row) for row in connection.execute(query).mappings()]
