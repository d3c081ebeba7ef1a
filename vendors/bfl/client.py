"""The Vendor of Black Forest Labs: one POST, then GETs until it ends, then the download."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import httpx
from pydantic import SecretStr

from domain.render import Job, Measured, Receipt, RenderRequest
from vendors.bfl import answer as meaning
from vendors.bfl.measure import measure
from vendors.bfl.models import model
from vendors.bfl.wire import KEY_HEADER, credits_address, poll_address, sample_address, submit_address, submit_body
from vendors.contract import Accepted
from vendors.http import (
    Answer,
    Clock,
    Deadline,
    Picture,
    base_address,
    get,
    header_key,
    monotonic_s,
    picture_of,
    read_transport,
    submit_transport,
    without_key,
)
from vendors.sending import no_key, send_once

SUBMIT_READ_TIMEOUT_S = 60.0
GET_TIMEOUT_S = 20.0
BALANCE_TIMEOUT_S = 5.0
DOWNLOAD_TIMEOUT_S = 60.0
POLL_DEADLINE_S = 300.0
POLL_INTERVAL_S = 0.5
MIN_INTERVAL_S = 0.01
MAX_INTERVAL_S = 3.0
INTERVAL_GROWTH = 1.25
MAX_PAUSE_S = 10.0
MAX_DOWNLOAD_TRIES = 6
MAX_FRESH_LINKS = 5
MAX_JSON_BYTES = 1_000_000
MAX_IMAGE_BYTES = 30_000_000
MAX_ACTIVE = 24

log = logging.getLogger(__name__)


class Bfl:
    """BFL's native wire. One object belongs to one event loop; `aclose()` it.

    `transport`, when given, serves POST and GET alike and is closed by whoever made it (tests, a proxy); without one
    the POSTs get connections of their own that are never used twice.
    """

    name: str = "bfl"
    can_be_asked_again: bool = True

    def __init__(
        self,
        *,
        api_key: SecretStr | str,
        base_url: str = "https://api.bfl.ai",
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = monotonic_s,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        poll_deadline_s: float = POLL_DEADLINE_S,
        poll_interval_s: float = POLL_INTERVAL_S,
        max_active: int = MAX_ACTIVE,
    ) -> None:
        self._key = header_key(api_key, where="bfl api_key")
        self._base = base_address(base_url, where="bfl base_url")
        self._posts = transport or submit_transport()
        self._gets = transport or read_transport()
        self._files = transport or submit_transport()
        self._own = () if transport else (self._posts, self._gets, self._files)
        self._clock, self._sleep = clock, sleep
        self._poll_deadline_s, self._poll_interval_s = poll_deadline_s, max(poll_interval_s, MIN_INTERVAL_S)
        self.max_active = max_active

    async def aclose(self) -> None:
        for transport in self._own:
            await transport.aclose()

    def measure(self, request: RenderRequest) -> Measured:
        return measure(request)

    def takes_seed(self, model_id: str) -> bool:
        return model(model_id).seed

    async def submit(self, request: RenderRequest) -> Accepted:
        """One POST. Raises as the contract says, and InputError before anything is sent."""
        measured = measure(request)
        if not self._key.get_secret_value():
            raise no_key(self.name)
        answer = await send_once(
            self._posts,
            submit_address(self._base, request.model_id),
            vendor=self.name,
            headers=self._key_header(),
            body=submit_body(request, measured),
            read_timeout_s=SUBMIT_READ_TIMEOUT_S,
            max_bytes=MAX_JSON_BYTES,
        )
        job = meaning.accepted(without_key(answer, self._key), request, measured)
        log.info("bfl.accepted job=%s model=%s cost_micros=%s", job.job_id, request.model_id, job.cost_micros)
        return Accepted(job)

    async def collect(self, job: Job, *, on_progress: Callable[[str], None] | None = None) -> Receipt:
        """Polls until the job ends or the deadline passes, then downloads; an expired link is asked for anew."""
        url = poll_address(job, self._base)
        deadline = Deadline(self._clock, self._poll_deadline_s)
        for _ in range(MAX_FRESH_LINKS + 1):
            ready = await self._until_ready(url, job, deadline, on_progress)
            picture = await self._download(job, ready, deadline)
            if picture is not None:
                log.info("bfl.collected job=%s cost_micros=%s", job.job_id, meaning.settled(job, ready))
                return meaning.receipt(job, ready, picture)
            log.warning("bfl.link_expired job=%s", job.job_id)
        raise meaning.charged_without_image(job, ready, "link-expired", "every link to the image had expired")

    async def balance_micros(self) -> int | None:
        """GET /v1/credits (facts 1.10: prepaid credits, a cent each). None without a key or a usable answer."""
        if not self._key.get_secret_value():
            return None
        headers = {"accept": "application/json", **self._key_header()}
        answer = await get(
            self._gets,
            credits_address(self._base),
            headers=headers,
            timeout_s=BALANCE_TIMEOUT_S,
            max_bytes=MAX_JSON_BYTES,
        )
        balance = meaning.balance(answer)
        if balance is None:
            log.info("bfl.no_balance status=%d", answer.status)
        return balance

    async def _until_ready(
        self, url: httpx.URL, job: Job, deadline: Deadline, on_progress: Callable[[str], None] | None
    ) -> meaning.Ready:
        interval_s, failures, last = self._poll_interval_s, 0, ""
        while True:
            step = meaning.poll_step(await self._poll(url, deadline), job)
            if isinstance(step, meaning.Ready):
                return step
            if isinstance(step, meaning.Again):
                failures += 1
                pause_s = min(step.retry_after_s or self._poll_interval_s * 2 ** min(failures, 10), MAX_PAUSE_S)
                log.warning("bfl.poll_failed job=%s reason=%s failures=%d", job.job_id, step.reason, failures)
            else:
                failures, pause_s, interval_s = 0, interval_s, min(interval_s * INTERVAL_GROWTH, MAX_INTERVAL_S)
                last = _report(step.status, last, on_progress)
            if deadline.passed:
                raise meaning.out_of_reach("pending", f"not finished within {self._poll_deadline_s:g} s")
            await self._sleep(min(pause_s, deadline.left_s()))

    async def _poll(self, url: httpx.URL, deadline: Deadline) -> Answer:
        timeout_s = max(min(GET_TIMEOUT_S, deadline.left_s()), 1.0)
        headers = {"accept": "application/json", **self._key_header()}
        answer = await get(self._gets, url, headers=headers, timeout_s=timeout_s, max_bytes=MAX_JSON_BYTES)
        return without_key(answer, self._key)

    async def _download(self, job: Job, ready: meaning.Ready, deadline: Deadline) -> Picture | None:
        """The picture, or None when the link has expired. The key never goes to a delivery host."""
        url = sample_address(ready.sample, self._base)
        if url is None:
            raise meaning.charged_without_image(job, ready, "no-image", "Ready, but its link cannot be fetched")
        for attempt in range(1, MAX_DOWNLOAD_TRIES + 1):
            # a connection of its own: nothing in a picture says whose it is, should an answer come twice
            answer = await get(self._files, url, headers={}, timeout_s=DOWNLOAD_TIMEOUT_S, max_bytes=MAX_IMAGE_BYTES)
            if len(answer.body) > MAX_IMAGE_BYTES:
                message = f"the image is above {MAX_IMAGE_BYTES} bytes"
                raise meaning.charged_without_image(job, ready, "too-large", message)
            if answer.status == 200 and answer.whole and answer.body:
                return picture_of(answer)
            if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
                return None
            log.warning("bfl.download_failed job=%s status=%d attempt=%d", job.job_id, answer.status, attempt)
            if deadline.passed:
                break
            await self._sleep(min(self._poll_interval_s * 2**attempt, MAX_PAUSE_S, deadline.left_s()))
        raise meaning.out_of_reach("download", "the image is ready and could not be downloaded; ask again")

    def _key_header(self) -> dict[str, str]:
        return {KEY_HEADER: self._key.get_secret_value()}


def _report(status: str, last: str, on_progress: Callable[[str], None] | None) -> str:
    if on_progress is not None and status != last:
        on_progress(status)
    return status
