"""A neutral request as BFL's JSON, and who may see our key. Pure: no I/O."""

import base64
import json
from typing import Any

import httpx

from domain.errors import VendorSilent
from domain.render import Job, Measured, RenderRequest
from vendors.bfl.measure import output_format
from vendors.bfl.models import model
from vendors.http import parse_url, same_place

KEY_HEADER = "x-key"
OWN_DOMAIN = "bfl.ai"


def submit_address(base: httpx.URL, model_id: str) -> httpx.URL:
    return httpx.URL(f"{base}/v1/{model_id}")


def credits_address(base: httpx.URL) -> httpx.URL:
    return httpx.URL(f"{base}/v1/credits")


def submit_body(request: RenderRequest, measured: Measured) -> bytes:
    """The JSON of one submit. References are plain base64 (no data: prefix), in their order of weight."""
    entry = model(request.model_id)
    body: dict[str, Any] = {
        "prompt": request.prompt,
        "width": measured.width_px,
        "height": measured.height_px,
        "output_format": output_format(request, entry),
        **entry.fields,
    }
    if request.seed is not None and entry.seed:
        body["seed"] = request.seed
    for number, reference in enumerate(request.references, start=1):
        field = "input_image" if number == 1 else f"input_image_{number}"
        body[field] = base64.b64encode(reference.data).decode("ascii")
    return json.dumps(body).encode("ascii")


def poll_address(job: Job, base: httpx.URL) -> httpx.URL:
    """Where to ask for a job: the cluster's own address as given (it must be used as is), else the host we posted to.

    Raises VendorSilent ("foreign-poll-host") for an address that may not see our key.
    """
    if not job.poll_url:
        return httpx.URL(f"{base}/v1/get_result", params={"id": job.job_id})
    url = parse_url(job.poll_url)
    if url is None or not may_see_key(url, base):
        message = "the answer's poll address is not BFL's: the key is not sent there"
        raise VendorSilent(message, vendor="bfl", code="foreign-poll-host", fault="vendor")
    return url


def may_see_key(url: httpx.URL, base: httpx.URL) -> bool:
    """The configured host and port itself, or https at bfl.ai and below. Never a delivery link: those are signed."""
    if url.userinfo:
        return False
    if same_place(url, base):
        return True
    ours = url.host == OWN_DOMAIN or url.host.endswith(f".{OWN_DOMAIN}")
    return url.scheme == "https" and url.port is None and ours


def sample_address(sample: str, base: httpx.URL) -> httpx.URL | None:
    """A delivery link that can be fetched: https, or http where the configured base is http itself (the sandbox)."""
    url = parse_url(sample)
    return url if url is not None and url.scheme in {"https", base.scheme} else None
