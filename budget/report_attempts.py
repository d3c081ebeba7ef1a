"""The attempts behind a number: pages newest first, and all of them as a CSV that is never whole in memory."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from budget.attempt_rows import read_attempt
from budget.report_cells import dollars, safe_cell
from budget.report_filter import SpendFilter, conditions
from domain.attempt import Attempt
from domain.errors import InputError
from storage.database import Database
from storage.database.money_tables import attempts

MAX_PAGE = 500
CSV_ROWS_A_QUERY = 1_000
_TEXT = (
    "attempt_id", "day", "state", "flow", "deployment", "campaign", "cost_centre", "run_id", "asset_key", "sku", "tier",
    "vendor", "role", "model_id", "model_answered", "price_version", "cost_source", "job_id", "error_code",
)  # fmt: skip


@dataclass(frozen=True)
class AttemptPage:
    """`next_key` "" says that there is no more."""

    rows: tuple[Attempt, ...]
    next_key: str


def attempts_page(database: Database, asked: SpendFilter, after: str = "", limit: int = 50) -> AttemptPage:
    """A page, newest first. Raises InputError for a key that is no page's."""
    limit = max(1, min(limit, MAX_PAGE))
    with database.read() as connection:
        found = connection.execute(_page(sa.select(attempts), asked, after, limit + 1)).mappings().all()
    more = len(found) > limit
    return AttemptPage(tuple(read_attempt(row) for row in found[:limit]), _key(found[limit - 1]) if more else "")


def attempts_csv(database: Database, asked: SpendFilter) -> Iterator[bytes]:
    """RFC 4180 in pieces, newest first, amounts as exact dollars. No transaction stays open between the pieces."""
    names = [*_TEXT, "hold_micros", "cost_micros", "held_at", "ended_at"]
    query = sa.select(*(attempts.c[name] for name in names))
    yield "\N{BYTE ORDER MARK}".encode() + _lines([[*_TEXT, "hold_usd", "cost_usd", "held_at", "ended_at"]])
    after = ""
    while True:
        with database.read() as connection:
            found = connection.execute(_page(query, asked, after, CSV_ROWS_A_QUERY)).mappings().all()
        if found:
            yield _lines([_cells(row) for row in found])
        if len(found) < CSV_ROWS_A_QUERY:
            return
        after = _key(found[-1])


def _page(query: "sa.Select[Any]", asked: SpendFilter, after: str, limit: int) -> "sa.Select[Any]":
    """In the order of ix_attempts_spend backwards: a page in the middle of millions costs what the first one costs."""
    place = (attempts.c.day, attempts.c.held_at, attempts.c.attempt_id)
    query = query.where(*conditions(asked))
    if after:
        last = (sa.literal(value, column.type) for value, column in zip(_parsed(after), place, strict=True))
        query = query.where(sa.tuple_(*place) < sa.tuple_(*last))
    return query.order_by(*(column.desc() for column in place)).limit(limit)


def _key(row: Any) -> str:
    return f"{row['day']}|{row['held_at'].isoformat()}|{row['attempt_id']}"


def _parsed(key: str) -> tuple[str, datetime, str]:
    day, _, rest = key.partition("|")
    held, _, attempt_id = rest.partition("|")
    try:
        return day, datetime.fromisoformat(held).astimezone(UTC), attempt_id
    except ValueError as error:
        raise InputError(f"{key!r} is no place in the list", where="page") from error


def _cells(row: Any) -> list[str]:
    amounts = [dollars(row["hold_micros"]), dollars(row["cost_micros"])]
    times = [row[name].isoformat(timespec="seconds") if row[name] else "" for name in ("held_at", "ended_at")]
    return [*(safe_cell(row[name]) for name in _TEXT), *amounts, *times]


def _lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
