"""Everything one running sandbox holds, handed to the routes as `request.app.state.world`. No wire format here."""

from dataclasses import dataclass

from starlette.requests import Request

from sandbox.catalogue import Catalogue, is_past, load_catalogue
from sandbox.clock import Clock
from sandbox.faults import FaultDesk
from sandbox.options import SandboxOptions
from sandbox.pictures import PictureShop
from sandbox.state import Store

MICROS_PER_CREDIT = 10_000


@dataclass
class World:
    options: SandboxOptions
    clock: Clock
    catalogue: Catalogue
    store: Store
    faults: FaultDesk
    pictures: PictureShop
    retired: frozenset[str]

    @property
    def bfl_balance_micros(self) -> int:
        """What was ever paid in for BFL; what is left is this minus the invoice's BFL lines."""
        return int(self.store.meta("bfl_balance_micros", str(self.options.bfl_credits * MICROS_PER_CREDIT)))

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
        """As freshly started, with the options it was started with; rules are forgotten."""
        self.store.clear()
        self.store.set_meta("bfl_balance_micros", str(self.options.bfl_credits * MICROS_PER_CREDIT))
        self.faults.clear()
        self.retired = self.options.retired

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
    )


def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world
