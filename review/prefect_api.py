"""Prefect's HTTP API, as far as the board needs it: start a deployment by its name, look at a flow run, cancel it.

What may not live here: flows, and anything about money: a flow run's state says nothing about what was spent.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import certifi
import httpx

from domain.errors import DraftlineError, InputError
from wiring import Settings

log = logging.getLogger("draftline.board")
TIMEOUT = httpx.Timeout(15.0, connect=3.0)
BUSY_WAITS_S = (0.1, 0.3, 0.6, 0.0)
ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
NOT_STARTED = frozenset({"SCHEDULED", "PENDING"})


class PrefectAway(DraftlineError):
    """Prefect's server does not answer, or refuses us."""


@dataclass(frozen=True)
class FlowRun:
    """A flow run as Prefect sees it. `state` is Prefect's state type, such as RUNNING."""

    flow_run_id: str
    name: str
    state: str
    message: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


class PrefectApi:
    """Each call opens and closes its connection: a page makes one or two, and any event loop may ask."""

    def __init__(
        self,
        api_url: str,
        *,
        key: str = "",
        auth_string: str = "",
        ui_url: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._api_url, self._key, self._auth_string = api_url.rstrip("/"), key, auth_string
        self.ui_url, self._transport = ui_url.rstrip("/"), transport

    async def start(
        self, deployment: str, parameters: dict[str, Any], *, idempotency_key: str, name: str = ""
    ) -> FlowRun:
        """Start `campaign/campaign` and the like. The same key again answers the flow run that it started before."""
        flow, _, deployed = deployment.partition("/")
        found = await self._call("GET", f"/deployments/name/{flow}/{deployed}", missing=_not_deployed(deployment))
        body: dict[str, Any] = {"parameters": parameters, "idempotency_key": idempotency_key}
        if name:
            body["name"] = name
        return _flow_run(await self._call("POST", f"/deployments/{found['id']}/create_flow_run", body))

    async def flow_run(self, flow_run_id: str) -> FlowRun:
        """Raises InputError when Prefect knows none (it forgets old ones)."""
        missing = InputError(f"Prefect knows no flow run {flow_run_id}")
        return _flow_run(await self._call("GET", f"/flow_runs/{flow_run_id}", missing=missing))

    async def cancel(self, flow_run_id: str) -> FlowRun:
        """Ask for the end of a flow run; its worker ends it. One that has ended is left as it is."""
        before = await self.flow_run(flow_run_id)
        if before.has_ended:
            return before
        kind = "CANCELLED" if before.state in NOT_STARTED else "CANCELLING"
        await self._call("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": kind}, "force": False})
        return await self.flow_run(flow_run_id)

    def flow_run_url(self, flow_run_id: str) -> str:
        """Where a person sees this flow run in Prefect's own page; "" when no address of it is known."""
        return f"{self.ui_url}/runs/flow-run/{flow_run_id}" if self.ui_url and flow_run_id else ""

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, missing: DraftlineError | None = None
    ) -> dict[str, Any]:
        if not self._api_url:
            raise PrefectAway(
                "the service that starts runs is not set up here: an administrator sets PREFECT_API_URL, or starts "
                "everything with `draftline up`"
            )
        try:
            answer = await self._sent(method, path, body)
        except httpx.HTTPError as error:
            log.warning("board.prefect away=%s error=%s", self._api_url, type(error).__name__)
            raise PrefectAway("the service that starts runs does not answer; nothing was started") from error
        return _read(answer, missing)

    async def _sent(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        """A server on SQLite answers 503 at once while another writes. Asking again is safe: a start has its key."""
        async with self._client() as client:
            for wait_s in BUSY_WAITS_S:
                answer = await client.request(method, f"{self._api_url}{path}", json=body)
                if answer.status_code != 503:
                    return answer
                await asyncio.sleep(wait_s)
            return answer

    def _client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        user, _, password = self._auth_string.partition(":")
        auth = httpx.BasicAuth(user, password) if self._auth_string else None
        return httpx.AsyncClient(
            timeout=TIMEOUT, headers=headers, auth=auth, transport=self._transport, verify=self._tls, trust_env=False
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Once: parsing the bundle costs 35 ms."""
        return ssl.create_default_context(cafile=certifi.where())


def from_settings(s: Settings, ui_url: str) -> PrefectApi:
    return PrefectApi(
        s.prefect_api_url,
        key=s.prefect_api_key.get_secret_value(),
        auth_string=s.prefect_api_auth_string.get_secret_value(),
        ui_url=ui_url,
    )


def _not_deployed(deployment: str) -> InputError:
    return InputError(f"Prefect has no deployment {deployment}", hint="`python -m deployments` makes it")


def _read(answer: httpx.Response, missing: DraftlineError | None) -> dict[str, Any]:
    if answer.status_code == 404 and missing is not None:
        raise missing
    if answer.status_code in (401, 403):
        raise PrefectAway(
            "Prefect's server does not let the board in; check PREFECT_API_KEY or PREFECT_API_AUTH_STRING"
        )
    if answer.status_code in (409, 422):
        raise InputError(f"Prefect did not take these parameters: {_detail(answer)}")
    if not answer.is_success:
        raise PrefectAway(f"Prefect's server answered {answer.status_code}")
    try:
        return dict(answer.json())
    except ValueError as error:
        raise PrefectAway("Prefect's server answered something that is not JSON; check PREFECT_API_URL") from error


def _detail(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return f"status {answer.status_code}"
    detail = found.get("detail") or found.get("exception_detail") if isinstance(found, dict) else ""
    return str(detail)[:300] or f"status {answer.status_code}"


def _flow_run(found: dict[str, Any]) -> FlowRun:
    state = found.get("state") or {}
    kind = str(found.get("state_type") or state.get("type") or "")
    parameters = dict(found.get("parameters") or {})
    return FlowRun(str(found["id"]), str(found.get("name") or ""), kind, str(state.get("message") or ""), parameters)
