"""Masters at their bounds: what a brief may ask for, and what was paid for, never ends at a limit."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from domain.placement import MAX_EDGE_PX, Placement
from domain.sizing import Size
from imaging.decode import MAX_BYTES, decode
from imaging.renditions import Recipe
from imaging.upscale import Upscaler, UpscaleSettings
from tasks.masters import MAX_MASTER_PIXELS, master_size, why_plain
from tasks.renditions import MASTER_LIMITS


def wiring(limit_s: int = 0, **settings: Any) -> Any:
    return SimpleNamespace(
        settings=SimpleNamespace(upscale_max_seconds=limit_s), upscaler=Upscaler(UpscaleSettings(**settings))
    )


def test_the_largest_placement_that_a_brief_may_have_can_be_rendered() -> None:
    slot = Placement(name="wall", width_px=MAX_EDGE_PX, height_px=MAX_EDGE_PX)
    assert Recipe(slot.width_px, slot.height_px).fit == "cover"


def test_a_master_of_ours_may_be_larger_than_what_is_let_in_from_strangers() -> None:
    noise = np.random.default_rng(7).integers(0, 255, (3300, 3300, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG", compress_level=0)
    assert len(out.getvalue()) > MAX_BYTES
    assert decode(out.getvalue(), MASTER_LIMITS).image.size == (3300, 3300)


def test_a_final_that_the_network_may_not_enlarge_is_enlarged_without_it_and_the_reason_is_told() -> None:
    # 4096 x 2730 pixels times 16 are 178.9 megapixels
    assert "178.9 megapixels, the limit is 100" in why_plain(wiring(), Size(4096, 2730), Size(6000, 4000))
    assert why_plain(wiring(backend="lanczos"), Size(4096, 2730), Size(6000, 4000)) == ""


def test_a_final_that_would_take_too_long_says_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Upscaler, "estimate", lambda *_: SimpleNamespace(seconds=61.0))
    said = "upscaling would take about 61 s, more than the 60 s allowed"
    assert why_plain(wiring(60), Size(512, 512), Size(1024, 1024)) == said
    assert why_plain(wiring(61), Size(512, 512), Size(1024, 1024)) == ""


def test_a_master_has_a_bound_and_keeps_its_shape_there() -> None:
    slots = [
        Placement(name="wall", width_px=8192, height_px=1024),
        Placement(name="tower", width_px=1024, height_px=8192),
    ]
    master = master_size(slots, Size(2896, 724))
    assert master is not None
    assert 0.99 * MAX_MASTER_PIXELS < master.pixels <= MAX_MASTER_PIXELS
    assert master.ratio == pytest.approx(4.0, rel=0.001)
    assert master_size(slots, Size(8192, 8192)) is None
