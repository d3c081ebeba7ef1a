"""Everything one running sandbox holds, handed to the routes as `request.app.state.world`. No wire format here."""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from starlette.requests import Request

from sandbox.catalogue import Catalogue, is_past, load_catalogue
from sandbox.chaos import Chaos
from sandbox.clock import Clock
from sandbox.faults import Asked, FaultDesk, FaultPlan
from sandbox.options import SandboxOptions
from sandbox.pictures import PictureShop
from sandbox.state import Store

MICROS_PER_CREDIT = 10_000
DEARER = 1.5


@dataclass
class World:
    options: SandboxOptions
    clock: Clock
    catalogue: Catalogue
    store: Store
    faults: FaultDesk
    pictures: PictureShop
    retired: frozenset[str]
    chaos: Chaos = field(default_factory=Chaos)
    price_factors: dict[str, float] = field(default_factory=dict)
    active_tasks: int | None = None
    resets: int = 0

    @property
    def bfl_balance_micros(self) -> int:
        """What was ever paid in for BFL; what is left is this minus the invoice's BFL lines."""
        return int(self.store.meta("bfl_balance_micros", str(self.options.bfl_credits * MICROS_PER_CREDIT)))

    @property
    def bfl_active_task_limit(self) -> int:
        return self.catalogue.bfl_active_task_limit if self.active_tasks is None else self.active_tasks

    def plan(self, asked: Asked, body_sha256: str) -> FaultPlan:
        """The faults of a request, by markers and rules and then by chaos, at most one of a kind."""
        found = self.faults.plan(asked, body_sha256)
        drawn = self.chaos.after_body(asked, body_sha256)
        return FaultPlan((*found.faults, *(fault for fault in drawn if not found.has(fault.kind))))

    def plan_before_body(self, asked: Asked) -> FaultPlan:
        return FaultPlan((*self.faults.plan_before_body(asked).faults, *self.chaos.before_body(asked)))

    def priced(self, model_id: str, micros: int, faults: FaultPlan) -> int:
        """A catalogue price as it stands now: by `/_sandbox/prices`, and by a fault of this request."""
        change = faults.get("price_change")
        own = change.number("factor", DEARER) if change else 1.0
        return times(times(micros, self.price_factors.get(model_id, 1.0)), own)

    def set_chaos(self, chaos: Chaos) -> None:
        self.chaos = chaos
        self._remember("chaos", chaos.given)

    def set_price_factors(self, factors: dict[str, float]) -> None:
        self.price_factors = factors
        self._remember("price_factors", factors)

    def set_active_tasks(self, limit: int | None) -> None:
        self.active_tasks = limit
        self._remember("active_tasks", limit)

    def _remember(self, name: str, value: object) -> None:
        self.store.set_meta(name, json.dumps(value))

    def latency_s(self, real_s: float, factor: float = 1.0) -> float:
        return real_s * factor / self.options.speed

    def serves(self, model_id: str) -> bool:
        """False for ids that were switched off, or, when dates are enforced, whose retirement day has come."""
        google = self.catalogue.google.get(model_id)
        if model_id in self.retired or (google is None and model_id not in self.catalogue.bfl):
            return False
        dated_off = google is not None and is_past(google.retires_on, self.clock.now_s())
        return not (self.options.enforce_retirement and dated_off)

    def reset(self) -> None:
        """As freshly started, with its own options; rules are forgotten, calls under way end unbilled."""
        self.resets += 1
        self.store.clear()
        self.store.set_meta("bfl_balance_micros", str(self.options.bfl_credits * MICROS_PER_CREDIT))
        self.faults.clear()
        self.retired = self.options.retired
        self.set_chaos(Chaos())
        self.set_price_factors({})
        self.set_active_tasks(None)

    def close(self) -> None:
        self.pictures.close()
        self.store.close()


def open_world(options: SandboxOptions) -> World:
    store = Store(options.state_dir)
    return World(
        options=options,
        clock=Clock(float(store.meta("clock_offset_s", "0"))),
        catalogue=load_catalogue(),
        store=store,
        faults=FaultDesk(),
        pictures=PictureShop(store.dir / "pictures", store.blobs),
        retired=options.retired,
        chaos=Chaos.from_json(json.loads(store.meta("chaos", "{}"))),
        price_factors=json.loads(store.meta("price_factors", "{}")),
        active_tasks=json.loads(store.meta("active_tasks", "null")),
    )


def times(micros: int, factor: float) -> int:
    """A price times a factor as it is written (1.1 means eleven tenths), rounded up to a whole micro."""
    return ceil(micros * Fraction(str(factor)))


def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world
