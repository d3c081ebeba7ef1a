"""One Prefect server, S3 server and sandbox for all flow tests; each test has a home and a database of its own."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from draftline.embedded.supervisor import ensure
from tests.support.line import Line, line_wiring
from tests.support.sandbox_server import SandboxServer
from wiring import use

HARNESS_START_S = 120


@pytest.fixture(scope="session")
def prefect_harness() -> Iterator[None]:
    """Prefect's own server for the session; no heartbeat threads, which a sync flow would wait for at its end."""
    with (
        prefect_test_harness(server_startup_timeout=HARNESS_START_S),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture(scope="session")
def flow_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings of a SeaweedFS with both buckets."""
    with ensure({"s3"}, tmp_path_factory.mktemp("flow-s3")) as running:
        assert running.s3 is not None
        yield dict(running.s3.environment())


@pytest.fixture(scope="session")
def flow_sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer.start("--refuse-key-on-delivery")
    yield server
    server.stop()


@pytest.fixture
async def line(
    tmp_path: Path,
    prefect_harness: None,
    flow_s3: dict[str, str],
    flow_sandbox: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Line]:
    """A fresh line: empty invoice, empty database, its own wiring as the current one."""
    for name in [n for n in os.environ if n.startswith(("DRAFTLINE_", "BFL_", "GEMINI_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    flow_sandbox.reset()
    made = Line(line_wiring(tmp_path, flow_sandbox.url, flow_s3), flow_sandbox, tmp_path)
    with use(made.w):
        yield made
    made.w.close()
