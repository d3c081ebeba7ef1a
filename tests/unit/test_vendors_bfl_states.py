"""Every end of a BFL job, and the promise that no answer whatever can hang the poll or raise something of its own."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError, VendorBusy, VendorError, VendorRefused, VendorSilent
from domain.render import Job, Receipt, RenderRequest
from vendors.bfl.client import Bfl
from vendors.contract import Accepted

KEY = "secret-key-of-bfl"
PNG = b"\x89PNG\r\n\x1a\n and the rest"
POLL = "https://api.eu2.bfl.ai/v1/get_result?id=job-1"
SAMPLE = "https://delivery-eu.bfl.ai/results/job-1/sample.png?sig=signed"
REQUEST = RenderRequest("flux-2-pro", "a red teapot", 1024, 1024, seed=5)
USAGE = {"output_mp": 1, "input_mp": 0}
FACTS = {"model_id": "flux-2-pro", "output_format": "png", "seed": 5, "usage": USAGE, "warnings": []}
JOB = Job("job-1", POLL, cost_micros=30_000, facts=FACTS)
READY = {"id": "job-1", "status": "Ready", "result": {"sample": SAMPLE, "seed": 99}, "cost": 3.0}


class World:
    """Scripted answers behind a mock transport, a clock that only sleeping moves, and all requests that were made."""

    def __init__(self, *polls: Any, submit: Any = None, downloads: Sequence[Any] = ()) -> None:
        self.polls, self.submit_answer, self.downloads = list(polls), submit, list(downloads)
        self.now_s = 1000.0
        self.requests: list[httpx.Request] = []
        self.vendor = Bfl(
            api_key=KEY,
            transport=httpx.MockTransport(self.answer),
            clock=lambda: self.now_s,
            sleep=self.sleep,
            poll_deadline_s=30.0,
        )

    async def sleep(self, seconds_s: float) -> None:
        self.now_s += max(seconds_s, 0.001)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "POST":
            return _play(self.submit_answer)
        if "delivery" in request.url.host:
            return _play(_next(self.downloads, httpx.Response(200, content=PNG)))
        return _play(_next(self.polls, READY))

    def submit(self) -> Job:
        accepted = anyio.run(self.vendor.submit, REQUEST)
        assert isinstance(accepted, Accepted)
        return accepted.job

    def collect(self, job: Job = JOB, on_progress: Callable[[str], None] | None = None) -> Receipt:
        async def run() -> Receipt:
            return await self.vendor.collect(job, on_progress=on_progress)

        return anyio.run(run)


def _next(script: list[Any], last: Any) -> Any:
    if not script:
        return last
    return script.pop(0) if len(script) > 1 else script[0]


def _play(step: Any) -> httpx.Response:
    if isinstance(step, Exception):
        raise step
    if isinstance(step, httpx.Response):  # a fresh one each time: a response is read once
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)
    return httpx.Response(200, content=step if isinstance(step, bytes) else json.dumps(step).encode())


def failed(action: Any, kind: type[VendorError], code: str, billed: str) -> VendorError:
    with pytest.raises(kind) as caught:
        action()
    assert (caught.value.code, caught.value.billed) == (code, billed)
    assert KEY not in str(caught.value)
    return caught.value


def test_a_submit_is_one_post_and_keeps_job_address_and_exact_cost() -> None:
    answer = {"id": "job-1", "polling_url": POLL, "cost": 1.4, "input_mp": 0.0, "output_mp": 1.0}
    world = World(submit=answer)
    job = world.submit()
    assert (job.job_id, job.poll_url, job.cost_micros) == ("job-1", POLL, 14_000)
    assert job.facts["usage"] == USAGE
    assert json.loads(json.dumps(job.facts)) == job.facts
    (sent,) = world.requests
    assert (sent.headers["x-key"], sent.headers["connection"]) == (KEY, "close")


def test_a_job_without_a_cost_says_so() -> None:
    job = World(submit={"id": "job-1"}).submit()
    assert job.cost_micros is None
    assert job.poll_url == ""
    assert any("cost" in w for w in job.facts["warnings"])


@pytest.mark.parametrize(
    ("answer", "kind", "code", "billed"),
    [
        (httpx.ConnectError("refused"), VendorBusy, "no-connection", "no"),
        (httpx.ConnectTimeout("slow"), VendorBusy, "no-connection", "no"),
        (httpx.PoolTimeout("full"), VendorBusy, "no-connection", "no"),
        (httpx.ReadTimeout("slow"), VendorSilent, "no-answer", "unknown"),
        (httpx.WriteError("cut"), VendorSilent, "no-answer", "unknown"),
        (httpx.RemoteProtocolError("cut"), VendorSilent, "no-answer", "unknown"),
        (httpx.Response(500), VendorSilent, "http-500", "unknown"),
        (httpx.Response(503, json={"detail": "busy"}), VendorSilent, "http-503", "unknown"),
        (httpx.Response(307, headers={"location": "https://evil.example"}), VendorSilent, "http-307", "unknown"),
        (httpx.Response(408), VendorSilent, "http-408", "unknown"),
        (httpx.Response(400, json={"detail": "bad image"}), VendorRefused, "invalid", "no"),
        (httpx.Response(401), VendorRefused, "credentials", "no"),
        (httpx.Response(402, json={"error": "insufficient_credits"}), VendorRefused, "no-credits", "no"),
        (httpx.Response(403, json={"detail": "Not authenticated"}), VendorRefused, "credentials", "no"),
        (httpx.Response(404, json={"detail": "Not Found"}), VendorRefused, "unknown-model", "no"),
        (httpx.Response(422, json={"detail": "Invalid API key format"}), VendorRefused, "credentials", "no"),
        (httpx.Response(422, json={"detail": "Request Moderated"}), VendorRefused, "moderated", "no"),
        (httpx.Response(200, content=b"<html>"), VendorSilent, "broken-answer", "unknown"),
        (httpx.Response(200, json={"cost": 3}), VendorSilent, "broken-answer", "unknown"),
        (
            httpx.Response(200, headers={"content-length": "99"}, content=b'{"id":"a"}'),
            VendorSilent,
            "cut-answer",
            "unknown",
        ),
        (httpx.Response(400, headers={"content-length": "99"}, content=b"{}"), VendorRefused, "invalid", "no"),
    ],
)
def test_each_failure_of_a_submit_says_what_it_means_for_money(answer: Any, kind: Any, code: Any, billed: Any) -> None:
    world = World(submit=answer)
    failed(world.submit, kind, code, billed)
    assert len(world.requests) == 1


def test_a_validation_error_names_the_field_and_never_the_key() -> None:
    detail = [{"loc": ["body", "width"], "msg": f"too small, says {KEY}", "type": "x"}]
    error = failed(World(submit=httpx.Response(422, json={"detail": detail})).submit, VendorRefused, "invalid", "no")
    assert "body.width: too small, says ***" in str(error)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (httpx.Response(429, headers={"retry-after": "7"}, json={"detail": "over"}), 7.0),
        (httpx.Response(429, json={"error": "rate_limit_exceeded", "retry_after": 5}), 5.0),
        (httpx.Response(429, json={"detail": "over"}), None),
    ],
)
def test_over_the_limit_is_busy_with_the_hint_to_wait(answer: Any, wait_s: Any) -> None:
    error = failed(World(submit=answer).submit, VendorBusy, "rate-limited", "no")
    assert (error.retryable, error.retry_after_s) == (True, wait_s)


def test_without_a_key_nothing_is_sent() -> None:
    world = World()
    vendor = Bfl(api_key="", transport=httpx.MockTransport(world.answer))
    failed(lambda: anyio.run(vendor.submit, REQUEST), VendorRefused, "credentials", "no")
    assert world.requests == []


def test_a_key_that_no_header_can_carry_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="key"):
        Bfl(api_key="two\nlines", transport=httpx.MockTransport(lambda _: httpx.Response(200)))


def test_pending_reasoning_and_generating_go_on_and_are_told_once_each() -> None:
    told: list[str] = []
    going = [{"status": s} for s in ("Pending", "Pending", "Reasoning", "Generating")]
    receipt = World(*going, READY).collect(on_progress=told.append)
    assert told == ["Pending", "Reasoning", "Generating"]
    assert (receipt.data, receipt.media_type, receipt.seed) == (PNG, "image/png", 99)
    assert (receipt.cost_micros, receipt.vendor_id, receipt.model_answered) == (30_000, "job-1", "flux-2-pro")


def test_the_settled_cost_wins_over_the_estimate_and_the_difference_is_told() -> None:
    receipt = World(READY | {"cost": 2.5}).collect()
    assert receipt.cost_micros == 25_000
    assert any("settled at 25000" in w for w in receipt.warnings)
    without = {k: v for k, v in READY.items() if k != "cost"}
    assert World(without).collect().cost_micros == 30_000


@pytest.mark.parametrize(
    ("answer", "kind", "code", "billed"),
    [
        ({"status": "Request Moderated"}, VendorRefused, "moderated", "no"),
        ({"status": "Content Moderated", "details": {"reasons": ["x"]}}, VendorRefused, "moderated", "no"),
        (httpx.Response(422, json={"status": "Error", "details": "boom"}), VendorRefused, "failed", "no"),
        ({"status": "Failed"}, VendorRefused, "failed", "no"),
        ({"status": "Task not found"}, VendorSilent, "unknown-job", "unknown"),
        ({"status": "Dreaming"}, VendorSilent, "unknown-status", "unknown"),
        ({"status": "ready"}, VendorSilent, "unknown-status", "unknown"),
        (httpx.Response(404), VendorSilent, "unknown-job", "unknown"),
        (httpx.Response(422, json={"detail": []}), VendorSilent, "poll-refused", "unknown"),
        (httpx.Response(403), VendorBusy, "credentials", "unknown"),
        ({"status": "Ready", "result": None, "cost": 2}, VendorRefused, "no-image", "yes"),
        ({"status": "Ready", "result": {"sample": "file:///etc/passwd"}}, VendorRefused, "no-image", "yes"),
        ({"status": "Ready", "result": {"sample": "http://delivery.bfl.ai/x"}}, VendorRefused, "no-image", "yes"),
    ],
)
def test_each_end_of_a_poll_says_what_it_means_for_money(answer: Any, kind: Any, code: Any, billed: Any) -> None:
    world = World(answer)
    error = failed(world.collect, kind, code, billed)
    assert len(world.requests) == 1
    if code == "no-image":
        assert error.cost_micros in (20_000, 30_000)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "Pending"},
        httpx.Response(503),
        httpx.Response(503, json={"status": "Generating"}),
        httpx.Response(429, headers={"retry-after": "1"}),
        httpx.ConnectError("gone"),
        b"not json",
        {"no": "status"},
        {"status": ["Ready"]},
    ],
)
def test_whatever_the_answer_the_deadline_ends_the_poll_and_the_money_stays_held(answer: Any) -> None:
    world = World(answer)
    failed(world.collect, VendorBusy, "pending", "unknown")
    assert 29.0 < world.now_s - 1000.0 < 31.0
    assert len(world.requests) < 100


def test_an_outage_in_the_middle_is_ridden_out() -> None:
    outage = [httpx.Response(503), httpx.ConnectError("gone"), b"half an ans", httpx.Response(500)]
    assert World({"status": "Pending"}, *outage, READY).collect().data == PNG


@pytest.mark.parametrize("code", [404, 422])
def test_a_poll_that_broke_off_is_asked_again_whatever_its_code(code: int) -> None:
    cut = httpx.Response(code, headers={"content-length": "99"}, content=b'{"id":"job-1","sta')
    whole = httpx.Response(422, json={"id": "job-1", "status": "Error", "details": {"error": "out of memory"}})
    failed(World(cut, whole).collect, VendorRefused, "failed", "no")
    failed(World(cut).collect, VendorBusy, "pending", "unknown")


@pytest.mark.parametrize(
    ("status", "details", "told"),
    [
        (
            "Content Moderated",
            {"Moderation Reasons": ["Derivative Works Filter", "Faces"]},
            "Derivative Works Filter; Faces",
        ),
        ("Request Moderated", "the prompt names a living person", "the prompt names a living person"),
        ("Error", {"error": "out of memory", "code": 7}, "error: out of memory; code"),
    ],
)
def test_the_vendors_reason_for_an_end_without_an_image_is_told(status: str, details: Any, told: str) -> None:
    with pytest.raises(VendorRefused) as caught:
        World({"id": "job-1", "status": status, "details": details}).collect()
    assert told in str(caught.value)


def test_a_foreign_poll_address_never_sees_the_key() -> None:
    world = World()
    failed(
        lambda: world.collect(Job("job-1", "https://evil.example/?id=job-1")),
        VendorSilent,
        "foreign-poll-host",
        "unknown",
    )
    assert world.requests == []


def test_the_key_goes_to_the_poll_host_and_never_to_the_delivery_host() -> None:
    world = World(READY)
    world.collect()
    poll, download = world.requests
    assert poll.headers["x-key"] == KEY
    assert "x-key" not in download.headers


def test_a_download_that_breaks_off_is_fetched_again() -> None:
    short = httpx.Response(200, headers={"content-length": "999"}, content=PNG)
    world = World(
        READY, downloads=[short, httpx.Response(503), httpx.ReadError("cut"), httpx.Response(200, content=PNG)]
    )
    assert world.collect().data == PNG


def test_an_expired_link_is_asked_for_again_but_not_for_ever() -> None:
    world = World(READY, downloads=[httpx.Response(403), httpx.Response(200, content=PNG)])
    assert world.collect().data == PNG
    error = failed(World(READY, downloads=[httpx.Response(403)]).collect, VendorRefused, "link-expired", "yes")
    assert error.cost_micros == 30_000


def test_an_image_above_the_cap_is_not_read_to_its_end() -> None:
    endless = httpx.Response(200, content=b"x" * 30_000_001)
    failed(World(READY, downloads=[endless]).collect, VendorRefused, "too-large", "yes")


def test_a_delivery_host_that_is_down_leaves_the_money_held() -> None:
    failed(World(READY, downloads=[httpx.Response(500)]).collect, VendorBusy, "download", "unknown")


def test_no_log_line_holds_a_key_or_a_signed_link(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    world = World(READY, downloads=[httpx.Response(403), httpx.Response(500), httpx.Response(200, content=PNG)])
    world.collect()
    assert "bfl.collected job=job-1 cost_micros=30000" in caplog.text
    assert KEY not in caplog.text
    assert "sig=" not in caplog.text


KEYS = st.sampled_from(
    [
        "id",
        "status",
        "result",
        "sample",
        "cost",
        "details",
        "detail",
        "msg",
        "loc",
        "seed",
        "polling_url",
        "retry_after",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(["Ready", "Pending", "Error", "Content Moderated", "Task not found", SAMPLE, POLL, "\ud800"]),
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5),
    max_leaves=15,
)
CODES = st.sampled_from([200, 202, 302, 400, 401, 402, 404, 408, 422, 429, 499, 500, 503])


def outcome(action: Any) -> Any:
    """What an action ends in: its result, or its VendorError (anything else fails the test)."""
    try:
        return action()
    except VendorError as error:
        return error


@settings(max_examples=250, deadline=None)
@given(CODES, ANY_JSON)
def test_any_submit_answer_ends_in_a_job_or_a_vendor_error(code: Any, body: Any) -> None:
    world = World(submit=httpx.Response(code, content=json.dumps(body).encode()))
    end = outcome(world.submit)
    assert len(world.requests) == 1
    assert (json.dumps(end.facts) if isinstance(end, Job) else str(end)).encode()


@settings(max_examples=250, deadline=None)
@given(CODES, ANY_JSON)
def test_any_poll_answer_ends_in_a_receipt_or_a_vendor_error_before_the_deadline(code: Any, body: Any) -> None:
    world = World(httpx.Response(code, content=json.dumps(body).encode()))
    end = outcome(world.collect)
    assert world.now_s - 1000.0 < 31.0
    assert (json.dumps(end.facts) if isinstance(end, Receipt) else str(end)).encode()


@settings(max_examples=150, deadline=None)
@given(ANY_JSON, st.sampled_from(["Ready", "Error", "Content Moderated", "Pending", "Dreaming"]))
def test_any_result_under_a_known_status_ends_as_well(body: Any, status: Any) -> None:
    world = World({"status": status, "result": body, "details": body, "cost": body})
    assert isinstance(outcome(world.collect), Receipt | VendorError)
    assert world.now_s - 1000.0 < 31.0
