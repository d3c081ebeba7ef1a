"""What a launch form asks of earlier work: how long calls take, who pays, which feeds were used. Reading only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa

from storage.database import Database
from storage.database.board_tables import launches, users
from storage.database.money_tables import attempts, caps
from storage.database.tables import runs

LAST_CALLS = 50
ENOUGH_CALLS = 3
MAX_CHOICES = 200
LATELY = timedelta(days=14)
"""How far back calls are looked at: the index by day answers that at once, however long the journal is."""
PAID_LATELY = timedelta(days=92)


@dataclass(frozen=True)
class KnownFeed:
    """A feed that a catalog run was started with from here, with the parameters of its newest run."""

    feed: str
    params: dict[str, object]


def usual_call_s(database: Database, model_ids: Iterable[str], now: datetime) -> dict[str, float]:
    """Seconds from hold to bill, the median of each model's newest calls; only models with enough of them lately."""
    found: dict[str, float] = {}
    with database.read() as connection:
        for model_id in model_ids:
            query = sa.select(attempts.c.held_at, attempts.c.ended_at)
            query = query.where(attempts.c.model_id == model_id, attempts.c.state == "settled", _since(now - LATELY))
            query = query.order_by(attempts.c.day.desc(), attempts.c.held_at.desc()).limit(LAST_CALLS)
            rows = connection.execute(query).all()
            if len(rows) >= ENOUGH_CALLS:
                found[model_id] = median((row.ended_at - row.held_at).total_seconds() for row in rows)
    return found


def known_cost_centres(database: Database, now: datetime) -> tuple[str, ...]:
    """Those that paid in the last months and those that have a cap, in order."""
    paid = sa.select(attempts.c.cost_centre.label("name")).where(attempts.c.cost_centre != "")
    paid = paid.where(_since(now - PAID_LATELY)).distinct()
    capped = sa.select(caps.c.scope_value.label("name")).where(caps.c.scope == "cost_centre", caps.c.scope_value != "*")
    with database.read() as connection:
        rows = connection.execute(sa.union(paid, capped).limit(MAX_CHOICES))
        return tuple(sorted(row.name for row in rows))


def known_feeds(database: Database) -> tuple[KnownFeed, ...]:
    """Newest first, each once."""
    query = sa.select(launches.c.params).where(launches.c.deployment == "catalog/catalog")
    found: dict[str, KnownFeed] = {}
    with database.read() as connection:
        for row in connection.execute(query.order_by(launches.c.created_at.desc()).limit(MAX_CHOICES)):
            feed = str(row.params.get("feed", ""))
            if feed:
                found.setdefault(feed, KnownFeed(feed, dict(row.params)))
    return tuple(found.values())


def names_of_people(database: Database, user_ids: Iterable[str]) -> dict[str, str]:
    """Names for people; whoever is unknown has the id."""
    asked = sorted({user_id for user_id in user_ids if user_id})
    with database.read() as connection:
        rows = connection.execute(
            sa.select(users.c.user_id, users.c.display_name).where(users.c.user_id.in_(asked))
        ).all()
    return {user_id: user_id for user_id in asked} | {row.user_id: row.display_name or row.user_id for row in rows}


def next_round(database: Database, name: str) -> int:
    """The round after the newest one of campaigns of this name."""
    query = sa.select(runs.c.plan).where(runs.c.kind == "campaign", runs.c.name == name)
    with database.read() as connection:
        rounds = [int(row.plan.get("round", 1)) for row in connection.execute(query)]
    return max(rounds, default=0) + 1


def _since(first: datetime) -> sa.ColumnElement[bool]:
    return attempts.c.day >= f"{first:%Y-%m-%d}"
