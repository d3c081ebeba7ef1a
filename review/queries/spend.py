"""What the pages on money read, in one place. The SQL for money is budget's; nothing is computed here."""

import sqlalchemy as sa

from budget.report_attempt import AttemptStory, attempt_story
from budget.report_attempts import AttemptPage, attempts_csv, attempts_page
from budget.report_caps import (
    CapBurn,
    CapChange,
    ToldAlert,
    cap_alerts_of,
    cap_burns,
    cap_changes_of,
    caps_by_name,
    window_bounds,
)
from budget.report_filter import NOT_GIVEN, SPEND_KEYS, STATE_GROUPS, STATES, SpendFilter, SpendKey
from budget.report_spend import (
    Series,
    SeriesLine,
    SpendSum,
    spend_by,
    spend_choices,
    spend_series,
    spend_total,
    spend_values,
    spend_version,
    sum_of,
    sums_csv,
)
from domain.attempt import Attempt
from storage.database import Database
from storage.database.tables import images, runs

__all__ = [
    "NOT_GIVEN",
    "SPEND_KEYS",
    "STATES",
    "STATE_GROUPS",
    "AttemptPage",
    "AttemptStory",
    "CapBurn",
    "CapChange",
    "Series",
    "SeriesLine",
    "SpendFilter",
    "SpendKey",
    "SpendSum",
    "ToldAlert",
    "attempt_story",
    "attempts_csv",
    "attempts_page",
    "cap_alerts_of",
    "cap_burns",
    "cap_changes_of",
    "caps_by_name",
    "image_of",
    "is_known_run",
    "spend_by",
    "spend_choices",
    "spend_series",
    "spend_total",
    "spend_values",
    "spend_version",
    "sum_of",
    "sums_csv",
    "window_bounds",
]


def image_of(database: Database, attempt: Attempt) -> str:
    """The id of the picture that this call paid for; "" without one."""
    run_id, attempt_id = attempt.dimensions.run_id, attempt.attempt_id
    query = sa.select(images.c.image_id).where(images.c.run_id == run_id, images.c.attempt_id == attempt_id)
    with database.read() as connection:
        return connection.execute(query.order_by(images.c.ordinal).limit(1)).scalar() or ""


def is_known_run(database: Database, run_id: str) -> bool:
    """Whether the run has a page: a call may name a run that was never opened here."""
    with database.read() as connection:
        return connection.execute(sa.select(runs.c.run_id).where(runs.c.run_id == run_id)).first() is not None
