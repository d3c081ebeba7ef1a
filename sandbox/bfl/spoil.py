"""Faults of the HTTP kind on BFL's routes: what is answered, or cut, in place of doing the work."""

import asyncio

from starlette.responses import Response

from sandbox.bfl.errors import BflError
from sandbox.faults import BEFORE_BODY, FaultPlan
from sandbox.wire import CutResponse
from sandbox.world import World

SLOW_READ_S = 5.0
RETRY_AFTER_S = 1.0


def refusal(faults: FaultPlan) -> Response | None:
    """The answer of a fault that leaves nothing behind, or None. Raises BflError for those with a body."""
    limited = faults.get("rate_limit")
    if limited:
        wait_s = limited.number("retry_after_s", RETRY_AFTER_S)
        raise BflError(429, "Rate limit exceeded. Please try again later.", {"Retry-After": f"{wait_s:g}"})
    if faults.has("rate_limit_no_hint"):
        raise BflError(429, "Rate limit exceeded. Please try again later.")
    if faults.has("no_credits"):
        raise BflError(402, "Insufficient credits. Please add credits to continue.")
    if faults.has("server_error"):
        raise BflError(500, "Internal Server Error")
    if faults.has("unavailable"):
        raise BflError(503, "Service Unavailable")
    return CutResponse() if faults.has("cut_before", *BEFORE_BODY) else None


async def slow_down(world: World, faults: FaultPlan) -> None:
    """On polls and downloads `slow` waits `seconds` (default 5), divided by the sandbox's speed."""
    slow = faults.get("slow")
    if slow:
        await asyncio.sleep(slow.number("seconds", SLOW_READ_S) / world.options.speed)
