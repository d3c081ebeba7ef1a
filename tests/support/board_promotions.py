"""A Prefect server for promotions: keeps flow runs by their idempotency key, and fails or refuses on demand."""

import json
from typing import Any

import httpx

from review.prefect_api import PrefectApi
from tests.support.board import BoardUnderTest


class Prefect:
    """Prefect's server: knows the deployment, keeps flow runs by their idempotency key."""

    def __init__(self, state: str = "SCHEDULED", status: int = 201) -> None:
        self.state, self.status = state, status
        self.sent: list[dict[str, Any]] = []
        self.runs: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            assert request.url.path.endswith("/deployments/name/promote/promote")
            return httpx.Response(200, json={"id": "d1"})
        body = json.loads(request.content)
        self.sent.append(body)
        flow_run = self.runs.setdefault(body["idempotency_key"], f"flow-{len(self.runs)}")
        state = "SCHEDULED" if self.state == "FAILED" and len(self.runs) > 1 else self.state
        return httpx.Response(self.status, json={"id": flow_run, "name": "n", "state_type": state})


def with_prefect(under: BoardUnderTest, made: Prefect) -> Prefect:
    under.board.prefect = PrefectApi("http://prefect/api", transport=httpx.MockTransport(made))
    return made
