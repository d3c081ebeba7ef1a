"""The world of a proof: one database and one sandbox, each of which can be killed in the middle and comes back."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.proof.faults import chaos
from bench.proof.plan import Plan
from storage.database import open_database
from storage.database.migrate import migrate
from tests.support.postgres import PostgresServer, emptied, postgres_server
from tests.support.sandbox_server import SandboxServer

# After this long every task of the sandbox has ended, and is on the invoice if it is to be.
LONG_ENOUGH_S = 300.0


class Stage:
    """`folder` is this proof's own: homes, journals, the sandbox's state."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        database_url: str,
        server: PostgresServer | None,
        sandbox: SandboxServer | None,
    ) -> None:
        self.plan, self.folder, self.database_url, self._server = plan, folder, database_url, server
        self._keeps_sandbox = sandbox is not None
        self.sandbox = sandbox or self._start_sandbox("0")
        self.sandbox.reset()
        # the sandbox may be killed between two questions: no connection is kept
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(timeout=60, limits=limits)
        self._drawn: Counter[str] = Counter()
        self._post("chaos", chaos(plan.seed, plan.faults))

    def _start_sandbox(self, port: str) -> SandboxServer:
        state = str(self.folder / "sandbox")
        return SandboxServer.start("--state", state, "--port", port, speed=self.plan.sandbox_speed)

    def kill_sandbox(self) -> None:
        """SIGKILL, and again at the same address with the state that it left."""
        self._remember_faults()
        port = self.sandbox.url.rpartition(":")[2]
        self.sandbox.stop(kill=True)
        self.sandbox = self._start_sandbox(port)

    def restart_database(self) -> None:
        """A crash restart: every connection is cut, nothing is flushed but the write-ahead log."""
        if self._server is not None:
            self._server.crash_restart()

    def quiet(self) -> dict[str, Any]:
        """The invoice once every task under way has ended."""
        self.sandbox.advance(LONG_ENOUGH_S)
        return self.sandbox.invoice()

    def picture(self, line_number: int) -> bytes:
        """As the vendor painted it for this line of the invoice."""
        return self._http.get(f"{self.sandbox.url}/_sandbox/picture/{line_number}").raise_for_status().content

    def faults_drawn(self) -> dict[str, int]:
        """By stage and kind, over all lives of the sandbox; what was drawn just before a kill of it is not counted."""
        self._remember_faults()
        return dict(self._drawn)

    def _remember_faults(self) -> None:
        shown = self._http.get(f"{self.sandbox.url}/_sandbox/chaos").raise_for_status().json()
        self._drawn.update(shown["drawn"])

    def _post(self, what: str, body: dict[str, Any]) -> None:
        self._http.post(f"{self.sandbox.url}/_sandbox/{what}", json=body).raise_for_status()

    def close(self) -> None:
        self._http.close()
        if not self._keeps_sandbox:
            self.sandbox.stop(kill=True)


@contextmanager
def stage(plan: Plan, server: PostgresServer | None = None, sandbox: SandboxServer | None = None) -> Iterator[Stage]:
    """A fresh stage. A `server` or a `sandbox` that is handed in is emptied first and left running."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="draftline-proof-")))
        if plan.postgres and server is None:
            server = stack.enter_context(postgres_server())
        url = server.url if server else f"sqlite:///{folder / 'draftline.db'}"
        if server:
            emptied(url).close()
        else:
            database = open_database(url)
            migrate(database)
            database.close()
        made = Stage(plan, folder, url, server, sandbox)
        stack.callback(made.close)
        yield made
