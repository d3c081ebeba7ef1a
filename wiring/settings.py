"""The one typed Settings: every environment variable that Draftline reads, in one place. Read once, here only.

Wrong values fail at start with the name of the setting. Without any setting everything is the embedded default:
SQLite and files under `.draftline/`, SeaweedFS and the sandbox as child processes on loopback.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import SettingError

PREFIX = "DRAFTLINE_"
Cents = Annotated[int, Field(ge=0, le=100_000_000)]


def _key(*names: str) -> Any:
    return Field(default=SecretStr(""), validation_alias=AliasChoices(*names))


class Settings(BaseSettings):
    """All settings. Names are `DRAFTLINE_` plus the field's name in capitals; vendor keys also by their usual names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", populate_by_name=True)

    home: Path = Path(".draftline")
    database_url: str = ""
    deployment: str = ""

    vendors: Literal["sandbox", "live"] = "sandbox"
    bfl_api_key: SecretStr = _key("DRAFTLINE_BFL_API_KEY", "BFL_API_KEY")
    bfl_base_url: str = ""
    google_api_key: SecretStr = _key("DRAFTLINE_GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
    google_base_url: str = ""
    google_api_version: str = "v1beta"
    sandbox_url: str = ""
    bfl_max_active: Annotated[int, Field(ge=1, le=24)] = 24
    google_max_active: Annotated[int, Field(ge=1, le=200)] = 8
    poll_deadline_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    resend_in_doubt: bool = False

    cap_run_cents: Cents = 1_000
    cap_day_cents: Cents = 5_000
    cap_flow_day_cents: Cents = 5_000
    cap_time_zone: str = "UTC"
    price_book: Path | None = None
    ladders: Path | None = None
    prompts: Path | None = None

    s3_endpoint_url: str = ""
    s3_region: str = "us-east-1"
    s3_access_key: SecretStr = _key("DRAFTLINE_S3_ACCESS_KEY")
    s3_secret_key: SecretStr = _key("DRAFTLINE_S3_SECRET_KEY")
    s3_private_bucket: str = "draftline-private"
    s3_public_bucket: str = "draftline-public"
    s3_checksums: Literal["auto", "when_required"] = "auto"
    s3_path_style: bool = True
    s3_threads: Annotated[int, Field(ge=1, le=64)] = 16
    s3_ca_bundle: str = ""
    public_url: str = ""

    photo_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    reference_megapixels: Annotated[float, Field(gt=0, le=4)] = 1.0

    upscale_backend: Literal["onnx", "realesrgan", "lanczos"] = "onnx"
    upscale_model: Literal["x4plus", "x4plus-anime", "animevideov3"] = "x4plus"
    upscale_quality: Literal["standard", "max"] = "standard"
    upscale_weights: Path | None = None
    upscale_max_seconds: Annotated[int, Field(ge=0, le=86_400)] = 1_800

    cost_centre: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"

    @field_validator("photo_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @field_validator("price_book", "ladders", "prompts", "upscale_weights")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.exists():
            raise ValueError("no such file or folder")
        return value

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.home / 'draftline.db').absolute()}"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def uses_embedded_s3(self) -> bool:
        """True unless any S3 setting names a real store: then nothing is started and nothing is guessed."""
        return not (self.s3_endpoint_url or self.s3_access_key.get_secret_value() or _names_aws())

    @property
    def uses_embedded_sandbox(self) -> bool:
        return self.vendors == "sandbox" and not self.sandbox_url


def _names_aws() -> bool:
    """Whether somebody asked for AWS itself: a bucket of their own without an endpoint."""
    return bool(os.environ.get(f"{PREFIX}S3_PRIVATE_BUCKET") or os.environ.get(f"{PREFIX}S3_PUBLIC_BUCKET"))


def names() -> frozenset[str]:
    """Every environment variable that holds a setting under our prefix."""
    return frozenset(PREFIX + field.upper() for field in Settings.model_fields)


def read_settings(**overrides: Any) -> Settings:
    """Read the environment. Raises SettingError naming the variable, what it held wrong and what is allowed."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        variable = name if name.isupper() else PREFIX + name.upper()
        message = first["msg"].removeprefix("Value error, ")
        raise SettingError(f"{message} (it is {str(first['input'])!r})", where=variable) from error
