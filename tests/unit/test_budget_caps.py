"""Windows of caps: where a day, a week and a month begin, by the cap's own time zone, and what a cap covers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget.caps import Cap, CapUse, Period
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
        ("day", utc(2026, 10, 25, 0, 30), "Europe/Berlin", "2026-10-25"),  # half past two, in summer time
        ("day", utc(2026, 10, 25, 1, 30), "Europe/Berlin", "2026-10-25"),  # half past two again, in winter time
        ("day", utc(2026, 11, 1, 5, 30), "America/New_York", "2026-11-01"),  # the hour that comes twice
        ("day", utc(2026, 11, 1, 6, 30), "America/New_York", "2026-11-01"),
        ("day", utc(2026, 11, 2, 4, 59), "America/New_York", "2026-11-01"),
        ("day", utc(2026, 11, 2, 5, 0), "America/New_York", "2026-11-02"),
        ("day", utc(2026, 3, 9, 3, 59), "America/New_York", "2026-03-08"),
        ("day", utc(2026, 3, 9, 4, 0), "America/New_York", "2026-03-09"),
        ("day", utc(2026, 11, 21, 18, 29), "Asia/Kolkata", "2026-11-21"),  # half an hour off, no summer time
        ("day", utc(2026, 11, 21, 18, 30), "Asia/Kolkata", "2026-11-22"),
        ("day", utc(2011, 12, 30, 9, 59), "Pacific/Apia", "2011-12-29"),
        ("day", utc(2011, 12, 30, 10, 0), "Pacific/Apia", "2011-12-31"),  # Samoa left the 30th out
        ("day", utc(2026, 4, 4, 14, 45), "Australia/Lord_Howe", "2026-04-05"),  # a day of 24 hours and a half
        ("day", utc(2026, 4, 5, 13, 29), "Australia/Lord_Howe", "2026-04-05"),
        ("day", utc(2026, 4, 5, 13, 30), "Australia/Lord_Howe", "2026-04-06"),
        ("day", utc(2026, 10, 4, 12, 59), "Australia/Lord_Howe", "2026-10-04"),  # and one of 23 and a half
        ("day", utc(2026, 10, 4, 13, 0), "Australia/Lord_Howe", "2026-10-05"),
        ("week", utc(2026, 11, 22, 23, 59), "UTC", "2026-W47"),  # a Sunday
        ("week", utc(2026, 11, 23), "UTC", "2026-W48"),
        ("week", utc(2027, 1, 3), "UTC", "2026-W53"),  # the ISO year is not the calendar's
        ("week", utc(2027, 1, 4), "UTC", "2027-W01"),
        ("week", utc(2024, 12, 29, 23, 59), "UTC", "2024-W52"),
        ("week", utc(2024, 12, 30), "UTC", "2025-W01"),  # New Year's week begins in the old year
        ("week", utc(2027, 1, 3, 22, 59), "Europe/Berlin", "2026-W53"),
        ("week", utc(2027, 1, 3, 23, 0), "Europe/Berlin", "2027-W01"),
        ("month", utc(2026, 11, 30, 23, 59), "UTC", "2026-11"),
        ("month", utc(2026, 11, 30, 23, 59), "Europe/Berlin", "2026-12"),
        ("month", utc(2024, 2, 29, 12), "UTC", "2024-02"),
        ("run", utc(2026, 11, 21), "UTC", "run r1"),
        ("total", utc(2026, 11, 21), "UTC", "total"),
    ],
)
def test_a_window_begins_where_the_caps_own_zone_says(period: Period, at: datetime, zone: str, name: str) -> None:
    assert window(period, at, zone) == name


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        ("Europe/Berlin", "2026-03-29", 23 * 60),
        ("Europe/Berlin", "2026-10-25", 25 * 60),
        ("America/New_York", "2026-03-08", 23 * 60),
        ("America/New_York", "2026-11-01", 25 * 60),
        ("Australia/Lord_Howe", "2026-10-04", 23 * 60 + 30),
        ("Australia/Lord_Howe", "2026-04-05", 24 * 60 + 30),
        ("Pacific/Apia", "2011-12-30", 0),
        ("Pacific/Apia", "2026-03-29", 24 * 60),
        ("Asia/Kolkata", "2026-03-29", 24 * 60),
        ("UTC", "2026-10-25", 24 * 60),
    ],
)
def test_a_day_is_one_window_however_long_the_clocks_make_it(zone: str, day: str, minutes: int) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=24)
    inside = [n for n in range(0, 72 * 60, 10) if window("day", start + timedelta(minutes=n), zone) == day]
    assert len(inside) * 10 == minutes
    assert not inside or inside[-1] - inside[0] == minutes - 10  # in one piece


@given(
    at=st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    zone=st.sampled_from(ZONES),
    seconds=st.integers(0, 3 * 365 * 86_400) | st.integers(0, 4 * 3600),
)
def test_time_never_runs_back_into_an_earlier_window(at: datetime, zone: str, seconds: int) -> None:
    first = at.replace(tzinfo=UTC)
    later = first + timedelta(seconds=seconds)
    for period in ("day", "week", "month", "total", "run"):
        assert window(period, first, zone) <= window(period, later, zone)


@given(at=st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1)), zone=st.sampled_from(ZONES))  # noqa: DTZ001
def test_windows_part_time_into_pieces_without_gap_or_overlap(at: datetime, zone: str) -> None:
    """Each instant has one window; the instants of a window are one piece, and days lie inside weeks and months."""
    here = at.replace(tzinfo=UTC)
    reach: dict[Period, int] = {"day": 26, "week": 8 * 24, "month": 32 * 24}
    for period, hours in reach.items():
        mine = window(period, here, zone)
        step = hours // 24
        names = [window(period, here + timedelta(hours=n), zone) for n in range(-hours, hours + 1, step)]
        ours = [n for n, name in enumerate(names) if name == mine]
        assert ours == list(range(ours[0], ours[-1] + 1))
        assert len(set(names)) >= 3  # one before, one after: no window outlasts its period
        assert names == sorted(names)


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
    with pytest.raises(InputError, match="at most"):
        Cap("c", "global", "", "day", 10**17)


@pytest.mark.parametrize("thresholds", [(0,), (101,), (80, 50), (50, 50)])
def test_thresholds_are_percents_that_rise(thresholds: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"cap c: wrong thresholds .*rising"):
        Cap("c", "global", "", "day", 1, thresholds=thresholds)


def test_a_hold_crosses_every_threshold_between_before_and_after_and_the_one_that_it_reaches() -> None:
    cap = Cap("c", "global", "", "day", 1000)
    assert CapUse(cap, "w", 500, 0).crossed(1) == [50]
    assert CapUse(cap, "w", 400, 99).crossed(499) == []
    assert CapUse(cap, "w", 500, 500).crossed(1000) == [50, 80, 95]
    assert CapUse(cap, "w", 600, 0).crossed(100) == []
    assert CapUse(Cap("c", "global", "", "day", 0), "w", 0, 0).crossed(0) == []
