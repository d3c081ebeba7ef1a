"""Which attempts a report is about: a range of days and values of what finance asks by. No sums here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal, get_args

import sqlalchemy as sa

from domain.attempt import State
from domain.errors import InputError
from storage.database.money_tables import attempts

SpendKey = Literal["flow", "campaign", "cost_centre", "model", "tier", "vendor", "day", "run", "sku"]
SPEND_KEYS: tuple[SpendKey, ...] = get_args(SpendKey)
STATES: tuple[str, ...] = get_args(State)
_COLUMN = {"run": "run_id", "model": "model_id"}


@dataclass(frozen=True)
class SpendFilter:
    """Days are YYYY-MM-DD in UTC, both inclusive. An empty field asks for everything."""

    first_day: str = ""
    last_day: str = ""
    flow: str = ""
    campaign: str = ""
    cost_centre: str = ""
    model: str = ""
    tier: str = ""
    vendor: str = ""
    run: str = ""
    sku: str = ""
    state: str = ""

    def __post_init__(self) -> None:
        for name in ("first_day", "last_day"):
            _check_day(getattr(self, name), name)
        if self.state and self.state not in STATES:
            raise InputError(f"there is no state {self.state!r}", where="state", hint=", ".join(STATES))

    def with_(self, **changes: str) -> "SpendFilter":
        return replace(self, **changes)

    def as_query(self) -> dict[str, str]:
        """What a link to the same report carries."""
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "SpendFilter":
        """From a link. Unknown names are left out; raises InputError for a day or state that does not exist."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: str(value).strip() for name, value in query.items() if name in names})

    def narrowed(self, key: SpendKey, value: str) -> "SpendFilter":
        """The attempts behind one row of a report by `key`."""
        return self.with_(first_day=value, last_day=value) if key == "day" else self.with_(**{key: value})


def column_of(key: SpendKey) -> "sa.Column[Any]":
    return attempts.c[_COLUMN.get(key, key)]


def conditions(asked: SpendFilter) -> list["sa.ColumnElement[bool]"]:
    """The filter as SQL, over columns of ix_attempts_spend only."""
    found: list[sa.ColumnElement[bool]] = []
    if asked.first_day:
        found.append(attempts.c.day >= asked.first_day)
    if asked.last_day:
        found.append(attempts.c.day <= asked.last_day)
    for key in (k for k in SPEND_KEYS if k != "day" and getattr(asked, k)):
        found.append(column_of(key) == getattr(asked, key))
    if asked.state:
        found.append(attempts.c.state == asked.state)
    return found


def _check_day(text: str, name: str) -> None:
    if not text:
        return
    try:
        written = date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InputError(f"{text!r} is no day", where=name, hint="Write it as 2026-11-21") from error
    if written != text:
        raise InputError(f"{text!r} is no day", where=name, hint="Write it as 2026-11-21")
