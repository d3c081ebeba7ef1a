"""Which attempts a report is about: a range of days and values of what finance asks by. No sums here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal, get_args

import sqlalchemy as sa

from domain.attempt import OPEN_STATES, State
from domain.errors import InputError
from storage.database.money_tables import attempt_caps, attempts

SpendKey = Literal["flow", "campaign", "cost_centre", "model", "tier", "vendor", "day", "run", "sku"]
SPEND_KEYS: tuple[SpendKey, ...] = get_args(SpendKey)
STATES: tuple[str, ...] = get_args(State)
STATE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "under_way": tuple(state for state in STATES if state in OPEN_STATES),
    "counted": tuple(state for state in STATES if state != "released"),
}
"""What a number adds up over several states: the calls that are held, and all that cost or may cost something."""
NOT_GIVEN = "(none)"
"""Asks for the attempts that have no value here: the row of a report whose key is empty."""
_COLUMN = {"run": "run_id", "model": "model_id"}


@dataclass(frozen=True)
class SpendFilter:
    """Days are YYYY-MM-DD in UTC, both inclusive. An empty field asks for everything, NOT_GIVEN for what has no value.

    `state` is a state or one of STATE_GROUPS; `cap` and `window` ask for what one window of a cap has counted.
    """

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
    cap: str = ""
    window: str = ""

    def __post_init__(self) -> None:
        for name in ("first_day", "last_day"):
            _check_day(getattr(self, name), name)
        if self.state and self.state not in (*STATES, *STATE_GROUPS):
            hint = ", ".join((*STATES, *STATE_GROUPS))
            raise InputError(f"there is no state {self.state!r}", where="state", hint=hint)

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
        if key == "day":
            return self.with_(first_day=value, last_day=value)
        return self.with_(**{key: value or NOT_GIVEN})


def column_of(key: SpendKey) -> "sa.Column[Any]":
    return attempts.c[_COLUMN.get(key, key)]


def conditions(asked: SpendFilter) -> list["sa.ColumnElement[bool]"]:
    """The filter as SQL, over columns of ix_attempts_spend only (but for a cap's window, which asks for each row)."""
    found: list[sa.ColumnElement[bool]] = []
    if asked.first_day:
        found.append(attempts.c.day >= asked.first_day)
    if asked.last_day:
        found.append(attempts.c.day <= asked.last_day)
    for key in (k for k in SPEND_KEYS if k != "day" and getattr(asked, k)):
        value = getattr(asked, key)
        found.append(column_of(key) == ("" if value == NOT_GIVEN else value))
    if asked.state:
        found.append(attempts.c.state.in_(STATE_GROUPS.get(asked.state, (asked.state,))))
    if asked.cap:
        mine = (attempt_caps.c.attempt_id == attempts.c.attempt_id, attempt_caps.c.cap_id == asked.cap)
        window = (attempt_caps.c.window == asked.window,) if asked.window else ()
        found.append(sa.exists().where(*mine, *window))
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
