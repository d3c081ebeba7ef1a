"""An independent witness, in a process and on a connection of its own: never stops looking while others pay.

Every 20 ms: held + spent <= limit in every window, as the counters say. Now and then also from the attempts' rows, and
against the vendors' invoice: what is committed is never below what was billed before.
"""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from domain.errors import StorageError
from sandbox.state import write_atomically
from storage.database import Database, open_database
from storage.database.money_tables import attempts, cap_windows, caps

LOOK_EVERY_S = 0.02
MAX_KEPT = 20
COMMITTED = ("held", "sent", "accepted", "delivered", "in_doubt")


@dataclass
class Seen:
    """What the observer has seen so far; written to disk, so that its own death hides nothing."""

    looks: int = 0
    exceeded: list[str] = field(default_factory=list)
    fullest_ppm: dict[str, int] = field(default_factory=dict)
    invoice_looks: int = 0
    uncovered: list[str] = field(default_factory=list)
    least_margin_micros: int | None = None
    outages: int = 0
    longest_gap_ms: int = 0


def observe(database_url: str, sandbox_url: str, folder: Path, rows_every_s: float) -> None:
    """Until a file `stop` lies in the folder; what it saw is in `observer.json`."""
    database, seen = open_database(database_url), Seen()
    rows_at_s = last_s = time.monotonic()
    while not (folder / "stop").exists():
        started_s = time.monotonic()
        seen.longest_gap_ms = max(seen.longest_gap_ms, round((started_s - last_s) * 1000))
        last_s = started_s
        try:
            _look_at_counters(database, seen)
            if started_s >= rows_at_s:
                _look_at_rows(database, sandbox_url, seen)
                rows_at_s = time.monotonic() + rows_every_s
                _write(folder, seen)
        except StorageError:
            seen.outages += 1
        time.sleep(max(0.0, LOOK_EVERY_S - (time.monotonic() - started_s)))
    _write(folder, seen)
    database.close()


def read_seen(folder: Path) -> Seen:
    return Seen(**json.loads((folder / "observer.json").read_bytes()))


def _look_at_counters(database: Database, seen: Seen) -> None:
    query = sa.select(
        cap_windows.c.cap_id,
        cap_windows.c.window,
        cap_windows.c.held_micros,
        cap_windows.c.spent_micros,
        caps.c.limit_micros,
    ).join(caps, caps.c.cap_id == cap_windows.c.cap_id)
    with database.read() as connection:
        rows = connection.execute(query).all()
    seen.looks += 1
    for row in rows:
        committed = row.held_micros + row.spent_micros
        if row.limit_micros:
            full = committed * 1_000_000 // row.limit_micros
            seen.fullest_ppm[row.cap_id] = max(full, seen.fullest_ppm.get(row.cap_id, 0))
        if committed > row.limit_micros:
            _keep(seen.exceeded, f"{row.cap_id} {row.window}: committed {committed} of {row.limit_micros} (counters)")


def _look_at_rows(database: Database, sandbox_url: str, seen: Seen) -> None:
    """The invoice first: what was billed by then must be committed by now."""
    billed = _billed_micros(sandbox_url)
    micros = sa.case((attempts.c.state.in_(COMMITTED), attempts.c.hold_micros), else_=attempts.c.cost_micros)
    total = sa.func.coalesce(sa.func.sum(micros), 0)
    with database.read() as connection:
        committed = int(connection.execute(sa.select(total)).scalar_one())
        limits = {row.cap_id: row for row in connection.execute(sa.select(caps)) if row.period == "total"}
        for row in limits.values():
            scope = attempts.c[row.scope] == row.scope_value
            found = int(connection.execute(sa.select(total).where(scope)).scalar_one())
            if found > row.limit_micros:
                _keep(seen.exceeded, f"{row.cap_id}: committed {found} of {row.limit_micros} (rows)")
    if billed is None:
        return
    seen.invoice_looks += 1
    margin = committed - billed
    seen.least_margin_micros = min(margin, margin if seen.least_margin_micros is None else seen.least_margin_micros)
    if margin < 0:
        _keep(seen.uncovered, f"billed {billed}, committed {committed}")


def _billed_micros(sandbox_url: str) -> int | None:
    """None while the sandbox is down."""
    try:
        body: dict[str, Any] = httpx.get(f"{sandbox_url}/_sandbox/invoice", timeout=30).raise_for_status().json()
    except httpx.HTTPError:
        return None
    return int(body["total_micros"])


def _keep(found: list[str], what: str) -> None:
    if len(found) < MAX_KEPT:
        found.append(what)


def _write(folder: Path, seen: Seen) -> None:
    write_atomically(folder / "observer.json", json.dumps(asdict(seen)).encode())
