"""One life of a paying or recovering process. What it did is in its journal, where it died in its place file.

Nothing here decides about money: it calls `pay` and `recover_attempts` as the flows do, and dies where it is told.
"""

import asyncio
import json
import logging
import mmap
import os
import random
import signal
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from httpx._transports import default

from bench.proof import mutants
from bench.proof.plan import Shift, Work
from domain.errors import CapRefused, DraftlineError, LedgerConflict, StorageError, VendorBusy
from tasks import paid_calls
from tasks.recoveries import recover_attempts
from tasks.spool import Spool
from tests.support.folder_store import FolderStore
from tests.support.money import bench_wiring, paid_call
from tests.support.pay_worker import LEDGER_STEPS, POLL_S, SPOOL_STEPS, VENDOR_STEPS, Crossings
from vendors.contract import Vendor
from wiring import Wiring

PLENTY_CENTS = 100_000_000
SHORT_WAIT_S, SHORT_MAX_WAIT_S = 0.02, 0.3
POLL_DEADLINE_S = 20.0
MAX_OUTAGE_TURNS, OUTAGE_WAIT_S = 200, 0.1
MAX_BUSY_TURNS = 3
PLACE_BYTES = 64
CONTEXT = "create_ssl_context"


class MarkedCrossings(Crossings):
    """Crossings that leave a mark outside of the process, so that a death by another's hand has a place too."""

    def __init__(self, shift: Shift) -> None:
        super().__init__(shift.kill_at)
        self.death_at = shift.death_at
        shift.place.write_bytes(b" " * PLACE_BYTES)
        with shift.place.open("r+b") as file:
            self._mark = mmap.mmap(file.fileno(), PLACE_BYTES)

    def cross(self, name: str) -> None:
        self._mark[:] = name.encode().ljust(PLACE_BYTES)
        if name == self.death_at:
            os.kill(os.getpid(), signal.SIGKILL)
        super().cross(name)


class Journal:
    """One JSON line a fact, whole or not at all, on the disk's cache before the next step: it outlives kill -9."""

    def __init__(self, path: Path, process_id: str) -> None:
        self._process_id = process_id
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, what: str, **facts: Any) -> None:
        row = {"what": what, "process": self._process_id, "at_s": time.time(), **facts}
        os.write(self._file, (json.dumps(row) + "\n").encode())


def serve(shift: Shift) -> None:
    """Pay this shift's works, some at a time; those that ended badly are asked for again with probability `again`."""
    w, journal = _begin(shift)
    asyncio.run(_serve(w, shift, journal))
    w.close()


def recover(shift: Shift) -> None:
    """One pass of recovery."""
    w, journal = _begin(shift)
    try:
        asyncio.run(_recover(w, shift, journal))
    except DraftlineError as error:
        # the database was down: the next pass goes on
        journal.write("stumbled", text=str(error))
    w.close()


def _begin(shift: Shift) -> tuple[Wiring, Journal]:
    logging.getLogger().addHandler(logging.NullHandler())
    # the sandbox speaks plain HTTP: reading certificates is a third of a worker's start
    default.__dict__[CONTEXT] = lambda *_, **__: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # short waits: what is tested is who pays, not how long somebody waits
    paid_calls.OTHERS_WAIT_S, paid_calls.FIRST_WAIT_S, paid_calls.SLOT_WAIT_S = (SHORT_WAIT_S,) * 3
    paid_calls.MAX_WAIT_S = SHORT_MAX_WAIT_S
    mutants.apply(shift.mutant)
    w = wiring_of(shift.folder, shift.database_url, shift.sandbox_url)
    _wait_for_database(w)
    return w, Journal(shift.journal, w.process_id)


def _wait_for_database(w: Wiring) -> None:
    """A worker that is started while the database is down is one that its supervisor starts again and again."""
    for _ in range(MAX_OUTAGE_TURNS):
        try:
            w.ledger.find("")
        except StorageError:
            time.sleep(OUTAGE_WAIT_S)
        else:
            return


