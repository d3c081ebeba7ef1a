"""Gemini: what is asked, what it may cost, and what each answer means."""

import base64
import json
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError, VendorBusy, VendorError, VendorRefused, VendorSilent
from domain.render import Job, Receipt, Reference, RenderRequest, Usage
from vendors.google.client import Google
from vendors.google.measure import measure, worst_text_tokens
from vendors.google.models import model, models
from vendors.google.shapes import shape_for
from vendors.google.wire import generate_body

KEY = "secret-key-of-google"
JPEG = b"\xff\xd8\xff\xe0 the picture"
MODEL = "gemini-nano-banana-2.1"
USAGE = {
    "promptTokenCount": 12,
    "candidatesTokenCount": 1120,
    "thoughtsTokenCount": 210,
    "totalTokenCount": 1342,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}
PROMPT_ONLY = {"promptTokenCount": 12, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}]}


def request(model_id: Any = MODEL, width_px: Any = 1024, height_px: Any = 1024, **more: Any) -> RenderRequest:
    more.setdefault("output_format", "jpeg")
    return RenderRequest(model_id=model_id, prompt="a red teapot", width_px=width_px, height_px=height_px, **more)


def reference(data: Any = b"png bytes") -> Reference:
    return Reference(sha256="0" * 64, media_type="image/png", width_px=900, height_px=700, data=data)


def blob(data: Any = JPEG, **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(data).decode()}, **more}


def answer(*parts: Any, reason: Any = "STOP", usage: Any = USAGE, version: Any = MODEL, **more: Any) -> dict[str, Any]:
    body = {"candidates": [{"index": 0, "finishReason": reason, "content": {"role": "model", "parts": list(parts)}}]}
    return body | ({"usageMetadata": usage} if usage else {}) | {"modelVersion": version, "responseId": "r-1"} | more


def submit(step: Any, asked: Any = None, **settings_: Any) -> Receipt:
    sent = []

    def play(got: httpx.Request) -> httpx.Response:
        sent.append(got)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else httpx.Response(200, content=json.dumps(step).encode())

    vendor = Google(api_key=KEY, transport=httpx.MockTransport(play), **settings_)
    try:
        receipt = anyio.run(vendor.submit, asked or request()).receipt
    finally:
        assert len(sent) == 1
        assert sent[0].headers["x-goog-api-key"] == KEY
        assert KEY not in str(sent[0].url)
    return receipt


def failed(step: Any, kind: type[VendorError], code: str, billed: str) -> VendorError:
    with pytest.raises(kind) as caught:
        submit(step)
    assert (caught.value.code, caught.value.billed) == (code, billed)
    assert KEY not in str(caught.value)
    return caught.value


def error(code: Any, status: Any, message: Any = "words", *details: Any) -> httpx.Response:
    body = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return httpx.Response(code, json=body)


@pytest.mark.parametrize(
    ("model_id", "asked", "ratio", "size", "comes"),
    [
        (MODEL, (1024, 1024), "1:1", "1K", (1024, 1024)),
        (MODEL, (1920, 1080), "16:9", "2K", (2752, 1536)),
        (MODEL, (3840, 2160), "16:9", "4K", (5504, 3072)),
        (MODEL, (400, 400), "1:1", "1K", (1024, 1024)),
        (MODEL, (400, 3200), "1:8", "1K", (384, 3072)),
        (MODEL, (1080, 1350), "4:5", "2K", (1856, 2304)),
        ("gemini-3.1-flash-image", (400, 400), "1:1", "512", (512, 512)),
        ("gemini-3.1-flash-lite-image", (3840, 2160), "16:9", "1K", (1376, 768)),
        ("gemini-3-pro-image", (300, 2400), "9:16", "1K", (768, 1376)),
    ],
)
def test_pixels_become_the_nearest_ratio_and_the_smallest_size_that_is_large_enough(
    model_id: Any, asked: Any, ratio: Any, size: Any, comes: Any
) -> None:
    shape = shape_for(asked[0], asked[1], model(model_id))
    assert (shape.ratio, shape.size, (shape.width_px, shape.height_px)) == (ratio, size, comes)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(models())), st.integers(1, 20_000), st.integers(1, 20_000), st.integers(0, 14))
