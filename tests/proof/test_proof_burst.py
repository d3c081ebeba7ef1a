"""A burst of 20 calls at once, of 4 processes, against a cap with room for 10: exactly 10 are paid, on both engines."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from bench.proof import worker
from bench.proof.plan import Plan, Shift, Work
from bench.proof.stage import Stage, stage
from bench.proof.supervisor import context
from budget.caps import Cap
from tests.support.money import BFL_MODEL, audit
from tests.support.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.server

PROCESSES, CALLS_EACH, ROOM = 4, 5, 10
PRICE_MICROS = 14_000


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


def outcomes(world: Stage) -> Counter[str]:
    """By kind; what left our error tree shows its traceback."""
    rows = [json.loads(line) for path in world.folder.glob("*.journal") for line in path.read_text().splitlines()]
    return Counter(row.get("text", row["kind"]) for row in rows if row["what"] == "ended")


def burst(world: Stage) -> None:
    """All processes at once, and in each all its calls at once."""
    running = []
    for slot in range(PROCESSES):
        works = tuple(Work(slot * CALLS_EACH + n, "r0", BFL_MODEL) for n in range(CALLS_EACH))
        shift = Shift(slot, 1, world.folder, world.database_url, world.sandbox.url, works, at_once=CALLS_EACH)
        running.append(context().Process(target=worker.serve, args=(shift,)))
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * PROCESSES


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_burst_of_20_against_room_for_10_pays_exactly_10(engine: str, server: PostgresServer) -> None:
    plan = Plan(postgres=engine == "postgresql", faults=0.0)
    with stage(plan, server if plan.postgres else None) as world:
        w = worker.wiring_of(world.folder, world.database_url, world.sandbox.url)
        limit_micros = ROOM * PRICE_MICROS + PRICE_MICROS - 1
        w.ledger.set_cap(Cap("run:r0", "run_id", "r0", "total", limit_micros), by="test", why="room for ten")
        burst(world)
        invoice = world.quiet()
        assert outcomes(world) == {"paid": ROOM, "refused": PROCESSES * CALLS_EACH - ROOM}
        assert len(invoice["lines"]) == ROOM
        assert audit(w, invoice).settled == ROOM * PRICE_MICROS
        w.close()
