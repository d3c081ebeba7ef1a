"""Bytes of unknown origin into one plain sRGB picture, or an ImageError with a stable reason.

Lives here: limits, the order of the checks, orientation, colour, alpha. Not here: fetching or storing bytes, how the
child process for strangers' files works (isolated.py), what to do with a paid image that fails (a task's rule).
Order (facts of 2026-11, publish.md section 5): bytes, format, canvas before any allocation, frames, checksums, pixels.
"""

import hashlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageCms

from domain.errors import ImageError, InputError
from imaging import headers
from imaging.colour import srgb_profile

MAX_BYTES: Final = 30 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
# Pillow itself raises above this many; a setting cannot go beyond it
PILLOW_HARD_LIMIT_PIXELS: Final = 178_000_000
FORMATS: Final = ("PNG", "JPEG", "WEBP", "AVIF")
REASONS: Final = (
    "empty",
    "too-many-bytes",
    "not-an-image",
    "format-not-allowed",
    "too-many-pixels",
    "animated",
    "truncated",
    "damaged",
    "out-of-memory",
    "timed-out",
    "decoder-crashed",
)
_MEDIA_TYPES: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "AVIF": "image/avif"}
# measured on 50-megapixel files of the four formats: the hungriest (WebP with alpha) needs about 1.3 GiB of addresses
UNTRUSTED_MEMORY_BYTES: Final = 1536 * 1024 * 1024
UNTRUSTED_TIMEOUT_S: Final = 20.0
_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALREADY_SRGB: Final = {"sRGB built-in", "sRGB IEC61966-2.1", "sRGB"}
# What Pillow's decoders raise on broken input. A list, because a blind `except Exception` would hide our own mistakes.
_DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
    AssertionError,
    BufferError,
    struct.error,
    zlib.error,
    Warning,
)
# Our own pixel limit decides, Pillow's advice at 89 megapixels does not. Said once for the process: catch_warnings
# around a decode would change the filters of every other thread too, and a mere warning there would become an error.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What is let in. `formats` are Pillow's names; pixels are width times height of the canvas claimed by the file."""

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        if not 1 <= self.max_pixels <= PILLOW_HARD_LIMIT_PIXELS:
            raise InputError(f"max_pixels must lie in 1..{PILLOW_HARD_LIMIT_PIXELS}, not {self.max_pixels}")
        if self.max_bytes < 1 or not set(self.formats) <= set(FORMATS):
            raise InputError(f"max_bytes must be positive and formats among {', '.join(FORMATS)}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One picture. `image` is RGB, or RGBA when some pixel is not opaque; sRGB, upright, detached from the file.

    media_type comes from the decoder, never from a name. sha256 is that of the bytes as they came.
    """

    image: Image.Image
    media_type: str
    width_px: int
    height_px: int
    sha256: str
    has_alpha: bool
    icc_converted: bool


DEFAULT_LIMITS: Final = DecodeLimits()


def decode(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Decoded:
    """Decode a file that was paid for or that we made; raises ImageError only, with `reason` one of REASONS."""
    format_name = _admit(data, limits)
    try:
        image, orientation = _open_checked(data, format_name, limits)
        image.load()
        picture, icc_converted = _to_srgb(image)
        if orientation in _TURNS:
            picture = picture.transpose(_TURNS[orientation])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too-many-pixels", "the image is far larger than any limit") from error
    except MemoryError as error:
        raise ImageError("out-of-memory", "decoding the image needs more memory than is allowed") from error
    except _DECODER_ERRORS as error:
        raise _broken(data, format_name) from error
    sha256 = hashlib.sha256(data).hexdigest()
    has_alpha = picture.mode == "RGBA"
    return Decoded(picture, _MEDIA_TYPES[format_name], *picture.size, sha256, has_alpha, icc_converted)


def decode_untrusted(
    data: bytes,
    limits: DecodeLimits = DEFAULT_LIMITS,
    memory_bytes: int = UNTRUSTED_MEMORY_BYTES,
    timeout_s: float = UNTRUSTED_TIMEOUT_S,
) -> Decoded:
    """The same for a stranger's file (upload, fetched photo): decoded in a child process, 0.2 s dearer.

    The child has at most `memory_bytes` of address space and `timeout_s` of time. Raises ImageError with decode's
    reasons, or "out-of-memory", "timed-out", "decoder-crashed".
    """
    from imaging.isolated import decode_in_child  # here, because the child side of it imports this module

    _admit(data, limits)
    return decode_in_child(data, limits, memory_bytes, timeout_s)


def _admit(data: bytes, limits: DecodeLimits) -> str:
    """Format name of bytes that may be opened at all."""
    if not data:
        raise ImageError("empty", "there are no bytes")
    if len(data) > limits.max_bytes:
        raise ImageError("too-many-bytes", f"{len(data)} bytes, at most {limits.max_bytes} are taken")
    format_name = headers.sniff(data)
    if format_name is None:
        raise ImageError("not-an-image", "the bytes are no image that is known here")
    if format_name not in limits.formats:
        allowed = ", ".join(limits.formats)
        raise ImageError("format-not-allowed", f"the file is {format_name}; only {allowed} are taken")
    if format_name == "WEBP" and (canvas := headers.webp_canvas(data)) is not None:
        width_px, height_px, animated = canvas
        _check_canvas(width_px, height_px, limits)
        if animated:
            raise ImageError("animated", "the image moves; one still frame is needed")
    return format_name


def _open_checked(data: bytes, format_name: str, limits: DecodeLimits) -> tuple[Image.Image, int]:
    """The image, its canvas, frames and checksums checked but its pixels not yet decoded; and its EXIF orientation."""
    probe = _open(data, format_name)
    _check_canvas(*probe.size, limits)
    # MPO is a phone's JPEG with a second view or a gain map behind it: the first picture is the picture
    if probe.format != "MPO" and getattr(probe, "n_frames", 1) != 1:
        raise ImageError("animated", "the image moves; one still frame is needed")
    probe.verify()
    image = _open(data, format_name)
    orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    return image, orientation if isinstance(orientation, int) else 1


def _open(data: bytes, format_name: str) -> Image.Image:
    # `formats` keeps EPS (which would start Ghostscript) and sixty other parsers away from the bytes
    return Image.open(io.BytesIO(data), formats=(format_name,))


def _check_canvas(width_px: int, height_px: int, limits: DecodeLimits) -> None:
    if width_px * height_px > limits.max_pixels:
        size = f"{width_px} x {height_px} is {width_px * height_px / 1e6:.1f} megapixels"
        raise ImageError("too-many-pixels", f"{size}, at most {limits.max_pixels / 1e6:.1f} are taken")


def _broken(data: bytes, format_name: str) -> ImageError:
    if headers.is_cut_short(data, format_name):
        return ImageError("truncated", f"the {format_name} file ends too early")
    return ImageError("damaged", f"the {format_name} file cannot be decoded")


def _to_srgb(image: Image.Image) -> tuple[Image.Image, bool]:
    """(RGB or RGBA picture, whether an embedded profile changed its colours)."""
    profile = image.info.get("icc_profile")
    alpha = _alpha_of(image)
    colours = _eight_bit(image)
    converted = _apply_profile(colours, profile) if isinstance(profile, bytes) and profile else None
    rgb = converted or colours.convert("RGB")
    if alpha is not None:
        rgb.putalpha(alpha)
    rgb.info.clear()
    return rgb, converted is not None


def _alpha_of(image: Image.Image) -> Image.Image | None:
    """The alpha channel, or None when every pixel is opaque."""
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    lowest, _ = alpha.getextrema()
    return None if lowest == 255 else alpha


def _eight_bit(image: Image.Image) -> Image.Image:
    """The colours alone as L, RGB or CMYK. 16-bit grey is scaled here: Pillow's own conversion clips it to white."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image).astype(np.float64)
        scaled = np.rint(np.clip(values, 0, 65_535) / 257.0).astype(np.uint8)
        return Image.fromarray(scaled)
    if image.mode in {"L", "RGB", "CMYK"}:
        return image.copy()
    return image.convert("L" if image.mode in {"1", "LA", "La"} else "RGB")


def _apply_profile(colours: Image.Image, profile: bytes) -> Image.Image | None:
    """The colours in sRGB by the embedded profile; None when it is sRGB already, or does not fit the picture."""
    if profile == srgb_profile():
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).strip() in _ALREADY_SRGB:
            return None
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        return ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a picture with a broken profile is still a picture; `icc_converted` says that it was not used
