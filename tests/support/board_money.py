"""Money rows of a seeded board, in bulk: attempts as a ledger would have left them, and cap counters that agree."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from budget.caps import Cap
from domain.attempt import Dimensions
from domain.run import Asset, Run
from storage.database import Database
from storage.database.money_tables import attempt_caps, attempts, cap_windows, caps

CAMPAIGNS = ("slow-mornings", "harvest-table", "first-frost", "autumn", "gift-guide")
COST_CENTRES = ("brand", "shop", "")
MODELS = (("bfl", "flux-2-klein-4b", "draft", 14_000), ("google", "gemini-3.1-flash-image", "final", 67_200),
          ("bfl", "flux-2-pro", "final", 45_000))  # fmt: skip
CAPS = (
    Cap("day", "global", "", "day", 50_000_000),
    Cap("flow-day", "flow", "*", "day", 40_000_000),
    Cap("brand-month", "cost_centre", "brand", "month", 120_000_000, "Europe/Berlin"),
    Cap("google-week", "vendor", "google", "week", 90_000_000),
)


class Spender:
    """Collects attempts, then writes them with their caps' counters."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database, self.now = database, now
        self.random, self.numbers = random.Random(11), count(1)
        self.rows: list[dict[str, Any]] = []

    def settled(self, run: Run, asset: Asset, stage: str, plan: dict[str, Any], *, minutes_ago: int) -> str:
        line = next(x for x in run.quote["lines"] if x["stage"] == stage and x["asset_key"] == asset.asset_key)
        at = self.now - timedelta(minutes=minutes_ago)
        return self._add(self._of(run, asset, stage, plan), line["each"]["worst"], at, "settled",
                         cost_micros=line["each"]["expected"], result_sha256="1" * 64)  # fmt: skip

    def in_doubt(self, run: Run, asset: Asset, stage: str) -> str:
        at = self.now - timedelta(minutes=50)
        return self._add(self._of(run, asset, stage, asset.plan[stage]), 20_000, at, "in_doubt", error_code="cut")

    def held(self, run: Run, asset: Asset, stage: str) -> str:
        return self._add(self._of(run, asset, stage, asset.plan[stage]), 67_200, self.now, "held")

    def days(self, number: int) -> None:
        """Spend on each of the last days, some of it released or in doubt."""
        for day in range(number):
            for n in range(self.random.randrange(20, 60)):
                at = self.now - timedelta(days=day, minutes=n * 7)
                vendor, model, tier, cost = self.random.choice(MODELS)
                campaign, centre = self.random.choice(CAMPAIGNS), self.random.choice(COST_CENTRES)
                sku = f"HP-{self.random.randrange(40):03d}"
                flow = "catalog" if campaign == "autumn" else "campaign"
                d = Dimensions(f"{flow}-{campaign}-{day:04d}", flow, "", campaign, centre, sku.lower(), sku, tier, tier,
                               vendor, model, model)  # fmt: skip
                state = self.random.choices(("settled", "released", "in_doubt"), (95, 4, 1))[0]
                paid = {"settled": cost, "released": 0, "in_doubt": None}[state]
                self._add(d, cost * 5 // 4, at, state, cost_micros=paid)

    def _of(self, run: Run, asset: Asset, stage: str, plan: dict[str, Any]) -> Dimensions:
        return Dimensions(run.run_id, run.flow, "", run.name, "brand", asset.asset_key, asset.sku, stage, stage,
                          plan["vendor"], plan["role"], plan["model_id"])  # fmt: skip

    def _add(self, dimensions: Dimensions, hold: int, at: datetime, state: str, **more: Any) -> str:
        number = next(self.numbers)
        attempt_id = f"seed{number:08d}"
        ended = at + timedelta(seconds=9) if state in ("settled", "released") else None
        self.rows.append({
            **vars(dimensions), "attempt_id": attempt_id, "work_key": f"seed-{number}", "try_no": 1, "state": state,
            "hold_micros": hold, "cost_micros": None, "cost_source": "vendor" if state == "settled" else "",
            "price_version": "2026-11", "process_id": "seed", "request": {}, "job": {}, "usage": {}, "receipt": {},
            "day": at.strftime("%Y-%m-%d"), "slot_taken": False, "held_at": at, "ended_at": ended,
            "model_answered": dimensions.model_id, "error_code": "", "result_sha256": "", **more,
        })  # fmt: skip
        return attempt_id

    def write(self) -> None:
        windows: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        charged = []
        fields = Dimensions.__dataclass_fields__
        for row in self.rows:
            d = Dimensions(**{name: row[name] for name in fields})
            for cap in (c for c in CAPS if c.covers(d)):
                window = cap.window(d, row["held_at"])
                charged.append({"attempt_id": row["attempt_id"], "cap_id": cap.cap_id, "window": window})
                windows[cap.cap_id, window][0] += 0 if row["state"] in ("settled", "released") else row["hold_micros"]
                windows[cap.cap_id, window][1] += row["cost_micros"] or 0
        with self.database.write() as connection:
            made = [{**vars(cap), "updated_at": self.now} for cap in CAPS]
            connection.execute(caps.delete())
            connection.execute(caps.insert(), made)
            for start in range(0, len(self.rows), 1_000):
                connection.execute(attempts.insert(), self.rows[start : start + 1_000])
            counters = [(*key, *sums) for key, sums in windows.items()]
            names = ("cap_id", "window", "held_micros", "spent_micros")
            connection.execute(cap_windows.insert(), [dict(zip(names, row, strict=True)) for row in counters])
            connection.execute(attempt_caps.insert(), charged)
