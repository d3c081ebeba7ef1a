"""One attempt, two figures: what its vendor named at the submit, and what it billed in the end. No network here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from budget.drift import PPM, Drifts
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from tasks import booking
from tasks.alerts import Alert
from tasks.paid_calls import pay
from tests.support.money import bench_wiring, paid_call, request, set_run_cap
from vendors.contract import Accepted
from wiring import Wiring

pytestmark = pytest.mark.anyio
MODEL, BOOK_MICROS = "flux-2-klein-4b", 14_000


class Vendor:
    name, can_be_asked_again, max_active = "bfl", True, 2

    def __init__(self, named: int, billed: int) -> None:
        self.named, self.billed = named, billed

    def measure(self, asked: RenderRequest) -> Measured:
        usage = Usage(output_mp=1)
        return Measured(usage, usage, usage, asked.width_px, asked.height_px)

    def takes_seed(self, model_id: str) -> bool:
        return True

    async def submit(self, asked: RenderRequest) -> Accepted:
        return Accepted(Job("j-1", "", self.named))

    async def collect(self, job: Job, **_: Any) -> Receipt:
        return Receipt(b"\x89PNG\r\n\x1a\n....", "image/png", MODEL, Usage(output_mp=1), self.billed)


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = bench_wiring(tmp_path / "home", "http://127.0.0.1:9")
    set_run_cap(made, 10**9)
    yield made
    made.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Alert]:
    alerts: list[Alert] = []

    def tell(_w: Wiring, alert: Alert, *, on_told: Any) -> None:
        alerts.append(alert)
        on_told()

    monkeypatch.setattr(booking, "tell", tell)
    return alerts


def factor(w: Wiring) -> float:
    return Drifts(w.database, w.price_book, w.now).factors([MODEL]).get(MODEL, PPM) / PPM


async def test_a_bill_above_the_cost_that_was_named_and_told_is_told_as_well(w: Wiring, told: list[Alert]) -> None:
    vendor = Vendor(BOOK_MICROS * 3 // 2, BOOK_MICROS * 3)
    await pay(w, vendor, paid_call(vendor, request()))
    assert [alert.facts["vendor_micros"] for alert in told] == [21_000, 42_000]
    assert len({alert.alert_id for alert in told}) == 2, "a receiver would take the second for the first"
    assert factor(w) == 3


async def test_a_cost_that_was_named_by_mistake_and_not_billed_raises_no_later_hold(
    w: Wiring, told: list[Alert]
) -> None:
    vendor = Vendor(BOOK_MICROS * 1_000, BOOK_MICROS)
    paid = await pay(w, vendor, paid_call(vendor, request()))
    assert paid.cost_micros == BOOK_MICROS
    assert len(told) == 1
    assert factor(w) == 1
