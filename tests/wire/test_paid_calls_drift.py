"""A vendor whose prices depart from the book: the next hold is higher, caps hold, charges are the vendor's own figures.

Takes about 8 s.
"""

import logging
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from budget.drift import Drifts
from budget.drift_reports import drift_report, reprice
from budget.price_book import PriceBook
from domain.attempt import Intent
from domain.errors import CapRefused, InputError, StorageError, VendorBusy
from tasks.bills import _markdown, bill_of
from tests.support.money import BFL_MODEL, GOOGLE_MODEL, audit, audit_counters, set_run_cap
from tests.support.paid_bench import Bench
from wiring import Wiring

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]

KLEIN_MICROS = 14_000
DEARER_MICROS = 17_500
BOOK = Path("budget/prices/book.yaml")
KLEIN_ROW = (
    "{from: 2026-02-01, kind: megapixel, first_mp: 14000, further_mp: 1000, input_mp: 1000, "
    'source: "docs.bfl.ai/quick_start/pricing, read 2026-11-21 (D)"}'
)


def set_price(bench: Bench, model_id: str, factor: float) -> None:
    url = f"{bench.sandbox.url}/_sandbox/prices"
    httpx.post(url, json={"model": model_id, "factor": factor}).raise_for_status()


def holds(bench: Bench) -> list[int]:
    return [attempt.hold_micros for attempt in bench.attempts()]


def drifts(w: Wiring) -> Drifts:
    return Drifts(w.database, w.price_book, w.now)


def book_with(tmp_path: Path, row: str, name: str) -> PriceBook:
    """The package's book with other rows for the cheapest FLUX model."""
    text = BOOK.read_text()
    assert text.count(KLEIN_ROW) == 1
    (tmp_path / f"{name}.yaml").write_text(text.replace(KLEIN_ROW, row))
    return PriceBook.load(tmp_path / f"{name}.yaml")


# -- above the book --------------------------------------------------------------------------


async def test_after_a_price_rise_in_mid_run_the_next_hold_is_higher_and_settled_is_what_was_billed(
    bench: Bench,
) -> None:
    await bench.pay(bench.call(BFL_MODEL))
    set_price(bench, BFL_MODEL, 1.25)
    dearer = [await bench.pay(bench.call(BFL_MODEL, ordinal=n, seed=n)) for n in (1, 2)]
    assert holds(bench) == [KLEIN_MICROS, KLEIN_MICROS, DEARER_MICROS]
    assert [paid.cost_micros for paid in dearer] == [DEARER_MICROS, DEARER_MICROS]
    assert audit(bench.w, bench.sandbox.invoice()).settled == KLEIN_MICROS + 2 * DEARER_MICROS


async def test_another_process_holds_the_higher_price_too(bench: Bench) -> None:
    set_price(bench, BFL_MODEL, 1.25)
    other = bench.other_process()
    drifts(other).worst(BFL_MODEL, bench.call(BFL_MODEL).measured.worst, date(2026, 10, 20))
    await bench.pay(bench.call(BFL_MODEL))
    bench.w.close()
    bench.w = other
    await bench.pay(bench.call(BFL_MODEL, ordinal=1, seed=1))
    assert holds(bench) == [KLEIN_MICROS, DEARER_MICROS]


async def test_the_cap_holds_at_the_new_price_although_the_old_one_would_fit(bench: Bench) -> None:
    set_run_cap(bench.w, 2 * DEARER_MICROS + KLEIN_MICROS)
    set_price(bench, BFL_MODEL, 1.25)
    for n in range(2):
        await bench.pay(bench.call(BFL_MODEL, ordinal=n, seed=n))
    bill = bench.sandbox.invoice()
    with pytest.raises(CapRefused, match=r"asked \$0\.0175"):
        await bench.pay(bench.call(BFL_MODEL, ordinal=2, seed=2))
    assert bench.sandbox.invoice() == bill
    assert bill["total_micros"] == 2 * DEARER_MICROS
    audit_counters(bench.w)


async def test_a_cost_named_at_the_submit_counts_before_the_bill_has_come(bench: Bench) -> None:
    set_price(bench, BFL_MODEL, 1.25)
    bench.sandbox.rules([{"match": {"nth": 1}, "fault": "late", "seconds": 900}])
    vars(bench.vendors["bfl"])["_poll_deadline_s"] = 0.05
    with pytest.raises(VendorBusy):
        await bench.pay(bench.call(BFL_MODEL))
    assert bench.attempts()[0].state == "accepted"
    vars(bench.vendors["bfl"])["_poll_deadline_s"] = 60
    await bench.pay(bench.call(BFL_MODEL, ordinal=1, seed=1))
    assert holds(bench) == [KLEIN_MICROS, DEARER_MICROS]
    bench.sandbox.advance(3600)
    await bench.pay(bench.call(BFL_MODEL))
    audit(bench.w, bench.sandbox.invoice())


