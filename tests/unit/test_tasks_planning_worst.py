"""No bill of an honest vendor passes what was held for it: the sandbox's own billing, and whatever receipt a vendor's
answer can become within the bounds that its documents give, against our worst price.
"""

import base64
import hashlib
import io
import json
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from budget.price_book import PriceBook
from domain.render import Measured, Receipt, Reference, RenderRequest
from sandbox.bfl.prices import cost_micros
from sandbox.bfl.validate import read_submit
from sandbox.catalogue import load_catalogue
from sandbox.faults import FaultPlan
from sandbox.google.answer import Outcome, usage_of
from sandbox.google.validate import parse, read_generate
from vendors.bfl import answer as bfl_answer
from vendors.bfl.measure import measure as measure_bfl
from vendors.bfl.models import models as bfl_models
from vendors.bfl.wire import submit_body
from vendors.google import answer as google_answer
from vendors.google.measure import measure as measure_google
from vendors.google.models import models as google_models
from vendors.google.shapes import shape_for
from vendors.google.wire import generate_body
from vendors.http import Answer, Picture

TODAY = date(2026, 11, 21)
BOOK, CATALOGUE = PriceBook.load(), load_catalogue()
EDGES = st.integers(1, 5000)
REFERENCE_EDGES = st.sampled_from([64, 500, 1023, 1024, 1025, 1100, 1600, 2048, 2100])


@cache
def photo(width_px: int, height_px: int) -> Reference:
    out = io.BytesIO()
    Image.new("L", (width_px, height_px), 99).save(out, "PNG", compress_level=1)
    data = out.getvalue()
    return Reference(hashlib.sha256(data).hexdigest(), "image/png", width_px, height_px, data)


def photos(most: int) -> st.SearchStrategy[tuple[Reference, ...]]:
    return st.lists(st.builds(photo, REFERENCE_EDGES, REFERENCE_EDGES), max_size=most).map(tuple)


def bounds(model_id: str, measured: Measured) -> tuple[int, int, int]:
    found = BOOK.price_range(model_id, measured, TODAY)
    return found.low, found.expected, found.worst


@pytest.mark.parametrize("model_id", sorted(bfl_models()))
@settings(max_examples=25, deadline=None)
@given(width_px=EDGES, height_px=EDGES, references=photos(4))
def test_bfl_never_bills_more_than_was_held(
    model_id: str, width_px: int, height_px: int, references: tuple[Reference, ...]
) -> None:
    request = RenderRequest(model_id, "a red kettle", width_px, height_px, references)
    measured = measure_bfl(request)
    model = CATALOGUE.bfl[model_id]
    asked = read_submit(submit_body(request, measured), model)
    billed = cost_micros(model, asked.width_px * asked.height_px, list(asked.inputs_px))
    low, expected, worst = bounds(model_id, measured)
    assert low <= expected <= worst
    assert low <= billed <= worst
    assert (asked.width_px, asked.height_px) == (measured.width_px, measured.height_px)


@pytest.mark.parametrize("model_id", sorted(google_models()))
@settings(max_examples=25, deadline=None)
@given(
    prompt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=600).filter(lambda t: t.strip()),
    width_px=EDGES,
    height_px=EDGES,
    references=photos(3),
)
def test_google_never_bills_more_than_was_held(
    model_id: str, prompt: str, width_px: int, height_px: int, references: tuple[Reference, ...]
) -> None:
    request = RenderRequest(model_id, prompt, width_px, height_px, references, output_format="jpeg")
    measured = measure_google(request)
    model = CATALOGUE.google[model_id]
    asked = read_generate(parse(generate_body(request)), model)
    billed = usage_of(asked, model, Outcome(), FaultPlan()).micros(model, asked.price_share)
    low, expected, worst = bounds(model_id, measured)
    assert low <= expected <= worst
    assert billed <= worst


def settled(model_id: str, receipt: Receipt) -> int:
    """As the paid door books it: the vendor's own figure, else the usage at the book's price."""
    return BOOK.price(model_id, receipt.usage, TODAY) if receipt.cost_micros is None else receipt.cost_micros


def whole(body: dict[str, Any]) -> Answer:
    return Answer(200, body=json.dumps(body).encode(), whole=True)


@pytest.mark.parametrize("model_id", sorted(bfl_models()))
@settings(max_examples=25, deadline=None)
@given(width_px=EDGES, height_px=EDGES, references=photos(4), data=st.data())
def test_whatever_receipt_bfl_gives_within_its_bounds_settles_inside_the_hold(
    model_id: str, width_px: int, height_px: int, references: tuple[Reference, ...], data: st.DataObject
) -> None:
    """It may name the cost at submit, at Ready, at both or nowhere, and megapixels with two decimals or none."""
    request = RenderRequest(model_id, "a red kettle", width_px, height_px, references)
    measured = measure_bfl(request)
    low, _, worst = bounds(model_id, measured)
    costs = st.none() | st.integers(low, worst).map(lambda micros: float(Decimal(micros) / 10_000))
    output_mp = st.none() | st.just(round(measured.width_px * measured.height_px / 1_048_576, 2))
    input_mp = st.none() | st.integers(0, 100 * measured.worst.input_mp).map(lambda hundredths: hundredths / 100)
    told = {"cost": costs, "output_mp": output_mp, "input_mp": input_mp}
    submit = {"id": "j", "polling_url": "https://x", **{name: data.draw(what) for name, what in told.items()}}
    job = bfl_answer.accepted(whole(submit), request, measured)
    ready = bfl_answer.poll_step(
        whole({"status": "Ready", "result": {"sample": "https://x"}, "cost": data.draw(costs)}), job
    )
    assert isinstance(ready, bfl_answer.Ready)
    receipt = bfl_answer.receipt(job, ready, Picture(b"png", "image/png"))
    assert settled(model_id, receipt) <= worst


@pytest.mark.parametrize("model_id", sorted(google_models()))
@settings(max_examples=25, deadline=None)
@given(
    prompt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300).filter(lambda t: t.strip()),
    width_px=EDGES,
    height_px=EDGES,
    references=photos(3),
    data=st.data(),
)
def test_whatever_receipt_google_gives_within_its_bounds_settles_inside_the_hold(
    model_id: str, prompt: str, width_px: int, height_px: int, references: tuple[Reference, ...], data: st.DataObject
) -> None:
    """Tokens of prompt, photos, thinking and picture up to their documented most, itemized or only as sums, or none."""
    request = RenderRequest(model_id, prompt, width_px, height_px, references, output_format="jpeg")
    measured, most = measure_google(request), google_models()[model_id]
    worst = bounds(model_id, measured)[2]
    text_in = data.draw(st.integers(0, measured.worst.text_in_tokens))
    image_in = data.draw(st.integers(0, measured.worst.image_in_tokens))
    thoughts = data.draw(st.integers(0, most.thinking_tokens.worst))
    image_out = data.draw(st.integers(0, most.sizes[shape_for(width_px, height_px, most).size].worst))
    usage = {
        "promptTokenCount": text_in + image_in,
        "candidatesTokenCount": image_out,
        "thoughtsTokenCount": thoughts,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": text_in},
            {"modality": "IMAGE", "tokenCount": image_in},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": image_out}],
    }
    kept = {name: usage[name] for name in data.draw(st.sets(st.sampled_from(sorted(usage))))}
    picture = {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(b"jpeg").decode()}}
    body = {"candidates": [{"content": {"parts": [picture]}, "finishReason": "STOP"}], "modelVersion": model_id}
    receipt = google_answer.receipt(whole(body | {"usageMetadata": kept}), request, measured)
    assert settled(model_id, receipt) <= worst
