"""Renditions: the promised size, colours and bytes, the same everywhere, and never secretly enlarged."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageFilter

from domain.errors import ImageError, InputError
from imaging.colour import srgb_profile
from imaging.decode import decode
from imaging.renditions import Fit, Format, Recipe, encoder_versions, render, render_all, work_key

ROOT = Path(__file__).parents[2]
FORMATS: tuple[Format, ...] = get_args(Format)
FITS: tuple[Fit, ...] = get_args(Fit)
PHOTOS = Path("/work/shared/data/photos")


def master(mode: str = "RGB", size: tuple[int, int] = (240, 160)) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    page = Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.ROTATE_180), Image.new("L", size, 90)))
    page.paste("#e03010", (20, 40, 80, 100))
    if mode == "RGBA":
        page.putalpha(Image.new("L", size, 0))
        page.paste((20, 90, 200, 255), (60, 40, 180, 120))
    return page


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_format_has_its_size_type_and_the_srgb_profile(format_name: Format) -> None:
    made = render(master(), Recipe(100, 100, format_name))
    assert decode(made.data).media_type == made.media_type == f"image/{format_name}"
    assert (made.width_px, made.height_px) == opened(made.data).size == (100, 100)
    assert opened(made.data).info["icc_profile"] == srgb_profile()
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()


@pytest.mark.parametrize("format_name", FORMATS)
def test_bytes_repeat_and_do_not_depend_on_the_company(format_name: Format) -> None:
    recipes = [Recipe(side, side, format_name) for side in (120, 60, 30)]
    together = [made.data for made in render_all(master(), recipes)]
    assert together == [render(master(), recipe).data for recipe in recipes]
    assert together == [made.data for made in render_all(master(), recipes[::-1])][::-1]


def test_bytes_are_the_same_in_another_process() -> None:
    line = (
        "import sys; sys.path[:0] = ['.', 'tests/unit']\n"
        "from test_imaging_renditions import *\n"
        "print([render(master('RGBA'), Recipe(90, 70, f)).sha256 for f in FORMATS])"
    )
    done = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, text=True, check=True)
    here = [render(master("RGBA"), Recipe(90, 70, format_name)).sha256 for format_name in FORMATS]
    assert done.stdout.strip() == str(here)


@pytest.mark.parametrize("fit", FITS)
def test_no_fit_enlarges_unless_it_is_told_to(fit: Fit) -> None:
    with pytest.raises(ImageError) as caught:
        render(master(), Recipe(480, 320, fit=fit))
    assert caught.value.reason == "would-enlarge"
    assert render(master(), Recipe(480, 320, fit=fit, allow_enlarge=True)).width_px == 480


def test_cover_follows_the_focus_and_stays_inside_the_master() -> None:
    left = render(master(), Recipe(80, 160, "png", focus=(0.08, 0.25, 0.33, 0.6)))
    right = render(master(), Recipe(80, 160, "png", focus=(0.9, 0.0, 1.0, 1.0)))
    red = "#e03010"
    assert _has(opened(left.data), red)
    assert not _has(opened(right.data), red)


def test_contain_pads_with_the_background_and_inside_does_not() -> None:
    padded = render(master(), Recipe(120, 120, "png", fit="contain", background="#00ff00"))
    assert opened(padded.data).getpixel((60, 2)) == (0, 255, 0)
    whole = render(master(), Recipe(120, 120, "png", fit="inside"))
    assert (whole.width_px, whole.height_px) == (120, 80)


def test_exact_refuses_another_shape() -> None:
    with pytest.raises(ImageError) as caught:
        render(master(), Recipe(100, 100, fit="exact"))
    assert caught.value.reason == "wrong-shape"
    assert render(master(), Recipe(240, 160, "png", fit="exact")).width_px == 240


def test_a_png_of_the_masters_own_size_keeps_every_pixel() -> None:
    made = render(master(), Recipe(240, 160, "png", fit="exact"))
    assert decode(made.data).image.tobytes() == master().tobytes()


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_cut_out_stands_on_exact_white(format_name: Format) -> None:
    pixels = np.asarray(decode(render(master("RGBA"), Recipe(120, 80, format_name)).data).image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert border.min() == 255


def test_transparency_stays_where_the_recipe_keeps_it() -> None:
    made = render(master("RGBA"), Recipe(120, 80, "webp", background=None))
    assert decode(made.data).has_alpha
    with pytest.raises(InputError, match="transparency"):
        Recipe(120, 80, "jpeg", background=None)


def test_halving_first_looks_like_scaling_at_once() -> None:
    large = master(size=(1200, 900)).filter(ImageFilter.GaussianBlur(3))
    quick = decode(render(large, Recipe(120, 90, "png")).data).image
    straight = large.resize((120, 90), Image.Resampling.LANCZOS)
    difference = np.abs(np.asarray(quick, float) - np.asarray(straight, float))
    assert difference.mean() < 0.6


def test_equal_recipes_have_equal_digests_and_different_ones_do_not() -> None:
    assert Recipe(10, 10, "jpeg", 85).digest == Recipe(10, 10, "jpeg", None, background="#FFF").digest
    assert len({Recipe(10, 10, name).digest for name in FORMATS} | {Recipe(11, 10).digest}) == 5


def test_the_work_key_changes_with_everything_that_changes_bytes() -> None:
    recipe = Recipe(10, 10, "avif")
    keys = {
        work_key("a", recipe),
        work_key("b", recipe),
        work_key("a", Recipe(10, 11, "avif")),
        work_key("a", recipe, b"x"),
    }
    assert len(keys) == 4
    assert "avif" in encoder_versions("avif")


@pytest.mark.parametrize(
    "wrong",
    [
        {"width_px": 0},
        {"height_px": 20_000},
        {"quality": 0},
        {"background": "nocolour"},
        {"focus": (0.5, 0.0, 0.4, 1.0)},
        {"format": "gif"},
        {"width_px": 9_000, "height_px": 9_000},
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Recipe(**({"width_px": 10, "height_px": 10} | wrong))  # type: ignore[arg-type]


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no product photos in {PHOTOS}")
def test_a_real_product_keeps_its_look_in_every_format() -> None:
    photo = decode((PHOTOS / "saleor-dash-force-1.png").read_bytes()).image
    true = np.asarray(decode(render(photo, Recipe(400, 400, "png")).data).image, float)
    for format_name in ("jpeg", "webp", "avif"):
        got = np.asarray(decode(render(photo, Recipe(400, 400, format_name)).data).image, float)
        assert 10 * np.log10(255**2 / np.mean((true - got) ** 2)) > 32, format_name


def _has(image: Image.Image, colour: str) -> bool:
    want = np.array(Image.new("RGB", (1, 1), colour).getpixel((0, 0)))
    return bool((np.abs(np.asarray(image, int) - want).max(axis=-1) < 6).any())
