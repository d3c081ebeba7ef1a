"""Spend on the board: reports that add up and can be sent on, numbers that lead to their attempts, a person's word."""

import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import review
from budget.approvals import Approvals
from budget.quote import Quote, QuoteLine
from budget.reports import list_attempts
from domain.attempt import Dimensions, Intent
from domain.money import Micros, PriceRange, from_usd
from review.access.roles import Role
from review.amounts import money
from review.charts import HEIGHT, PLAIN, stacked_bars
from review.queries.spend import spend_by, spend_total
from review.spend_asked import Asked
from storage.database.money_tables import price_drifts
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import BoardData, board_wiring, seed_board

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BoardUnderTest, BoardData]]:
    w = board_wiring(tmp_path_factory.mktemp("spend"))
    data = seed_board(w, pictures=False, drafts=20, days=40)
    yield BoardUnderTest(w), data
    w.close()


@pytest.fixture
def under(seeded: tuple[BoardUnderTest, BoardData]) -> BoardUnderTest:
    return seeded[0]


@pytest.fixture
def her(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.FINANCE)


def hold(under: BoardUnderTest, name: str, micros: int = 1_234_500, campaign: str = "late-idea") -> str:
    d = Dimensions("late-run", "campaign", "", campaign, "brand", "k", "SKU-9", "draft", "draft", "bfl", "d", "m")
    request = {"prompt": "a <b>red</b> kettle", "width_px": 512, "height_px": 512, "seed": 7, "references": ["1" * 64]}
    return under.w.ledger.hold(Intent(name, micros, "2026-11", d, request), slots=99).attempt_id


def doubtful(under: BoardUnderTest, name: str) -> str:
    attempt_id = hold(under, name, 20_000)
    under.w.ledger.send(attempt_id)
    under.w.ledger.doubt(attempt_id, code="cut", note="no answer in 600 s")
    return attempt_id


def numbers(text: str) -> dict[str, str]:
    return dict(re.findall(r'id="total-(\w+)"[^>]*>([^<]+)<', text))


# -- the report ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["flow", "campaign", "cost_centre", "model", "tier", "vendor", "day", "run", "sku"])
def test_a_report_by_every_column_shows_each_row_and_the_same_total(
    by: str, under: BoardUnderTest, her: BoardClient
) -> None:
    page = her.get(f"/spend?by={by}")
    assert page.status_code == 200
    asked = Asked.of_query({"by": by}, under.w.now().date())
    total = spend_total(under.w.database, asked.filter)
    assert numbers(page.text)["calls"] == f"{total.calls:,}"
    for row in spend_by(under.w.database, asked.by, asked.filter)[:20]:
        assert (row.key or "no cost centre") in page.text


def test_every_number_leads_to_attempts_that_add_up_to_it(her: BoardClient) -> None:
    page = her.get("/spend?by=cost_centre&range=7-days")
    shown = re.findall(r'<a(?: id="[^"]+")? href="(/spend/attempts\?[^"]+)">\$?([0-9.,]+)</a>', page.text)
    assert len(shown) > 10
    for url, number in dict.fromkeys(shown):
        behind = her.get(html.unescape(url)).text
        count, together = re.search(r"<strong>([0-9,]+) attempts?</strong>, together.*?\$([0-9.,]+)<", behind).groups()  # type: ignore[union-attr]
        assert number in (count, money(from_usd(together.replace(",", ""))).removeprefix("$")), "to the cent"


def test_the_sums_under_the_table_and_beside_the_chart_lead_to_their_attempts_too(her: BoardClient) -> None:
    page = her.get("/spend?range=7-days&by=vendor").text
    for start, end in (("<tfoot>", "</tfoot>"), ('<ul class="legend">', "</ul>")):
        part = page.partition(start)[2].partition(end)[0]
        links = re.findall(r'<a href="/spend/attempts\?[^"]+">(\$?[0-9.,]+)</a>', part)
        assert links
        assert links == re.findall(r">(\$?[0-9][0-9.,]*)<", part)


