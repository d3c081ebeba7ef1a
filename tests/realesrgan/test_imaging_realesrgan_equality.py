"""The default backend against the official package on CPU torch, same weights: deployments/realesrgan/prove.sh."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domain.errors import ImageError, InputError
from imaging.upscale import Upscaler, UpscaleSettings
from imaging.upscale.models import MODELS
from imaging.upscale.settings import ModelName

pytestmark = [pytest.mark.realesrgan, pytest.mark.filterwarnings("ignore")]
PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
MIN_PSNR_DB, MAX_DIFFERENCE = 60.0, 2


def _drawn(edge_px: int) -> Image.Image:
    """Edges, gradients and fine texture, for machines without the photos."""
    across, down = np.meshgrid(np.linspace(0, 1, edge_px), np.linspace(0, 1, edge_px))
    rings = 0.5 + 0.5 * np.sin(60 * np.hypot(across - 0.4, down - 0.6) ** 1.5)
    noise = np.random.default_rng(7).random((edge_px, edge_px))
    planes = [across * rings, down, 0.7 * rings + 0.3 * noise]
    colour = np.rint(255 * np.stack(planes, axis=2)).astype(np.uint8)
    alpha = np.where(np.hypot(across - 0.5, down - 0.5) < 0.45, 255, 0).astype(np.uint8)
    return Image.fromarray(np.dstack([colour, alpha]))


def _crop(edge_px: int, *, alpha: bool) -> Image.Image:
    """A crop of a real product photo (white plimsolls: laces, cloth, rubber, and a cut-out edge)."""
    path = PHOTOS / "saleor-white-plimsolls-2.png"
    if not path.exists():
        print(f"\n  {path} is absent: a drawn picture stands in for the photo")
        picture = _drawn(edge_px)
    else:
        half = Image.open(path).convert("RGBA").resize((1080, 1080), Image.Resampling.LANCZOS)
        left, top = _edge_of_cut_out(half, edge_px)
        picture = half.crop((left, top, left + edge_px, top + edge_px))
    return picture if alpha else picture.convert("RGB")


def _edge_of_cut_out(picture: Image.Image, edge_px: int) -> tuple[int, int]:
    box = picture.getchannel("A").getbbox()
    assert box is not None
    return (box[0] + box[2]) // 2 - edge_px // 2, box[1] - edge_px // 8


def _difference(one: Image.Image, other: Image.Image) -> tuple[float, int]:
    assert (one.mode, one.size) == (other.mode, other.size)
    delta = np.asarray(one).astype(np.int16) - np.asarray(other).astype(np.int16)
    mean_square = float(np.mean(delta.astype(np.float64) ** 2))
    psnr_db = math.inf if mean_square == 0 else 10 * math.log10(255**2 / mean_square)
    return psnr_db, int(np.abs(delta).max())


def _enlarged(picture: Image.Image, settings: UpscaleSettings) -> tuple[Image.Image, float]:
    width, height = picture.size
    result = Upscaler(settings).upscale(picture, width_px=4 * width, height_px=4 * height)
    return result.image, result.facts.seconds


@pytest.mark.parametrize("alpha", [False, True], ids=["rgb", "alpha"])
@pytest.mark.parametrize(
    ("model", "edge_px", "tile_px"),
    [
        ("animevideov3", 160, None),
        ("animevideov3", 160, 64),
        ("x4plus-anime", 96, None),
        ("x4plus-anime", 96, 48),
        ("x4plus", 96, None),
    ],
)
def test_both_backends_make_the_same_picture(
    model: ModelName, edge_px: int, tile_px: int | None, alpha: bool, tmp_path: Path
) -> None:
    picture = _crop(edge_px, alpha=alpha)
    ours, ours_s = _enlarged(picture, UpscaleSettings(model=model, tile_px=tile_px))
    settings = UpscaleSettings(backend="realesrgan", model=model, tile_px=tile_px, cache_dir=tmp_path)
    theirs, theirs_s = _enlarged(picture, settings)
    psnr_db, largest = _difference(ours, theirs)
    what = f"{model} {'alpha' if alpha else 'rgb'} {edge_px} px, {f'tiles {tile_px}' if tile_px else 'one tile'}"
    print(f"\n  {what}: PSNR {psnr_db:.1f} dB, max {largest}; onnxruntime {ours_s:.2f} s, official {theirs_s:.2f} s")
    assert psnr_db > MIN_PSNR_DB
    assert largest <= MAX_DIFFERENCE


@pytest.mark.parametrize("model", ["animevideov3", "x4plus"])
def test_their_own_enhance_on_the_whole_picture_equals_our_result(model: ModelName, tmp_path: Path) -> None:
    from imaging.upscale.official_engine import OfficialEngine

    picture = _crop(96, alpha=False)
    ours, _ = _enlarged(picture, UpscaleSettings(model=model))
    upsampler = OfficialEngine(MODELS[model], threads=2, cache_dir=tmp_path)._upsampler
    made, mode = upsampler.enhance(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]), outscale=4)
    psnr_db, largest = _difference(ours, Image.fromarray(np.ascontiguousarray(made[:, :, ::-1])))
    print(f"\n  {model}, RealESRGANer.enhance: PSNR {psnr_db:.1f} dB, max {largest}")
    assert mode == "RGB"
    assert psnr_db > MIN_PSNR_DB
    assert largest <= MAX_DIFFERENCE


def test_a_failed_tile_fails_the_step_and_gives_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = Upscaler(UpscaleSettings(backend="realesrgan", model="animevideov3", tile_px=32, cache_dir=tmp_path))
    upscaler.estimate(64, 64)
    engine = upscaler._engine()
    calls: list[int] = []
    process = engine._upsampler.process  # type: ignore[attr-defined]

    def second_tile_fails() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("CUDA out of memory")
        process()

    monkeypatch.setattr(engine._upsampler, "process", second_tile_fails)  # type: ignore[attr-defined]
    with pytest.raises(ImageError, match="out of memory"):
        upscaler.upscale(_crop(64, alpha=False), width_px=256, height_px=256)


def test_a_users_own_pth_is_used_named_by_its_checksum_and_marked_when_unknown(tmp_path: Path) -> None:
    made_by_us = UpscaleSettings(backend="realesrgan", model="animevideov3", cache_dir=tmp_path)
    reference, _ = _enlarged(_crop(48, alpha=False), made_by_us)
    (pth,) = tmp_path.glob("*.pth")
    upscaler = Upscaler(UpscaleSettings(backend="realesrgan", model="animevideov3", weights_path=pth))
    result = upscaler.upscale(_crop(48, alpha=False), width_px=192, height_px=192)
    assert _difference(result.image, reference)[1] == 0
    assert result.facts.weights_sha256 != MODELS["animevideov3"].sha256
    assert any("not the official release's file" in warning for warning in result.warnings)


def test_a_pth_of_another_network_or_no_pth_at_all_is_a_clear_error(tmp_path: Path) -> None:
    _enlarged(_crop(32, alpha=False), UpscaleSettings(backend="realesrgan", model="animevideov3", cache_dir=tmp_path))
    (pth,) = tmp_path.glob("*.pth")
    junk = tmp_path / "junk.pth"
    junk.write_bytes(b"not a checkpoint")
    for path in (pth, junk):
        upscaler = Upscaler(UpscaleSettings(backend="realesrgan", model="x4plus-anime", weights_path=path))
        with pytest.raises(InputError, match="not a checkpoint of x4plus-anime"):
            upscaler.estimate(64, 64)
    with pytest.raises(InputError, match="cannot be read"):
        Upscaler(UpscaleSettings(backend="realesrgan", weights_path=tmp_path / "absent.pth")).estimate(64, 64)
