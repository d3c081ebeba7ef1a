"""Hold and settle: how long the money takes, alone and with many clients, on SQLite and on PostgreSQL.

    python -m bench.ledger [--clients 1 2 4 8 16 32] [--seconds 5] [--rows 0 1000000] [--engines …] [--pairs-only]

A round is what a paid call does: hold (caps, slot, attempt row), send, accept, deliver, settle; five commits. With
--pairs-only it is the least that money needs: hold, send, settle (nothing that was not sent can be settled).
Clients are processes that start the next round at once, under three caps, two of whose windows all of them share.

Printed per engine, rows before and clients: rounds a second, holds and settles together a second, p50, p95 and p99 of
one hold and of one settle, and the ratio of a hold's p50 to a bare commit of one row, measured before with one client
on the same database (machines are noisy; ratios are less so). `least mean` is Little's law: with C clients that always
wait for an answer and R commits a second, one commit takes C / R on average, however fast the ledger is.
"""

import argparse
import json
import multiprocessing as mp
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from budget.caps import Cap
from budget.ledger import Ledger
from domain.attempt import Dimensions, Intent
from domain.render import Job
from storage.database import Database, open_database
from storage.database.migrate import migrate

T = TypeVar("T")
HUGE_MICROS = 10**15
SLOTS = 10_000
BARE_COMMITS = 200
WARM_ROUNDS = 10  # a connection's first calls plan every statement
HEADING = (
    "clients  rounds/s  hold+settle/s   hold p50/p95/p99 ms   settle p50/p95/p99 ms  least mean ms  hold p50 / commit"
)
COLUMNS = "attempt_id work_key try_no state run_id flow vendor hold_micros cost_micros job request usage receipt day"
COLUMNS += " slot_taken held_at ended_at"
EVENTS = ("held", "sent", "accepted", "delivered", "settled")
CAPS = (
    Cap("day", "global", "", "day", HUGE_MICROS),
    Cap("flow-day", "flow", "*", "day", HUGE_MICROS),
    Cap("run", "run_id", "*", "total", HUGE_MICROS),
)


