"""Caps where a review broke them: settings that change, changes that nobody saw, caps that cover nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from budget.caps import Cap, read_caps
from budget.ledger import StillInDoubt
from domain.attempt import Dimensions, Intent
from domain.errors import CapRefused, InputError
from storage.database.money_tables import cap_changes
from tests.support.money import bench_wiring, set_run_cap
from wiring import Wiring

CALL = Dimensions(run_id="r1", flow="campaign", vendor="bfl", model_id="flux-2-pro")


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Wiring]:
    made = bench_wiring(tmp_path, "http://127.0.0.1:9")
    set_run_cap(made, 100)
    yield made
    made.close()


def caps(w: Wiring) -> dict[str, Cap]:
    with w.database.read() as connection:
        return {cap.cap_id: cap for cap in read_caps(connection)}


def test_another_time_zone_in_the_settings_moves_the_days_of_the_standing_caps(w: Wiring) -> None:
    later = bench_wiring(w.settings.home, "http://127.0.0.1:9", cap_time_zone="America/Los_Angeles")
    _ = later.ledger
    assert {caps(w)[name].time_zone for name in ("day", "flow-day")} == {"America/Los_Angeles"}
    later.close()


def test_a_persons_cap_stands_when_a_process_starts_with_the_same_settings(w: Wiring) -> None:
    w.ledger.set_cap(Cap("day", "global", "", "day", 7, "Europe/Berlin"), by="Ada", why="black friday")
    later = bench_wiring(w.settings.home, "http://127.0.0.1:9")
    _ = later.ledger
    assert caps(w)["day"] == Cap("day", "global", "", "day", 7, "Europe/Berlin")
    later.close()


def test_a_change_of_what_a_cap_covers_is_recorded_even_with_the_same_limit(w: Wiring) -> None:
    day = caps(w)["day"]
    w.ledger.set_cap(Cap("day", "vendor", "bfl", "day", day.limit_micros), by="Eve", why="quietly")
    with w.database.read() as connection:
        by = connection.execute(sa.select(cap_changes.c.by).where(cap_changes.c.cap_id == "day")).scalars().all()
    assert by[-1] == "Eve"


def test_a_cap_that_would_cover_nothing_is_refused(w: Wiring) -> None:
    with pytest.raises(InputError, match="covers nothing without a vendor"):
        w.ledger.set_cap(Cap("google-month", "vendor", "", "month", 1), by="Ada", why="forgot --value")


def test_a_negative_bill_is_refused_because_it_would_widen_every_cap(w: Wiring) -> None:
    attempt = w.ledger.hold(Intent("k", 60, "p", CALL), slots=2)
    w.ledger.send(attempt.attempt_id)
    w.ledger.doubt(attempt.attempt_id, code="no-answer", note="")
    with pytest.raises(InputError, match="negative"):
        w.ledger.settle(attempt.attempt_id, -50, source="person")
    assert {use.committed_micros for use in w.ledger.uses(CALL)} == {60}


def test_a_hold_looks_only_at_caps_that_may_cover_it(w: Wiring) -> None:
    for number in range(50):
        set_run_cap(w, 1, f"other-{number}")
    with w.database.read() as connection:
        assert {cap.cap_id for cap in read_caps(connection, dimensions=CALL)} == {"day", "flow-day", "run:r1"}


def test_a_plan_counts_against_a_vendors_cap_with_that_vendors_calls_only(w: Wiring) -> None:
    w.ledger.set_cap(Cap("google-month", "vendor", "google", "month", 10), by="Ada", why="plan")
    google = Dimensions(run_id="r1", flow="campaign", vendor="google")
    w.ledger.check_plan([(CALL, 50), (google, 10)])
    with pytest.raises(CapRefused, match="refused by cap google-month"):
        w.ledger.check_plan([(CALL, 50), (google, 6), (google, 5)])


def test_a_try_that_the_caller_does_not_know_of_stops_its_hold(w: Wiring) -> None:
    attempt = w.ledger.hold(Intent("k", 10, "p", CALL), slots=2, after_try=0)
    w.ledger.send(attempt.attempt_id)
    w.ledger.doubt(attempt.attempt_id, code="no-answer", note="")
    with pytest.raises(Exception, match="tried by another process meanwhile"):
        w.ledger.hold(Intent("k", 10, "p", CALL), slots=2, after_try=0)
    with pytest.raises(StillInDoubt):
        w.ledger.hold(Intent("k", 10, "p", CALL), slots=2, after_try=1)
    assert w.ledger.hold(Intent("k", 10, "p", CALL), slots=2, after_try=1, resend_in_doubt=True).try_no == 2
