"""One process that pays, and the sandbox's invoice beside it. Its fixture is in paid_fixtures.py."""

import asyncio
from typing import Any

from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.errors import DraftlineError
from tasks.paid_calls import Paid, PaidCall, pay
from tests.support.money import VENDOR_OF, bench_wiring, paid_call, request, set_run_cap
from vendors.contract import Vendor
from wiring import Wiring

PLENTY_MICROS = 10**9


class Bench:
    """One process's wiring and vendors on a fresh database, and the sandbox's invoice beside it."""

    def __init__(self, w: Wiring, vendors: dict[str, Vendor], sandbox: Any) -> None:
        self.w, self.vendors, self.sandbox = w, vendors, sandbox
        set_run_cap(w, PLENTY_MICROS)

    def call(self, model_id: str, prompt: str = "a red kettle", ordinal: int = 0, **more: Any) -> PaidCall:
        return paid_call(self.vendors[VENDOR_OF[model_id]], request(model_id, prompt, **more), ordinal)

    async def pay(self, call: PaidCall) -> Paid:
        return await pay(self.w, self.vendors[call.dimensions.vendor], call)

    async def ends(self, call: PaidCall) -> Paid | DraftlineError:
        try:
            return await self.pay(call)
        except DraftlineError as error:
            self.sandbox.advance(3600)
            return error

    def attempts(self) -> list[Attempt]:
        return list_attempts(self.w.database)

    def other_process(self, **settings: Any) -> Wiring:
        """A second process's wiring on the same files; this test's own process counts as alive."""
        return bench_wiring(self.w.settings.home, self.sandbox.url, **settings)

    def committed(self, step: str) -> asyncio.Event:
        """Set once the ledger has committed this step for the first time."""
        event, loop, real = asyncio.Event(), asyncio.get_running_loop(), getattr(self.w.ledger, step)

        def then_tell(*args: Any, **kwargs: Any) -> Any:
            result = real(*args, **kwargs)
            loop.call_soon_threadsafe(event.set)
            return result

        setattr(self.w.ledger, step, then_tell)
        return event

    def dies(self) -> None:
        """From now on our process looks like one that is gone, as after kill -9."""
        self.w.close()
        self.w = self.other_process()
        with self.w.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM processes")
        self.w.processes.beat()
