"""What a client of the object store has to know, and how each value is called as a setting.

What lives here: one frozen record. What may not: the environment (wiring reads it) and boto3.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from domain.errors import SettingError

MAX_THREADS = 128
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

# How each field is called as an environment variable; wiring reads them, error messages name them.
SETTING_NAMES = {
    "endpoint_url": "DRAFTLINE_S3_ENDPOINT_URL",
    "region": "DRAFTLINE_S3_REGION",
    "access_key": "DRAFTLINE_S3_ACCESS_KEY",
    "secret_key": "DRAFTLINE_S3_SECRET_KEY",
    "session_token": "DRAFTLINE_S3_SESSION_TOKEN",
    "private_bucket": "DRAFTLINE_S3_PRIVATE_BUCKET",
    "public_bucket": "DRAFTLINE_S3_PUBLIC_BUCKET",
    "checksums": "DRAFTLINE_S3_CHECKSUMS",
    "path_style": "DRAFTLINE_S3_PATH_STYLE",
    "threads": "DRAFTLINE_S3_THREADS",
    "ca_bundle": "DRAFTLINE_S3_CA_BUNDLE",
}


@dataclass(frozen=True)
class ObjectSettings:
    """Where the objects are. `access_key` None leaves the credentials to boto's own chain (AWS).

    `private_bucket` holds drafts, originals and private manifests; `public_bucket` holds blobs, manifests and catalogs.
    `checksums` "auto" sends what boto3 sends by default (CRC32 where we name no SHA256); "when_required" is for stores
    that refuse the newer checksum headers. `path_style` None means: with an endpoint of one's own yes, on AWS no.
    Raises SettingError with the name of the setting.
    """

    private_bucket: str
    public_bucket: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    checksums: Literal["auto", "when_required"] = "auto"
    path_style: bool | None = None
    threads: int = 16
    ca_bundle: Path | None = None

    def __post_init__(self) -> None:
        self._check_buckets()
        if (self.access_key is None) != (self.secret_key is None):
            missing = "access_key" if self.access_key is None else "secret_key"
            raise SettingError("is missing, but its other half is set", where=SETTING_NAMES[missing])
        if not 1 <= self.threads <= MAX_THREADS:
            raise SettingError(f"must be 1 to {MAX_THREADS}", where=SETTING_NAMES["threads"])
        if self.checksums not in ("auto", "when_required"):
            raise SettingError('must be "auto" or "when_required"', where=SETTING_NAMES["checksums"])
        if self.endpoint_url is not None and not self.endpoint_url.startswith(("http://", "https://")):
            raise SettingError("must start with http:// or https://", where=SETTING_NAMES["endpoint_url"])

    @property
    def addressing_style(self) -> str:
        path = self.endpoint_url is not None if self.path_style is None else self.path_style
        return "path" if path else "auto"

    def _check_buckets(self) -> None:
        for name in ("private_bucket", "public_bucket"):
            if not BUCKET_NAME.fullmatch(getattr(self, name)):
                raise SettingError(f"{getattr(self, name)!r} is no bucket name", where=SETTING_NAMES[name])
        if self.private_bucket == self.public_bucket:
            raise SettingError("must not be the private bucket", where=SETTING_NAMES["public_bucket"])
