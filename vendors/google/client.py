"""The Vendor of Google's image models: one POST, the picture in its answer. Nothing can be asked for again."""

import logging
import re
from collections.abc import Callable

import httpx
from pydantic import SecretStr

from domain.errors import InputError, VendorSilent
from domain.render import Job, Measured, Receipt, RenderRequest
from vendors.contract import Delivered
from vendors.google.answer import receipt
from vendors.google.errors import refusal
from vendors.google.measure import measure
from vendors.google.models import model
from vendors.google.wire import KEY_HEADER, generate_address, generate_body
from vendors.http import base_address, header_key, submit_transport, without_key
from vendors.sending import no_key, send_once

# Above the slowest render: a 4K Pro image with thinking takes minutes, and an early cut is money in doubt.
READ_TIMEOUT_S = 300.0
# A 4K picture is some 30 MB as base64, and interim drafts may come with it.
MAX_ANSWER_BYTES = 128_000_000
MAX_ACTIVE = 8
_VERSION = re.compile(r"^v[0-9a-z]{1,12}$")

log = logging.getLogger(__name__)


class Google:
    """Gemini's native wire. One object belongs to one event loop; `aclose()` it.

    `transport`, when given, is closed by whoever made it and should keep no connection alive.
    """

    name: str = "google"
    can_be_asked_again: bool = False

    def __init__(
        self,
        *,
        api_key: SecretStr | str,
        base_url: str = "https://generativelanguage.googleapis.com",
        api_version: str = "v1beta",
        transport: httpx.AsyncBaseTransport | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        max_active: int = MAX_ACTIVE,
    ) -> None:
        if not _VERSION.match(api_version):
            raise InputError(f"{api_version!r} is no API version; v1beta is usual", where="google api_version")
        self._key = header_key(api_key, where="google api_key")
        self._base = base_address(base_url, where="google base_url")
        self._version = api_version
        self._posts = transport or submit_transport()
        self._own = () if transport else (self._posts,)
        self._read_timeout_s = read_timeout_s
        self.max_active = max_active

    async def aclose(self) -> None:
        for transport in self._own:
            await transport.aclose()

    def measure(self, request: RenderRequest) -> Measured:
        return measure(request)

    def takes_seed(self, model_id: str) -> bool:
        return model(model_id).seed

    async def submit(self, request: RenderRequest) -> Delivered:
        """One POST. Raises as the contract says, and InputError before anything is sent."""
        measured = measure(request)
        if not self._key.get_secret_value():
            raise no_key(self.name)
        answer = await send_once(
            self._posts,
            generate_address(self._base, self._version, request.model_id),
            vendor=self.name,
            headers={KEY_HEADER: self._key.get_secret_value()},
            body=generate_body(request),
            read_timeout_s=self._read_timeout_s,
            max_bytes=MAX_ANSWER_BYTES,
        )
        if not 200 <= answer.status < 300:
            raise refusal(without_key(answer, self._key))
        result = receipt(answer, request, measured)
        log.info("google.delivered id=%s model=%s size_bytes=%d", result.vendor_id, request.model_id, len(result.data))
        return Delivered(result)

    async def collect(self, job: Job, *, on_progress: Callable[[str], None] | None = None) -> Receipt:
        """Always raises: a cut answer of this vendor is lost, so such work stays in doubt."""
        message = "an answer that was not received cannot be asked for again"
        raise VendorSilent(message, vendor=self.name, code="cannot-be-asked", fault="vendor")