@dataclass(frozen=True)
class Load:
    """What one measurement runs."""

    url: str
    clients: int
    seconds: float
    pairs_only: bool

    @property
    def commits_a_round(self) -> int:
        return 3 if self.pairs_only else 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rows", type=int, nargs="+", default=[0], help="attempts in the table before, one table each")
    parser.add_argument("--engines", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--pairs-only", action="store_true", help="hold, send, settle instead of a full round")
    arguments = parser.parse_args()
    for engine in arguments.engines:
        for rows in arguments.rows:
            with ExitStack() as stack:
                name, url = _database(engine, stack)
                _run(name, url, rows, arguments)


def _run(name: str, url: str, rows: int, arguments: argparse.Namespace) -> None:
    fill_s = _prepare(url, rows)
    bare_ms = _bare_commit_ms(url)
    print(f"\n{name}: {rows:,} attempts before (filled in {fill_s:.0f} s); one bare commit takes {bare_ms:.2f} ms")
    print(HEADING)
    for clients in arguments.clients:
        load = Load(url, clients, arguments.seconds, arguments.pairs_only)
        _report(load, _measure(load), bare_ms)


def _database(engine: str, stack: ExitStack) -> tuple[str, str]:
    if engine == "sqlite":
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        return "SQLite (WAL, synchronous=FULL)", f"sqlite:///{folder}/ledger.db"
    from tests.support.postgres import postgres_url

    return "PostgreSQL (wheel, Unix socket, defaults)", stack.enter_context(postgres_url())


def _prepare(url: str, rows: int) -> float:
    database = open_database(url)
    migrate(database)
    ledger = _ledger(database)
    for cap in CAPS:
        ledger.set_cap(cap, by="bench", why="bench")
    started = time.perf_counter()
    if rows:
        _fill(database, rows)
    database.close()
    return time.perf_counter() - started


def _fill(database: Database, rows: int) -> None:
    """Settled attempts as years of use leave them, each with its five events and three caps, written in bulk."""
    names = COLUMNS.split()
    with database.write() as connection:
        raw: Any = connection.connection.driver_connection
        if database.is_sqlite:
            marks = ", ".join("?" * len(names))
            raw.executemany(f"INSERT INTO attempts ({', '.join(names)}) VALUES ({marks})", _settled(rows))
        else:
            # the rows are right by construction: no foreign key is looked up eight million times
            raw.execute("SET LOCAL session_replication_role = replica")
            with raw.cursor().copy(f"COPY attempts ({', '.join(names)}) FROM STDIN") as copy:
                for row in _settled(rows):
                    copy.write_row(row)
        states = ", ".join(f"('{state}')" for state in EVENTS)
        connection.exec_driver_sql(
            "INSERT INTO attempt_events (attempt_id, state, micros, by, at) "
            f"SELECT attempt_id, s.column1, hold_micros, 'fill', held_at FROM attempts, (VALUES {states}) AS s "
            "ORDER BY attempt_id"
        )
        caps = ", ".join(f"('{cap.cap_id}')" for cap in CAPS)
        connection.exec_driver_sql(
            'INSERT INTO attempt_caps (attempt_id, cap_id, "window") '
            f"SELECT attempt_id, c.column1, day FROM attempts, (VALUES {caps}) AS c ORDER BY attempt_id"
        )
    if not database.is_sqlite:
        # what a server's autovacuum has long done for old rows, and a checkpoint that is not ours to wait for
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE attempts, attempt_events, attempt_caps")
            connection.exec_driver_sql("CHECKPOINT")


def _settled(rows: int) -> Iterator[tuple[Any, ...]]:
    at, request = "2026-11-20 12:00:00.000000", json.dumps({"prompt": "a red kettle on a linen cloth " * 4})
    for name in sorted(uuid.uuid4().hex for _ in range(rows)):
        money = (15_000, 15_000, "{}", request, '{"images": 1}', "{}", "2026-11-20", False, at, at)
        yield (name, name[::-1] * 2, 1, "settled", name[:2], "bench", "bfl", *money)


def _ledger(database: Database) -> Ledger:
    return Ledger(database, process_id="bench", clock=lambda: datetime.now(UTC), new_id=lambda: uuid.uuid4().hex)


def _bare_commit_ms(url: str) -> float:
    """One row in one statement, which commits by itself: the least that a durable step can cost here."""
    database = open_database(url)
    times = []
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("CREATE TABLE IF NOT EXISTS bench_bare (n INTEGER)")
        for _ in range(BARE_COMMITS):
            times.append(_timed(lambda: raw.execute("INSERT INTO bench_bare VALUES (1)"))[1])
    database.close()
    return statistics.median(times)


def _measure(load: Load) -> list[tuple[float, float]]:
    """(hold ms, settle ms) of every round of every client process."""
    context = mp.get_context("spawn")
    queue: mp.Queue[list[tuple[float, float]]] = context.Queue()
    gate = context.Barrier(load.clients)
    workers = [context.Process(target=_client, args=(load, gate, queue)) for _ in range(load.clients)]
    for worker in workers:
        worker.start()
    found = [pair for _ in workers for pair in queue.get()]
    for worker in workers:
        worker.join()
    return found


def _client(load: Load, gate: "mp.synchronize.Barrier", queue: "mp.Queue[list[tuple[float, float]]]") -> None:
    database = open_database(load.url)
    ledger = _ledger(database)
    for _ in range(WARM_ROUNDS):
        _round(ledger, load.pairs_only)
    gate.wait()
    found, end = [], time.perf_counter() + load.seconds
    while time.perf_counter() < end:
        found.append(_round(ledger, load.pairs_only))
    queue.put(found)
    database.close()


def _round(ledger: Ledger, pairs_only: bool) -> tuple[float, float]:
    intent = Intent(uuid.uuid4().hex * 2, 15_000, "bench", Dimensions(run_id="bench", flow="bench", vendor="bfl"))
    attempt, hold_ms = _timed(lambda: ledger.hold(intent, slots=SLOTS))
    ledger.send(attempt.attempt_id)
    if not pairs_only:
        ledger.accept(attempt.attempt_id, Job("j", "https://poll", 15_000))
        ledger.deliver(attempt.attempt_id, sha256="0", key="k", usage={}, model_answered="m", receipt={})
    _, settle_ms = _timed(lambda: ledger.settle(attempt.attempt_id, 15_000, source="vendor"))
    return hold_ms, settle_ms


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - started) * 1000


def _report(load: Load, pairs: list[tuple[float, float]], bare_ms: float) -> None:
    holds, settles = ([pair[n] for pair in pairs] for n in (0, 1))
    rate = len(pairs) / load.seconds
    least_ms = load.clients / (rate * load.commits_a_round) * 1000
    ratio = statistics.median(holds) / bare_ms
    print(
        f"{load.clients:7d} {rate:9.0f} {2 * rate:14.0f}   {_quantiles(holds):21s} {_quantiles(settles):22s}"
        f" {least_ms:13.1f} {ratio:18.1f}",
        flush=True,
    )


def _quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100)
    return f"{cuts[49]:.1f} / {cuts[94]:.1f} / {cuts[98]:.1f}"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
