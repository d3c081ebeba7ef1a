"""What the first bytes of a file say: its format, its canvas, and whether it was cut short.

Lives here: byte-level reading of image containers, without allocating a pixel. Not here: Pillow, decoding, decisions
about what is allowed (that is decode.py). Every function takes any bytes at all and raises nothing.
"""

import struct

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_BOXES = 4096
_END_SCAN_BYTES = 65_536
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"qoif", "QOI"),
)
_AVIF_BRANDS = (b"avif", b"avis")


def sniff(data: bytes) -> str | None:
    """The format's name ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "EPS", "SVG", ...), or None when nothing is known."""
    if data.startswith(PNG_SIGNATURE):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return "AVIF" if _brands(data) & set(_AVIF_BRANDS) else "HEIF or video"
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml")):
        return "SVG"
    return next((name for magic, name in _OTHERS if data.startswith(magic)), None)


def webp_canvas(data: bytes) -> tuple[int, int, bool] | None:
    """(width_px, height_px, animated) of a WebP, or None when the header is too short or unknown.

    Needed before Pillow opens the file: its animation decoder reserves two canvases at once (seen: 380 KB became 2 GB).
    """
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"), bool(body[0] & 2)
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), False
    if chunk == b"VP8 ":
        width_px, height_px = struct.unpack_from("<HH", body, 6)
        return width_px & 0x3FFF, height_px & 0x3FFF, False
    return None


def is_cut_short(data: bytes, format_name: str) -> bool:
    """Whether the container says that more bytes should have followed (False also when it cannot be known)."""
    if format_name == "PNG":
        return b"IEND" not in data[-_END_SCAN_BYTES:]
    if format_name == "JPEG":
        return b"\xff\xd9" not in data[-_END_SCAN_BYTES:]
    if format_name == "WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if format_name == "AVIF":
        return _boxes_run_past_the_end(data)
    return False


def _brands(data: bytes) -> set[bytes]:
    size = min(int.from_bytes(data[:4], "big"), 256)
    return {data[8:12]} | {data[at : at + 4] for at in range(16, size, 4)}


def _boxes_run_past_the_end(data: bytes) -> bool:
    at, seen = 0, set()
    for _ in range(MAX_BOXES):
        if at >= len(data):
            break
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        seen.add(kind)
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return False
        if size < 8 or at + size > len(data):
            return True
        at += size
    return not {b"meta", b"mdat"} <= seen
