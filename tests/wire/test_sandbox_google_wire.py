"""The sandbox as generativelanguage.googleapis.com, by plain HTTP: refusals, shapes, tokens and prices."""

import base64
import io
from collections.abc import Iterator
from math import ceil
from typing import Any

import httpx
import pytest
from PIL import Image

pytestmark = pytest.mark.server
NB21, NB2, PRO, LITE = (
    "gemini-nano-banana-2.1",
    "gemini-3.1-flash-image",
    "gemini-3-pro-image",
    "gemini-3.1-flash-lite-image",
)


@pytest.fixture
def google(sandbox_server: Any) -> Iterator[httpx.Client]:
    headers = {"x-goog-api-key": sandbox_server.google_key}
    with httpx.Client(base_url=sandbox_server.google_url, headers=headers, timeout=60) as client:
        yield client


def body(text: str = "a red kettle", **config: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": text}]}], "generationConfig": config}


def post(google: httpx.Client, model: str, json: Any, version: str = "v1beta") -> httpx.Response:
    return google.post(f"/{version}/models/{model}:generateContent", json=json)


def error(answer: httpx.Response) -> tuple[int, str, str]:
    found = answer.json()["error"]
    assert found["code"] == answer.status_code
    return answer.status_code, found["status"], found["message"]


def image_parts(answer: httpx.Response) -> list[dict[str, Any]]:
    parts = answer.json()["candidates"][0].get("content", {}).get("parts", [])
    return [part for part in parts if "inlineData" in part]


def test_keys_are_refused_as_the_vendor_does(sandbox_server: Any) -> None:
    url = f"{sandbox_server.google_url}/v1beta/models/{NB21}:generateContent"
    assert error(httpx.post(url, json=body()))[:2] == (403, "PERMISSION_DENIED")
    bad = httpx.post(url, json=body(), headers={"x-goog-api-key": "wrong"})
    assert error(bad) == (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
    assert bad.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_unknown_fields_are_named_in_field_violations(google: httpx.Client) -> None:
    answer = post(google, NB21, body(imageConfig={"aspectRatio": "1:1", "outputMimeType": "image/png"}))
    assert error(answer)[:2] == (400, "INVALID_ARGUMENT")
    detail = answer.json()["error"]["details"][0]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["field"] == "generation_config.image_config"
    assert 'Unknown name "outputMimeType"' in detail["fieldViolations"][0]["description"]


@pytest.mark.parametrize(
    ("model", "config", "why"),
    [
        (NB21, {"imageConfig": {"imageSize": "512"}}, "Image size 512"),
        (LITE, {"imageConfig": {"imageSize": "2K"}}, "Image size 2K"),
        (PRO, {"imageConfig": {"aspectRatio": "1:8"}}, "aspect ratio: 1:8"),
        (NB21, {"imageConfig": {"aspectRatio": "7:5"}}, "aspect ratio: 7:5"),
        (NB21, {"thinkingConfig": {"thinkingLevel": "LOW"}}, "Thinking level LOW"),
        (NB21, {"candidateCount": 4}, "Multiple candidates"),
    ],
)
def test_what_a_model_cannot_do_is_a_400(google: httpx.Client, model: str, config: dict[str, Any], why: str) -> None:
    status, name, message = error(post(google, model, body(**config)))
    assert (status, name) == (400, "INVALID_ARGUMENT")
    assert why in message


@pytest.mark.parametrize(
    "model", ["gemini-3.1-flash-image-preview", "gemini-2.5-flash-image", "imagen-4.0-generate-001"]
)
def test_retired_ids_are_gone_in_both_versions(google: httpx.Client, model: str) -> None:
    for version in ("v1", "v1beta"):
        status, name, message = error(post(google, model, body(), version))
        assert (status, name) == (404, "NOT_FOUND")
        assert f"models/{model} is not found for API version {version}" in message


def test_nano_banana_2_is_served_until_it_is_switched_off(sandbox_server: Any, google: httpx.Client) -> None:
    assert google.get(f"/v1beta/models/{NB2}").status_code == 200
    sandbox_server.retire(NB2)
    assert error(google.get(f"/v1beta/models/{NB2}"))[:2] == (404, "NOT_FOUND")
    assert error(post(google, NB2, body()))[:2] == (404, "NOT_FOUND")


def test_unknown_routes_answer_in_googles_form(google: httpx.Client) -> None:
    for path in ("/v1beta/files", "/v9/models", f"/v1beta/models/{NB21}:streamGenerateContent"):
        assert error(google.post(path, json={}))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("model", "size", "tokens", "image_micros", "text_nanos"),
    [(NB21, "1K", 1120, 33_600, 7_500), (NB2, "512", 747, 44_820, 3_000), (PRO, "1K", 1120, 134_400, 12_000)],
)
def test_a_call_is_billed_by_its_usage_metadata(
    sandbox_server: Any, google: httpx.Client, model: str, size: str, tokens: int, image_micros: int, text_nanos: int
) -> None:
    answer = post(google, model, body(responseModalities=["IMAGE"], imageConfig={"imageSize": size})).json()
    usage = answer["usageMetadata"]
    assert usage["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": tokens}]
    prompt_nanos = {NB21: 1_500, NB2: 500, PRO: 2_000}[model] * usage["promptTokenCount"]
    extra_nanos = prompt_nanos + usage["thoughtsTokenCount"] * text_nanos
    (line,) = sandbox_server.invoice()["lines"]
    assert line["micros"] == image_micros + ceil(extra_nanos / 1000)
    total = usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    assert usage["totalTokenCount"] == total


