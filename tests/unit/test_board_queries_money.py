"""Spend for the board: sums, series and pages are one whole, CSV is exact and safe, caps say where they are heading."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from budget.caps import Cap
from budget.ledger import Ledger
from budget.report_cells import dollars, safe_cell
from domain.attempt import Dimensions, Intent
from domain.errors import InputError
from review.queries.spend import (
    SPEND_KEYS,
    SpendFilter,
    SpendKey,
    attempts_csv,
    attempts_page,
    cap_burns,
    cap_changes_of,
    spend_by,
    spend_choices,
    spend_series,
    spend_total,
    spend_values,
    spend_version,
    sums_csv,
    window_bounds,
)
from storage.database import Database, open_database
from storage.database.migrate import migrate

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
# day, campaign, cost centre, state, hold, cost
CALLS = [
    (19, "autumn", "brand", "settled", 20_000, 14_001),
    (19, "autumn", "brand", "released", 20_000, 0),
    (21, "autumn", "shop", "in_doubt", 20_000, 0),
    (21, '=HYPERLINK("http://x","gift")', "", "settled", 50_000, 45_000),
    (21, '=HYPERLINK("http://x","gift")', "brand", "held", 67_200, 0),
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path}/spend.db")
    migrate(made)
    ids, now = count(1), [NOON]
    ledger = Ledger(made, process_id="p", clock=lambda: now[0], new_id=lambda: f"a{next(ids)}")
    ledger.set_cap(Cap("day", "global", "", "day", 1_000_000), by="mara", why="a start")
    ledger.set_cap(Cap("centre", "cost_centre", "*", "month", 100_000, "Europe/Berlin"), by="mara", why="each")
    ledger.set_cap(Cap("run:r1", "run_id", "r1", "total", 10), by="t", why="a run's own")
    ledger.set_cap(Cap("day", "global", "", "day", 264_400), by="finn", why="less")
    for n, (day, campaign, centre, end, hold, cost) in enumerate(CALLS):
        now[0] = NOON.replace(day=day) + timedelta(minutes=n)
        d = Dimensions(
            f"run-{campaign[:3]}", "campaign", "", campaign, centre, "k", f"SKU-{n % 2}", "draft", "draft", "bfl"
        )
        attempt = ledger.hold(Intent(f"w{n}", hold, "book", d), slots=99)
        if end != "held":
            ledger.send(attempt.attempt_id)
        if end == "settled":
            ledger.settle(attempt.attempt_id, cost, source="vendor")
        elif end == "in_doubt":
            ledger.doubt(attempt.attempt_id, code="cut", note="silence")
        elif end == "released":
            ledger.release(attempt.attempt_id, code="moderated", note="no")
    yield made
    made.close()


@pytest.mark.parametrize("key", SPEND_KEYS)
def test_every_column_sums_to_the_total_and_every_row_leads_to_its_attempts(database: Database, key: SpendKey) -> None:
    asked = SpendFilter(first_day="2026-11-01", last_day="2026-11-30")
    total, rows = spend_total(database, asked), spend_by(database, key, asked)
    assert (total.settled_micros, total.held_micros, total.in_doubt_micros) == (59_001, 67_200, 20_000)
    assert (total.calls, total.settled, total.held, total.in_doubt, total.released) == (4, 2, 1, 1, 1)
    assert sum(row.committed_micros for row in rows) == total.committed_micros == 146_201
    for row in rows:
        behind = asked.narrowed(key, row.key)
        assert len(attempts_page(database, behind).rows) == row.calls + row.released
        assert len(attempts_page(database, behind.with_(state="under_way")).rows) == row.held
        assert len(attempts_page(database, behind.with_(state="counted")).rows) == row.calls


def test_a_range_of_days_is_inclusive_and_days_without_spend_are_in_the_series(database: Database) -> None:
    assert spend_total(database, SpendFilter(first_day="2026-11-20", last_day="2026-11-21")).calls == 3
    series = spend_series(database, SpendFilter(first_day="2026-11-18", last_day="2026-11-21"), "cost_centre", 1)
    assert series.days == ("2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21")
    assert [(line.key, line.micros) for line in series.lines] == [
        ("brand", (0, 14_001, 0, 67_200)),
        ("other", (0, 0, 0, 65_000)),
    ]
    assert spend_series(database, SpendFilter(campaign="none")).days == ()
    assert spend_choices(database, "cost_centre", SpendFilter()) == ["brand", "shop"]


def test_a_link_carries_the_filter_and_nonsense_is_refused(database: Database) -> None:
    asked = SpendFilter.of_query({"campaign": " autumn ", "first_day": "2026-11-21", "page": "7"})
    assert asked.as_query() == {"campaign": "autumn", "first_day": "2026-11-21"}
    for query in ({"first_day": "21.11.2026"}, {"last_day": "20261121"}, {"state": "lost"}):
        with pytest.raises(InputError):
            SpendFilter.of_query(query)
    with pytest.raises(InputError, match="no place in the list"):
        attempts_page(database, SpendFilter(), after="2026")


def test_the_window_of_a_cap_leads_to_exactly_what_it_counts(database: Database) -> None:
    for burn in cap_burns(database, NOON):
        behind = attempts_page(database, SpendFilter(cap=burn.cap.cap_id, window=burn.window)).rows
        counted = [a for a in behind if a.state != "released"]
        assert sum(a.hold_micros if a.cost_micros is None else a.cost_micros for a in counted) == burn.committed_micros


def test_one_walk_finds_the_values_of_every_list(database: Database) -> None:
    assert spend_values(database, ("cost_centre", "vendor"), SpendFilter()) == {
        "cost_centre": ["brand", "shop"],
        "vendor": ["bfl"],
    }


def test_the_version_changes_with_every_hold_and_every_cap(database: Database) -> None:
    ledger = Ledger(database, process_id="p", clock=lambda: NOON, new_id=lambda: "late")
    before = spend_version(database)
    assert spend_version(database) == before
    held = Intent("late", 1, "book", Dimensions("r", "campaign", vendor="bfl"))
    ledger.hold(held, slots=99)
    after = spend_version(database)
    ledger.set_cap(Cap("day", "global", "", "day", 300_000), by="finn", why="more")
    assert len({before, after, spend_version(database)}) == 3


def test_pages_are_newest_first_and_miss_nothing(database: Database) -> None:
    seen, after = [], ""
    while True:
        page = attempts_page(database, SpendFilter(), after, limit=2)
        seen += [a.work_key for a in page.rows]
        after = page.next_key
        if not after:
            break
    assert seen == ["w4", "w3", "w2", "w1", "w0"]


def test_the_csv_is_exact_and_no_cell_is_a_formula(database: Database) -> None:
    data = b"".join(attempts_csv(database, SpendFilter()))
    assert data.startswith("\N{BYTE ORDER MARK}attempt_id,".encode())
    assert data.count(b"\r\n") == len(CALLS) + 1
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["cost_usd"] for row in rows] == ["", "0.045000", "", "0.000000", "0.014001"]
    assert rows[1]["campaign"] == '\'=HYPERLINK("http://x","gift")'
    sums = list(
        csv.DictReader(
            io.StringIO(sums_csv("campaign", spend_by(database, "campaign", SpendFilter())).decode("utf-8-sig"))
        )
    )
    assert [(row["campaign"][:2], row["committed_usd"]) for row in sums] == [("'=", "0.112200"), ("au", "0.034001")]


def test_cells_keep_every_micro_and_guard_every_formula() -> None:
    assert [dollars(n) for n in (0, 1, 1_234_567, -50, None)] == ["0.000000", "0.000001", "1.234567", "-0.000050", ""]
    assert [safe_cell(text) for text in ("=1", "+1", "-1", "@x", "\tx", " =1", "a=1", "")] == [
        "'=1", "'+1", "'-1", "'@x", "'\tx", "' =1", "a=1", "",
    ]  # fmt: skip


def test_caps_show_their_windows_of_now_and_a_straight_line_to_the_end(database: Database) -> None:
    burns = {burn.title: burn for burn in cap_burns(database, NOON)}
    assert list(burns) == ["centre (brand)", "day", "centre (shop)"]
    day = burns["day"]
    assert (day.committed_micros, day.percent, day.left_micros) == (132_200, 50, 132_200)
    assert (day.projected_micros, day.runs_out_at) == (264_400, None)
    assert cap_burns(database, NOON - timedelta(minutes=1))[1].runs_out_at == NOON.replace(hour=23, minute=58)
    early = {b.title: b for b in cap_burns(database, NOON.replace(hour=2, minute=23))}["day"]
    assert early.projected_micros is None
    assert burns["centre (brand)"].starts_at == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert [b.cap.cap_id for b in cap_burns(database, NOON, with_runs=True)][-1] == "run:r1"


def test_a_day_in_which_clocks_change_is_as_long_as_it_is() -> None:
    bounds = window_bounds(Cap("d", "global", "", "day", 1, "Europe/Berlin"), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert bounds is not None
    assert bounds[1] - bounds[0] == timedelta(hours=25)
    week = window_bounds(Cap("w", "global", "", "week", 1), NOON)
    assert week == (datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    december = window_bounds(Cap("m", "global", "", "month", 1), datetime(2026, 12, 31, tzinfo=UTC))
    assert december is not None
    assert december[1] == datetime(2027, 1, 1, tzinfo=UTC)
    assert window_bounds(Cap("t", "global", "", "total", 1), NOON) is None


def test_who_changed_a_cap_and_why_is_kept(database: Database) -> None:
    changes = cap_changes_of(database, "day")
    assert [(c.from_micros, c.to_micros, c.by, c.why) for c in changes] == [
        (1_000_000, 264_400, "finn", "less"),
        (None, 1_000_000, "mara", "a start"),
    ]
