"""What the upscaler accepts, tiles and conversions, without any weights."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domain.errors import ImageError, InputError, SettingError
from imaging.upscale import Upscaler, UpscaleSettings, needed, official_engine, tiles
from imaging.upscale import pixels as planes_of
from imaging.upscale.models import MODELS
from imaging.upscale.weights import FloatArray


def _nearest(pixels: FloatArray) -> FloatArray:
    return pixels.repeat(4, axis=0).repeat(4, axis=1)


def _noise(width: int, height: int) -> tiles.ByteArray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_an_upscale_is_needed_only_when_more_pixels_are_asked_for() -> None:
    assert needed(1024, 1024, 2048, 1024)
    assert needed(1024, 1024, 1024, 1025)
    assert not needed(1024, 1024, 1024, 1024)
    assert not needed(1024, 1024, 320, 200)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"backend": "ncnn"}, "upscale.backend"),
        ({"model": "x2plus"}, "upscale.model"),
        ({"quality": "best"}, "upscale.quality"),
        ({"threads": 0}, "upscale.threads"),
        ({"tile_px": 16}, "upscale.tile_px"),
        ({"max_output_megapixels": 0}, "upscale.max_output_megapixels"),
        ({"weights_path": Path("my.pth")}, "upscale.weights_path"),
        ({"backend": "realesrgan"}, "upscale.cache_dir"),
    ],
)
def test_a_wrong_setting_is_refused_at_once_and_named(wrong: dict[str, object], name: str) -> None:
    with pytest.raises(SettingError, match=name):
        UpscaleSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ((64, 64), (64, 64), "nothing to upscale"),
        ((64, 64), (32, 32), "nothing to upscale"),
        ((64, 64), (128, 200), "distort"),
        ((64, 64), (520, 520), "more than 8 times"),
        ((8, 64), (16, 128), "too small"),
        ((2160, 2160), (3000, 3000), r"network.*74.6 megapixels, the limit is 50"),
        ((1000, 1000), (7200, 7200), "size asked for.*the limit is 50"),
    ],
)
def test_sizes_out_of_bounds_are_refused_with_a_reason_before_any_work(
    source: tuple[int, int], target: tuple[int, int], reason: str
) -> None:
    upscaler = Upscaler(UpscaleSettings(max_output_megapixels=50))
    with pytest.raises(InputError, match=reason):
        upscaler.upscale(Image.new("RGB", source), width_px=target[0], height_px=target[1])


def test_plain_lanczos_is_not_held_to_the_networks_output() -> None:
    upscaler = Upscaler(UpscaleSettings(backend="lanczos", max_output_megapixels=1))
    assert upscaler.upscale(Image.new("RGB", (500, 500)), width_px=800, height_px=800).image.size == (800, 800)


def test_rounding_to_whole_pixels_is_no_distortion() -> None:
    upscaler = Upscaler(UpscaleSettings(backend="lanczos"))
    result = upscaler.upscale(Image.new("RGB", (33, 50)), width_px=83, height_px=125)
    assert result.image.size == (83, 125)


@pytest.mark.parametrize("size", [(40, 40), (100, 37), (193, 129), (64, 200)])
@pytest.mark.parametrize(("pad", "blend"), [(24, 0), (24, 8), (32, 8)])
def test_tiles_put_every_pixel_back_in_its_place_whatever_the_size(size: tuple[int, int], pad: int, blend: int) -> None:
    pixels = _noise(*size)
    layout = tiles.plan(*size, tile_px=48, pad_px=pad, blend_px=blend)
    made = tiles.run(pixels, layout, _nearest, after_tile=lambda done: None)
    assert np.array_equal(made, pixels.repeat(4, axis=0).repeat(4, axis=1))


def test_tiles_are_even_and_their_padded_area_is_counted() -> None:
    layout = tiles.plan(200, 100, tile_px=192, pad_px=24, blend_px=8)
    assert layout.tiles == 2
    assert [span.read_px for span in layout.columns] == [124, 124]
    assert layout.padded_pixels == 248 * 100


def test_two_tiles_that_disagree_fade_into_each_other_without_a_step() -> None:
    shades = iter([0.2, 0.8])

    def flat(pixels: FloatArray) -> FloatArray:
        return np.full((pixels.shape[0] * 4, pixels.shape[1] * 4, 3), next(shades), np.float32)

    layout = tiles.plan(128, 32, tile_px=64, pad_px=24, blend_px=8)
    made = tiles.run(_noise(128, 32), layout, flat, after_tile=lambda done: None)
    steps = np.diff(made[0, :, 0].astype(int))
    assert made[0, 0, 0] == 51
    assert made[0, -1, 0] == 204
    assert steps.min() >= 0
    assert steps.max() <= 5


@pytest.mark.parametrize("answer", [np.zeros((8, 8, 3), np.float32), np.full((128, 128, 3), np.nan, np.float32)])
def test_a_tile_of_wrong_size_or_without_numbers_fails_the_whole_step(answer: FloatArray) -> None:
    layout = tiles.plan(32, 32, tile_px=64, pad_px=24, blend_px=0)
    with pytest.raises(ImageError, match="upscale-failed"):
        tiles.run(_noise(32, 32), layout, lambda _: answer, after_tile=lambda done: None)


@pytest.mark.parametrize(
    ("mode", "expected"), [("L", "RGB"), ("P", "RGB"), ("1", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA"), ("RGB", "RGB")]
)
def test_every_usual_mode_becomes_rgb_or_rgba(mode: str, expected: str) -> None:
    source = Image.new("RGB", (32, 32), (200, 60, 20)).convert("L" if mode in {"L", "LA", "1"} else "RGB").convert(mode)
    result = Upscaler(UpscaleSettings(backend="lanczos")).upscale(source, width_px=64, height_px=64)
    assert result.image.mode == expected
    assert result.image.size == (64, 64)


def test_a_palette_with_a_transparent_colour_keeps_its_transparency() -> None:
    source = Image.new("P", (32, 32), 1)
    source.putpalette([255, 255, 255, 200, 0, 0] + [0] * 762)
    source.info["transparency"] = 0
    source.paste(0, (0, 0, 16, 32))
    result = Upscaler(UpscaleSettings(backend="lanczos")).upscale(source, width_px=64, height_px=64)
    assert result.image.mode == "RGBA"
    assert result.image.getpixel((4, 32)) == (200, 0, 0, 0)
    assert result.image.getpixel((60, 32)) == (200, 0, 0, 255)


def test_sixteen_bit_grey_is_scaled_to_eight_and_the_loss_is_told() -> None:
    source = Image.fromarray(np.full((32, 32), 32_896, np.uint16))
    result = Upscaler(UpscaleSettings(backend="lanczos")).upscale(source, width_px=64, height_px=64)
    assert result.image.getpixel((10, 10)) == (128, 128, 128)
    assert any("16 bits" in warning for warning in result.warnings)


@pytest.mark.parametrize("mode", ["CMYK", "F", "LAB", "YCbCr"])
def test_modes_without_a_defined_rgb_are_refused(mode: str) -> None:
    with pytest.raises(ImageError, match="unsupported-mode"):
        Upscaler(UpscaleSettings(backend="lanczos")).upscale(Image.new(mode, (32, 32)), width_px=64, height_px=64)


def test_colour_hidden_under_transparency_does_not_bleed_into_the_edge() -> None:
    array = np.zeros((64, 64, 4), np.uint8)
    array[16:48, 16:48] = (250, 120, 30, 255)
    result = Upscaler(UpscaleSettings(backend="lanczos")).upscale(Image.fromarray(array), width_px=256, height_px=256)
    made = np.asarray(result.image)
    visible = made[made[:, :, 3] > 0]
    assert np.abs(visible[:, :3].astype(int) - (250, 120, 30)).max() <= 1
    assert made[0, 0, 3] == 0


def test_enlarged_alpha_rings_no_ghost_outline_around_the_cut_out() -> None:
    alpha = Image.new("L", (64, 64), 0)
    alpha.paste(255, (16, 16, 48, 48))
    made = np.asarray(planes_of.enlarge_alpha(alpha, (256, 256)))
    assert made[:56].max() == 0
    assert made[80:176, 80:176].min() == 255


def test_constant_alpha_stays_as_it_is() -> None:
    source = Image.new("RGBA", (32, 32), (10, 20, 30, 90))
    result = Upscaler(UpscaleSettings(backend="lanczos")).upscale(source, width_px=64, height_px=64)
    assert result.image.getchannel("A").getextrema() == (90, 90)


def test_plain_lanczos_says_what_it_is_and_names_no_weights() -> None:
    steps: list[tuple[int, int]] = []
    upscaler = Upscaler(UpscaleSettings(backend="lanczos"))
    result = upscaler.upscale(
        Image.new("RGB", (32, 32)), width_px=64, height_px=64, progress=lambda done, total: steps.append((done, total))
    )
    assert result.facts.weights_sha256 == ""
    assert result.facts.native_scale == 1
    assert any("LANCZOS" in warning for warning in result.warnings)
    assert steps == [(1, 1)]
    assert upscaler.estimate(32, 32).seconds > 0


def test_the_cache_key_changes_with_everything_that_changes_pixels() -> None:
    choices = [
        UpscaleSettings(),
        UpscaleSettings(model="x4plus-anime"),
        UpscaleSettings(quality="max"),
        UpscaleSettings(tile_px=128),
        UpscaleSettings(backend="lanczos"),
    ]
    assert len({Upscaler(choice).cache_key() for choice in choices}) == len(choices)
    assert Upscaler(UpscaleSettings(threads=1)).cache_key() == Upscaler().cache_key()
    assert MODELS["x4plus"].sha256 in Upscaler().cache_key()


def test_a_python_without_the_official_package_is_told_which_ones_have_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(official_engine, "FIRST_UNSUPPORTED_PYTHON", (3, 0))
    upscaler = Upscaler(UpscaleSettings(backend="realesrgan", cache_dir=tmp_path))
    with pytest.raises(InputError, match=r"cannot be built on Python .*Use Python 3\.11 or 3\.12.*'onnx'"):
        upscaler.estimate(64, 64)


def test_a_missing_gpu_extra_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    upscaler = Upscaler(UpscaleSettings(backend="realesrgan", cache_dir=tmp_path))
    with pytest.raises(InputError, match=r"extra 'gpu'.*docs/upscaling\.md"):
        upscaler.estimate(64, 64)


def test_importing_the_room_loads_neither_onnxruntime_nor_torch() -> None:
    code = "import sys, imaging.upscale; print([n for n in ('onnxruntime', 'onnx', 'torch') if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
