"""Paying processes that can be killed at any step: `python -m tests.support.pay_worker`, forked from a warm parent.

Reads one JSON list of jobs a line, forks a child for each, waits for all and writes their ends. A child pays its works
one after the other; with `kill_at` N it sends itself SIGKILL at the N-th crossing of a step's beginning or end.
"""

import asyncio
import functools
import inspect
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from httpx._transports import default

from budget.price_book import PriceBook
from domain.errors import DraftlineError
from tasks import paid_calls
from tasks.spool import Spool
from tests.support.folder_store import FolderStore
from tests.support.money import (
    MODELS,
    TEMPLATE,
    VENDOR_OF,
    bench_wiring,
    paid_call,
    request,
    set_run_cap,
    template_database,
)
from vendors.contract import Vendor
from wiring import Wiring

LEDGER_STEPS = ("find", "hold", "send", "bounce", "accept", "deliver", "settle", "release", "doubt", "take_over")
SPOOL_STEPS = ("put", "put_job", "get", "get_job", "drop")
VENDOR_STEPS = ("submit", "collect")
PLENTY_MICROS = 10**9
POLL_S = 0.01
CONTEXT = "create_ssl_context"
BOOK: list[PriceBook] = []


class Crossings:
    """Counts the beginnings and ends of every step; at the chosen one the process is gone."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at, self.names = kill_at, list[str]()

    def cross(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, owner: Any, steps: tuple[str, ...], label: str) -> None:
        for step in steps:
            setattr(owner, step, self._wrapped(getattr(owner, step), f"{label}.{step}"))

    def _wrapped(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(real):

            @functools.wraps(real)
            async def waited(*args: Any, **kwargs: Any) -> Any:
                self.cross(f"{name} begins")
                result = await real(*args, **kwargs)
                self.cross(f"{name} ended")
                return result

            return waited

        @functools.wraps(real)
        def called(*args: Any, **kwargs: Any) -> Any:
            self.cross(f"{name} begins")
            result = real(*args, **kwargs)
            self.cross(f"{name} ended")
            return result

        return called


def work_of(vendors: dict[str, Vendor], work: list[Any]) -> tuple[Vendor, paid_calls.PaidCall]:
    model_id, prompt, ordinal = work
    vendor = vendors[VENDOR_OF[model_id]]
    return vendor, paid_call(vendor, request(model_id, prompt), ordinal)


async def pay_all(w: Wiring, job: dict[str, Any]) -> dict[str, Any]:
    """Pay every work; an error of ours is an outcome, anything else ends the process with a traceback."""
    crossings = Crossings(job.get("kill_at", 0))
    outcomes = []
    async with w.open_vendors() as vendors:
        crossings.wrap(w.ledger, LEDGER_STEPS, "ledger")
        crossings.wrap(Spool, SPOOL_STEPS, "spool")
        crossings.wrap(FolderStore, ("put_immutable",), "store")
        for name, vendor in vendors.items():
            vars(vendor).update({n: POLL_S for n in vars(vendor) if n == "_poll_interval_s"})
            crossings.wrap(vendor, VENDOR_STEPS, name)
        for work in job["works"]:
            vendor, call = work_of(vendors, work)
            try:
                paid = await paid_calls.pay(w, vendor, call)
                outcomes.append({"work_key": call.work_key, "sha256": paid.sha256, "cost_micros": paid.cost_micros})
            except DraftlineError as error:
                outcomes.append({"work_key": call.work_key, "error": type(error).__name__, "text": str(error)})
    return {"outcomes": outcomes, "crossings": crossings.names}


def child(job: dict[str, Any]) -> None:
    w = bench_wiring(Path(job["home"]), job["sandbox"], **job.get("settings", {}))
    w.__dict__["price_book"] = BOOK[0]
    set_run_cap(w, PLENTY_MICROS)
    # short waits: what is tested is who pays, not how long somebody waits
    paid_calls.OTHERS_WAIT_S, paid_calls.FIRST_WAIT_S, paid_calls.SLOT_WAIT_S = 0.02, 0.02, 0.02
    result = asyncio.run(pay_all(w, job))
    w.close()
    Path(job["out"]).write_text(json.dumps(result))


def fork(job: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        child(job)
        os._exit(0)
    finally:
        # only reached with an exception: its traceback is on stderr by now
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def warm() -> None:
    """What every child would build again: certificates, price book, models, statements. No thread may be left."""
    setattr(default, CONTEXT, functools.cache(getattr(default, CONTEXT)))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        template_database(home)
        w = bench_wiring(home, "http://127.0.0.1:9", template=home / TEMPLATE)
        set_run_cap(w, PLENTY_MICROS)
        BOOK.append(w.price_book)
        for model_id in MODELS:
            asyncio.run(_measured(w, model_id))
        w.close()


async def _measured(w: Wiring, model_id: str) -> None:
    async with w.open_vendors() as vendors:
        paid_call(vendors[VENDOR_OF[model_id]], request(model_id))


def main() -> None:
    warm()
    for line in sys.stdin:
        pids = [fork(job) for job in json.loads(line)]
        ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        print(json.dumps(ends), flush=True)


if __name__ == "__main__":
    main()
