"""The sandbox's drills: random faults that can be repeated, prices, credits and limits that change, vendors' own bugs.

Takes about 6 s.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.server
NB2 = "gemini-3.1-flash-image"
KLEIN_MICROS = 14_000
HALF_BAD = {"submit": {"rate_limit": 0.3, "no_credits": 0.2}}


class Drill:
    def __init__(self, sandbox: Any, client: httpx.Client) -> None:
        self.sandbox, self.client = sandbox, client

    def own(self, method: str, name: str, body: Any = None) -> httpx.Response:
        return self.client.request(method, f"{self.sandbox.url}/_sandbox/{name}", json=body)

    def flux(self, fault: str = "", **body: Any) -> httpx.Response:
        prompt = f"a red kettle [[sandbox:fault={fault}]]" if fault else "a red kettle"
        asked = {"prompt": prompt, "width": 64, "height": 64} | body
        url, headers = f"{self.sandbox.bfl_url}/v1/flux-2-klein-4b", {"x-key": self.sandbox.bfl_key}
        return self.client.post(url, json=asked, headers=headers)

    def poll(self, submitted: httpx.Response) -> dict[str, Any]:
        return dict(self.client.get(submitted.json()["polling_url"]).json())

    def gemini(self, fault: str = "") -> httpx.Response:
        config = {"responseModalities": ["IMAGE"], "imageConfig": {"imageSize": "512"}}
        text = f"a red kettle [[sandbox:fault={fault}]]" if fault else "a red kettle"
        return self.client.post(
            f"{self.sandbox.google_url}/v1beta/models/{NB2}:generateContent",
            json={"contents": [{"parts": [{"text": text}]}], "generationConfig": config},
            headers={"x-goog-api-key": self.sandbox.google_key},
        )

    def credits_left(self) -> float:
        headers = {"x-key": self.sandbox.bfl_key}
        return float(self.client.get(f"{self.sandbox.bfl_url}/v1/credits", headers=headers).json()["credits"])

    def micros(self) -> list[int]:
        self.sandbox.advance(600)
        return [line["micros"] for line in self.sandbox.invoice()["lines"]]

    def statuses(self, seeds: list[int]) -> dict[int, list[int]]:
        return {seed: [self.flux(seed=seed).status_code for _ in range(2)] for seed in seeds}


@pytest.fixture
def drill(sandbox_server: Any) -> Iterator[Drill]:
    with httpx.Client(timeout=60) as client:
        yield Drill(sandbox_server, client)


# -- chaos --------------------------------------------------------------------------


def test_chaos_draws_the_same_faults_again_whatever_the_order_and_others_with_another_seed(drill: Drill) -> None:
    seeds = list(range(12))

    def drawn(seed: int, order: list[int]) -> dict[int, list[int]]:
        drill.sandbox.reset()
        drill.own("POST", "chaos", {"seed": seed, "rates": HALF_BAD}).raise_for_status()
        return drill.statuses(order)

    first = drawn(1, seeds)
    assert drawn(1, seeds[::-1]) == first
    assert drawn(2, seeds) != first
    assert {status for row in first.values() for status in row} == {200, 429, 402}


def test_chaos_counts_what_it_drew_and_ends_when_it_is_deleted(drill: Drill) -> None:
    drill.own("POST", "chaos", {"rates": {"submit": {"rate_limit": {"rate": 1, "retry_after_s": 4}}}})
    assert drill.flux().headers["retry-after"] == "4"
    assert drill.own("GET", "chaos").json()["drawn"] == {"submit rate_limit": 1}
    assert drill.own("DELETE", "chaos").json() == {"drawn": {}}
    assert drill.flux().status_code == 200


def test_chaos_on_polls_and_downloads_leaves_submits_alone(drill: Drill) -> None:
    rates = {"poll": {"unavailable": 1}, "download": {"cut_last_byte": 1}}
    drill.own("POST", "chaos", {"rates": rates}).raise_for_status()
    submitted = drill.flux()
    drill.sandbox.advance(60)
    assert drill.client.get(submitted.json()["polling_url"]).status_code == 503
    drill.own("POST", "chaos", {"rates": {"download": {"cut_last_byte": 1}}})
    with pytest.raises(httpx.RemoteProtocolError):
        drill.client.get(drill.poll(submitted)["result"]["sample"])


def test_chaos_can_cut_before_the_body_and_skips_what_a_vendor_does_not_have(drill: Drill) -> None:
    drill.own("POST", "chaos", {"rates": {"submit": {"cut_headers": 1}}})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        drill.flux()
    drill.own("POST", "chaos", {"rates": {"submit": {"text_only": 1}}})
    assert drill.flux().status_code == 200


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"rates": {"upload": {}}}, "given by stage"),
        ({"rates": {"poll": {"charged_twice": 0.1}}}, "no fault of a poll"),
        ({"rates": {"submit": {"gremlins": 0.1}}}, "no fault of a submit"),
        ({"rates": {"submit": {"slow": 1.1}}}, "between 0 and 1"),
        ({"rates": {"submit": {"slow": 0.6, "empty": 0.6}}}, "more than 1"),
        ({"rates": {"submit": {"slow": {"rate": 0.1, "factor": -1}}}}, "factor must be a number"),
        ({"seed": "x", "rates": {}}, "whole number"),
        ({"chaos": 1}, "chaos is"),
    ],
)
def test_chaos_that_cannot_be_understood_changes_nothing_and_says_why(drill: Drill, given: Any, why: str) -> None:
    drill.own("POST", "chaos", {"seed": 5, "rates": HALF_BAD})
    refused = drill.own("POST", "chaos", given)
    assert refused.status_code == 400
    assert why in refused.json()["error"]
    assert drill.own("GET", "chaos").json()["seed"] == 5


def test_chaos_prices_and_limits_outlive_a_kill_of_the_sandbox(sandbox_starter: Any, tmp_path: Path) -> None:
    with httpx.Client(timeout=60) as client:
        first = Drill(sandbox_starter("--state", str(tmp_path)), client)
        first.own("POST", "chaos", {"seed": 1, "rates": HALF_BAD})
        first.own("POST", "prices", {"model": "flux-2-klein-4b", "factor": 2})
        first.own("PUT", "limits", {"active_tasks": 5})
        before = [first.own("GET", name).json() for name in ("chaos", "prices", "limits")]
        first.sandbox.stop(kill=True)
        again = Drill(sandbox_starter("--state", str(tmp_path)), client)
        assert [again.own("GET", name).json() for name in ("chaos", "prices", "limits")] == before


# -- prices, credits, limits --------------------------------------------------------------------------


def test_a_price_can_change_in_mid_run_and_go_back(drill: Drill) -> None:
    costs = []
    for factor in (1, 1.1, 0.5, 1):
        drill.own("POST", "prices", {"model": "flux-2-klein-4b", "factor": factor}).raise_for_status()
        costs.append(drill.flux(seed=len(costs)).json()["cost"])
    assert costs == [1.4, 1.54, 0.7, 1.4]
    assert drill.micros() == [14_000, 15_400, 7_000, 14_000]


def test_a_changed_gemini_price_shows_on_the_invoice_only(drill: Drill) -> None:
    usage = drill.gemini().json()["usageMetadata"]
    drill.own("POST", "prices", {"model": NB2, "factor": 2})
    assert drill.gemini().json()["usageMetadata"] == usage
    before, after = drill.micros()
    assert after == 2 * before


@pytest.mark.parametrize("body", [{"model": "x", "factor": 2}, {"model": NB2, "factor": 0}, {"model": NB2}, [], None])
def test_a_price_that_cannot_be_understood_is_refused(drill: Drill, body: Any) -> None:
    assert drill.own("POST", "prices", body).status_code == 400
    assert drill.own("GET", "prices").json() == {"factors": {}}


def test_credits_go_down_with_each_ready_and_an_empty_account_is_402(drill: Drill) -> None:
    drill.sandbox.credits(3)
    left = [drill.credits_left()]
    for seed in range(2):
        assert drill.flux(seed=seed).status_code == 200
        drill.sandbox.advance(60)
        left.append(drill.credits_left())
    assert left == pytest.approx([3, 1.6, 0.2])
    assert drill.flux(seed=9).status_code == 402


def test_the_limit_of_active_tasks_can_be_lowered_and_given_back(drill: Drill) -> None:
    drill.own("PUT", "limits", {"active_tasks": 1}).raise_for_status()
    assert [drill.flux("slow factor=100000", seed=n).status_code for n in range(2)] == [200, 429]
    assert drill.own("PUT", "limits", {"active_tasks": None}).json() == {"active_tasks": 24}
    assert drill.flux(seed=3).status_code == 200
    assert drill.own("PUT", "limits", {"active_tasks": -1}).status_code == 400


# -- late, twice, dearer --------------------------------------------------------------------------


def test_a_late_task_is_ready_after_its_seconds_whatever_the_speed(drill: Drill) -> None:
    submitted = drill.flux("late seconds=100")
    drill.sandbox.advance(90)
    assert drill.poll(submitted)["status"] == "Generating"
    drill.sandbox.advance(10)
    assert drill.poll(submitted)["status"] == "Ready"


def test_a_result_can_appear_after_it_was_not_found_and_is_billed_once(drill: Drill) -> None:
    submitted = drill.flux("found_late count=2")
    drill.sandbox.advance(60)
    assert [drill.poll(submitted)["status"] for _ in range(3)] == ["Task not found", "Task not found", "Ready"]
    assert drill.micros() == [KLEIN_MICROS]


def test_a_second_ready_can_name_another_picture_for_the_same_id_and_price(drill: Drill) -> None:
    submitted = drill.flux("another_image")
    drill.sandbox.advance(60)
    pictures = [drill.client.get(drill.poll(submitted)["result"]["sample"]).content for _ in range(3)]
    assert pictures[0] != pictures[1] == pictures[2]
    assert drill.micros() == [KLEIN_MICROS]


def test_a_gemini_picture_can_stand_twice_in_one_answer_and_is_billed_once(drill: Drill) -> None:
    parts = drill.gemini("same_image_twice").json()["candidates"][0]["content"]["parts"]
    first, second = (base64.b64decode(part["inlineData"]["data"]) for part in parts)
    assert first == second
    assert len(drill.micros()) == 1


@pytest.mark.parametrize("call", ["flux", "gemini"])
def test_a_vendor_that_charges_twice_is_found_by_the_request_id(drill: Drill, call: str) -> None:
    getattr(drill, call)("charged_twice")
    drill.sandbox.advance(60)
    bill = drill.sandbox.invoice()
    assert len({line["request_id"] for line in bill["lines"]}) == 1
    assert (len(bill["lines"]), bill["duplicates"]) == (2, 1)


def test_a_dearer_price_of_one_request_is_named_at_once_or_only_in_the_bill(drill: Drill) -> None:
    named, hidden = drill.flux("price_change factor=2"), drill.flux("dearer_bill factor=3", seed=1)
    assert (named.json()["cost"], hidden.json()["cost"]) == (2.8, 1.4)
    drill.sandbox.advance(60)
    assert (drill.poll(named)["cost"], drill.poll(hidden)["cost"]) == (2.8, 4.2)
    assert sorted(drill.micros()) == [28_000, 42_000]


def test_more_tokens_are_counted_and_billed(drill: Drill) -> None:
    usual, more = (drill.gemini(fault).json()["usageMetadata"] for fault in ("", "more_tokens factor=2"))
    images = [row["candidatesTokensDetails"][0]["tokenCount"] for row in (usual, more)]
    assert images == [747, 1494]
    before, after = drill.micros()
    assert after > 1.9 * before


def test_a_reset_ends_calls_that_are_under_way_without_a_bill(drill: Drill) -> None:
    leaves = httpx.Timeout(60, read=0.05)
    with pytest.raises(httpx.ReadTimeout):
        drill.client.request(
            "POST",
            f"{drill.sandbox.google_url}/v1beta/models/{NB2}:generateContent",
            json={"contents": [{"parts": [{"text": "a kettle [[sandbox:fault=late seconds=0.2]]"}]}]},
            headers={"x-goog-api-key": drill.sandbox.google_key},
            timeout=leaves,
        )
    drill.sandbox.reset()
    drill.gemini("late seconds=0.4")
    assert len(drill.sandbox.invoice()["lines"]) == 1
