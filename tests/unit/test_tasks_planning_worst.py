"""No bill of an honest vendor passes what was held for it: the sandbox's own billing against our worst price."""

import hashlib
import io
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from budget.price_book import PriceBook
from domain.render import Measured, Reference, RenderRequest
from sandbox.bfl.prices import cost_micros
from sandbox.bfl.validate import read_submit
from sandbox.catalogue import load_catalogue
from sandbox.google.answer import Outcome, usage_of
from sandbox.google.validate import parse, read_generate
from vendors.bfl.measure import measure as measure_bfl
from vendors.bfl.models import models as bfl_models
from vendors.bfl.wire import submit_body
from vendors.google.measure import measure as measure_google
from vendors.google.models import models as google_models
from vendors.google.wire import generate_body

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
    billed = usage_of(asked, model, Outcome()).micros(model, asked.price_share)
    low, expected, worst = bounds(model_id, measured)
    assert low <= expected <= worst
    assert billed <= worst
