"""Every fault, seen as a client sees it, and what each one costs."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

pytestmark = pytest.mark.server
SMALL = {"prompt": "a red kettle", "width": 64, "height": 96}
NB2 = "gemini-3.1-flash-image"
CUT = (httpx.RemoteProtocolError, httpx.ReadError)


class Wires:
    """Both vendors, with the fault as a marker in the prompt."""

    def __init__(self, sandbox_server: Any, client: httpx.Client) -> None:
        self.sandbox, self.client = sandbox_server, client

    def flux(self, fault: str = "", **body: Any) -> httpx.Response:
        prompt = f"a red kettle [[sandbox:fault={fault}]]" if fault else "a red kettle"
        headers = {"x-key": self.sandbox.bfl_key}
        return self.client.post(
            f"{self.sandbox.bfl_url}/v1/flux-2-pro", json=SMALL | {"prompt": prompt} | body, headers=headers
        )

    def flux_result(self, fault: str) -> httpx.Response:
        answer = self.flux(fault).raise_for_status().json()
        self.sandbox.advance(3600)
        return self.client.get(answer["polling_url"])

    def flux_picture(self, fault: str) -> httpx.Response:
        return self.client.get(self.flux_result(fault).json()["result"]["sample"])

    def gemini(self, fault: str = "") -> httpx.Response:
        text = f"a red kettle [[sandbox:fault={fault}]]" if fault else "a red kettle"
        config = {"responseModalities": ["IMAGE"], "imageConfig": {"imageSize": "512"}}
        return self.client.post(
            f"{self.sandbox.google_url}/v1beta/models/{NB2}:generateContent",
            json={"contents": [{"parts": [{"text": text}]}], "generationConfig": config},
            headers={"x-goog-api-key": self.sandbox.google_key},
        )

    def gemini_pictures(self, fault: str) -> list[bytes]:
        parts = self.gemini(fault).json()["candidates"][0]["content"]["parts"]
        return [base64.b64decode(part["inlineData"]["data"]) for part in parts if "inlineData" in part]

    def micros(self) -> list[int]:
        self.sandbox.advance(3600)
        return [line["micros"] for line in self.sandbox.invoice()["lines"]]


@pytest.fixture
def wires(sandbox_server: Any) -> Iterator[Wires]:
    with httpx.Client(timeout=60) as client:
        yield Wires(sandbox_server, client)


def test_a_rate_limit_comes_with_and_without_a_hint_and_costs_nothing(wires: Wires) -> None:
    flux = wires.flux("rate_limit retry_after_s=3")
    assert (flux.status_code, flux.headers["retry-after"]) == (429, "3")
    assert "retry-after" not in wires.flux("rate_limit_no_hint").headers
    hinted = wires.gemini("rate_limit retry_after_s=3").json()["error"]
    assert hinted["details"][-1] == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    assert "details" not in wires.gemini("rate_limit_no_hint").json()["error"]
    assert wires.micros() == []


def test_a_daily_quota_is_told_by_its_quota_id(wires: Wires) -> None:
    details = wires.gemini("quota_per_day").json()["error"]["details"]
    assert "PerDay" in details[1]["violations"][0]["quotaId"]


@pytest.mark.parametrize(("fault", "status"), [("server_error", 500), ("unavailable", 503)])
def test_an_outage_creates_nothing(wires: Wires, fault: str, status: int) -> None:
    assert wires.flux(fault).status_code == wires.gemini(fault).status_code == status
    assert wires.micros() == []


def test_no_credits_is_402(wires: Wires) -> None:
    assert wires.flux("no_credits").status_code == 402


def test_a_cut_before_the_work_costs_nothing(wires: Wires) -> None:
    for call in (wires.flux, wires.gemini):
        with pytest.raises(CUT):
            call("cut_before")
    assert wires.micros() == []


@pytest.mark.parametrize("fault", ["cut_after", "cut_mid_answer"])
def test_a_cut_after_the_work_is_billed_and_not_delivered(wires: Wires, fault: str) -> None:
    for call in (wires.flux, wires.gemini):
        with pytest.raises(CUT):
            call(fault)
    assert len(wires.micros()) == 2
    assert not any(line["delivered"] for line in wires.sandbox.invoice()["lines"])


def test_slow_multiplies_the_latency(wires: Wires) -> None:
    answer = wires.flux("slow factor=100000").json()
    assert wires.client.get(answer["polling_url"]).json()["status"] == "Pending"
    assert wires.gemini("slow factor=2").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status"), [("moderated_request", "Request Moderated"), ("moderated_output", "Content Moderated")]
)
def test_a_moderated_flux_task_is_free(wires: Wires, fault: str, status: str) -> None:
    answer = wires.flux_result(fault)
    assert (answer.status_code, answer.json()["status"], answer.json()["result"]) == (200, status, None)
    assert wires.micros() == []


def test_a_blocked_gemini_answer_bills_prompt_and_thinking_only(wires: Wires) -> None:
    blocked = wires.gemini("moderated_request reason=OTHER").json()
    assert blocked["promptFeedback"] == {"blockReason": "OTHER"}
    assert "candidates" not in blocked
    refused = wires.gemini("moderated_output reason=IMAGE_RECITATION").json()
    assert refused["candidates"][0]["finishReason"] == "IMAGE_RECITATION"
    assert all(micros < 1_000 for micros in wires.micros())
    assert [line["image"] for line in wires.sandbox.invoice()["lines"]] == [False, False]


def test_a_failed_flux_task_answers_422_with_a_status_body_and_is_free(wires: Wires) -> None:
    answer = wires.flux_result("task_failed")
    assert (answer.status_code, answer.json()["status"]) == (422, "Error")
    assert wires.micros() == []


def test_unknown_states_are_really_unknown(wires: Wires) -> None:
    assert wires.flux_result("unknown_status").json()["status"] == "Dreaming"
    assert wires.gemini("unknown_status").json()["candidates"][0]["finishReason"] == "IMAGE_QUARANTINED"


def test_a_poll_can_fail_and_recover(wires: Wires) -> None:
    answer = wires.flux("poll_503 count=2").json()
    codes = [wires.client.get(answer["polling_url"]).status_code for _ in range(3)]
    assert codes == [503, 503, 200]


def test_a_lost_task_is_not_found_and_free(wires: Wires) -> None:
    assert wires.flux_result("task_lost").json()["status"] == "Task not found"
    assert wires.micros() == []


def test_an_expired_link_is_403_once(wires: Wires) -> None:
    sample = wires.flux_result("expired_link").json()["result"]["sample"]
    assert [wires.client.get(sample).status_code for _ in range(2)] == [403, 200]


def test_empty_answers_carry_no_image(wires: Wires) -> None:
    flux = wires.flux_result("empty").json()
    assert (flux["status"], flux["result"]) == ("Ready", None)
    assert wires.gemini("empty").json()["candidates"][0]["finishReason"] == "NO_IMAGE"
    flux_line, gemini_line = wires.sandbox.invoice()["lines"]
    assert (flux_line["micros"], flux_line["image"]) == (30_000, False)
    assert gemini_line["micros"] < 1_000


def test_a_refusal_in_words_is_stop_with_text(wires: Wires) -> None:
    candidate = wires.gemini("text_only").json()["candidates"][0]
    assert candidate["finishReason"] == "STOP"
    assert "cannot create" in candidate["content"]["parts"][0]["text"]


def test_interim_drafts_come_before_the_picture_and_are_thoughts(wires: Wires) -> None:
    parts = wires.gemini("interim_images").json()["candidates"][0]["content"]["parts"]
    assert [bool(part.get("thought")) for part in parts] == [True, True, False]


def test_a_swapped_model_is_named_and_billed_as_itself(wires: Wires) -> None:
    assert wires.gemini("model_swapped to=gemini-3-pro-image").json()["modelVersion"] == "gemini-3-pro-image"
    assert wires.sandbox.invoice()["lines"][0]["model"] == "gemini-3-pro-image"
    assert wires.micros()[0] > 134_000


def test_pictures_can_have_the_wrong_size(wires: Wires) -> None:
    assert Image.open(io.BytesIO(wires.flux_picture("wrong_size").content)).size == (64, 80)
    assert Image.open(io.BytesIO(wires.gemini_pictures("wrong_size")[0])).size == (256, 384)


def test_pictures_can_be_cut_short_or_no_pictures(wires: Wires) -> None:
    for data in (wires.flux_picture("truncated_image").content, wires.gemini_pictures("truncated_image")[0]):
        with pytest.raises(OSError, match="truncated"):
            Image.open(io.BytesIO(data)).load()
    for data in (wires.flux_picture("not_an_image").content, wires.gemini_pictures("not_an_image")[0]):
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(io.BytesIO(data))


def test_an_image_can_be_charged_and_never_come(wires: Wires) -> None:
    assert wires.flux_picture("charged_without_image").status_code == 404
    gemini = wires.gemini("charged_without_image").json()
    assert gemini["usageMetadata"]["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": 747}]
    assert "content" not in gemini["candidates"][0]
    assert [line["image"] for line in wires.sandbox.invoice()["lines"]] == [False, False]
    assert min(wires.micros()) >= 30_000


def test_a_marker_can_stop_after_some_times_so_that_a_retry_succeeds(wires: Wires) -> None:
    assert [wires.flux("rate_limit times=2").status_code for _ in range(3)] == [429, 429, 200]


def test_markers_do_not_change_the_picture(wires: Wires) -> None:
    assert wires.flux_picture("expired_link count=0").content == wires.flux_picture("slow factor=1").content


def test_rules_fire_by_count(wires: Wires) -> None:
    wires.sandbox.rules([{"match": {"vendor": "bfl", "model": "flux-2-pro", "nth": 2}, "fault": "unavailable"}])
    assert [wires.flux(seed=n).status_code for n in range(3)] == [200, 503, 200]
    wires.sandbox.rules([{"match": {"every": 2, "times": 1}, "fault": "rate_limit"}])
    assert [wires.flux(seed=n).status_code for n in range(4)] == [200, 429, 200, 200]
    wires.sandbox.rules([{"match": {"prompt_contains": "teapot"}, "fault": "rate_limit"}])
    assert [wires.flux(prompt=f"a {name}").status_code for name in ("kettle", "teapot")] == [200, 429]


def test_a_rule_with_probability_fires_the_same_way_each_time(wires: Wires) -> None:
    runs = []
    for _ in range(2):
        wires.sandbox.rules([{"match": {"probability": 0.5, "seed": 3}, "fault": "rate_limit"}])
        runs.append([wires.flux(seed=n).status_code for n in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 429}


def test_a_rule_on_a_path_spoils_polls_and_downloads(wires: Wires) -> None:
    wires.sandbox.rules(
        [
            {"match": {"path": "get_result", "nth": 1}, "fault": "cut_before"},
            {"match": {"path": "/bfl-delivery/*", "nth": 1}, "fault": "cut_mid_answer"},
        ]
    )
    polling_url = wires.flux().json()["polling_url"]
    wires.sandbox.advance(60)
    with pytest.raises(CUT):
        wires.client.get(polling_url)
    sample = wires.client.get(polling_url).json()["result"]["sample"]
    with pytest.raises(CUT):
        wires.client.get(sample)
    assert wires.client.get(sample).status_code == 200


def test_rules_that_cannot_be_understood_change_nothing_and_say_why(wires: Wires) -> None:
    url = f"{wires.sandbox.url}/_sandbox/rules"
    wires.sandbox.rules([{"match": {"vendor": "bfl"}, "fault": "slow", "factor": 2}])
    for rule, why in (
        ({"fault": "gremlins"}, "unknown sandbox fault"),
        ({"match": {"colour": 1}, "fault": "slow"}, "match may hold"),
        ({"match": {"vendor": "bfl"}, "fault": "text_only"}, "not for 'bfl'"),
        ({"match": {"nth": 0}, "fault": "slow"}, "whole number"),
        ({"nth": 2, "fault": "slow"}, "belongs inside match"),
    ):
        answer = wires.client.put(url, json=[rule])
        assert answer.status_code == 400
        assert why in answer.json()["error"]
    assert [rule["fault"] for rule in wires.client.get(url).json()["rules"]] == ["slow"]
    assert wires.client.delete(url).json()["rules"] == []
