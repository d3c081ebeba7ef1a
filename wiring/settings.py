"""The one typed Settings: every environment variable that Draftline reads, in one place. Read once, here only.

Wrong values fail at start with the name of the setting. Without any setting everything is the embedded default:
SQLite and files under `.draftline/`, SeaweedFS and the sandbox as child processes on loopback.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import SettingError
from vendors.registry import VENDORS

PREFIX = "DRAFTLINE_"
ALL_VENDORS = frozenset(VENDORS)
Cents = Annotated[int, Field(ge=0, le=100_000_000)]


def _key(*names: str) -> Any:
    return Field(default=SecretStr(""), validation_alias=AliasChoices(*names))


def _text(*names: str) -> Any:
    return Field(default="", validation_alias=AliasChoices(*names))


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
    resend_in_doubt: Annotated[frozenset[str], NoDecode] = frozenset()
    doubt_report_hours: Annotated[int, Field(ge=0, le=8_760)] = 24
    bfl_account_is_ours: bool = False
    bfl_charged_within_s: Annotated[float, Field(ge=0, le=86_400)] = 3_600.0

    cap_run_cents: Cents = 1_000
    cap_day_cents: Cents = 5_000
    cap_flow_day_cents: Cents = 5_000
    require_approval_above_cents: Cents = 0
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

    board_base_url: str = ""
    board_sign_in: Literal["local", "oidc", "proxy"] = "local"
    board_oidc_issuer: str = ""
    board_oidc_client_id: str = ""
    board_oidc_client_secret: SecretStr = _key("DRAFTLINE_BOARD_OIDC_CLIENT_SECRET")
    board_oidc_scopes: str = "openid profile email"
    board_oidc_groups_claim: str = "groups"
    board_proxy_addresses: Annotated[frozenset[str], NoDecode] = frozenset()
    board_proxy_user_header: str = "X-Forwarded-User"
    board_proxy_name_header: str = "X-Forwarded-Preferred-Username"
    board_proxy_groups_header: str = "X-Forwarded-Groups"
    board_group_roles: str = ""
    board_newcomer_roles: str = ""
    board_approval_limit_cents: Cents = 2_000
    board_four_eyes: bool = False
    # feeds, photos and styles that people name on the board lie in here; by default where the board runs
    board_files: Path = Path()
    prefect_api_url: str = _text("DRAFTLINE_PREFECT_API_URL", "PREFECT_API_URL")
    prefect_api_key: SecretStr = _key("DRAFTLINE_PREFECT_API_KEY", "PREFECT_API_KEY")
    prefect_api_auth_string: SecretStr = _key("DRAFTLINE_PREFECT_API_AUTH_STRING", "PREFECT_API_AUTH_STRING")
    prefect_ui_url: str = ""

    alert_webhook_url: SecretStr = _key("DRAFTLINE_ALERT_WEBHOOK_URL")
    alert_webhook_secret: SecretStr = _key("DRAFTLINE_ALERT_WEBHOOK_SECRET")
    degrade: str = "off"

    cost_centre: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"

    @field_validator("photo_hosts", "board_proxy_addresses", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @field_validator("resend_in_doubt", mode="before")
    @classmethod
    def _split_vendors(cls, value: Any) -> Any:
        """ "" or "none", "all" (also "true"), or vendors as in "google,bfl"."""
        if not isinstance(value, str | bool):
            return value
        words = {word.strip().lower() for word in str(value).split(",")} - {"", "none", "false", "0"}
        named = ALL_VENDORS if words & {"all", "true", "1"} else words
        if unknown := sorted(named - ALL_VENDORS):
            known = ", ".join(sorted(ALL_VENDORS))
            raise ValueError(f"no vendor is called {', '.join(unknown)}: none, all, or some of {known}")
        return frozenset(named)

    @field_validator("price_book", "ladders", "prompts", "upscale_weights")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.exists():
            raise ValueError("no such file or folder")
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _is_safe(cls, value: SecretStr) -> SecretStr:
        address = urlsplit(value.get_secret_value())
        loopback = address.hostname in ("127.0.0.1", "::1", "localhost")
        if value and not (address.hostname and (address.scheme == "https" or (address.scheme == "http" and loopback))):
            raise ValueError("not an https address (plain http only on this machine)")
        return value

    @property
    def books(self) -> Path:
        """The folder of the embedded journal and the spool: real money never lies beside the sandbox's."""
        return self.home / "live" if self.vendors == "live" else self.home

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.books / 'draftline.db').absolute()}"

    def resends(self, vendor: str) -> bool:
        """Whether work of this vendor that is in doubt may be paid for again, inside the caps."""
        return vendor in self.resend_in_doubt

    def owns_account(self, vendor: str) -> bool:
        """Whether this ledger alone uses the vendor's account, so that its balance is evidence."""
        return vendor == "bfl" and self.bfl_account_is_ours

    @property
    def spool(self) -> Path:
        return self.books / "spool"

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
        held = "" if variable in _secrets() else f" (it is {str(first['input'])!r})"
        raise SettingError(message + held, where=variable) from error


def _secrets() -> frozenset[str]:
    """Settings whose value no message may show."""
    fields = Settings.model_fields.items()
    return frozenset(PREFIX + name.upper() for name, field in fields if field.annotation is SecretStr)
