"""Where the board shows a picture, and where a published key is served."""

from typing import Literal
from urllib.parse import quote

from wiring import Settings

Size = Literal["thumb", "view", "full"]


def picture_url(image_id: str, size: Size = "thumb") -> str:
    return f"/pictures/{quote(image_id, safe='')}/{size}"


def reference_url(run_id: str, asset_key: str, number: int, size: Size = "thumb") -> str:
    """The asset's `number`-th product photo, from 0, as it goes in with a request."""
    return f"/pictures/references/{quote(run_id, safe='')}/{quote(asset_key, safe='')}/{number}/{size}"


def upload_url(sha256: str, size: Size = "thumb") -> str:
    return f"/pictures/uploads/{quote(sha256, safe='')}/{size}"


def public_base(settings: Settings) -> str:
    """The address under which the public bucket's keys are read."""
    return (settings.public_url or f"{settings.s3_endpoint_url}/{settings.s3_public_bucket}").rstrip("/")


def published_address(base: str, key: str) -> str:
    """`base` and a key of the public bucket, or its `s3://bucket/key`; "" for no key."""
    if key.startswith("s3://"):
        key = key.removeprefix("s3://").partition("/")[2]
    return f"{base}/{key}" if key else ""
