"""BFL's balance: exact to the micro-dollar, and None rather than an error whatever comes back."""

from typing import Any

import pytest

from tests.support.money import request
from vendors.bfl import answer as meaning
from vendors.bfl.client import Bfl
from vendors.contract import TellsBalance
from vendors.http import Answer

pytestmark = pytest.mark.anyio


@pytest.mark.server
async def test_the_balance_falls_by_exactly_the_price(sandbox_server: Any) -> None:
    vendor = Bfl(api_key=sandbox_server.bfl_key, base_url=sandbox_server.bfl_url)
    assert isinstance(vendor, TellsBalance)
    before = await vendor.balance_micros()
    outcome = await vendor.submit(request())
    sandbox_server.advance(60)
    after = await vendor.balance_micros()
    await vendor.aclose()
    assert before is not None
    assert after is not None
    assert before - after == outcome.job.cost_micros == sandbox_server.billed_micros() == 14_000


@pytest.mark.server
async def test_a_refused_key_or_a_dead_host_is_no_balance(sandbox_server: Any) -> None:
    for key, url in (
        ("another-key-of-somebody", sandbox_server.bfl_url),
        ("", sandbox_server.bfl_url),
        (sandbox_server.bfl_key, "http://127.0.0.1:9"),
    ):
        vendor = Bfl(api_key=key, base_url=url)
        assert await vendor.balance_micros() is None
        await vendor.aclose()


@pytest.mark.parametrize(
    ("body", "micros"),
    [
        (b'{"credits": 12.6}', 126_000),
        (b'{"credits": 12.600000000000001}', 126_000),
        (b'{"credits": 2500000}', 25_000_000_000),
        (b'{"credits": 0}', 0),
        (b'{"credits": -1}', None),
        (b'{"credits": "12"}', None),
        (b'{"credits": null}', None),
        (b"[1]", None),
        (b"", None),
    ],
)
def test_whatever_the_answer_is_it_is_an_exact_sum_or_nothing(body: bytes, micros: int | None) -> None:
    assert meaning.balance(Answer(200, body=body, whole=True)) == micros
    assert meaning.balance(Answer(200, body=body, whole=False)) is None
    assert meaning.balance(Answer(500, body=body, whole=True)) is None