async def test_a_bill_above_what_the_submit_named_raises_the_next_hold(bench: Bench) -> None:
    bench.sandbox.rules([{"match": {"nth": 1}, "fault": "dearer_bill", "factor": 2}])
    first = await bench.pay(bench.call(BFL_MODEL))
    await bench.pay(bench.call(BFL_MODEL, ordinal=1, seed=1))
    assert first.cost_micros == 2 * KLEIN_MICROS
    assert holds(bench) == [KLEIN_MICROS, 2 * KLEIN_MICROS]
    audit(bench.w, bench.sandbox.invoice())


@pytest.mark.parametrize(
    "fault", [{"fault": "model_swapped", "to": "gemini-3-pro-image"}, {"fault": "more_tokens", "factor": 3}]
)
async def test_gemini_tokens_above_the_worst_case_raise_the_next_hold(bench: Bench, fault: dict[str, Any]) -> None:
    bench.sandbox.rules([{"match": {"nth": 1}, **fault}])
    first = await bench.pay(bench.call(GOOGLE_MODEL))
    await bench.pay(bench.call(GOOGLE_MODEL, "a blue kettle"))
    held = holds(bench)
    assert held[0] < first.cost_micros <= held[1]
    audit(bench.w, bench.sandbox.invoice())


# -- below, told, reported --------------------------------------------------------------------------