def test_filters_combine_stay_in_the_address_and_can_be_taken_away(her: BoardClient) -> None:
    text = html.unescape(her.get("/spend?range=7-days&vendor=bfl&tier=final&by=day").text)
    assert 'href="/spend?by=run&range=7-days&tier=final&vendor=bfl"' in text, "another column keeps the filters"
    assert 'href="/spend?by=day&range=7-days&vendor=bfl"' in text, "a filter can be taken away"
    assert 'href="/spend/report.csv?by=day&range=7-days&tier=final&vendor=bfl"' in text
    assert "gemini" not in text.split('<div id="live"')[1]


def test_a_form_that_was_sent_becomes_the_shortest_address(under: BoardUnderTest, her: BoardClient) -> None:
    today = under.w.now().date()
    days = f"first_day={today - timedelta(days=6)}&last_day={today}"
    sent = f"/spend?by=model&range=7-days&{days}&flow=&campaign=autumn&run="
    assert her.get(sent).headers["location"] == "/spend?by=model&range=7-days&campaign=autumn"
    changed = f"/spend?by=campaign&range=7-days&first_day=2026-11-01&last_day={today}&flow="
    assert her.get(changed).headers["location"] == f"/spend?first_day=2026-11-01&last_day={today}"


@pytest.mark.parametrize(
    ("preset", "first", "last"),
    [
        ("today", "2026-11-21", "2026-11-21"),
        ("7-days", "2026-11-15", "2026-11-21"),
        ("30-days", "2026-10-23", "2026-11-21"),
        ("this-month", "2026-11-01", "2026-11-21"),
        ("last-month", "2026-10-01", "2026-10-31"),
    ],
)
def test_a_range_is_the_days_that_its_name_says(preset: str, first: str, last: str) -> None:
    asked = Asked.of_query({"range": preset}, TODAY)
    assert (asked.filter.first_day, asked.filter.last_day) == (first, last)
    assert Asked.of_query(asked.as_query(), TODAY) == asked


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("first_day=2026-13-01", "is no day"),
        ("first_day=2026-11-20&last_day=2026-11-01", "the first day is after the last"),
        ("by=colour", "there is no report by &#39;colour&#39;"),
        ("range=ever", "there is no range"),
        ("first_day=2001-01-01&last_day=2026-11-01", "days, at most"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence_above_a_report_that_works(
    query: str, says: str, her: BoardClient
) -> None:
    page = her.get(f"/spend?{query}")
    assert page.status_code == 422
    assert says in page.text
    assert "Together" in page.text


def test_the_chart_s_rest_leads_to_its_rows(under: BoardUnderTest, her: BoardClient) -> None:
    for number in range(8):
        hold(under, f"rest-{number}", 1_000_000 - number, f"idea-{number}")
    for url in ("/spend?range=today", "/spend?by=campaign&range=today&flow=campaign"):
        text = her.get(url, follow_redirects=True).text
        (rest,) = re.findall(r'href="([^"]+)" aria-label="[^"]+, other: to the rows', text)
        address, _, row = html.unescape(rest).partition("#")
        assert f'id="{row}"' in her.get(address).text
        assert row == "row-7", "the first that has no colour of its own"


def test_nothing_spent_is_a_page_too(her: BoardClient) -> None:
    page = her.get("/spend?campaign=nobody")
    assert page.status_code == 200
    assert "Nothing was spent" in page.text


def test_a_hold_is_on_the_page_at_its_next_pulse(under: BoardUnderTest, her: BoardClient) -> None:
    page = her.get("/spend?range=today").text
    pulse, version = (re.search(f'data-{name}="([^"]+)"', page).group(1) for name in ("pulse", "version"))  # type: ignore[union-attr]
    url = f"{html.unescape(pulse)}&version={version}"
    assert her.get(url, headers={"hx-request": "true"}).status_code == 204, "nothing changed: nothing is sent"
    assert "late-idea" not in page
    hold(under, "pulse", 1_234_500)
    fresh = her.get(url, headers={"hx-request": "true"})
    assert fresh.status_code == 200
    assert "late-idea" in fresh.text
    assert "$1.23" in fresh.text
    assert f'data-version="{version}"' not in fresh.text
    assert "<html" not in fresh.text


def test_a_text_that_somebody_put_into_a_brief_is_only_text(under: BoardUnderTest, her: BoardClient) -> None:
    hold(under, "evil", campaign='<script>"&')
    text = her.get("/spend?range=today").text
    assert '<script>"&' not in text
    assert "&lt;script&gt;&#34;&amp;" in text


def test_the_csv_is_the_table_and_that_of_attempts_is_what_is_behind_it(
    under: BoardUnderTest, her: BoardClient
) -> None:
    answer = her.get("/spend/report.csv?by=vendor&range=30-days")
    assert re.fullmatch(
        r'attachment; filename="spend-by-vendor-[\d-]{10}-[\d-]{10}\.csv"', answer.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    asked = Asked.of_query({}, under.w.now().date()).filter
    behind = her.get("/spend/attempts.csv", params={**asked.as_query(), "state": "counted"})
    assert behind.headers["content-type"] == "text/csv; charset=utf-8"
    found = list(csv.DictReader(io.StringIO(behind.content.decode("utf-8-sig"))))
    assert len(found) == sum(int(row["calls"]) for row in rows)
    assert {row["vendor"] for row in found} == {row["vendor"] for row in rows}


def test_only_finance_and_administrators_see_money(under: BoardUnderTest) -> None:
    for role in (Role.VIEWER, Role.CREATOR, Role.REVIEWER, Role.APPROVER):
        for path in ("/spend", "/spend/attempts", "/spend/attempts/x", "/spend/drift", "/spend/approvals", "/caps"):
            assert under.client(role).get(path).status_code == 403, (role, path)
    assert under.client(Role.ADMIN).get("/spend").status_code == 200


# -- the chart -------------------------------------------------------------------------------------------------------


def test_bars_stand_on_each_other_end_at_the_sum_and_reach_the_scale() -> None:
    chart = stacked_bars(["2026-11-20", "2026-11-21"], [("a", (1_500_000, 0)), ("b", (500_000, 3_300_000))])
    assert [tick.text for tick in chart.ticks] == ["$4", "$3", "$2", "$1", "$0"]
    first, second, third = chart.parts
    assert (first.y + first.height, second.y + second.height, third.y + third.height) == (HEIGHT, first.y, HEIGHT)
    assert second.y == HEIGHT - 2 * HEIGHT // 4
    assert (chart.peak_day, chart.peak_micros) == ("2026-11-21", 3_300_000)
    assert third.text == "21 Nov, b: $3.30"
    assert chart.days_shown == ("20 Nov", "21 Nov")


@pytest.mark.parametrize(
    ("peak", "ticks"),
    [
        (14_000, ["$0.015", "$0.010", "$0.005", "$0"]),
        (900, ["$0.0010", "$0.0005", "$0"]),
        (56_000, ["$0.06", "$0.04", "$0.02", "$0"]),
    ],
)
def test_a_scale_of_small_amounts_has_as_many_places_on_each_of_its_lines(peak: int, ticks: list[str]) -> None:
    assert [tick.text for tick in stacked_bars(["2026-11-21"], [("a", (peak,))]).ticks] == ticks


def test_every_line_has_a_texture_of_its_own_and_the_rest_is_plain() -> None:
    lines = [*((f"m{n}", (100,)) for n in range(6)), ("other", (50,))]
    legend = stacked_bars(["2026-11-21"], lines, other="other").legend
    assert len({line.weave for line in legend[:6]}) == 6
    assert legend[6].fill == PLAIN


@pytest.mark.parametrize("peak", [0, 1, 7, 9_999, 10_000, 123_456_789, 10**13])
def test_a_scale_is_round_and_never_below_the_highest_bar(peak: int) -> None:
    chart = stacked_bars(["2026-11-21"], [("a", (peak,))])
    assert 2 <= len(chart.ticks) <= 5
    assert all(part.y >= 0 and part.height >= 1 for part in chart.parts)


# -- attempts --------------------------------------------------------------------------------------------------------


def test_the_list_goes_on_page_by_page_and_misses_nothing(under: BoardUnderTest, her: BoardClient) -> None:
    seen, url = list[str](), "/spend/attempts?vendor=google"
    while url:
        text = her.get(url).text
        seen += re.findall(r'href="/spend/attempts/([^"]+)"><code>', text)
        older = re.search(r'href="([^"]+)" rel="next"', text)
        url = html.unescape(older.group(1)) if older else ""
    wanted = [a.attempt_id for a in list_attempts(under.w.database) if a.dimensions.vendor == "google"]
    assert len(seen) == len(set(seen))
    assert set(seen) == set(wanted)


def test_one_attempt_shows_what_was_asked_and_all_that_happened(under: BoardUnderTest, her: BoardClient) -> None:
    attempt_id = doubtful(under, "story")
    text = her.get(f"/spend/attempts/{attempt_id}").text
    for part in ("a &lt;b&gt;red&lt;/b&gt; kettle", "512 × 512 px", "$0.0200", "no answer in 600 s", "late-run", "bfl"):
        assert part in text, part
    events = [text.index(f">{state}</span></td>") for state in ("held", "sent", "in doubt")]
    assert events == sorted(events)
    assert "the balance before and one after it, or bfl&#39;s invoice" in text
    assert her.get("/spend/attempts/unknown").status_code == 404


def test_an_attempt_with_a_picture_shows_it(seeded: tuple[BoardUnderTest, BoardData], her: BoardClient) -> None:
    under, data = seeded
    image = under.w.images.of_run(data.campaign, "draft")[0]
    text = her.get(f"/spend/attempts/{image.attempt_id}").text
    assert f'src="/pictures/{image.image_id}/thumb"' in text
    assert f'href="/runs/{data.campaign}"' in text


@pytest.mark.parametrize(
    ("fields", "state", "cost"),
    [({"outcome": "billed", "billed": "$0.0336"}, "settled", 33_600), ({"outcome": "nothing"}, "released", 0)],
)
def test_her_word_with_evidence_closes_what_is_in_doubt_and_is_logged(
    fields: dict[str, Any], state: str, cost: int, under: BoardUnderTest, her: BoardClient
) -> None:
    attempt_id = doubtful(under, f"word-{state}")
    answer = her.submit(f"/spend/attempts/{attempt_id}/resolve", why="line 12 of the May invoice", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/spend/attempts/{attempt_id}")
    found = under.w.ledger.get(attempt_id)
    assert (found.state, found.cost_micros) == (state, cost)
    assert found.evidence == "resolved by finance: line 12 of the May invoice"
    entry = under.board.audits.newest(1)[0]
    assert (entry.action, entry.target, entry.user_id) == ("attempt.resolved", attempt_id, "finance")
    text = her.get(f"/spend/attempts/{attempt_id}").text
    assert "line 12 of the May invoice" in text
    assert "What did the vendor bill?" not in text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"outcome": "billed", "billed": "0,05", "why": "x"}, "is not an amount in dollars"),
        ({"outcome": "billed", "billed": "-1", "why": "x"}, "is not an amount in dollars"),
        ({"outcome": "billed", "billed": "1e30", "why": "x"}, "is not an amount in dollars"),
        ({"outcome": "nothing", "why": "  "}, "has a name and a reason"),
        ({"why": "x"}, "Say what the vendor did"),
    ],
)
def test_a_word_that_is_not_complete_frees_nothing_and_keeps_what_was_typed(
    fields: dict[str, Any], says: str, under: BoardUnderTest, her: BoardClient
) -> None:
    (doubt,) = [a for a in list_attempts(under.w.database, states=("in_doubt",)) if a.error_code == "cut"][:1]
    answer = her.submit(f"/spend/attempts/{doubt.attempt_id}/resolve", **fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert f'value="{fields.get("billed", "")}"' in answer.text
    assert under.w.ledger.get(doubt.attempt_id) == doubt


def test_what_is_settled_already_is_not_settled_again(under: BoardUnderTest, her: BoardClient) -> None:
    (done,) = list_attempts(under.w.database, states=("settled",))[:1]
    answer = her.submit(f"/spend/attempts/{done.attempt_id}/resolve", outcome="nothing", why="x")
    assert (answer.status_code, "is settled, not in doubt" in answer.text) == (422, True)
    assert under.w.ledger.get(done.attempt_id) == done


def test_whoever_may_only_look_closes_nothing(under: BoardUnderTest) -> None:
    attempt_id = doubtful(under, "viewer")
    answer = under.client(Role.VIEWER).submit(f"/spend/attempts/{attempt_id}/resolve", outcome="nothing", why="x")
    assert answer.status_code == 403
    assert under.w.ledger.get(attempt_id).state == "in_doubt"


# -- drift and approvals ---------------------------------------------------------------------------------------------


def test_where_a_vendor_departed_from_the_book_is_listed(under: BoardUnderTest, her: BoardClient) -> None:
    assert "Every vendor has billed what the price book says" in her.get("/spend/drift").text
    (done,) = list_attempts(under.w.database, states=("settled",))[:1]
    row = {"attempt_id": done.attempt_id, "vendor": "bfl", "model_id": "flux-2-klein-4b", "price_version": "2026-11"}
    amounts = {"book_micros": 14_000, "vendor_micros": 17_500, "factor_ppm": 1_250_000, "at": datetime.now(UTC)}
    with under.w.database.write() as connection:
        connection.execute(price_drifts.insert().values(**row, **amounts))
    text = her.get("/spend/drift").text
    assert "× 1.250" in text
    assert "$0.0175" in text
    assert "figure is $0.017500, the book says $0.014000" in her.get(f"/spend/attempts/{done.attempt_id}").text


def test_who_approved_which_quote_and_how_much_is_listed(under: BoardUnderTest, her: BoardClient) -> None:
    approvals = Approvals(under.w.database, under.w.now)
    each = PriceRange(Micros(14_000), Micros(14_000), Micros(20_000))
    lines = [QuoteLine(f"k{n}", "", "draft", "draft", "d", "m", "bfl", 4, each) for n in range(3)]
    quotes = [Quote((line,), "2026-11") for line in lines]
    hashes = [approvals.record_quote(q, f"run-{n}", "campaign", f"brief-{n}", "mara") for n, q in enumerate(quotes)]
    approvals.approve(hashes[0], "ada", "black friday")
    approvals.approve(hashes[1], "ada", "a mistake")
    approvals.withdraw(hashes[1], "grace")
    text = her.get("/spend/approvals").text
    for part in (hashes[0][:12], "black friday", "withdrawn by grace", "not approved", "brief-2", "$0.08"):
        assert part in text, part


def test_the_colours_of_the_chart_stand_out_from_the_ground_in_both_themes() -> None:
    css = (Path(review.__file__).parent / "static" / "spend.css").read_text()
    pairs = re.findall(r"--series-\d: light-dark\((#\w{6}), (#\w{6})\)", css)
    assert len(pairs) == PLAIN + 1
    for light, dark in pairs:
        assert contrast(light, "#ffffff") >= 3, light
        assert contrast(dark, "#1c1c1c") >= 3, dark


def contrast(one: str, other: str) -> float:
    """As WCAG 2 counts it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
