"""The painter with real photographs: the repository's own samples, and others when their folder is at hand."""

from pathlib import Path

import numpy as np
import pytest

from sandbox.painter import SceneRequest, paint
from sandbox.painter.cutout import cut, decode

SAMPLES = sorted(Path(__file__).parents[2].glob("samples/photos/*.*"))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "photos"


def dominant(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Hue direction of the product's colour, without its brightness."""
    mean = (pixels[..., :3][alpha > 0.9].astype(float) + 1).mean(0)
    return np.asarray(mean / np.linalg.norm(mean))


def assert_stands_in_scene(photo: Path) -> None:
    data = photo.read_bytes()
    found = cut(decode(data, 0), 400)
    assert found is not None, "not cut out"
    product = np.asarray(found.image)
    scene = SceneRequest("studio plinth, soft light, palette #dcd5c8 #c9c2b6", 320, 320, (data,), 4, "", "final")
    seen = np.asarray(paint(scene)).astype(float) + 1
    near = (seen / np.linalg.norm(seen, axis=-1, keepdims=True)) @ dominant(product, product[..., 3] / 255)
    assert (near > 0.97).mean() > 0.03, "the product's colour is not in the picture"


@pytest.mark.parametrize("photo", SAMPLES, ids=lambda p: p.stem)
def test_a_sample_product_is_recognisable_in_a_scene(photo: Path) -> None:
    assert_stands_in_scene(photo)


@pytest.mark.parametrize("photo", [p for p in SAMPLES if p.suffix == ".jpg"], ids=lambda p: p.stem)
def test_a_photo_on_white_is_cut_out_without_its_ground(photo: Path) -> None:
    found = cut(decode(photo.read_bytes(), 0), 400)
    assert found is not None
    rgba = np.asarray(found.image).astype(int)
    solid = rgba[..., 3] > 200
    inside = solid & np.roll(solid, 3, 0) & np.roll(solid, -3, 0) & np.roll(solid, 3, 1) & np.roll(solid, -3, 1)
    rim = solid & ~inside
    # a halo of white paper would show as a rim much lighter than the product beside it
    assert (rgba[..., :3].min(-1)[rim] > 245).mean() < 0.15
    assert 0.4 < solid.mean() < 0.99


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is absent: its photos are not part of the repository")
@pytest.mark.parametrize("name", ["saleor-mighty-mug", "saleor-dash-force-1", "saleor-apple-drink", "saleor-sunnies"])
def test_a_real_cut_out_is_recognisable_in_a_scene(name: str) -> None:
    assert_stands_in_scene(SHARED / f"{name}.png")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is absent: its photos are not part of the repository")
def test_a_shadow_painted_into_a_cut_out_is_left_behind() -> None:
    found = cut(decode((SHARED / "saleor-dash-force-1.png").read_bytes(), 0), 600)
    assert found is not None
    # the shoe is wide; with the shadow that floats under it the box would be nearly square
    assert found.ratio > 1.9
