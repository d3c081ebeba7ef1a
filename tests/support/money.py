"""A bench for paid calls: a Wiring on SQLite and a folder store, requests of both vendors, and the money's audit."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from budget.caps import Cap
from budget.reports import list_attempts
from domain.attempt import Attempt, Dimensions
from domain.render import RenderRequest
from storage.database import open_database
from storage.database.migrate import migrate
from storage.database.money_tables import attempt_caps, cap_windows, vendor_slots
from tasks import paid_calls
from tasks.paid_calls import PaidCall
from tests.support.folder_store import FolderStore
from vendors.contract import Vendor
from wiring import Settings, Silent, Wiring, build

BFL_MODEL, GOOGLE_MODEL = "flux-2-klein-4b", "gemini-3.1-flash-image"
SMALL_PX = {BFL_MODEL: 64, GOOGLE_MODEL: 512}
VENDOR_OF = {BFL_MODEL: "bfl", GOOGLE_MODEL: "google"}
MODELS = (BFL_MODEL, GOOGLE_MODEL)
TEMPLATE = "template.db"
BOTH_SOLD_ON = date(2026, 10, 20)
"""A day before GOOGLE_MODEL retires: it is the one whose pictures may be small, so the tests with it are quick."""


def template_database(folder: Path) -> Path:
    """An empty, migrated database to copy: migrating costs more than most tests."""
    database = open_database(f"sqlite:///{folder / TEMPLATE}")
    migrate(database)
    database.close()
    return folder / TEMPLATE


def bench_wiring(home: Path, sandbox_url: str, *, template: Path | None = None, **settings: Any) -> Wiring:
    """A Wiring as a process builds it, with files under `home`; a second one on the same home is a second process."""
    home.mkdir(parents=True, exist_ok=True)
    if template is not None and not (home / "draftline.db").exists():
        shutil.copy(template, home / "draftline.db")
    w = build(Settings(home=home, sandbox_url=sandbox_url, **settings), progress=Silent())
    w.__dict__["store"] = FolderStore(home / "store")
    w.__dict__["today"] = lambda: BOTH_SOLD_ON
    return w


def folder_store(w: Wiring) -> FolderStore:
    store: Any = w.store
    assert isinstance(store, FolderStore)
    return store


def request(model_id: str = BFL_MODEL, prompt: str = "a red kettle", **more: Any) -> RenderRequest:
    side_px = SMALL_PX.get(model_id, 512)
    output_format = "jpeg" if model_id in SMALL_PX and VENDOR_OF[model_id] == "google" else "png"
    return RenderRequest(
        model_id, prompt, side_px, side_px, output_format=more.pop("output_format", output_format), **more
    )


def paid_call(vendor: Vendor, asked: RenderRequest, ordinal: int = 0, run_id: str = "r1") -> PaidCall:
    dimensions = Dimensions(
        run_id=run_id, flow="campaign", asset_key="kettle", stage="draft", vendor=vendor.name, model_id=asked.model_id
    )
    return PaidCall(asked, ordinal, vendor.measure(asked), dimensions)


def set_run_cap(w: Wiring, limit_micros: int, run_id: str = "r1") -> None:
    w.ledger.set_cap(Cap(f"run:{run_id}", "run_id", run_id, "total", limit_micros), by="test", why="test")


@dataclass(frozen=True)
class Totals:
    """Sums over attempts, in micros."""

    settled: int
    held: int
    in_doubt: int


def totals(attempts: list[Attempt]) -> Totals:
    return Totals(
        settled=sum(a.cost_micros or 0 for a in attempts if a.state == "settled"),
        held=sum(a.hold_micros for a in attempts if a.is_open),
        in_doubt=sum(a.hold_micros for a in attempts if a.state == "in_doubt"),
    )


def audit(w: Wiring, invoice: Mapping[str, Any]) -> Totals:
    """The invariants, whatever happened: counters equal rows, slots equal open work, the ledger covers the invoice.

    Nothing held may be left when it is called; use `audit_counters` while work is open.
    """
    attempts = audit_counters(w)
    sums = totals(attempts)
    assert sums.held == 0, [a for a in attempts if a.is_open]
    billed = invoice["total_micros"]
    assert sums.settled + sums.in_doubt >= billed, (sums, invoice)
    if not sums.in_doubt:
        assert sums.settled == billed, (sums, invoice)
    return sums


def audit_counters(w: Wiring) -> list[Attempt]:
    """Every cap's counter is the sum over its attempts; every slot taken belongs to open work."""
    attempts = list_attempts(w.database)
    by_id = {a.attempt_id: a for a in attempts}
    held: dict[tuple[str, str], int] = {}
    spent: dict[tuple[str, str], int] = {}
    with w.database.read() as connection:
        for row in connection.execute(sa.select(attempt_caps)):
            attempt, key = by_id[row.attempt_id], (row.cap_id, row.window)
            is_held = attempt.is_open or attempt.state == "in_doubt"
            held[key] = held.get(key, 0) + (attempt.hold_micros if is_held else 0)
            spent[key] = spent.get(key, 0) + (attempt.cost_micros or 0)
        windows = connection.execute(sa.select(cap_windows)).all()
        used = {row.vendor: row.used for row in connection.execute(sa.select(vendor_slots))}
    assert {(r.cap_id, r.window): (r.held_micros, r.spent_micros) for r in windows} == {
        k: (held[k], spent[k]) for k in held
    }
    for vendor, count in used.items():
        assert count == len(w.ledger.slots_taken(vendor)) <= sum(a.is_open for a in attempts), vendor
    return attempts


def replace_waits(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], Awaitable[None]]) -> None:
    """The door's waits, and nobody else's: threads that earlier tests left in this process keep their own sleep."""
    mine = ModuleType("asyncio")
    vars(mine).update(vars(asyncio))
    vars(mine)["sleep"] = sleep
    monkeypatch.setattr(paid_calls, "asyncio", mine)