def wiring_of(folder: Path, database_url: str, sandbox_url: str) -> Wiring:
    """A process's wiring: one database, one store, one spool for all of them, as on one machine."""
    cents = {"cap_day_cents": PLENTY_CENTS, "cap_flow_day_cents": PLENTY_CENTS}
    more: dict[str, Any] = {"database_url": database_url, "poll_deadline_s": POLL_DEADLINE_S, **cents}
    return bench_wiring(folder / "home", sandbox_url, **more)


async def _serve(w: Wiring, shift: Shift, journal: Journal) -> None:
    rng, waiting = random.Random(f"{shift.seed} {shift.slot} {shift.life}"), iter(shift.works)
    async with w.open_vendors() as vendors:
        mark(w, vendors, shift, journal)
        await asyncio.gather(*(_pay_next(w, vendors, waiting, shift, journal, rng) for _ in range(shift.at_once)))


async def _recover(w: Wiring, shift: Shift, journal: Journal) -> None:
    real = w.open_vendors
    async with real() as vendors:
        mark(w, vendors, shift, journal)

        class Opened:
            async def __aenter__(self) -> dict[str, Vendor]:
                return vendors

            async def __aexit__(self, *_: object) -> None: ...

        vars(w)["open_vendors"] = Opened
        found = await recover_attempts(w)
        journal.write("recovered", attempts=len(found))


def mark(w: Wiring, vendors: dict[str, Vendor], shift: Shift, journal: Journal) -> None:
    """Every step of the ledger, the spool, the store and the wires becomes a place where the process may die."""
    _witness_spool(journal)
    crossings = MarkedCrossings(shift)
    crossings.wrap(w.ledger, LEDGER_STEPS, "ledger")
    crossings.wrap(Spool, SPOOL_STEPS, "spool")
    crossings.wrap(FolderStore, ("put_immutable",), "store")
    for name, vendor in vendors.items():
        vars(vendor).update({n: POLL_S for n in vars(vendor) if n == "_poll_interval_s"})
        crossings.wrap(vendor, VENDOR_STEPS, name)


def _witness_spool(journal: Journal) -> None:
    """What the spool said that it kept: after any death the books must know it."""
    for step in ("put", "put_job"):
        setattr(Spool, step, _witnessed(getattr(Spool, step), step, journal))


def _witnessed(put: Callable[..., None], step: str, journal: Journal) -> Callable[..., None]:
    def kept(self: Spool, attempt_id: str, answer: Any) -> None:
        put(self, attempt_id, answer)
        journal.write("kept", attempt=attempt_id, step=step)

    return kept


async def _pay_next(
    w: Wiring, vendors: dict[str, Vendor], waiting: Iterator[Work], shift: Shift, journal: Journal, rng: random.Random
) -> None:
    for work in waiting:
        journal.write("begun", work=work.index)
        facts = await _outcome(w, vendors[work.vendor], work)
        if facts["kind"] != "paid" and rng.random() < shift.again:
            facts = await _outcome(w, vendors[work.vendor], work)
        journal.write("ended", work=work.index, **facts)


async def _outcome(w: Wiring, vendor: Vendor, work: Work) -> dict[str, Any]:
    """What a run would be told in the end: it waits through outages of the database, and asks a busy vendor again."""
    outages = busy = 0
    call = paid_call(vendor, work.request(), 0, work.run_id)
    while True:
        try:
            paid = await paid_calls.pay(w, vendor, call)
            return {"kind": "paid", "sha256": paid.sha256, "micros": paid.cost_micros}
        except CapRefused as error:
            return {"kind": "refused", "cap": error.cap}
        except StorageError as error:
            outages += 1
            if outages > MAX_OUTAGE_TURNS:
                return {"kind": "unexpected", "text": str(error)}
            await asyncio.sleep(OUTAGE_WAIT_S)
        except (VendorBusy, LedgerConflict) as error:
            busy += 1
            if busy > MAX_BUSY_TURNS:
                return {"kind": type(error).__name__, "text": str(error)}
        except DraftlineError as error:
            return {"kind": type(error).__name__, "text": str(error)}
        except Exception:  # noqa: BLE001 - whatever leaves our error tree is a finding, and goes on the certificate
            return {"kind": "unexpected", "text": traceback.format_exc()[-2000:]}
