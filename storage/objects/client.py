"""One boto3 client for the whole process, with the settings that were measured.

What lives here: how the client is built. What may not: requests. The client may be shared between threads; build it
once in the parent (110 to 360 ms) and again after a fork.
"""

from typing import Any
from urllib.parse import urlsplit

from storage.objects.settings import ObjectSettings

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
TOTAL_ATTEMPTS = 5
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def build_client(settings: ObjectSettings) -> Any:
    """A boto3 S3 client. Nothing is sent yet, so a wrong key or address shows with the first request."""
    import boto3  # a quarter of a second to import: paid by who uses it, not by `draftline --help`

    # A session of our own: boto3's default session is shared state of the process and not safe between threads.
    session = boto3.session.Session(
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        aws_session_token=settings.session_token,
        region_name=settings.region,
    )
    return session.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        verify=None if settings.ca_bundle is None else str(settings.ca_bundle),
        config=_config(settings),
    )


def _config(settings: ObjectSettings) -> Any:
    from botocore.config import Config

    checksums = "when_supported" if settings.checksums == "auto" else "when_required"
    return Config(
        # The default mode changed between botocore 1.43 (legacy) and 1.44 (standard): name it.
        retries={"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS},
        # The default pool is 10: with more threads than that, connections are thrown away after each use.
        max_pool_connections=settings.threads,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        signature_version="s3v4",
        s3={"addressing_style": settings.addressing_style},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        user_agent_extra="draftline",
        **_proxies(settings),
    )


def _proxies(settings: ObjectSettings) -> dict[str, Any]:
    """A store on this machine is never behind the proxy that HTTP_PROXY names: {} is no proxy, None asks for it."""
    host = urlsplit(settings.endpoint_url or "").hostname
    return {"proxies": {}} if host in LOOPBACK_HOSTS else {}
