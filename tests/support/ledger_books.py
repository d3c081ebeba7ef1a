"""Books for property tests: a ledger of several processes on one database, emptied cheaply, and its rows as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import sqlalchemy as sa

from budget.alerts import CapAlert
from budget.ledger import Ledger
from domain.attempt import Attempt
from domain.errors import MoneyError
from storage.database import Database
from storage.database.money_tables import (
    attempt_caps,
    attempt_events,
    attempts,
    cap_alerts,
    cap_changes,
    cap_windows,
    caps,
    vendor_slots,
)

START = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # the evening before Berlin's day of 25 hours
TABLES = (attempt_events, attempt_caps, cap_alerts, cap_windows, cap_changes, caps, vendor_slots, attempts)
NUMBERS = {"event_id", "change_id", "alert_id"}  # a refused insert may use one up
OPEN = ("held", "sent", "accepted", "delivered")


@dataclass
class Books:
    """`told` are the alerts that were handed to `on_alert`."""

    database: Database
    now: datetime = START
    told: list[CapAlert] = field(default_factory=list)
    ids: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        with self.database.write() as connection:
            if self.database.is_sqlite:
                for table in TABLES:
                    connection.execute(table.delete())
            else:
                names = ", ".join(table.name for table in TABLES)
                connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))

    def ledger(self, process_id: str) -> Ledger:
        made = Ledger(self.database, process_id=process_id, clock=lambda: self.now, new_id=lambda: f"a{next(self.ids)}")
        made.on_alert = self.told.extend
        return made

    def outcome(self, step: Callable[[Ledger], Any], process_id: str) -> tuple[str, Any]:
        """What came of a step, as something that two databases can be compared by."""
        try:
            found = step(self.ledger(process_id))
        except MoneyError as error:
            return type(error).__name__, str(error)
        return "done", found if isinstance(found, Attempt) else None

    def look(self) -> "Look":
        with self.database.read() as connection:
            rows = {table.name: [dict(r) for r in connection.execute(sa.select(table)).mappings()] for table in TABLES}
        return Look({table.name: sorted(rows[table.name], key=_key_of(table)) for table in TABLES})


def _key_of(table: sa.Table) -> Callable[[dict[str, Any]], Any]:
    names = [column.name for column in table.primary_key]
    return lambda row: [row[name] for name in names]


@dataclass(frozen=True)
class Look:
    """All money rows at one moment."""

    rows: Mapping[str, list[dict[str, Any]]]

    def comparable(self) -> dict[str, list[dict[str, Any]]]:
        """Without the numbers that a database gives rows."""
        return {
            name: [{k: v for k, v in row.items() if k not in NUMBERS} for row in rows]
            for name, rows in self.rows.items()
        }

    @property
    def attempts(self) -> dict[str, dict[str, Any]]:
        return {row["attempt_id"]: row for row in self.rows["attempts"]}

    @property
    def windows(self) -> dict[tuple[str, str], tuple[int, int]]:
        return {(r["cap_id"], r["window"]): (r["held_micros"], r["spent_micros"]) for r in self.rows["cap_windows"]}

    @property
    def committed(self) -> dict[tuple[str, str], int]:
        return {key: held + spent for key, (held, spent) in self.windows.items()}

    @property
    def limits(self) -> dict[str, int]:
        return {row["cap_id"]: row["limit_micros"] for row in self.rows["caps"]}

    def check_counters(self) -> None:
        """Every counter is the sum over its attempts, every slot taken is an open attempt's."""
        held: dict[tuple[str, str], int] = dict.fromkeys(self.windows, 0)
        spent, found = dict(held), self.attempts
        for row in self.rows["attempt_caps"]:
            attempt, key = found[row["attempt_id"]], (row["cap_id"], row["window"])
            held[key] += attempt["hold_micros"] if attempt["state"] in (*OPEN, "in_doubt") else 0
            spent[key] += attempt["cost_micros"] or 0
        assert self.windows == {key: (held[key], spent[key]) for key in held}
        slots: dict[str, int] = {row["vendor"]: 0 for row in self.rows["vendor_slots"]}
        for attempt in found.values():
            slots[attempt["vendor"]] += attempt["slot_taken"]
            assert not attempt["slot_taken"] or attempt["state"] in OPEN
        assert {row["vendor"]: row["used"] for row in self.rows["vendor_slots"]} == slots

    def check_rows(self) -> None:
        """Events tell each attempt's story up to its state, and its moments agree with them."""
        told: dict[str, list[str]] = {}
        for event in sorted(self.rows["attempt_events"], key=lambda row: row["event_id"]):
            told.setdefault(event["attempt_id"], []).append(event["state"])
        for attempt_id, attempt in self.attempts.items():
            states = told[attempt_id]
            assert (states[0], states[-1]) == ("held", attempt["state"])
            ended = attempt["state"] in ("settled", "released")
            assert (attempt["ended_at"] is not None, attempt["cost_micros"] is not None) == (ended, ended)
            assert (attempt["in_doubt_at"] is not None) == ("in_doubt" in states)

    def check_limits(self, before: "Look") -> None:
        """Committed never grows above a limit; it may stay above one that was lowered under it."""
        for key, micros in self.committed.items():
            assert micros <= max(self.limits[key[0]], before.committed.get(key, 0)), key

    def check_alerts(self, before: "Look") -> None:
        """Whatever threshold the last step's growth crossed has its one alert."""
        alerts = {(r["cap_id"], r["window"], r["percent"], r["limit_micros"]) for r in self.rows["cap_alerts"]}
        assert len(alerts) == len(self.rows["cap_alerts"])
        for cap in self.rows["caps"]:
            limit = cap["limit_micros"]
            for (cap_id, window), micros in self.committed.items():
                if cap_id == cap["cap_id"]:
                    was = before.committed.get((cap_id, window), 0)
                    crossed = {t for t in cap["thresholds"] if was * 100 < t * limit <= micros * 100}
                    assert {(cap_id, window, t, limit) for t in crossed} <= alerts
