"""Megapixels of a FLUX.2 request, and what goes onto the wire."""

import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError, VendorSilent
from domain.render import Job, Reference, RenderRequest
from vendors.bfl.measure import measure, rounded_size
from vendors.bfl.models import model, models
from vendors.bfl.wire import may_see_key, poll_address, submit_body

BASE = httpx.URL("https://api.bfl.ai")


def request(model_id: Any = "flux-2-pro", width_px: Any = 1024, height_px: Any = 1024, **more: Any) -> RenderRequest:
    return RenderRequest(model_id=model_id, prompt="a red teapot", width_px=width_px, height_px=height_px, **more)


def reference(width_px: Any = 1024, height_px: Any = 1024, data: Any = b"jpeg bytes") -> Reference:
    return Reference(sha256="0" * 64, media_type="image/jpeg", width_px=width_px, height_px=height_px, data=data)


@pytest.mark.parametrize(
    ("asked", "comes", "megapixels"),
    [
        ((1024, 1024), (1024, 1024), 1),
        ((1920, 1080), (1920, 1088), 2),
        ((2048, 2048), (2048, 2048), 4),
        ((64, 64), (64, 64), 1),
        ((1, 1), (64, 64), 1),
        ((1200, 628), (1200, 640), 1),  # rounded up: nearest would be 4 px too small for its slot
        ((1020, 1030), (1024, 1024), 1),  # rounded to nearest: up would start a second megapixel
        ((3840, 2160), (2720, 1536), 4),
        ((4096, 4096), (2048, 2048), 4),
    ],
)
def test_sizes_are_rounded_and_billed_by_started_megapixels(asked: Any, comes: Any, megapixels: Any) -> None:
    measured = measure(request(width_px=asked[0], height_px=asked[1]))
    assert (measured.width_px, measured.height_px) == comes
    assert measured.low.output_mp == measured.expected.output_mp == measured.worst.output_mp == megapixels


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_any_size_ends_on_the_grid_and_inside_four_megapixels(width_px: Any, height_px: Any) -> None:
    width, height = rounded_size(width_px, height_px, model("flux-2-pro"))
    assert width % 16 == height % 16 == 0
    assert width >= 64
    assert height >= 64
    assert width * height <= 4_194_304


def test_each_reference_is_billed_in_started_megapixels_and_at_most_four() -> None:
    small, large = reference(800, 600), reference(5000, 4000)
    measured = measure(request(references=(small, small, large)))
    assert measured.worst.input_mp == 1 + 1 + 4
    assert measured.low.input_mp == 5


def test_every_wish_that_cannot_be_honoured_is_named() -> None:
    measured = measure(request(width_px=3840, height_px=2160, output_format="webp"))
    assert any("reduced to 2720x1536" in w for w in measured.warnings)
    assert any("webp" in w for w in measured.warnings)
    assert measure(request()).warnings == ()


@pytest.mark.parametrize(
    ("bad", "names"),
    [
        (request("flux-9-ultra"), "flux-2-pro"),
        (request(width_px=0), "edges"),
        (request("flux-2-klein-4b", references=(reference(),) * 5), "at most 4"),
        (request(references=(reference(),) * 9), "at most 8"),
        (request(references=(reference(data=b""),)), "references"),
        (request(references=(reference(9000, 9000),)), "pixels"),
        (RenderRequest("flux-2-pro", "  ", 64, 64), "prompt"),
    ],
)
def test_a_request_that_no_model_takes_is_refused_before_it_is_sent(bad: Any, names: Any) -> None:
    with pytest.raises(InputError, match=names):
        measure(bad)


@pytest.mark.parametrize("model_id", sorted(models()))
def test_the_body_says_what_was_measured(model_id: Any) -> None:
    asked = request(model_id, 1920, 1080, seed=7, output_format="jpeg", references=(reference(), reference()))
    body = json.loads(submit_body(asked, measure(asked)))
    assert (body["width"], body["height"], body["seed"], body["output_format"]) == (1920, 1088, 7, "jpeg")
    assert base64.b64decode(body["input_image"]) == base64.b64decode(body["input_image_2"]) == b"jpeg bytes"
    assert ("steps" in body, "guidance" in body) == (model_id == "flux-2-flex",) * 2
    assert ("disable_pup" in body) == (model_id in {"flux-2-pro", "flux-2-pro-preview", "flux-2-max"})


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("https://api.eu2.bfl.ai/v1/get_result?id=1", True),
        ("https://bfl.ai/x", True),
        ("https://api.bfl.ai:443/x", True),
        ("http://api.eu2.bfl.ai/x", False),
        ("https://evilbfl.ai/x", False),
        ("https://bfl.ai.evil.example/x", False),
        ("https://api.bfl.ai@evil.example/x", False),
        ("https://user:secret@api.bfl.ai/x", False),
        ("https://api.eu2.bfl.ai:8443/x", False),
        ("https://evil.example/bfl.ai", False),
    ],
)
def test_the_key_goes_to_bfl_only(address: Any, may: Any) -> None:
    assert may_see_key(httpx.URL(address), BASE) is may


def test_with_a_configured_host_the_key_goes_to_that_host_and_port_only() -> None:
    base = httpx.URL("http://127.0.0.1:8765/bfl")
    assert may_see_key(httpx.URL("http://127.0.0.1:8765/bfl-eu2/v1/get_result?id=1"), base)
    assert not may_see_key(httpx.URL("http://127.0.0.1:8766/bfl/v1/get_result?id=1"), base)
    assert not may_see_key(httpx.URL("https://127.0.0.1:8765/bfl"), base)


def test_a_job_without_a_poll_address_is_asked_for_where_it_was_submitted() -> None:
    assert str(poll_address(Job("abc", ""), BASE)) == "https://api.bfl.ai/v1/get_result?id=abc"
    with pytest.raises(VendorSilent) as caught:
        poll_address(Job("abc", "https://evil.example/v1/get_result?id=abc"), BASE)
    assert caught.value.code == "foreign-poll-host"
    assert caught.value.billed == "unknown"
