"""One attempt, two figures: what its vendor named at the submit, and what it billed in the end. No network here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from budget.drift import PPM, Drift, Drifts
from budget.price_book import PriceBook
from domain.attempt import Dimensions, Intent
from domain.money import Micros
from domain.render import Job, Measured, Receipt, RenderRequest, Usage
from tasks import booking
from tasks.alerts import Alert, tell_untold_alerts
from tasks.paid_calls import pay
from tests.support.money import bench_wiring, paid_call, request, set_run_cap
from vendors.contract import Accepted
from wiring import Wiring

pytestmark = pytest.mark.anyio
MODEL, BOOK_MICROS = "flux-2-klein-4b", 14_000
ROOT = Path(__file__).parents[2]


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


def book_with(folder: Path, change: tuple[str, str]) -> PriceBook:
    text = (ROOT / "budget/prices/book.yaml").read_text()
    assert text.count(change[0]) >= 1
    path = folder / f"book-{len(list(folder.iterdir()))}.yaml"
    path.write_text(text.replace(change[0], change[1], 1))
    return PriceBook.load(path)


def test_an_edit_of_another_model_clears_no_factor_and_one_of_the_model_itself_does(w: Wiring, tmp_path: Path) -> None:
    Drifts(w.database, w.price_book, w.now).note(
        Drift("a1", "r1", "bfl", MODEL, w.price_book.version, BOOK_MICROS, 2 * BOOK_MICROS)
    )
    elsewhere = book_with(tmp_path, ("flux-2-max:\n", "flux-2-max:\n    successor: another\n"))
    itself = book_with(tmp_path, (f"{MODEL}:\n", f"{MODEL}:\n    successor: another\n"))
    assert elsewhere.version != w.price_book.version
    assert Drifts(w.database, elsewhere, w.now).factors([MODEL]) == {MODEL: 2 * PPM}
    assert Drifts(w.database, itself, w.now).factors([MODEL]) == {}


def test_a_drift_whose_finder_died_before_it_told_is_told_by_the_next_process_once(w: Wiring, tmp_path: Path) -> None:
    drifts = Drifts(w.database, w.price_book, w.now)
    for n, micros in enumerate((2 * BOOK_MICROS, 3 * BOOK_MICROS, 3 * BOOK_MICROS + 1)):
        by = Dimensions(run_id="r1", flow="f", vendor="bfl", model_id=MODEL)
        w.ledger.hold(Intent(f"w{n}", Micros(10), w.price_book.version, by), slots=9, attempt_id=f"a{n}")
        drifts.note(Drift(f"a{n}", "r1", "bfl", MODEL, w.price_book.version, BOOK_MICROS, micros))
    assert [drift.attempt_id for drift, _ in drifts.untold()] == ["a2"]
    assert tell_untold_alerts(w) == 0, "its finder lives and may be telling it just now"
    with w.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM processes")
    later = bench_wiring(tmp_path / "home", "http://127.0.0.1:9")
    assert tell_untold_alerts(later) == 1
    assert drifts.untold() == []
    assert tell_untold_alerts(later) == 0
    later.close()


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
