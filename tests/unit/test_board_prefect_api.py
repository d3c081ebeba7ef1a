"""Prefect's API as the board uses it: started once by a key, cancelled, and every failure a sentence."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from domain.errors import DraftlineError, InputError
from review import prefect_api
from review.prefect_api import PrefectApi, PrefectAway

pytestmark = pytest.mark.anyio
API = "http://prefect.test/api"
RUN = {"id": "r-1", "name": "calm-otter", "state_type": "RUNNING", "state": {"type": "RUNNING", "message": None}}


def api(answer: Callable[[httpx.Request], httpx.Response], **more: Any) -> PrefectApi:
    return PrefectApi(API, transport=httpx.MockTransport(answer), **more)


async def test_a_deployment_is_started_by_its_name_with_parameters_and_a_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"id": "d-1"} if request.method == "GET" else RUN)

    run = await api(answer, key="k").start(
        "campaign/campaign", {"params": {"a": 1}}, idempotency_key="q:1", name="slow"
    )
    assert (run.flow_run_id, run.state, run.has_ended) == ("r-1", "RUNNING", False)
    assert [r.url.path for r in asked] == [
        "/api/deployments/name/campaign/campaign",
        "/api/deployments/d-1/create_flow_run",
    ]
    body = json.loads(asked[1].content)
    assert body == {"parameters": {"params": {"a": 1}}, "idempotency_key": "q:1", "name": "slow"}
    assert asked[1].headers["authorization"] == "Bearer k"


async def test_a_shared_login_goes_along_as_basic() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json=RUN)

    await api(answer, auth_string="user:pa:ss").flow_run("r-1")
    assert seen == [httpx.BasicAuth("user", "pa:ss")._auth_header]


async def test_a_busy_server_is_asked_again_with_the_same_key_and_no_more_than_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prefect_api, "BUSY_WAITS_S", (0.0, 0.0))
    answers = iter([httpx.Response(200, json={"id": "d-1"}), httpx.Response(503), httpx.Response(200, json=RUN)])
    run = await api(lambda _request: next(answers)).start("campaign/campaign", {}, idempotency_key="q:1")
    assert run.flow_run_id == "r-1"
    with pytest.raises(PrefectAway, match="503"):
        await api(lambda _request: httpx.Response(503)).flow_run("r-1")


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (httpx.Response(404), InputError, "no deployment campaign/campaign"),
        (httpx.Response(401), PrefectAway, "PREFECT_API_KEY"),
        (httpx.Response(422, json={"detail": "drafts: must be 1 or more"}), InputError, "must be 1 or more"),
        (httpx.Response(409, json={"detail": "Error validating parameters"}), InputError, "validating"),
        (httpx.Response(500), PrefectAway, "500"),
        (httpx.Response(200, text="<html>"), PrefectAway, "PREFECT_API_URL"),
    ],
)
async def test_each_refusal_is_a_sentence(answer: httpx.Response, kind: type[DraftlineError], says: str) -> None:
    with pytest.raises(kind, match=says):
        await api(lambda _request: answer).start("campaign/campaign", {}, idempotency_key="k")


async def test_a_server_that_is_away_or_unknown_is_a_sentence_and_its_address_is_for_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(PrefectAway, match=r"^the service that starts runs does not answer; nothing was started$"):
        await api(refuse).flow_run("r-1")
    assert "away=http://prefect.test/api error=ConnectError" in caplog.text
    with pytest.raises(PrefectAway, match="draftline up"):
        await PrefectApi("").flow_run("r-1")


@pytest.mark.parametrize(
    ("before", "asked_for"),
    [("RUNNING", "CANCELLING"), ("SCHEDULED", "CANCELLED"), ("PENDING", "CANCELLED"), ("COMPLETED", None)],
)
async def test_a_flow_run_is_cancelled_as_its_state_allows(before: str, asked_for: str | None) -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sent.append(json.loads(request.content)["state"])
            return httpx.Response(200, json={"status": "ACCEPT"})
        return httpx.Response(200, json={**RUN, "state_type": before})

    await api(answer).cancel("r-1")
    assert sent == ([{"type": asked_for}] if asked_for else [])


def test_the_link_to_prefect_s_page_is_empty_where_its_address_is_unknown() -> None:
    assert PrefectApi(API).flow_run_url("r-1") == ""
    assert PrefectApi(API, ui_url="http://p/").flow_run_url("r-1") == "http://p/runs/flow-run/r-1"
