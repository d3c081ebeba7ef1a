"""A row of `attempts` as an Attempt."""

from dataclasses import fields
from typing import Any

from sqlalchemy.engine import RowMapping

from domain.attempt import Attempt, Dimensions
from domain.render import Job

_DIMENSIONS = [f.name for f in fields(Dimensions)]


def read_attempt(row: RowMapping) -> Attempt:
    job: dict[str, Any] = row["job"]
    return Attempt(
        attempt_id=row["attempt_id"],
        work_key=row["work_key"],
        try_no=row["try_no"],
        state=row["state"],
        hold_micros=row["hold_micros"],
        cost_micros=row["cost_micros"],
        cost_source=row["cost_source"],
        price_version=row["price_version"],
        dimensions=Dimensions(**{name: row[name] for name in _DIMENSIONS}),
        process_id=row["process_id"],
        job=Job(**job) if job else None,
        request=row["request"],
        usage=row["usage"],
        receipt=row["receipt"],
        model_answered=row["model_answered"],
        error_code=row["error_code"],
        error=row["error"],
        result_sha256=row["result_sha256"],
        result_key=row["result_key"],
        held_at=row["held_at"],
        in_doubt_at=row["in_doubt_at"],
        ended_at=row["ended_at"],
        evidence=row["evidence"],
    )
