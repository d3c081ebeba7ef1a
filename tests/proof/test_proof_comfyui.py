"""The ComfyUI schedule, replayed: a cut at 60 s on a render of 85 s gave 4 bills and 0 images (its pull request 16204).

A hundredth of the times. A naive client, which posts again after a cut, gets just that from the same sandbox; ours gets
one bill, and the image wherever the vendor can be asked again.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from domain.errors import VendorBusy, VendorSilent
from tasks.paid_calls import InDoubt, Paid
from tests.support.money import BFL_MODEL, GOOGLE_MODEL, audit, folder_store
from tests.support.paid_bench import Bench
from tests.support.sandbox_server import SandboxServer
from vendors.google.client import READ_TIMEOUT_S

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]

TRIES = 4
CUT_S, RENDER_S = 0.6, 0.85
REAL_RENDER_S = 85.0
SLOW = f"a red kettle [[sandbox:fault=late seconds={RENDER_S}]]"
# For whoever counts on a cut that comes first: so late that a busy machine does not turn the order round. What BFL's
# wire tells goes by the sandbox's clock, which a test puts on.
LATER = "a red kettle [[sandbox:fault=late seconds=3]]"
MUCH_LATER = "a red kettle [[sandbox:fault=late seconds=600]]"
CUT = httpx.Timeout(60, read=CUT_S)


def slow_and(fault: str) -> str:
    return f"{SLOW} [[sandbox:fault={fault}]]"


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    started = SandboxServer.start()
    yield started
    started.stop()


@pytest.fixture
def sandbox_server(running: SandboxServer) -> SandboxServer:
    running.reset()
    return running


async def ends_of(bench: Bench, call: Any, times: int) -> list[Paid | Exception]:
    """What a run is told that asks for the same image again and again."""
    ends: list[Paid | Exception] = []
    for _ in range(times):
        try:
            ends.append(await bench.pay(call))
        except (VendorBusy, VendorSilent, InDoubt) as error:
            ends.append(error)
    return ends


def bills(bench: Bench) -> int:
    """Bills once everything under way has ended, the images that came of them, and that the books agree."""
    bench.sandbox.advance(60)
    audit(bench.w, bench.sandbox.invoice())
    return len(bench.sandbox.invoice()["lines"])


def test_a_client_that_posts_again_after_its_cut_gets_four_bills_and_no_image(sandbox_server: SandboxServer) -> None:
    body = {"contents": [{"parts": [{"text": LATER}]}], "generationConfig": {"responseModalities": ["IMAGE"]}}
    url = f"{sandbox_server.google_url}/v1beta/models/{GOOGLE_MODEL}:generateContent"
    images = 0
    for _ in range(TRIES):
        try:
            httpx.post(url, json=body, headers={"x-goog-api-key": sandbox_server.google_key}, timeout=CUT)
            images += 1
        except httpx.ReadTimeout:
            continue
    # what it gave up is rendered, and billed, behind its back
    with httpx.Client(timeout=60) as patient:
        patient.post(url, json=body, headers={"x-goog-api-key": sandbox_server.google_key})
    assert images == 0
    assert len(sandbox_server.invoice()["lines"]) - 1 == TRIES


def test_a_client_that_submits_again_when_it_is_tired_of_polling_gets_four_bills_too(
    sandbox_server: SandboxServer,
) -> None:
    body, headers = {"prompt": MUCH_LATER, "width": 64, "height": 64}, {"x-key": sandbox_server.bfl_key}
    for _ in range(TRIES):
        answer = httpx.post(f"{sandbox_server.bfl_url}/v1/{BFL_MODEL}", json=body, headers=headers, timeout=60)
        status = httpx.get(answer.json()["polling_url"], headers=headers, timeout=60).json()["status"]
        assert status != "Ready"
    sandbox_server.advance(601)
    assert len(sandbox_server.invoice()["lines"]) == TRIES


async def test_when_polling_ends_before_the_render_the_next_try_collects_the_same_job(bench: Bench) -> None:
    vars(bench.vendors["bfl"])["_poll_deadline_s"] = CUT_S
    call = bench.call(BFL_MODEL, MUCH_LATER)
    (tired,) = await ends_of(bench, call, 1)
    assert isinstance(tired, VendorBusy)
    bench.sandbox.advance(601)
    vars(bench.vendors["bfl"])["_poll_deadline_s"] = 60.0
    ends = await ends_of(bench, call, TRIES - 1)
    assert len({end.sha256 for end in ends if isinstance(end, Paid)}) == 1
    assert all(isinstance(end, Paid) for end in ends), ends
    assert bills(bench) == 1


@pytest.mark.parametrize(
    "rule",
    [
        {"match": {"path": "get_result", "times": 3}, "fault": "cut_after"},
        {"match": {"path": "get_result", "times": 3}, "fault": "cut_mid_answer"},
        {"match": {"path": "/bfl-delivery/", "times": 3}, "fault": "cut_after"},
        {"match": {"path": "/bfl-delivery/", "times": 3}, "fault": "cut_mid_answer"},
    ],
    ids=["no answer to a poll", "half an answer to a poll", "no picture", "half a picture"],
)
async def test_a_cut_at_the_poll_or_the_download_costs_one_bill_and_gives_one_image(
    rule: dict[str, Any], bench: Bench
) -> None:
    bench.sandbox.rules(rule)
    ends = await ends_of(bench, bench.call(BFL_MODEL, SLOW), TRIES)
    assert all(isinstance(end, Paid) for end in ends), ends
    attempts = bench.attempts()
    assert len(attempts) == 1
    assert folder_store(bench.w).get("private", attempts[0].result_key)
    assert bills(bench) == 1


@pytest.mark.parametrize("cut", ["cut_after", "cut_status", "cut_mid_answer"])
@pytest.mark.parametrize("model_id", [BFL_MODEL, GOOGLE_MODEL])
async def test_a_cut_of_the_answer_to_the_post_is_one_bill_in_doubt_however_often_it_is_asked_for(
    model_id: str, cut: str, bench: Bench
) -> None:
    ends = await ends_of(bench, bench.call(model_id, slow_and(cut)), TRIES)
    assert isinstance(ends[0], VendorSilent)
    assert all(isinstance(end, InDoubt) for end in ends[1:]), ends
    assert [a.state for a in bench.attempts()] == ["in_doubt"]
    assert bills(bench) == 1


async def test_our_read_limit_lies_above_the_slow_render_so_that_the_cut_is_never_ours(bench: Bench) -> None:
    assert READ_TIMEOUT_S > 2 * REAL_RENDER_S
    ends = await ends_of(bench, bench.call(GOOGLE_MODEL, SLOW), TRIES)
    assert all(isinstance(end, Paid) for end in ends), ends
    assert len({end.sha256 for end in ends if isinstance(end, Paid)}) == 1
    assert bills(bench) == 1
