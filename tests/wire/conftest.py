"""One sandbox process for the whole session, as new before each test. Vendors' tests talk to it over real sockets."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_server import SandboxServer


class WireSandbox(SandboxServer):
    """With rules as one list, as the wire takes them."""

    def rules(self, rules: list[dict[str, Any]]) -> None:  # type: ignore[override]
        super().rules(*rules)


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[WireSandbox]:
    server = WireSandbox.start("--refuse-key-on-delivery")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _fresh_sandbox(request: pytest.FixtureRequest) -> None:
    """Each test finds an empty invoice and no rules."""
    if "sandbox_server" in request.fixturenames:
        request.getfixturevalue("sandbox_server").reset()


@pytest.fixture
def sandbox_starter() -> Iterator[Any]:
    """Starts further sandboxes with own arguments; all are stopped at the end of the test."""
    started: list[WireSandbox] = []

    def start(*arguments: str) -> WireSandbox:
        started.append(WireSandbox.start(*arguments))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()
