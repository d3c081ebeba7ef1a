"""Deliberately broken builds: the proof that our own build passes refuses each of them, and names the broken line."""

from collections.abc import Iterator

import pytest

from bench.proof.certificate import Certificate
from bench.proof.mutants import MUTANTS, plan_for
from bench.proof.plan import Plan
from bench.proof.proof import Proof
from bench.proof.stage import stage
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.sandbox_server import SandboxServer

pytestmark = pytest.mark.server

PLAN = Plan(
    calls=30,
    asked_per_call=1.6,
    workers=2,
    at_once=2,
    seed=5,
    kills=2,
    phases=1,
    postgres=True,
    look_every_s=0.2,
    sandbox_speed=500,
    dying_recoveries=1,
)


class World:
    """One PostgreSQL and one sandbox for all builds."""

    def __init__(self, server: PostgresServer, sandbox: SandboxServer) -> None:
        self.server, self.sandbox = server, sandbox

    def certificate(self, name: str) -> Certificate:
        with stage(plan_for(PLAN, name), self.server, self.sandbox) as made:
            return Proof(made, say=lambda _: None).run()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    sandbox = SandboxServer.start("--state", str(tmp_path_factory.mktemp("sandbox")), speed=PLAN.sandbox_speed)
    with postgres_server() as server:
        yield World(server, sandbox)
    sandbox.stop(kill=True)


def test_our_own_build_passes_the_schedule_of_the_mutants(world: World) -> None:
    certificate = world.certificate("")
    assert certificate.holds, certificate.text()


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_broken_build_is_caught(name: str, world: World) -> None:
    certificate = world.certificate(name)
    assert certificate.failed & set(MUTANTS[name].caught_by), certificate.text()
