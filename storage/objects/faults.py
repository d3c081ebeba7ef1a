"""botocore's errors as sentences of ours, with the setting that is probably wrong.

What lives here: the translation. What may not: requests and retries.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from domain.errors import StorageError
from storage.objects.settings import SETTING_NAMES

LOST_RACE = frozenset({"PreconditionFailed", "412"})
TRY_AGAIN = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
NOT_THERE = frozenset({"NoSuchKey", "404", "NotFound"})
_WRONG_KEY = frozenset({"InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId"})
_WRONG_SECRET = frozenset({"SignatureDoesNotMatch"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_FORBIDDEN = frozenset({"AccessDenied", "403", "Forbidden", "AllAccessDisabled"})
_WRONG_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "301", "IllegalLocationConstraintException"}
)
# AWS answers 403 also for an object that is missing, to a key that may not list the bucket.
_DENIED = "access is denied (a wrong key, a missing right, or a missing object where the key may not list the bucket)"
_CHECKSUMS = frozenset({"XAmzContentSHA256Mismatch", "MissingContentLength", "NotImplemented"})


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def translated(action: str, bucket: str, key: str = "") -> Iterator[None]:
    """Whatever botocore raises inside leaves as a StorageError about `action` on bucket/key."""
    try:
        yield
    except (ClientError, BotoCoreError, HTTPClientError) as error:
        raise storage_error(error, action, bucket, key) from error


def storage_error(error: Exception, action: str, bucket: str, key: str = "") -> StorageError:
    """A StorageError that says what failed, where, why, and which setting to look at. Never holds a key or a URL."""
    where = f"s3://{bucket}/{key}" if key else f"s3://{bucket}"
    why, setting = _client(error, bucket) if isinstance(error, ClientError) else _transport(error)
    hint = f"; look at {SETTING_NAMES[setting]}" if setting else ""
    return StorageError(f"cannot {action} {where}: {why}{hint}")


def _client(error: ClientError, bucket: str) -> tuple[str, str]:
    code = code_of(error)
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket}", "private_bucket" if "private" in bucket else "public_bucket"
    table: list[tuple[frozenset[str], str, str]] = [
        (_WRONG_KEY, "the store does not know this access key", "access_key"),
        (_WRONG_SECRET, "the secret does not belong to the access key", "secret_key"),
        (_EXPIRED, "the session token has expired", "session_token"),
        (_FORBIDDEN, _DENIED, "access_key"),
        (_WRONG_REGION, "the bucket lives in another region", "region"),
        (_CHECKSUMS, f"the store refuses the checksum headers ({code})", "checksums"),
    ]
    for codes, why, setting in table:
        if code in codes:
            return why, setting
    return f"{code or 'unknown error'} (HTTP {status_of(error)})", ""


def _transport(error: Exception) -> tuple[str, str]:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "no credentials were found, here or in boto's own chain", "access_key"
    if isinstance(error, SSLError):
        return "the store's TLS certificate is not trusted", "ca_bundle"
    if isinstance(error, ProxyConnectionError):
        return "the proxy does not answer (HTTP_PROXY, HTTPS_PROXY)", ""
    if isinstance(error, BotoConnectionError | HTTPClientError):
        return f"the endpoint is out of reach ({type(error).__name__})", "endpoint_url"
    return f"{type(error).__name__}", ""
