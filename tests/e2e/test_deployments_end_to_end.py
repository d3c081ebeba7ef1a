"""The real thing on one machine: Prefect's server and a process worker, SeaweedFS, the sandbox; started by the API.

Every service is held by a lease of this process (draftline/embedded), so that a killed test leaves nothing behind.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.deployments.flow_runs import arun_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.apply import CATALOG, POOL, RECOVERY, ZOMBIES
from draftline.embedded.service import Options
from draftline.embedded.supervisor import Running, ensure

ROOT = Path(__file__).resolve().parents[2]
COMMAND_S = 120
RUN_S = 240
BRIEF = {
    "name": "slow-mornings",
    "title": "Slow Mornings",
    "subject": "an oat-glazed stoneware mug of coffee",
    "setting": "an oak kitchen table by a window",
    "light": "low morning sun from the left",
    "palette": ["#d9c7a8", "#b98d63"],
    "select": "person",
    "drafts": 2,
    "placements": ["thumb"],
    "requested_by": "Ann",
}

pytestmark = [pytest.mark.server, pytest.mark.anyio, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("deployed") / "home"
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("DRAFTLINE_", "AWS_"))}
    options = Options(sandbox_speed=1_000)
    try:
        with ExitStack() as held:
            services = held.enter_context(ensure({"s3", "sandbox", "prefect", "worker"}, home, options=options))
            held.enter_context(temporary_settings({PREFECT_API_URL: services.environment()["PREFECT_API_URL"]}))
            yield services
    finally:
        os.environ.update(before)


class Server:
    """Prefect's API as a board or a script sees it."""

    def __init__(self, running: Running) -> None:
        self._http = httpx.Client(base_url=running.environment()["PREFECT_API_URL"], timeout=60, trust_env=False)

    def get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()

    def find(self, path: str) -> list[dict[str, Any]]:
        return list(self._http.post(path, json={}).raise_for_status().json())

    def create(self, name: str, params: dict[str, Any]) -> httpx.Response:
        deployment = self.get(f"/deployments/name/{name}")
        return self._http.post(
            f"/deployments/{deployment['id']}/create_flow_run", json={"parameters": {"params": params}}
        )


def _command(running: Running, *words: str) -> str:
    environment = os.environ | running.environment() | {"PYTHONPATH": str(ROOT), "DRAFTLINE_HOME": str(running.home)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def _run(name: str, params: dict[str, Any]) -> str:
    """Start a deployment as Prefect's page does, wait for its end; how it ended, and why."""
    ended = await arun_deployment(name, parameters={"params": params}, timeout=RUN_S, poll_interval=1, as_subflow=False)
    assert ended.state is not None
    return f"{ended.state.name} {ended.state.message or ''}".strip()


def _invoice(running: Running) -> dict[str, Any]:
    assert running.sandbox is not None
    return dict(httpx.get(f"{running.sandbox.url}/_sandbox/invoice", trust_env=False, timeout=60).json())


async def test_a_campaign_is_started_picked_and_published_through_the_deployments(running: Running) -> None:
    server = Server(running)
    # Prefect's own command, then ours twice: all three leave the same four deployments.
    _command(running, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml")
    for _ in range(2):
        _command(running, "-m", "deployments", "--working-dir", str(ROOT))
    assert {one["name"] for one in server.find("/deployments/filter")} == {"catalog", "campaign", "promote", "recovery"}
    assert [one["name"] for one in server.find("/automations/filter")] == [ZOMBIES]
    catalog = server.get(f"/deployments/name/{CATALOG}")
    assert catalog["global_concurrency_limit"]["limit"] == 1
    assert [schedule["active"] for schedule in catalog["schedules"]] == [False]
    assert catalog["work_pool_name"] == POOL
    swept = server.get(f"/deployments/name/{RECOVERY}")
    assert [schedule["active"] for schedule in swept["schedules"]] == [True]
    assert swept["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"

    assert await _run("campaign/campaign", BRIEF) == "Completed"
    assert _invoice(running)["images"] == 2
    (sheet,) = [one for one in server.find("/artifacts/filter") if one["key"] == "contact-sheet"]
    assert "data:image/jpeg;base64," in sheet["data"]
    found = re.search(r"Run `([^`]+)`", sheet["data"])
    assert found is not None

    picks: dict[str, Any] = {"run_id": found.group(1), "picks": ["A1"], "picked_by": "Ann"}
    refused = server.create("promote/promote", picks)
    assert refused.status_code == 409, "an approval that nobody gave must not start anything"
    assert "approve" in refused.text
    assert _invoice(running)["images"] == 2

    assert await _run("promote/promote", {**picks, "approve": "approve"}) == "Completed"
    paid = _invoice(running)
    assert paid["images"] == 3
    spent = json.loads(_command(running, "-m", "draftline.main", "spend", "--by", "run", "--json"))
    assert spent["total_spent_micros"] == paid["total_micros"]
    shown = json.loads(_command(running, "-m", "draftline.main", "show", picks["run_id"], "--json"))
    assert shown["run"]["status"] == "published"

    # The same picks again: published already, and nothing is paid.
    assert await _run("promote/promote", {**picks, "approve": "approve"}) == "Completed"
    assert _invoice(running)["total_micros"] == paid["total_micros"]
