"""The whole of `draftline up`, run as a person runs it, for tests that look at the board with a browser.

What lives here: start and end, addresses, one-time links, the invoice and the ledger, a board that is killed and
comes back. What may not: pages, a browser.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from budget.report_filter import SpendFilter
from budget.report_spend import SpendSum, spend_total
from draftline.embedded import supervisor
from review.access.local import add_person, link_path, new_link
from review.access.roles import Role
from storage.records.accounts import Accounts
from wiring import Settings, Wiring, build
from wiring.wiring import new_id

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S = 240
STOPS_WITHIN_S = 60
ENDS_WITHIN_S = 120
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
SIGN_IN_LINK = re.compile(r"Sign in\s+(http\S+)")
# A worker asks for work every ten seconds; a test has no ten seconds.
PROFILE = 'active = "local"\n\n[profiles.local]\nPREFECT_WORKER_QUERY_SECONDS = "1"\n'


@dataclass
class Stack:
    """`draftline up` in a home of its own: `link` is what it printed, `w` reads and writes the same database."""

    home: Path
    link: str
    w: Wiring

    def url(self, service: str) -> str:
        ports = {one.service: one.ports for one in supervisor.inspect(self.home)}
        return f"http://127.0.0.1:{ports[service]['http']}"

    def pid(self, service: str) -> int:
        return next(one.pid for one in supervisor.inspect(self.home) if one.service == service)

    def let_in(self, user_id: str, name: str, *roles: Role) -> str:
        """A person with these roles; the address of her one-time link."""
        accounts = Accounts(self.w.database, self.w.now)
        add_person(accounts, user_id, name, frozenset(roles))
        return self.url("board") + link_path(new_link(accounts, user_id))

    # -- money ---------------------------------------------------------------------------------------------------------

    def invoice(self) -> dict[str, Any]:
        """What the vendors say that they billed."""
        return dict(self._sandbox("GET", "invoice"))

    def spent(self) -> SpendSum:
        """What our ledger says that it paid."""
        return spend_total(self.w.database, SpendFilter())

    def rules(self, rules: list[dict[str, Any]]) -> None:
        """How the vendors behave from now on (sandbox/README.md)."""
        self._sandbox("PUT", "rules", json=rules)

    def sendings(self) -> int:
        """How many requests for work have come since the rules were put, those that were refused included."""
        return max(int(rule["seen"]) for rule in self._sandbox("GET", "rules")["rules"])

    def pass_time(self, seconds: float) -> None:
        """At the vendors', at once: what is late by so much is done."""
        self._sandbox("POST", "clock", json={"advance_s": seconds})

    def _sandbox(self, method: str, path: str, **more: Any) -> Any:
        answer = httpx.request(method, f"{self.url('sandbox')}/_sandbox/{path}", timeout=60, trust_env=False, **more)
        return answer.raise_for_status().json()

    # -- Prefect -------------------------------------------------------------------------------------------------------

    def prefect(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Its API: a GET, or a POST with `body`."""
        url, method = f"{self.url('prefect')}/api{path}", "GET" if body is None else "POST"
        return httpx.request(method, url, json=body, timeout=60, trust_env=False).raise_for_status().json()

    def flow_runs(self, *flows: str) -> list[dict[str, Any]]:
        """Of these flows, the newest first."""
        asked = {"flows": {"name": {"any_": list(flows)}}, "sort": "EXPECTED_START_TIME_DESC"}
        return list(self.prefect("/flow_runs/filter", asked))

    def ended(self, flow: str) -> dict[str, Any]:
        """The newest flow run of this flow, once it has come to an end."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while (found := self.flow_runs(flow)[0])["state"]["type"] not in ENDS:
            assert time.monotonic() < deadline, found["state"]
            time.sleep(0.3)
        return found

    def recover(self) -> dict[str, Any]:
        """The deployment that otherwise comes every ten minutes, now; its flow run, once it has ended."""
        deployment = self.prefect("/deployments/name/recovery/recovery")
        body = {"parameters": {"params": {}}, "idempotency_key": new_id()}
        url, busy = f"{self.url('prefect')}/api/deployments/{deployment['id']}/create_flow_run", 503
        # a server on SQLite answers so while somebody else writes
        while (begun := httpx.post(url, json=body, timeout=60, trust_env=False)).status_code == busy:
            time.sleep(0.3)
        flow_run_id = begun.raise_for_status().json()["id"]
        deadline = time.monotonic() + ENDS_WITHIN_S
        while (found := self.prefect(f"/flow_runs/{flow_run_id}"))["state"]["type"] not in ENDS:
            assert time.monotonic() < deadline, found["state"]
            time.sleep(0.3)
        return dict(found)

    # -- the board's end -----------------------------------------------------------------------------------------------

    def kill_board(self) -> None:
        """Like a machine's out-of-memory killer: no goodbye to anybody."""
        os.kill(self.pid("board"), signal.SIGKILL)
        deadline = time.monotonic() + STOPS_WITHIN_S
        while self.pid("board"):
            assert time.monotonic() < deadline, "the board's guard did not notice"
            time.sleep(0.05)

    def start_board(self) -> None:
        """Again, on its port; `draftline up` still uses it, so it stays."""
        with supervisor.ensure({"s3", "sandbox", "board"}, self.home):
            pass


@contextmanager
def draftline_up(folder: Path, *, speed: float) -> Iterator[Stack]:
    """Everything embedded, up, and gone at the end; a killed test takes it along (leases, draftline/embedded)."""
    home = folder / "home"
    (home / "prefect").mkdir(parents=True)
    (home / "prefect" / "profiles.toml").write_text(PROFILE)
    with _clean_environment(home), (folder / "up.log").open("wb") as log:
        command = [sys.executable, "-m", "draftline.main", "up", "--speed", f"{speed:g}"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        w = build(Settings(home=home))
        try:
            yield Stack(home, _printed_link(process, folder / "up.log"), w)
        finally:
            w.close()
            process.send_signal(signal.SIGINT)
            process.wait(STOPS_WITHIN_S)


@contextmanager
def _clean_environment(home: Path) -> Iterator[None]:
    """Settings of the person who runs the tests are not those of the test."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("DRAFTLINE_", "AWS_", "PREFECT_"))]:
        del os.environ[name]
    os.environ |= {"DRAFTLINE_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _printed_link(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        found = SIGN_IN_LINK.search(text := log.read_text(errors="replace"))
        if found:
            return found.group(1)
        assert process.poll() is None, text
        time.sleep(0.1)
    raise AssertionError(f"no sign-in link after {STARTS_WITHIN_S} s:\n{log.read_text(errors='replace')}")
