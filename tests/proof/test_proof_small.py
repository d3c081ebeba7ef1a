"""The proof of bench/proof in small: paying processes killed at random against faulty vendors, on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.proof.plan import Plan
from bench.proof.proof import Proof
from bench.proof.stage import stage
from tests.support.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.server

SMALL = Plan(calls=250, workers=4, phases=2, kills=10, postgres=True, look_every_s=0.5)
VARIANTS = {
    "plain": replace(SMALL, seed=11),
    "sandbox killed in the middle": replace(SMALL, seed=12, kill_sandbox=1),
    "database crashed in the middle": replace(SMALL, seed=13, restart_database=1),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_processes_killed_at_random_leave_books_that_equal_the_invoice(variant: str, server: PostgresServer) -> None:
    plan = VARIANTS[variant]
    with stage(plan, server) as world:
        proof = Proof(world, say=lambda _: None)
        certificate = proof.run()
    assert certificate.holds, certificate.text()
    assert {check.key for check in certificate.checks} >= {"cap", "twice", "leaked", "lost", "covered", "equal"}
    assert sum(proof.breaks.values()) == plan.kill_sandbox + plan.restart_database
