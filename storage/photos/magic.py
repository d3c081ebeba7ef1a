"""The first look at a photo's bytes: size and magic. Not a decoder; imaging judges the picture itself.

What lives here: sizes and signatures. What may not: Pillow.
"""

MAX_PHOTO_BYTES = 30 * 1024 * 1024
HEAD_BYTES = 64
TOO_LARGE = f"is larger than {MAX_PHOTO_BYTES // (1024 * 1024)} MB"
AVIF_BRANDS = (b"avif", b"avis")


def photo_fault(data: bytes) -> str:
    """Why bytes cannot be a photo that we take (PNG, JPEG, WebP, AVIF, at most 30 MB), or ""."""
    if not data:
        return "is empty"
    if len(data) > MAX_PHOTO_BYTES:
        return TOO_LARGE
    return "" if kind_of(data) else "is not a PNG, JPEG, WebP or AVIF picture"


def kind_of(data: bytes) -> str:
    """ "png", "jpeg", "webp", "avif" by the bytes, whatever the name says; "" for anything else."""
    head = data[:HEAD_BYTES]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and any(brand in head[8:] for brand in AVIF_BRANDS):
        return "avif"
    return ""
