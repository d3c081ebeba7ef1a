"""Media types and file extensions."""

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif"}


def extension_of(media_type: str) -> str:
    """The file extension for a media type; `bin` for what no image format claims."""
    return EXTENSIONS.get(media_type, "bin")