async def test_a_price_below_the_book_is_reported_and_holds_stay(bench: Bench) -> None:
    set_price(bench, BFL_MODEL, 0.5)
    for n in range(2):
        await bench.pay(bench.call(BFL_MODEL, ordinal=n, seed=n))
    assert holds(bench) == [KLEIN_MICROS, KLEIN_MICROS]
    (row,) = drift_report(bench.w.database, bench.w.price_book)
    assert (row.book_micros, row.vendor_micros, row.factor_ppm) == (KLEIN_MICROS, KLEIN_MICROS // 2, 500_000)
    assert (row.calls, row.extra_micros, row.is_current) == (2, -KLEIN_MICROS, True)


async def test_an_honest_vendor_leaves_no_trace(bench: Bench) -> None:
    for model_id in (BFL_MODEL, GOOGLE_MODEL):
        await bench.pay(bench.call(model_id))
    assert drift_report(bench.w.database, bench.w.price_book) == []
    assert "drift" not in bill_of(bench.w, "r1")


async def test_finance_is_told_once_for_each_new_factor_and_the_bill_names_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for n, factor in enumerate((1.25, 1.25, 1.25, 2, 2)):
        set_price(bench, BFL_MODEL, factor)
        await bench.pay(bench.call(BFL_MODEL, ordinal=n, seed=n))
        assert bench.w.background.drain(10)
    told = [r.getMessage() for r in caplog.records if r.getMessage().startswith("price.drift")]
    assert [f"factor_ppm={ppm}" in text for ppm, text in zip((1_250_000, 2_000_000), told, strict=True)] == [True, True]
    assert all("run=r1" in text for text in told)
    bill = bill_of(bench.w, "r1")
    assert bill["drift"][BFL_MODEL] == {
        "calls": 5,
        "book_micros": 5 * KLEIN_MICROS,
        "vendor_micros": bench.sandbox.billed_micros(),
    }
    assert "5 calls of flux-2-klein-4b were billed $0.1085" in _markdown("r1", bill)


async def test_a_crash_between_the_note_and_the_bill_notes_it_once_and_settles_later(bench: Bench) -> None:
    set_price(bench, BFL_MODEL, 1.25)
    real = bench.w.ledger.settle

    def gone(*args: Any, **kwargs: Any) -> None:
        raise StorageError("the database went away")

    bench.w.ledger.settle = gone  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await bench.pay(bench.call(BFL_MODEL))
    assert bench.attempts()[0].state == "delivered"
    bench.w.ledger.settle = real  # type: ignore[method-assign]
    await bench.pay(bench.call(BFL_MODEL))
    (row,) = drift_report(bench.w.database, bench.w.price_book)
    assert (row.calls, row.extra_micros) == (1, DEARER_MICROS - KLEIN_MICROS)
    audit(bench.w, bench.sandbox.invoice())


async def test_what_only_the_invoice_shows_is_left_to_the_audit(bench: Bench) -> None:
    set_price(bench, GOOGLE_MODEL, 2)
    paid = await bench.pay(bench.call(GOOGLE_MODEL))
    bench.sandbox.rules([{"match": {}, "fault": "charged_twice"}])
    await bench.pay(bench.call(BFL_MODEL))
    bill = bench.sandbox.invoice()
    google, *bfl = bill["lines"]
    assert google["micros"] == 2 * paid.cost_micros
    assert len({line["request_id"] for line in bfl}) == 1 < len(bfl)
    assert sum(a.cost_micros or 0 for a in bench.attempts()) < bill["total_micros"]
    assert drift_report(bench.w.database, bench.w.price_book) == []


# -- versions of the book --------------------------------------------------------------------------


async def test_a_new_version_of_the_book_clears_what_the_old_one_got_wrong(bench: Bench, tmp_path: Path) -> None:
    set_price(bench, BFL_MODEL, 1.25)
    await bench.pay(bench.call(BFL_MODEL))
    bench.w.__dict__["price_book"] = book_with(tmp_path, KLEIN_ROW.replace("14000", "17500"), "corrected")
    await bench.pay(bench.call(BFL_MODEL, ordinal=1, seed=1))
    assert holds(bench) == [KLEIN_MICROS, DEARER_MICROS]
    (row,) = drift_report(bench.w.database, bench.w.price_book)
    assert (row.calls, row.is_current) == (1, False)


async def test_a_new_dated_price_leaves_an_old_run_as_it_was_and_prices_new_ones_anew(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.pay(bench.call(BFL_MODEL))
    await bench.pay(bench.call(GOOGLE_MODEL))
    later = KLEIN_ROW.replace("2026-02-01", "2999-01-01").replace("14000", "20000")
    bench.w.__dict__["price_book"] = book = book_with(tmp_path, f"{KLEIN_ROW}\n      - {later}", "later")
    old = reprice(bench.w.database, book, "r1")
    assert [(row.outcome, row.then_micros == row.now_micros) for row in old] == [("equal", True)] * 2
    assert all(row.price_version != book.version for row in old)
    set_price(bench, BFL_MODEL, 20 / 14)
    bench.w.__dict__["today"] = lambda: date(2999, 1, 1)
    await bench.pay(bench.call(BFL_MODEL, ordinal=1, seed=1))
    assert bench.attempts()[-1].hold_micros == 20_000


async def test_a_changed_past_price_is_found_by_pricing_again(bench: Bench, tmp_path: Path) -> None:
    await bench.pay(bench.call(BFL_MODEL))
    set_price(bench, BFL_MODEL, 1.25)
    await bench.pay(bench.call(BFL_MODEL, ordinal=1, seed=1))
    same = reprice(bench.w.database, bench.w.price_book, "r1")
    assert [(r.charged_micros, r.then_micros, r.outcome) for r in same] == [
        (KLEIN_MICROS, KLEIN_MICROS, "equal"),
        (DEARER_MICROS, KLEIN_MICROS, "equal"),
    ]
    changed = book_with(tmp_path, KLEIN_ROW.replace("14000", "13000"), "changed")
    found = reprice(bench.w.database, changed, "r1")
    assert [(r.then_micros, r.now_micros, r.outcome) for r in found] == [(KLEIN_MICROS, 13_000, "different")] * 2


# -- retired models --------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "is_sold"), [(date(2026, 10, 28), True), (date(2026, 10, 29), False)])
async def test_a_stored_plan_with_a_retired_id_is_refused_before_a_hold(bench: Bench, day: date, is_sold: bool) -> None:
    bench.w.__dict__["today"] = lambda: day
    if is_sold:
        await bench.pay(bench.call(GOOGLE_MODEL))
        assert len(bench.attempts()) == 1
        return
    with pytest.raises(InputError, match=r"retired on 2026-10-29; its successor is gemini-nano-banana-2\.1"):
        await bench.pay(bench.call(GOOGLE_MODEL))
    assert bench.attempts() == []
    assert bench.sandbox.invoice()["lines"] == []


async def test_a_hold_from_before_the_retirement_is_given_back_and_not_sent_after_it(bench: Bench) -> None:
    call = bench.call(GOOGLE_MODEL)
    bench.w.ledger.hold(
        Intent(call.work_key, 99_000, bench.w.price_book.version, call.dimensions, call.request.canonical()), slots=8
    )
    bench.w.__dict__["today"] = lambda: date(2026, 10, 30)
    with pytest.raises(InputError, match=r"its successor is gemini-nano-banana-2\.1"):
        await bench.pay(call)
    (attempt,) = bench.attempts()
    assert (attempt.state, attempt.error_code) == ("released", "retired")
    audit(bench.w, bench.sandbox.invoice())


async def test_paid_work_of_a_retired_model_still_replays(bench: Bench) -> None:
    first = await bench.pay(bench.call(GOOGLE_MODEL))
    bench.w.__dict__["today"] = lambda: date(2027, 1, 1)
    assert (await bench.pay(bench.call(GOOGLE_MODEL))).data == first.data
