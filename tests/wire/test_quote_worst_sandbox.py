"""Every model in every size that its price knows, through the door to the sandbox: no bill passes its hold."""

import asyncio
import hashlib
import io
from functools import cache
from math import isqrt

import pytest
from PIL import Image

from domain.render import Reference, RenderRequest
from tests.support.money import audit, paid_call
from tests.support.paid_bench import Bench
from vendors.bfl.measure import MP_PX
from vendors.bfl.models import models as bfl_models
from vendors.google.models import models as google_models
from vendors.google.shapes import EDGE_FACTOR

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]
PHOTOS = (0, 2)
# Billed as any other picture, and nothing is painted for it: these are some 80 pictures of up to 16 megapixels.
PROMPT = "a red kettle [[sandbox:fault=charged_without_image]]"
BFL_MEGAPIXELS = (1, 2, 3, 4)


@cache
def photo() -> Reference:
    """A little more than a megapixel: a second one is started."""
    out = io.BytesIO()
    Image.new("L", (1100, 1000), 99).save(out, "PNG")
    data = out.getvalue()
    return Reference(hashlib.sha256(data).hexdigest(), "image/png", 1100, 1000, data)


def sizes(model_id: str) -> list[int]:
    """Edges of a square of every size that has a price of its own."""
    if model_id in bfl_models():
        return [isqrt(megapixels * MP_PX) // 16 * 16 for megapixels in BFL_MEGAPIXELS]
    return [int(1024 * EDGE_FACTOR[size]) for size in google_models()[model_id].sizes]


@pytest.mark.parametrize("model_id", sorted({**bfl_models(), **google_models()}))
async def test_no_size_of_a_model_bills_more_than_its_hold(bench: Bench, model_id: str) -> None:
    vendor = bench.vendors["bfl" if model_id in bfl_models() else "google"]
    output_format = "png" if vendor.name == "bfl" else "jpeg"
    wanted = [
        RenderRequest(model_id, PROMPT, edge_px, edge_px, (photo(),) * count, output_format=output_format)
        for edge_px in sizes(model_id)
        for count in PHOTOS
    ]
    await asyncio.gather(*(bench.ends(paid_call(vendor, asked)) for asked in wanted))
    attempts = bench.attempts()
    assert len(attempts) == len(wanted)
    assert {attempt.state for attempt in attempts} == {"settled"}
    for attempt in attempts:
        assert 0 < (attempt.cost_micros or 0) <= attempt.hold_micros
    assert {line["model"] for line in bench.sandbox.invoice()["lines"]} == {model_id}
    audit(bench.w, bench.sandbox.invoice())
