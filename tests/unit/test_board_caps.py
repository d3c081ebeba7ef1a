"""Caps on the board: how full and where heading, raising and lowering with a reason, and making new ones."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from budget.caps import Cap
from budget.ledger import Ledger
from budget.report_caps import cap_changes_of, caps_by_name
from budget.typed_amounts import typed_usd
from domain.attempt import Dimensions, Intent
from domain.errors import CapRefused, InputError
from review.access.roles import Role
from review.cap_forms import cap_title, scope_text, window_text
from tests.support.board import BoardClient, BoardUnderTest

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEW: dict[str, Any] = {
    "name": "google-month",
    "limit": "200",
    "scope": "vendor",
    "value": "google",
    "period": "month",
    "time_zone": "Europe/Berlin",
    "thresholds": "90, 50 %",
    "why": "the plan for winter",
}


class Desk:
    """A board at noon with one cap of a dollar a day and one for each campaign by itself."""

    def __init__(self, folder: Path) -> None:
        self.under = BoardUnderTest.on(folder)
        self.w = self.under.w
        self.ids, self.now = count(1), NOON
        self.w.__dict__["now"] = lambda: self.now
        self.w.__dict__["ledger"] = self.ledger = Ledger(
            self.w.database, process_id="p", clock=lambda: self.now, new_id=lambda: f"a{next(self.ids)}"
        )
        self.ledger.set_cap(Cap("day", "global", "", "day", 1_000_000), by="settings", why="a start")
        self.ledger.set_cap(Cap("each", "campaign", "*", "month", 5_000_000, "Europe/Berlin"), by="mara", why="each")
        self.her: BoardClient = self.under.client(Role.FINANCE)

    def hold(self, micros: int, campaign: str = "") -> str:
        d = Dimensions("r1", "campaign", "", campaign, vendor="bfl")
        return self.ledger.hold(Intent(f"w{next(self.ids)}", micros, "book", d), slots=99).attempt_id

    def cap(self, cap_id: str) -> Cap | None:
        return caps_by_name(self.w.database, with_runs=True).get(cap_id)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.w.close()


def text_of(answer_text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer_text)).split())


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ("2026-11-21", "21 Nov 2026"),
        ("2026-W07", "week 7 of 2026"),
        ("2026-11", "November 2026"),
        ("total", "since it was set"),
        ("run autumn-1", "run autumn-1"),
        ("spring|2026-11-01", "spring · 1 Nov 2026"),
    ],
)
def test_a_window_reads_as_people_say_it(window: str, told: str) -> None:
    assert window_text(window) == told


@pytest.mark.parametrize(
    ("cap", "told"),
    [
        (Cap("day", "global", "", "day", 1), "All spend a day"),
        (Cap("all", "global", "", "total", 1), "All spend (all)"),
        (Cap("each", "flow", "*", "week", 1), "Each flow, a week"),
        (Cap("brand", "cost_centre", "brand", "month", 1), "Cost centre brand, a month"),
        (Cap("run:r1", "run_id", "r1", "total", 1), "This run"),
    ],
)
def test_a_cap_s_title_says_what_it_counts(cap: Cap, told: str) -> None:
    assert cap_title(cap) == told


def test_every_cap_is_there_with_what_is_committed_left_and_where_it_is_heading(desk: Desk) -> None:
    attempt = desk.hold(400_000)
    desk.ledger.send(attempt)
    desk.ledger.settle(attempt, 400_000, source="vendor")
    desk.hold(200_000)
    page = desk.her.get("/caps").text
    shown = text_of(page)
    assert "$0.60 of $1.00, 60 %" in shown
    assert "$0.40 left · $0.20 held" in shown
    assert "At this pace about $1.20 by 22 Nov 2026, 00:00 UTC: the limit is reached about 21 Nov 2026, 20:00" in shown
    assert "each campaign by itself, each month, Europe/Berlin" in shown
    assert "Nothing was held under it in this period" in shown, "a cap without a window is there too"
    assert 'd="M500 0v24"' in page, "the threshold of 50 % is half way along the meter"
    assert "50 %" in shown.split("Last alerts")[1].split("Who changed")[0], "the hold crossed it"


def test_the_number_of_a_cap_leads_to_the_attempts_that_its_window_counted(desk: Desk) -> None:
    desk.hold(100_000, "autumn")
    desk.now += timedelta(hours=1)
    desk.hold(50_000, "spring")
    page = desk.her.get("/caps/cap/each").text
    urls = [html.unescape(url) for url in re.findall(r'href="(/spend/attempts\?[^"]+)"><strong>', page)]
    assert len(urls) == 2
    behind = [desk.her.get(url).text for url in urls]
    assert ["<strong>1 attempt</strong>" in text for text in behind] == [True, True]
    assert "$0.1000" in behind[0]


def test_what_a_cap_holds_leads_to_what_is_under_way_and_from_there_to_what_is_in_doubt(desk: Desk) -> None:
    desk.hold(100_000, "autumn")
    doubted = desk.hold(50_000, "autumn")
    desk.ledger.send(doubted)
    desk.ledger.doubt(doubted, code="cut", note="no answer")
    url = re.search(r'href="([^"]+)">\$0.15 held', desk.her.get("/caps/cap/each").text)
    shown = desk.her.get(html.unescape(url.group(1))).text  # type: ignore[union-attr]
    assert "1 attempt , together $0.100000" in text_of(shown)
    assert "This cap holds another $0.050000 for 1 call in doubt" in text_of(shown)
    rest = re.search(r'href="([^"]+)">\$0.050000', shown)
    assert "1 attempt , together $0.050000" in text_of(desk.her.get(html.unescape(rest.group(1))).text)  # type: ignore[union-attr]


def test_what_is_left_is_rounded_down(desk: Desk) -> None:
    desk.hold(101_000)
    assert "$0.10 of $1.00, 10 %" in text_of(desk.her.get("/caps").text)
    assert "$0.89 left" in text_of(desk.her.get("/caps").text)


def test_a_hold_is_on_the_page_at_its_next_pulse(desk: Desk) -> None:
    version = re.search('data-version="([^"]+)"', desk.her.get("/caps").text).group(1)  # type: ignore[union-attr]
    assert desk.her.get(f"/caps/pulse?version={version}").status_code == 204
    desk.hold(123_400)
    fresh = desk.her.get(f"/caps/pulse?version={version}")
    assert fresh.status_code == 200
    assert "$0.12" in fresh.text


def test_raising_a_cap_lets_the_next_hold_through_and_is_recorded_with_who_and_why(desk: Desk) -> None:
    desk.hold(900_000)
    with pytest.raises(CapRefused):
        desk.hold(200_000)
    answer = desk.her.submit("/caps/cap/day", limit="$1,250.50", thresholds="50, 80, 95", why="black friday")
    assert (answer.status_code, answer.headers["location"]) == (303, "/caps/cap/day")
    desk.hold(200_000)
    change = cap_changes_of(desk.w.database, "day", 1)[0]
    assert (change.from_micros, change.to_micros, change.by, change.why) == (
        1_000_000, 1_250_500_000, "finance", "black friday",
    )  # fmt: skip
    entry = desk.under.board.audits.newest(1)[0]
    assert (entry.action, entry.target, entry.user_id) == ("cap.set", "day", "finance")
    assert "black friday" in desk.her.get("/caps/cap/day").text


def test_the_form_of_a_cap_has_its_limit_to_the_last_micro_so_that_new_alerts_alone_leave_it(desk: Desk) -> None:
    small = Cap("small", "global", "", "day", 1_004_600)
    desk.ledger.set_cap(small, by="mara", why="a drill")
    limit = re.search('name="limit" type="text" value="([^"]+)"', desk.her.get("/caps/cap/small").text)
    assert limit is not None
    assert typed_usd(limit[1], where="limit") == small.limit_micros
    desk.her.submit("/caps/cap/small", limit=limit[1], thresholds="90", why="later is soon enough")
    changed = desk.cap("small")
    assert changed is not None
    assert (changed.limit_micros, changed.thresholds) == (small.limit_micros, (90,))


def test_the_first_page_knows_the_caps_of_the_settings_before_anything_was_held(tmp_path: Path) -> None:
    under = BoardUnderTest.on(tmp_path)
    shown = text_of(under.client(Role.VIEWER).get("/").text)
    assert "All spend a day" in shown
    assert "No cap over everything is set" not in shown
    under.w.close()


def test_lowering_under_what_is_committed_asks_once_more_and_then_stops_new_holds_only(desk: Desk) -> None:
    held = desk.hold(600_000)
    form: dict[str, Any] = {"limit": "0.5", "thresholds": "50, 80, 95", "why": "stop"}
    asked = desk.her.submit("/caps/cap/day", **form)
    assert asked.status_code == 422
    assert "stops new holds at once, and touches nothing that is running or held" in text_of(asked.text)
    assert 'value="0.5"' in asked.text
    assert desk.cap("day") == Cap("day", "global", "", "day", 1_000_000)
    assert desk.her.submit("/caps/cap/day", **form, sure="yes").status_code == 303
    with pytest.raises(CapRefused):
        desk.hold(1)
    assert desk.ledger.get(held).state == "held"
    shown = text_of(desk.her.get("/caps").text)
    assert "$0.10 over : no new hold fits" in shown


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"why": " "}, "Say why"),
        ({"limit": "much"}, "is not an amount in dollars"),
        ({"limit": "-1"}, "is not an amount in dollars"),
        ({"limit": "0,05"}, "is not an amount in dollars"),
        ({"thresholds": "50, half"}, "Write whole percents"),
        ({"thresholds": "0, 120"}, "wrong thresholds"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(fields: dict[str, Any], says: str, desk: Desk) -> None:
    answer = desk.her.submit("/caps/cap/day", **{"limit": "2", "thresholds": "50", "why": "x", **fields})
    assert answer.status_code == 422
    assert says in answer.text
    assert desk.cap("day") == Cap("day", "global", "", "day", 1_000_000)


def test_a_new_cap_by_scope_period_zone_and_thresholds(desk: Desk) -> None:
    answer = desk.her.submit("/caps", **NEW)
    assert answer.headers["location"] == "/caps/cap/google-month"
    wanted = Cap("google-month", "vendor", "google", "month", 200_000_000, "Europe/Berlin", (50, 90))
    assert desk.cap("google-month") == wanted
    assert cap_changes_of(desk.w.database, "google-month")[0].why == "the plan for winter"
    assert "vendor google, each month, Europe/Berlin" in desk.her.get("/caps").text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "day"}, "There is a cap of this name already"),
        ({"name": "a b"}, "letters, digits"),
        ({"name": ""}, "letters, digits"),
        ({"value": ""}, "for each by itself"),
        ({"scope": "moon"}, "Choose what the cap covers"),
        ({"period": "hour"}, "Choose what the cap covers"),
        ({"time_zone": "Mars/Base"}, "unknown time zone"),
        ({"time_zone": ""}, "unknown time zone"),
        ({"why": ""}, "Say why"),
    ],
)
def test_a_new_cap_that_is_not_right_is_not_made_and_the_form_keeps_what_was_typed(
    fields: dict[str, Any], says: str, desk: Desk
) -> None:
    answer = desk.her.submit("/caps", **{**NEW, **fields})
    assert answer.status_code == 422
    assert says in text_of(answer.text)
    assert 'value="200"' in answer.text
    assert desk.cap("google-month") is None
    assert desk.cap("day") == Cap("day", "global", "", "day", 1_000_000)


def test_the_cap_of_one_run_has_a_page_and_an_unknown_one_has_none(desk: Desk) -> None:
    desk.ledger.set_cap(Cap("run:r1", "run_id", "r1", "total", 10_000), by="t", why="a run's own")
    assert "run r1, for good" in desk.her.get("/caps/cap/run:r1").text
    assert "run:r1" not in text_of(desk.her.get("/caps").text).split("Who changed")[0]
    assert desk.her.get("/caps/cap/nothing").status_code == 404
    assert desk.her.submit("/caps/cap/nothing", limit="1", why="x").status_code == 404


def test_whoever_is_not_of_finance_changes_no_cap(desk: Desk) -> None:
    for role in (Role.VIEWER, Role.APPROVER):
        assert desk.under.client(role).submit("/caps/cap/day", limit="9", why="x").status_code == 403
        assert desk.under.client(role).submit("/caps", **NEW).status_code == 403
    assert desk.under.client(Role.ADMIN).submit("/caps", **NEW).status_code == 303
    assert desk.cap("day") == Cap("day", "global", "", "day", 1_000_000)


def test_a_cap_in_words() -> None:
    assert scope_text(Cap("d", "global", "", "day", 1)) == "everything, each day"
    assert scope_text(Cap("r", "run_id", "*", "run", 1, "Europe/Berlin")) == "each run by itself, each run"


@pytest.mark.parametrize(
    ("typed", "micros"),
    [("0.0336", 33_600), ("$1,250.50", 1_250_500_000), (" 5 ", 5_000_000), (".5", 500_000), ("1,000,000", 10**12)],
)
def test_amounts_are_read_as_people_write_them(typed: str, micros: int) -> None:
    assert typed_usd(typed, where="x") == micros


@pytest.mark.parametrize("typed", ["", "$", ".", "0,05", "1,00", "12,34", "-1", "1e3", "NaN", "١", "9" * 15, "1 2"])
def test_what_could_be_misread_is_refused(typed: str) -> None:
    with pytest.raises(InputError, match="x: "):
        typed_usd(typed, where="x")
