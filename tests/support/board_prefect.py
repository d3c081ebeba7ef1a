"""A Prefect server that only remembers: what the board asked it to start and to cancel."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from review.prefect_api import PrefectApi
from tests.support.board import BoardUnderTest

UI = "http://prefect"


@dataclass
class FakePrefect:
    """`flow_runs` by id, as its API answers them; `started` are (deployment, parameters) in order, each key once."""

    flow_runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    is_away: bool = False

    def knows(self, flow_run_id: str, state: str, message: str = "", **parameters: Any) -> None:
        stands = {"type": state, "message": message}
        self.flow_runs[flow_run_id] = {
            "id": flow_run_id, "name": flow_run_id, "state_type": state, "state": stands, "parameters": parameters,
        }  # fmt: skip

    def state_of(self, flow_run_id: str) -> str:
        return str(self.flow_runs[flow_run_id]["state_type"])

    def serves(self, under: BoardUnderTest) -> "FakePrefect":
        transport = httpx.MockTransport(self._answer)
        under.board.prefect = PrefectApi("http://prefect/api", ui_url=UI, transport=transport)
        return self

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("away")
        parts = request.url.path.removeprefix("/api/").split("/")
        body = json.loads(request.content) if request.content else {}
        if parts[:2] == ["deployments", "name"]:
            return httpx.Response(200, json={"id": "/".join(parts[2:]).replace("/", "~")})
        if parts[0] == "deployments":
            return httpx.Response(201, json=self._start(parts[1].replace("~", "/"), body))
        if parts[1] not in self.flow_runs:
            return httpx.Response(404, json={})
        if parts[-1] == "set_state":
            self.knows(parts[1], body["state"]["type"])
        return httpx.Response(200, json=self.flow_runs[parts[1]])

    def _start(self, deployment: str, body: dict[str, Any]) -> dict[str, Any]:
        key = body["idempotency_key"]
        if key not in self.keys:
            self.started.append((deployment, body["parameters"]))
            self.keys[key] = f"started-{len(self.started)}"
            self.knows(self.keys[key], "SCHEDULED", **body["parameters"])
        return self.flow_runs[self.keys[key]]
