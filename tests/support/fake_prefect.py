"""Prefect's API in this process, as far as the board's start of a run needs it."""

import json
from typing import Any

import httpx

from review.prefect_api import PrefectApi


class FakePrefect:
    """Prefect's API as far as a start needs it; `away` makes it silent."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.calls, self.away, self.refuses = 0, False, False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("nobody there", request=request)
        if request.method == "GET":
            return httpx.Response(200, json={"id": request.url.path.rsplit("/", 2)[-2]})
        self.calls += 1
        if self.refuses:
            return httpx.Response(422, json={"detail": "wrong"})
        body = json.loads(request.content)
        key = body["idempotency_key"]
        known = self.started.setdefault(key, {"id": f"flow-run-{len(self.started)}", "parameters": body["parameters"]})
        return httpx.Response(201, json={"id": known["id"], "name": "x", "state_type": "SCHEDULED"})

    def api(self) -> PrefectApi:
        """For `board.prefect`."""
        return PrefectApi("http://prefect/api", transport=httpx.MockTransport(self))

    @property
    def params(self) -> list[dict[str, Any]]:
        return [one["parameters"]["params"] for one in self.started.values()]