def test_input_images_are_counted_and_give_the_shape(google: httpx.Client) -> None:
    out = io.BytesIO()
    Image.new("RGB", (90, 160), "navy").save(out, "JPEG")
    inline = {"mimeType": "image/jpeg", "data": base64.b64encode(out.getvalue()).decode()}
    request = {"contents": [{"role": "user", "parts": [{"inline_data": inline}, {"text": "in snow"}]}]}
    answer = post(google, PRO, request)
    details = {row["modality"]: row["tokenCount"] for row in answer.json()["usageMetadata"]["promptTokensDetails"]}
    assert details["IMAGE"] == 560
    (part,) = image_parts(answer)
    assert Image.open(io.BytesIO(base64.b64decode(part["inlineData"]["data"]))).size == (768, 1376)
    assert part["thoughtSignature"]


def test_bad_inputs_are_400_and_free(sandbox_server: Any, google: httpx.Client) -> None:
    for data in ("***", base64.b64encode(b"no image").decode()):
        parts = [{"inlineData": {"mimeType": "image/png", "data": data}}, {"text": "hm"}]
        assert post(google, NB21, {"contents": [{"parts": parts}]}).status_code == 400
    assert post(google, NB21, {"contents": []}).status_code == 400
    assert google.post(f"/v1beta/models/{NB21}:generateContent", content=b"{").status_code == 400
    assert sandbox_server.invoice()["lines"] == []


def test_a_seed_is_accepted_and_changes_the_picture(google: httpx.Client) -> None:
    config: dict[str, Any] = {"responseModalities": ["IMAGE"], "imageConfig": {"imageSize": "512"}}
    one, again, two = (image_parts(post(google, NB2, body(seed=seed, **config)))[0] for seed in (1, 1, 2))
    assert one["inlineData"] == again["inlineData"] != two["inlineData"]


def test_thoughts_are_shown_when_asked_for(google: httpx.Client) -> None:
    answer = post(google, NB2, body(imageConfig={"imageSize": "512"}, thinkingConfig={"includeThoughts": True}))
    parts = answer.json()["candidates"][0]["content"]["parts"]
    assert [bool(part.get("thought")) for part in parts] == [True, False, False]


def test_a_4k_picture_has_4k_pixels(google: httpx.Client) -> None:
    (part,) = image_parts(post(google, PRO, body(imageConfig={"imageSize": "4K", "aspectRatio": "21:9"})))
    assert Image.open(io.BytesIO(base64.b64decode(part["inlineData"]["data"]))).size == (6336, 2688)
