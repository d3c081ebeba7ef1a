"""What is in doubt is closed by evidence only: the balance before and after, to the micro, on an account of our own."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import DraftlineError
from tasks.doubts import doubts, summary, warn_of_old
from tasks.evidence import readings_of, resolve_by_balance, take_readings
from tasks.recoveries import recover_attempts
from tests.support.money import BFL_MODEL, GOOGLE_MODEL, audit, audit_counters
from tests.support.paid_bench import Bench

pytest_plugins = ["tests.support.paid_fixtures"]
pytestmark = [pytest.mark.server, pytest.mark.anyio]
PRICE_MICROS = 14_000


@pytest.fixture
def ours(bench: Bench) -> Bench:
    """The account is ours alone, and a sandbox at this speed has charged whatever it will."""
    bench.w.settings.bfl_account_is_ours = True
    bench.w.settings.bfl_charged_within_s = 0
    return bench


async def read(bench: Bench) -> Any:
    bench.sandbox.advance(3600)
    return await take_readings(bench.w, by="test")


async def cut(bench: Bench, fault: str, *prompts: str) -> list[str]:
    """One call a prompt whose answer never comes; the attempts, in doubt."""
    bench.sandbox.rules([{"match": {"vendor": "bfl"}, "fault": fault}])
    for prompt in prompts:
        assert isinstance(await bench.ends(bench.call(BFL_MODEL, prompt)), DraftlineError)
    bench.sandbox.rules([])
    return [a.attempt_id for a in bench.attempts() if a.state == "in_doubt"]


async def test_what_was_never_billed_is_released_with_both_readings_as_its_evidence(ours: Bench) -> None:
    (before,) = await read(ours)
    await ours.pay(ours.call(BFL_MODEL, "a paid kettle"))
    (doubted,) = await cut(ours, "cut_before", "a lost kettle")
    (after,) = await read(ours)
    (proven,) = resolve_by_balance(ours.w)
    assert (proven.attempt.attempt_id, proven.attempt.state) == (doubted, "released")
    for part in (str(before), str(after), "fell by $0.0140, $0.0140 of it is settled"):
        assert part in proven.attempt.evidence
    assert audit(ours.w, ours.sandbox.invoice()).in_doubt == 0


async def test_what_was_billed_is_settled_at_the_price_by_which_the_balance_fell(ours: Bench) -> None:
    await read(ours)
    await ours.pay(ours.call(BFL_MODEL, "a paid kettle"))
    await cut(ours, "cut_after", "a lost kettle", "another")
    await read(ours)
    proven = resolve_by_balance(ours.w)
    assert [(p.attempt.state, p.attempt.cost_micros, p.attempt.cost_source) for p in proven] == [
        ("settled", PRICE_MICROS, "vendor")
    ] * 2
    sums = audit(ours.w, ours.sandbox.invoice())
    assert (sums.settled, sums.in_doubt) == (3 * PRICE_MICROS, 0)


async def test_some_billed_and_some_not_stays_in_doubt_and_says_what_is_left(ours: Bench) -> None:
    await read(ours)
    await cut(ours, "cut_after", "billed")
    await cut(ours, "cut_before", "not billed")
    await read(ours)
    assert resolve_by_balance(ours.w) == []
    assert audit(ours.w, ours.sandbox.invoice()).in_doubt == 2 * PRICE_MICROS
    assert "$0.0140 is left, neither nothing nor $0.0280" in doubts(ours.w)[0].settles


async def test_somebody_elses_spending_on_the_account_proves_nothing(ours: Bench) -> None:
    await read(ours)
    await cut(ours, "cut_before", "a lost kettle")
    ours.sandbox.credits(999_000)
    await read(ours)
    assert resolve_by_balance(ours.w) == []
    assert audit(ours.w, ours.sandbox.invoice()).in_doubt == PRICE_MICROS


async def test_a_bill_that_is_not_the_vendors_own_figure_proves_nothing(ours: Bench) -> None:
    await read(ours)
    (first,) = await cut(ours, "cut_before", "one")
    await cut(ours, "cut_before", "other")
    ours.w.ledger.release(first, code="resolved", note="Ada says so", evidence="Ada says so")
    await read(ours)
    assert resolve_by_balance(ours.w) == []
    assert "on a person's word" in doubts(ours.w)[0].settles


async def test_an_account_that_others_may_use_is_only_told_about(ours: Bench) -> None:
    ours.w.settings.bfl_account_is_ours = False
    await read(ours)
    await cut(ours, "cut_before", "a lost kettle")
    await read(ours)
    assert resolve_by_balance(ours.w) == []
    (doubt,) = doubts(ours.w)
    assert doubt.settles.startswith("none-billed: between reading 1 ")
    assert "DRAFTLINE_BFL_ACCOUNT_IS_OURS" in doubt.settles


async def test_no_reading_is_kept_while_something_is_open_or_may_yet_be_charged(ours: Bench) -> None:
    readings, none = readings_of(ours.w), timedelta()
    since = readings.quiet_since("bfl", charged_within=none)
    assert since is not None
    await ours.pay(ours.call(BFL_MODEL))
    assert readings.keep("bfl", 1, since=since, by="test") is None, "something was sent while the vendor was asked"
    await cut(ours, "cut_after", "a lost kettle")
    assert readings.quiet_since("bfl", charged_within=timedelta(hours=1)) is None
    assert readings.quiet_since("bfl", charged_within=none) is not None


async def test_a_vendor_that_does_not_answer_gives_no_reading_and_no_error(ours: Bench) -> None:
    ours.w.settings.sandbox_url = "http://127.0.0.1:9"
    assert await take_readings(ours.w, by="test") == []


@pytest.mark.parametrize("model_id", [BFL_MODEL, GOOGLE_MODEL])
async def test_whatever_time_passes_nothing_changes_by_itself(
    ours: Bench, model_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten years, a recovery pass in each: still in doubt, still held, still counted; only its age is another."""
    vendor = "bfl" if model_id == BFL_MODEL else "google"
    ours.sandbox.rules([{"match": {"vendor": vendor}, "fault": "cut_after"}])
    await ours.ends(ours.call(model_id))
    before, now = ours.attempts(), ours.w.now()
    assert [a.state for a in before] == ["in_doubt"], before
    for year in range(1, 11):
        later = now + timedelta(days=365 * year)
        ours.w.now = lambda at=later: at  # type: ignore[method-assign]
        ours.sandbox.advance(365 * 86_400)
        assert await recover_attempts(ours.w) == []
        await take_readings(ours.w, by="test")
        assert resolve_by_balance(ours.w) == []
    assert ours.attempts() == before
    audit_counters(ours.w)
    found = doubts(ours.w)
    warn_of_old(found)
    assert "3650 d 0 h" in summary(found)
    assert "1 older than it should be" in summary(found)
    assert f"attempt.in_doubt_old attempt={before[0].attempt_id}" in caplog.text
