"""Both vendors under random faults, and then none: every call ends, and the ledger covers the invoice.

Takes about 6 s.
"""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.support.money import BFL_MODEL, GOOGLE_MODEL, audit
from tests.support.paid_bench import Bench

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]

WORKS, AT_ONCE = 60, 6
CUTS = ("cut_before", "cut_after", "cut_status", "cut_in_headers", "cut_mid_answer", "cut_last_byte", "unclosed")
ENDS = ("server_error", "unavailable", "found_late", "empty", "dearer_bill", "charged_without_image", "more_tokens")
CHAOS = {
    "seed": 7,
    "rates": {
        "submit": {
            **dict.fromkeys((*CUTS, *ENDS, "cut_headers", "cut_request", "moderated_output"), 0.03),
            "rate_limit": {"rate": 0.1, "retry_after_s": 0.02},
        },
        "poll": dict.fromkeys((*CUTS, "poll_503"), 0.05) | {"task_lost": 0.02},
        "download": dict.fromkeys((*CUTS, "unavailable", "expired_link"), 0.05),
    },
}


def chaos(bench: Bench, method: str, body: object = None) -> dict[str, Any]:
    answer = httpx.request(method, f"{bench.sandbox.url}/_sandbox/chaos", json=body)
    return dict(answer.raise_for_status().json())


async def pay_all(bench: Bench) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    models = (BFL_MODEL, BFL_MODEL, GOOGLE_MODEL)

    async def one(n: int) -> None:
        async with gate:
            await bench.ends(bench.call(models[n % 3], f"a red kettle, number {n % 4}", ordinal=n))

    await asyncio.gather(*(one(n) for n in range(WORKS)))


async def test_after_chaos_every_call_has_ended_and_the_ledger_covers_what_was_billed(bench: Bench) -> None:
    vars(bench.vendors["bfl"])["_poll_interval_s"] = 0.01
    chaos(bench, "POST", CHAOS)
    await pay_all(bench)
    drawn = chaos(bench, "GET")["drawn"]
    assert len(drawn) > 15, drawn
    chaos(bench, "DELETE")
    await pay_all(bench)
    bench.sandbox.advance(3600)
    sums = audit(bench.w, bench.sandbox.invoice())
    states = Counter(attempt.state for attempt in bench.attempts())
    assert set(states) <= {"settled", "released", "in_doubt"}
    assert sums.in_doubt
    assert states["settled"] > WORKS // 4
