"""Hostile, broken and odd files at the door: what is let in, and with which word the rest is refused."""

import hashlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from domain.errors import ImageError, InputError
from imaging.colour import srgb_profile
from imaging.decode import REASONS, DecodeLimits, decode, decode_untrusted

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")


def picture(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.ROTATE_180), ramp)).convert(mode)


def encoded(format_name: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, format_name, **options)
    return out.getvalue()


def png_claiming(width_px: int, height_px: int) -> bytes:
    """A tiny file with honest checksums and a huge canvas."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def reason_of(data: bytes, limits: DecodeLimits | None = None) -> str:
    with pytest.raises(ImageError) as caught:
        decode(data, limits or DecodeLimits())
    return caught.value.reason


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_allowed_format_comes_in_with_the_decoders_media_type(format_name: str) -> None:
    data = encoded(format_name)
    done = decode(data)
    assert (done.media_type, done.width_px, done.height_px) == (f"image/{format_name.lower()}", 48, 32)
    assert (done.image.mode, done.has_alpha, done.icc_converted) == ("RGB", False, False)
    assert done.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kept_share", [0.5, 0.9])
def test_a_file_cut_short_is_called_truncated(format_name: str, kept_share: float) -> None:
    data = encoded(format_name, Image.effect_noise((64, 64), 80).convert("RGB"))
    assert reason_of(data[: int(len(data) * kept_share)]) == "truncated"


def test_a_jpeg_without_its_last_two_bytes_is_truncated() -> None:
    assert reason_of(encoded("JPEG")[:-2]) == "truncated"


def test_no_bytes_and_too_many_bytes_are_told_apart() -> None:
    assert reason_of(b"") == "empty"
    assert reason_of(encoded("PNG"), DecodeLimits(max_bytes=50)) == "too-many-bytes"


@pytest.mark.parametrize("side_px", [8_000, 12_000, 60_000])
def test_a_png_bomb_is_refused_by_its_canvas(side_px: int) -> None:
    assert reason_of(png_claiming(side_px, side_px)) == "too-many-pixels"


def test_a_webp_bomb_is_refused_before_its_canvas_is_reserved() -> None:
    huge = encoded("WEBP", Image.new("RGBA", (8_000, 8_000)), lossless=True, method=0)
    assert len(huge) < 50_000
    assert reason_of(huge) == "too-many-pixels"


def test_pixel_limit_is_exact() -> None:
    data = encoded("PNG")
    assert decode(data, DecodeLimits(max_pixels=48 * 32)).width_px == 48
    assert reason_of(data, DecodeLimits(max_pixels=48 * 32 - 1)) == "too-many-pixels"


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "AVIF"])
def test_a_moving_picture_is_refused(format_name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    data = encoded(format_name, frames[0], save_all=True, append_images=frames[1:], duration=50)
    assert reason_of(data) == "animated"


@pytest.mark.parametrize("format_name", ["GIF", "BMP", "TIFF", "EPS", "PDF"])
def test_other_formats_are_named_and_refused(format_name: str) -> None:
    assert reason_of(encoded(format_name)) == "format-not-allowed"


@pytest.mark.parametrize("data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0\n(x) run"])
def test_scripts_that_draw_are_refused(data: bytes) -> None:
    assert reason_of(data) == "format-not-allowed"


def test_a_format_that_the_caller_did_not_allow_is_refused() -> None:
    assert reason_of(encoded("PNG"), DecodeLimits(formats=("JPEG",))) == "format-not-allowed"


@pytest.mark.parametrize("data", [b"hello", b"\0" * 4096, b"<!doctype html><p>not found", b"PK\x03\x04zip"])
def test_what_is_no_image_is_called_so(data: bytes) -> None:
    assert reason_of(data) == "not-an-image"


def test_a_polyglots_second_half_does_not_survive_decoding() -> None:
    done = decode(encoded("PNG") + b"<script>alert(1)</script>PK\x03\x04")
    assert done.media_type == "image/png"
    assert b"script" not in encoded("PNG", done.image)


def test_a_flipped_byte_in_a_png_is_called_damaged() -> None:
    data = bytearray(encoded("PNG"))
    data[60] ^= 0xFF
    assert reason_of(bytes(data)) == "damaged"


def test_a_phone_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.new("RGB", (40, 20), "black")
    lying.paste("white", (0, 0, 10, 20))
    done = decode(encoded("JPEG", lying, exif=exif, quality=95))
    assert (done.width_px, done.height_px) == (20, 40)
    top = done.image.getpixel((10, 2))
    assert isinstance(top, tuple)
    assert min(top) > 200


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    tones = np.linspace(0, 65_535, 64, dtype=np.uint16)[np.newaxis].repeat(4, axis=0)
    done = decode(encoded("PNG", Image.fromarray(tones)))
    row = np.asarray(done.image)[0, :, 0]
    assert (row[0], row[-1]) == (0, 255)
    assert len(set(row.tolist())) == 64


def test_cmyk_comes_out_as_rgb() -> None:
    done = decode(encoded("JPEG", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95))
    pixel = done.image.getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert done.image.mode == "RGB"
    assert pixel[0] > 240
    assert max(pixel[1:]) < 15


def test_alpha_is_kept_only_where_something_shows_through() -> None:
    solid = picture().convert("RGBA")
    assert decode(encoded("PNG", solid)).image.mode == "RGB"
    solid.putpixel((0, 0), (1, 2, 3, 0))
    done = decode(encoded("PNG", solid))
    assert (done.image.mode, done.has_alpha) == ("RGBA", True)


def test_a_palette_with_transparency_becomes_rgba() -> None:
    flat = Image.new("P", (8, 8), 0)
    flat.putpalette([255, 0, 0, 0, 255, 0])
    flat.putpixel((0, 0), 1)
    done = decode(encoded("PNG", flat, transparency=0))
    assert done.image.getpixel((5, 5))[3] == 0  # type: ignore[index]
    assert done.image.getpixel((0, 0)) == (0, 255, 0, 255)


def test_a_foreign_profile_is_applied() -> None:
    swapped = srgb_profile().replace(b"rXYZ", b"~~~~").replace(b"bXYZ", b"rXYZ").replace(b"~~~~", b"bXYZ")
    foreign = swapped.replace("sRGB".encode("utf-16-be"), "xBGR".encode("utf-16-be"))
    done = decode(encoded("PNG", Image.new("RGB", (8, 8), (250, 10, 10)), icc_profile=foreign))
    pixel = done.image.getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert done.icc_converted
    assert pixel == pytest.approx((10, 10, 250), abs=3)


def test_our_own_profile_changes_nothing_and_a_broken_one_is_ignored() -> None:
    assert not decode(encoded("PNG", icc_profile=srgb_profile())).icc_converted
    broken = decode(encoded("PNG", icc_profile=b"no profile at all"))
    assert not broken.icc_converted
    assert broken.image.tobytes() == decode(encoded("PNG")).image.tobytes()


def test_decoding_leaves_the_warning_filters_of_other_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "catch_warnings", None)
    assert decode(encoded("PNG")).width_px == 48


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError):
        DecodeLimits(max_pixels=10**9)
    with pytest.raises(InputError):
        DecodeLimits(formats=("GIF",))


SAMPLES = {name: encoded(name) for name in FORMATS}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    st.integers(0, 10_000),
)
def test_mutated_bytes_raise_nothing_but_image_errors(
    format_name: str, changes: list[tuple[int, int]], cut_at: int
) -> None:
    data = bytearray(SAMPLES[format_name])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        decode(bytes(data[: cut_at or None]))
    except ImageError as error:
        assert error.reason in REASONS  # noqa: PT017 (either outcome is right)


def test_a_strangers_file_gives_the_same_picture_from_the_child_process() -> None:
    image = picture("RGBA")
    image.putpixel((3, 3), (9, 9, 9, 9))
    data = encoded("PNG", image)
    here, there = decode(data), decode_untrusted(data)
    assert there.image.tobytes() == here.image.tobytes()
    assert (there.sha256, there.media_type, there.has_alpha) == (here.sha256, here.media_type, True)


def test_the_child_process_refuses_with_the_same_words() -> None:
    with pytest.raises(ImageError) as caught:
        decode_untrusted(encoded("JPEG")[:-40])
    assert caught.value.reason == "truncated"


def test_the_child_process_may_not_take_more_memory_than_allowed() -> None:
    large = encoded("PNG", Image.new("RGB", (7_000, 7_000)), compress_level=1)
    with pytest.raises(ImageError) as caught:
        decode_untrusted(large, memory_bytes=400 * 1024 * 1024)
    assert caught.value.reason in {"out-of-memory", "decoder-crashed"}


def test_the_child_process_may_not_take_longer_than_allowed() -> None:
    with pytest.raises(ImageError) as caught:
        decode_untrusted(encoded("PNG"), timeout_s=0.001)
    assert caught.value.reason == "timed-out"
