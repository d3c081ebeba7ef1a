"""What runs have cost and hold: sums over attempts by run, for the board. Reading only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from budget.unfinished import NEVER_SENT
from storage.database.money_tables import attempts

UNDER_WAY = ("sent", "accepted", "delivered")


@dataclass(frozen=True)
class RunMoney:
    """In micros. `held` was not sent yet: a cancel would free it. `under_way` will be billed, `in_doubt` may be.

    `freed` is what was held for calls that were never sent, and was given back.
    """

    settled_micros: int
    held_micros: int
    under_way_micros: int
    in_doubt_micros: int
    held: int
    in_doubt: int
    calls: int
    freed_micros: int = 0
    freed: int = 0

    @property
    def is_open(self) -> bool:
        """Whether money still moves by itself: what is under way is billed, what is held is sent or given back."""
        return self.held_micros + self.under_way_micros > 0

    @property
    def committed_micros(self) -> int:
        return self.settled_micros + self.held_micros + self.under_way_micros + self.in_doubt_micros


NO_MONEY = RunMoney(0, 0, 0, 0, 0, 0, 0)


def money_of_runs(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunMoney]:
    """By run; a run without a call is not in it. Released attempts cost nothing and are not counted."""
    state, hold = attempts.c.state, attempts.c.hold_micros
    is_freed = sa.and_(state == "released", attempts.c.error_code == NEVER_SENT)
    query = (
        sa.select(
            attempts.c.run_id,
            _sum(state == "settled", attempts.c.cost_micros).label("settled_micros"),
            _sum(state == "held", hold).label("held_micros"),
            _sum(state.in_(UNDER_WAY), hold).label("under_way_micros"),
            _sum(state == "in_doubt", hold).label("in_doubt_micros"),
            _sum(state == "held", 1).label("held"),
            _sum(state == "in_doubt", 1).label("in_doubt"),
            _sum(state != "released", 1).label("calls"),
            _sum(is_freed, hold).label("freed_micros"),
            _sum(is_freed, 1).label("freed"),
        )
        .where(attempts.c.run_id.in_(list(run_ids)))
        .group_by(attempts.c.run_id)
    )
    found = connection.execute(query).mappings()
    return {row["run_id"]: RunMoney(**{k: v for k, v in row.items() if k != "run_id"}) for row in found}


def _sum(condition: Any, value: Any) -> Any:
    # PostgreSQL sums big integers to numeric, which is no int in Python
    return sa.func.coalesce(sa.cast(sa.func.sum(sa.case((condition, value), else_=0)), sa.BigInteger), 0)


@dataclass(frozen=True)
class Cost:
    """One call as a page of an asset shows it; `cost_micros` is None while there is no bill."""

    attempt_id: str
    state: str
    hold_micros: int
    cost_micros: int | None
    cost_source: str
    price_version: str
    job_id: str
    held_at: datetime
    ended_at: datetime | None


def costs_of_asset(connection: Connection, run_id: str, asset_key: str) -> dict[str, Cost]:
    """The asset's calls in the order in which they were held, by attempt."""
    query = sa.select(*(attempts.c[name] for name in Cost.__dataclass_fields__))
    query = query.where(attempts.c.run_id == run_id, attempts.c.asset_key == asset_key)
    rows = connection.execute(query.order_by(attempts.c.held_at, attempts.c.attempt_id)).mappings()
    return {row["attempt_id"]: Cost(**row) for row in rows}


def doubts_of_assets(connection: Connection, run_id: str, asset_keys: Sequence[str]) -> int:
    """How many calls of these assets are in doubt."""
    where = (attempts.c.run_id == run_id, attempts.c.state == "in_doubt", attempts.c.asset_key.in_(list(asset_keys)))
    return int(connection.execute(sa.select(sa.func.count()).where(*where)).scalar_one())


def money_pulse(connection: Connection, run_id: str) -> tuple[Any, ...]:
    """Numbers that change with every change of state or cost of the run's calls."""
    state = attempts.c.state
    counted = [_sum(state == name, 1) for name in ("held", *UNDER_WAY, "settled", "released", "in_doubt")]
    cost = sa.func.coalesce(sa.cast(sa.func.sum(attempts.c.cost_micros), sa.BigInteger), 0)
    return tuple(connection.execute(sa.select(*counted, cost).where(attempts.c.run_id == run_id)).one())


def costs_of_attempts(connection: Connection, run_id: str) -> dict[str, int | None]:
    """What each call of the run cost, by attempt; None while there is no bill."""
    query = sa.select(attempts.c.attempt_id, attempts.c.cost_micros).where(attempts.c.run_id == run_id)
    return {row.attempt_id: row.cost_micros for row in connection.execute(query)}