def test_low_never_passes_expected_nor_expected_worst(
    model_id: Any, width_px: Any, height_px: Any, references: Any
) -> None:
    measured = measure(request(model_id, width_px, height_px, references=(reference(),) * references))
    for name in vars(Usage()):
        low, expected, worst = (getattr(u, name) for u in (measured.low, measured.expected, measured.worst))
        assert low <= expected <= worst


@pytest.mark.parametrize(
    "text", ["plain words of a brief", "日本語の急須", "1 2 3 4 5 6 7 8", "!!! ??? ###", "🫖" * 20]
)
def test_the_worst_prompt_count_covers_a_token_for_every_odd_character(text: Any) -> None:
    odd_bytes = sum(len(c.encode()) for c in text if not (c.isascii() and (c.isalpha() or c == " ")))
    assert worst_text_tokens(text) >= max(odd_bytes, len(text) / 2) + 50 - 1


def test_every_wish_that_cannot_be_honoured_is_named() -> None:
    said = " ".join(measure(request(width_px=1000, seed=4, output_format="png")).warnings)
    for word in ("1000x1024", "png", "seed"):
        assert word in said
    assert measure(request()).warnings == ()


@pytest.mark.parametrize(
    ("bad", "names"),
    [
        (request("gemini-2.5-flash-image"), "known: gemini-3-pro-image"),
        (request(height_px=0), "edges"),
        (request(references=(reference(),) * 15), "at most 14"),
        (request(references=(reference(b"x" * 8_000_000),) * 2), "base64"),
        (request(references=(reference(b""),)), "references"),
    ],
)
def test_a_request_that_no_model_takes_is_refused_before_it_is_sent(bad: Any, names: Any) -> None:
    with pytest.raises(InputError, match=names):
        measure(bad)


@pytest.mark.parametrize("model_id", sorted(models()))
def test_the_body_holds_text_then_images_and_asks_for_an_image_only(model_id: Any) -> None:
    body = json.loads(generate_body(request(model_id, 1920, 1080, seed=3, references=(reference(), reference()))))
    (content,) = body["contents"]
    assert [list(part) for part in content["parts"]] == [["text"], ["inlineData"], ["inlineData"]]
    config = body["generationConfig"]
    assert config["responseModalities"] == ["IMAGE"]
    assert config["imageConfig"]["aspectRatio"] == "16:9"
    assert "seed" not in config
    assert ("thinkingConfig" in config) == (model_id != "gemini-3-pro-image")


def test_the_last_image_that_is_no_thought_is_taken_and_billed_by_modality() -> None:
    interim = [{"text": "planning", "thought": True}, blob(b"draft", thought=True), blob(b"\xff\xd8\xff first")]
    receipt = submit(answer(*interim, blob(thoughtSignature="x"), {"text": "here"}, blob(b"late", thought=True)))
    assert (receipt.data, receipt.media_type) == (JPEG, "image/jpeg")
    assert receipt.usage == Usage(text_in_tokens=12, text_out_tokens=210, image_out_tokens=1120)
    assert (receipt.cost_micros, receipt.model_answered, receipt.vendor_id) == (None, MODEL, "r-1")
    assert receipt.warnings == ()


def test_totals_without_details_are_counted_where_they_cost_more() -> None:
    bare = {"promptTokenCount": 20, "candidatesTokenCount": "1200", "thoughtsTokenCount": 5}
    assert submit(answer(blob(), usage=bare)).usage == Usage(
        text_in_tokens=20, text_out_tokens=5, image_out_tokens=1200
    )


def test_another_model_than_asked_is_told() -> None:
    receipt = submit(answer(blob(), version="models/gemini-3-pro-image"))
    assert receipt.model_answered == "gemini-3-pro-image"
    assert any("answered by gemini-3-pro-image" in w for w in receipt.warnings)


def test_without_usage_the_expected_one_is_booked_and_told() -> None:
    receipt = submit(answer(blob(), usage=None))
    assert receipt.usage == measure(request()).expected
    assert any("usage" in w for w in receipt.warnings)


