"""The sandbox as api.bfl.ai: the walk of a task, prices, the ladder of refusals, limits, links, credits."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

pytestmark = pytest.mark.server
SMALL = {"prompt": "a red kettle", "width": 64, "height": 96}
WAITING = "[[sandbox:fault=slow factor=100000]]"
HOUR_S = 3600.0


@pytest.fixture
def bfl(sandbox_server: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox_server.bfl_url, headers={"x-key": sandbox_server.bfl_key}) as client:
        yield client


def png_base64(width_px: int, height_px: int) -> str:
    out = io.BytesIO()
    Image.new("RGB", (width_px, height_px), "teal").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def submit(bfl: httpx.Client, model: str = "flux-2-pro", **body: Any) -> dict[str, Any]:
    return dict(bfl.post(f"/v1/{model}", json=SMALL | body).raise_for_status().json())


def finished(sandbox_server: Any, bfl: httpx.Client, **body: Any) -> dict[str, Any]:
    """Submitted, an hour later polled."""
    answer = submit(bfl, **body)
    sandbox_server.advance(HOUR_S)
    return dict(bfl.get(answer["polling_url"]).json())


def test_a_task_is_submitted_polled_fetched_and_billed_at_its_quoted_cost(
    sandbox_server: Any, bfl: httpx.Client
) -> None:
    answer = submit(bfl, seed=7)
    assert answer["polling_url"].startswith(f"{sandbox_server.url}/bfl-eu2/v1/get_result?id={answer['id']}")
    sandbox_server.advance(HOUR_S)
    ready = bfl.get(answer["polling_url"]).json()
    assert (ready["status"], ready["cost"], ready["result"]["seed"]) == ("Ready", answer["cost"], 7)
    picture = httpx.get(ready["result"]["sample"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(picture.content)).size == (64, 96)
    line = sandbox_server.delivered_line()
    assert line["micros"] == answer["cost"] * 10_000 == 30_000
    assert (line["job_id"], line["delivered"], line["image"]) == (answer["id"], True, True)
    assert bfl.get("/v1/credits").json() == {"credits": 1_000_000 - 3.0}


@pytest.mark.parametrize(
    ("model", "one_mp", "with_reference", "wide", "four_mp"),
    [
        ("flux-2-klein-4b", 1.4, 1.5, 1.5, 1.7),
        ("flux-2-klein-9b", 1.5, 1.7, 1.7, 2.1),
        ("flux-2-pro", 3, 4.5, 4.5, 7.5),
        ("flux-2-pro-preview", 3, 4.5, 4.5, 7.5),
        ("flux-2-max", 7, 10, 10, 16),
        ("flux-2-flex", 5, 10, 10, 20),
    ],
)
def test_costs_are_those_of_the_price_page(
    bfl: httpx.Client, model: str, one_mp: float, with_reference: float, wide: float, four_mp: float
) -> None:
    def cost(**body: Any) -> float:
        return float(submit(bfl, model, **body)["cost"])

    assert cost(width=1024, height=1024) == one_mp
    assert cost(width=1024, height=1024, input_image=png_base64(1024, 1024)) == with_reference
    assert cost(width=1920, height=1088) == wide
    assert cost(width=2048, height=2048) == four_mp


def test_sizes_are_rounded_to_16_and_an_edit_takes_its_first_inputs_size(
    sandbox_server: Any, bfl: httpx.Client
) -> None:
    assert submit(bfl, width=1440, height=810)["output_mp"] == round(1440 * 816 / 2**20, 2)
    assert submit(bfl, width=None, height=None)["output_mp"] == 1.0
    image = png_base64(170, 90)
    ready = finished(sandbox_server, bfl, width=None, height=None, input_image=f"data:image/png;base64,{image}")
    assert Image.open(io.BytesIO(httpx.get(ready["result"]["sample"]).content)).size == (176, 96)


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_bytes_really_are_in_the_asked_format(sandbox_server: Any, bfl: httpx.Client, image_format: str) -> None:
    ready = finished(sandbox_server, bfl, output_format=image_format)
    picture = httpx.get(ready["result"]["sample"])
    assert picture.headers["content-type"] == f"image/{image_format}"
    assert Image.open(io.BytesIO(picture.content)).format == image_format.upper()


def test_the_same_request_gives_the_same_bytes_and_is_seen_as_paid_twice(
    sandbox_server: Any, bfl: httpx.Client
) -> None:
    samples = [finished(sandbox_server, bfl)["result"]["sample"] for _ in range(2)]
    other = finished(sandbox_server, bfl, seed=5)["result"]["sample"]
    first, second, third = (httpx.get(url).content for url in (*samples, other))
    assert first == second != third
    assert sandbox_server.invoice()["duplicates"] == 1


def test_a_task_goes_through_its_states_by_the_clock(sandbox_server: Any, bfl: httpx.Client) -> None:
    answer = submit(bfl, "flux-2-max", prompt=f"a kettle {WAITING}")
    seen = []
    for seconds_s in (0, 200, 300, 2000):
        sandbox_server.advance(seconds_s)
        seen.append(bfl.get(answer["polling_url"]).json()["status"])
    assert seen == ["Pending", "Reasoning", "Generating", "Ready"]


def test_refusals_come_in_the_vendors_order(sandbox_server: Any) -> None:
    url = sandbox_server.bfl_url

    def refused(path: str, key: str | None, body: Any) -> tuple[int, Any]:
        answer = httpx.post(f"{url}{path}", json=body, headers={"x-key": key} if key else {})
        return answer.status_code, answer.json()["detail"]

    assert refused("/v1/flux-1-nothing", None, {}) == (404, "Not Found")
    assert refused("/v1/flux-2-pro", None, {}) == (403, "Not authenticated")
    assert refused("/v1/flux-2-pro", "bad key!", {}) == (422, "Invalid API key format")
    assert refused("/v1/flux-2-pro", "well-formed-but-unknown", {}) == (403, "Not authenticated")
    status, detail = refused("/v1/flux-2-pro", sandbox_server.bfl_key, {})
    assert (status, detail[0]["loc"], detail[0]["type"]) == (422, ["body", "prompt"], "missing")
    assert sandbox_server.invoice()["lines"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"width": 32}, "width"),
        ({"height": "tall"}, "height"),
        ({"safety_tolerance": 6}, "safety_tolerance"),
        ({"output_format": "gif"}, "output_format"),
        ({"input_image": "https://example.com/a.png"}, "input_image"),
        ({"seed": 1.5}, "seed"),
        ({"steps": 51}, "steps"),
        ({"guidance": 11}, "guidance"),
    ],
)
def test_bad_fields_are_listed_like_fastapi_does(bfl: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = bfl.post("/v1/flux-2-flex", json=SMALL | body)
    assert answer.status_code == 422
    assert [row["loc"] for row in answer.json()["detail"]] == [["body", field]]


def test_more_than_four_megapixels_are_refused(bfl: httpx.Client) -> None:
    answer = bfl.post("/v1/flux-2-pro", json=SMALL | {"width": 2048, "height": 2064})
    assert answer.status_code == 422
    assert "4 megapixels" in answer.json()["detail"][0]["msg"]


def test_an_unreadable_reference_is_a_400(bfl: httpx.Client) -> None:
    for image in ("not base64 at all", base64.b64encode(b"no image").decode()):
        assert bfl.post("/v1/flux-2-pro", json=SMALL | {"input_image": image}).status_code == 400


def test_fields_that_a_model_does_not_know_are_ignored_and_free(bfl: httpx.Client) -> None:
    assert submit(bfl, steps=999, negative_prompt="no")["cost"] == 3
    five = {f"input_image_{n}" if n > 1 else "input_image": png_base64(64, 64) for n in range(1, 6)}
    assert submit(bfl, "flux-2-klein-4b", **five)["cost"] == pytest.approx(1.8)


def test_the_25th_active_task_is_refused_until_one_ends(sandbox_server: Any, bfl: httpx.Client) -> None:
    for n in range(24):
        submit(bfl, prompt=f"kettle {n} {WAITING}")
    answer = bfl.post("/v1/flux-2-pro", json=SMALL)
    assert answer.status_code == 429
    assert "24 active tasks" in answer.json()["detail"]
    sandbox_server.advance(HOUR_S)
    submit(bfl)
    assert len(sandbox_server.invoice()["lines"]) >= 24


def test_an_empty_account_gets_402_and_active_tasks_hold_their_credits(sandbox_server: Any, bfl: httpx.Client) -> None:
    sandbox_server.credits(5)
    submit(bfl, prompt=f"a kettle {WAITING}")
    assert bfl.post("/v1/flux-2-pro", json=SMALL).status_code == 402
    assert bfl.get("/v1/credits").json() == {"credits": 5.0}


def test_a_link_lives_ten_minutes_and_a_new_poll_gives_a_new_one(sandbox_server: Any, bfl: httpx.Client) -> None:
    answer = submit(bfl)
    sandbox_server.advance(60)
    old = bfl.get(answer["polling_url"]).json()["result"]["sample"]
    sandbox_server.advance(601)
    assert httpx.get(old).status_code == 403
    assert httpx.get(bfl.get(answer["polling_url"]).json()["result"]["sample"]).status_code == 200


def test_a_forged_link_and_one_with_the_api_key_are_refused(sandbox_server: Any, bfl: httpx.Client) -> None:
    sample = finished(sandbox_server, bfl)["result"]["sample"]
    assert httpx.get(sample[:-1] + ("0" if sample[-1] != "0" else "1")).status_code == 403
    assert httpx.get(sample, headers={"x-key": sandbox_server.bfl_key}).status_code == 400


def test_an_unknown_id_is_a_status(bfl: httpx.Client) -> None:
    answer = bfl.get("/v1/get_result", params={"id": "d5ba37dc-ba09-4658-852e-deea7e176439"})
    assert (answer.status_code, answer.json()["status"]) == (200, "Task not found")


def test_a_webhook_submit_has_no_polling_url_but_the_task_can_be_asked_for(bfl: httpx.Client) -> None:
    answer = submit(bfl, webhook_url="https://example.com/hook")
    assert "polling_url" not in answer
    assert bfl.get("/v1/get_result", params={"id": answer["id"]}).json()["id"] == answer["id"]


def test_a_ready_task_is_billed_even_if_nobody_ever_polls(sandbox_server: Any, bfl: httpx.Client) -> None:
    answer = submit(bfl, prompt=f"a kettle {WAITING}")
    assert sandbox_server.invoice()["total_micros"] == 0
    sandbox_server.advance(HOUR_S)
    (line,) = sandbox_server.invoice()["lines"]
    assert (line["job_id"], line["micros"], line["delivered"]) == (answer["id"], 30_000, False)
