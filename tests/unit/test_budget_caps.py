"""Windows of caps: where a day, a week and a month begin, by the cap's own time zone, and what a cap covers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget.caps import Cap, Period
from domain.attempt import Dimensions
from domain.errors import InputError

CALL = Dimensions(run_id="r1", flow="catalog", sku="mug", vendor="bfl")


def window(period: Period, at: datetime, zone: str = "UTC") -> str:
    return Cap("c", "global", "", period, 1, zone).window(CALL, at)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("period", "at", "zone", "name"),
    [
        ("day", utc(2026, 11, 21, 23, 59, 59), "UTC", "2026-11-21"),
        ("day", utc(2026, 11, 22), "UTC", "2026-11-22"),
        ("day", utc(2026, 11, 21, 23, 0), "Europe/Berlin", "2026-11-22"),
        ("day", utc(2026, 11, 22, 4, 59), "America/New_York", "2026-11-21"),
        ("day", utc(2026, 11, 21, 10, 0), "Pacific/Kiritimati", "2026-11-22"),
        ("day", utc(2026, 3, 28, 22, 59), "Europe/Berlin", "2026-03-28"),  # the day before summer time
        ("day", utc(2026, 3, 29, 21, 59), "Europe/Berlin", "2026-03-29"),  # a day of 23 hours
        ("day", utc(2026, 3, 29, 22, 0), "Europe/Berlin", "2026-03-30"),
        ("day", utc(2026, 10, 24, 22, 0), "Europe/Berlin", "2026-10-25"),  # a day of 25 hours
        ("day", utc(2026, 10, 25, 22, 59), "Europe/Berlin", "2026-10-25"),
        ("day", utc(2026, 10, 25, 23, 0), "Europe/Berlin", "2026-10-26"),
        ("week", utc(2026, 11, 22, 23, 59), "UTC", "2026-W47"),  # a Sunday
        ("week", utc(2026, 11, 23), "UTC", "2026-W48"),
        ("week", utc(2027, 1, 3), "UTC", "2026-W53"),  # the ISO year is not the calendar's
        ("week", utc(2027, 1, 4), "UTC", "2027-W01"),
        ("month", utc(2026, 11, 30, 23, 59), "UTC", "2026-11"),
        ("month", utc(2026, 11, 30, 23, 59), "Europe/Berlin", "2026-12"),
        ("month", utc(2024, 2, 29, 12), "UTC", "2024-02"),
        ("run", utc(2026, 11, 21), "UTC", "run r1"),
        ("total", utc(2026, 11, 21), "UTC", "total"),
    ],
)
def test_a_window_begins_where_the_caps_own_zone_says(period: Period, at: datetime, zone: str, name: str) -> None:
    assert window(period, at, zone) == name


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    hours=st.integers(0, 400),
)
def test_time_never_runs_back_into_an_earlier_window(at: datetime, zone: str, hours: int) -> None:
    first = at.replace(tzinfo=UTC)
    later = first + timedelta(hours=hours)
    for period in ("day", "week", "month"):
        assert window(period, first, zone) <= window(period, later, zone)


def test_each_value_has_a_window_of_its_own_only_where_the_cap_says_each() -> None:
    at = utc(2026, 11, 21)
    each = Cap("c", "flow", "*", "day", 1)
    one = Cap("c", "flow", "catalog", "day", 1)
    assert (each.window(CALL, at), one.window(CALL, at)) == ("catalog|2026-11-21", "2026-11-21")


def test_a_cap_covers_its_value_every_value_or_everything_and_never_an_empty_one() -> None:
    assert Cap("c", "global", "", "day", 1).covers(CALL)
    assert Cap("c", "sku", "*", "day", 1).covers(CALL)
    assert Cap("c", "sku", "mug", "day", 1).covers(CALL)
    assert not Cap("c", "sku", "bowl", "day", 1).covers(CALL)
    assert not Cap("c", "campaign", "*", "day", 1).covers(CALL)


def test_a_wrong_cap_is_refused_with_its_name() -> None:
    with pytest.raises(InputError, match=r"cap c: unknown time zone 'Mars/Base'"):
        Cap("c", "global", "", "day", 1, "Mars/Base")
    with pytest.raises(InputError, match="cannot be negative"):
        Cap("c", "global", "", "day", -1)