@pytest.mark.parametrize(
    ("body", "code", "billed"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "moderated", "no"),
        ({"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": PROMPT_ONLY}, "moderated", "yes"),
        (answer(reason="IMAGE_SAFETY", usage=PROMPT_ONLY), "moderated", "yes"),
        (answer(reason="IMAGE_SAFETY", usage=None), "moderated", "no"),
        (answer(reason="PROHIBITED_CONTENT", usage=PROMPT_ONLY), "moderated", "yes"),
        (answer(reason="NO_IMAGE", usage=PROMPT_ONLY), "no-image", "yes"),
        (answer(reason="IMAGE_OTHER", usage=USAGE), "image-other", "yes"),
        (answer(reason="MAX_TOKENS", usage=PROMPT_ONLY), "max-tokens", "yes"),
        (answer(reason="PUP_LIMITED_DISABLED", usage=None), "account-stopped", "no"),
        (answer({"text": "I cannot draw this"}, usage=PROMPT_ONLY), "no-image", "yes"),
        (answer(blob(thought=True), usage=PROMPT_ONLY), "no-image", "yes"),
        (answer(reason="TOMORROWS_REASON", usage=PROMPT_ONLY), "tomorrows-reason", "yes"),
        (answer({"inlineData": {"mimeType": "image/png", "data": "%%%"}}), "broken-image", "yes"),
    ],
)
def test_a_200_without_an_image_is_a_refusal_with_its_bill(body: Any, code: Any, billed: Any) -> None:
    refused = failed(body, VendorRefused, code, billed)
    assert (refused.usage is not None) == (billed == "yes")
    if billed == "yes":
        assert isinstance(refused.usage, Usage)
        assert (refused.usage.images, refused.usage.text_in_tokens) == (0, 12)


def test_the_models_own_words_are_passed_on_shortened() -> None:
    words = failed(answer({"text": "I will not draw this. " * 50}, usage=PROMPT_ONLY), VendorRefused, "no-image", "yes")
    assert "I will not draw this." in str(words)
    assert len(str(words)) < 400


def test_only_reasons_that_may_change_are_worth_another_try() -> None:
    assert failed(answer(reason="NO_IMAGE", usage=PROMPT_ONLY), VendorRefused, "no-image", "yes").retryable
    assert not failed(answer(reason="IMAGE_SAFETY", usage=PROMPT_ONLY), VendorRefused, "moderated", "yes").retryable


@pytest.mark.parametrize("body", [{}, [], None, "x", answer({"text": "no"}, usage=None), answer(usage=None, reason="")])
def test_a_200_that_says_neither_yes_nor_no_is_in_doubt(body: Any) -> None:
    failed(body, VendorSilent, "broken-answer", "unknown")


@pytest.mark.parametrize(
    ("step", "kind", "code", "billed", "fault"),
    [
        (httpx.ConnectError("no"), VendorBusy, "no-connection", "no", "network"),
        (httpx.ReadTimeout("slow"), VendorSilent, "no-answer", "unknown", "network"),
        (error(400, "INVALID_ARGUMENT"), VendorRefused, "invalid", "no", "caller"),
        (error(400, "INVALID_ARGUMENT", "API key not valid."), VendorRefused, "credentials", "no", "account"),
        (error(400, "FAILED_PRECONDITION", "User location"), VendorRefused, "account", "no", "account"),
        (error(403, "PERMISSION_DENIED"), VendorRefused, "credentials", "no", "account"),
        (error(404, "NOT_FOUND", "models/x is not found"), VendorRefused, "unknown-model", "no", "caller"),
        (error(500, "INTERNAL"), VendorSilent, "http-500", "unknown", "vendor"),
        (error(503, "UNAVAILABLE", "overloaded"), VendorRefused, "unavailable", "no", "vendor"),
        (httpx.Response(503, content=b"<html>"), VendorSilent, "http-503", "unknown", "vendor"),
        (error(504, "DEADLINE_EXCEEDED"), VendorSilent, "http-504", "unknown", "vendor"),
        (error(499, "CANCELLED"), VendorSilent, "http-499", "unknown", "vendor"),
        (
            httpx.Response(200, headers={"content-length": "99"}, content=b"{}"),
            VendorSilent,
            "cut-answer",
            "unknown",
            "network",
        ),
    ],
)
def test_each_failure_says_what_it_means_for_money(step: Any, kind: Any, code: Any, billed: Any, fault: Any) -> None:
    assert failed(step, kind, code, billed).fault == fault


def test_overloaded_is_worth_another_try() -> None:
    assert failed(error(503, "UNAVAILABLE"), VendorRefused, "unavailable", "no").retryable


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "10s"}


def quota(quota_id: str, value: str = "20", metric: str = "paid") -> dict[str, Any]:
    violation = {"quotaMetric": metric, "quotaId": quota_id, "quotaValue": value}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


@pytest.mark.parametrize(
    ("step", "wait_s"),
    [
        (error(429, "RESOURCE_EXHAUSTED", "Please retry in 10.67s.", quota("PerMinute"), RETRY_INFO), 10.0),
        (error(429, "RESOURCE_EXHAUSTED", "Over. Please retry in 10.67s."), 10.67),
        (error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), None),
        (httpx.Response(429, headers={"retry-after": "3"}, content=b"slow down"), 3.0),
        (httpx.Response(429, json=[{"error": {"message": "Please retry in 2s."}}]), 2.0),
    ],
)
def test_a_rate_limit_is_busy_with_the_hint_to_wait(step: Any, wait_s: Any) -> None:
    assert failed(step, VendorBusy, "rate-limited", "no").retry_after_s == wait_s


@pytest.mark.parametrize(
    "violation",
    [
        quota("GenerateRequestsPerDayPerProjectPerModel", "250"),
        quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "0"),
        quota("GenerateRequestsPerMinute", "0", "x/generate_content_free_tier_requests"),
    ],
)
def test_a_quota_that_no_waiting_fills_stops_the_account(violation: Any) -> None:
    stopped = failed(error(429, "RESOURCE_EXHAUSTED", "words", violation, RETRY_INFO), VendorRefused, "quota", "no")
    assert (stopped.fault, stopped.retryable) == ("account", False)


def test_lost_work_cannot_be_asked_for_again() -> None:
    vendor = Google(api_key=KEY, transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(VendorSilent, match="cannot be asked"):
        anyio.run(vendor.collect, Job("x", ""))


ANSWER_NAMES = ("candidates", "content", "parts", "inlineData", "data", "mimeType", "text", "thought", "finishReason")
USAGE_NAMES = ("usageMetadata", "promptTokenCount", "candidatesTokensDetails", "modality", "tokenCount", "modelVersion")
ERROR_NAMES = (
    "error",
    "status",
    "message",
    "details",
    "violations",
    "quotaId",
    "retryDelay",
    "@type",
    "promptFeedback",
)
NAMES = st.sampled_from((*ANSWER_NAMES, *USAGE_NAMES, *ERROR_NAMES, "promptFeedback", "blockReason"))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(["STOP", "IMAGE_SAFETY", "IMAGE", "aGk=", "image/png", "UNAVAILABLE", "\ud800"]),
)
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=20
)
SHAPED = st.builds(
    lambda parts, usage, reason: {
        "candidates": [{"content": {"parts": parts}, "finishReason": reason}],
        "usageMetadata": usage,
    },
    ANY_JSON,
    ANY_JSON,
    ANY_JSON,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([200, 206, 302, 400, 404, 408, 429, 500, 503]), ANY_JSON | SHAPED)
def test_any_answer_ends_in_a_receipt_or_a_vendor_error(code: Any, body: Any) -> None:
    end: Receipt | VendorError
    try:
        end = submit(httpx.Response(code, content=json.dumps(body).encode()))
    except VendorError as refused:
        end = refused
    assert isinstance(end, Receipt | VendorError)
    assert (json.dumps(end.facts) if isinstance(end, Receipt) else str(end)).encode()
