"""Runs as pages and forms: the list, one run, cancel, start again, one asset's descent. A browser is in e2e."""

import re
from dataclasses import replace

import pytest

from budget.report_runs import money_of_runs
from budget.unfinished import NEVER_SENT
from domain.attempt import Dimensions, Intent
from review.access.roles import Role
from storage.database.tables import assets, images
from storage.records.flow_runs import FlowRun
from storage.records.launches import Launch
from tests.support.board import BoardUnderTest
from tests.support.board_data import BoardData
from tests.support.board_prefect import UI, FakePrefect

LAUNCH_ID = re.compile(r'name="launch_id" value="([^"]+)"')
pytest_plugins = ["tests.support.board_seeded"]


@pytest.fixture
def prefect(under: BoardUnderTest) -> FakePrefect:
    return FakePrefect().serves(under)


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_list_shows_every_run_and_counts_them_by_state(under: BoardUnderTest) -> None:
    text = under.client(Role.VIEWER).get("/runs").text
    for name in ("autumn", "wide", "Harvest-Table", "Five-Hundred"):
        assert name in text
    assert re.search(r'aria-current="page">All <span class="quiet number">6<', text)
    assert "New brief" not in text


def test_filters_narrow_the_list_and_an_empty_result_says_how_to_go_on(under: BoardUnderTest) -> None:
    her = under.client(Role.CREATOR)
    assert "Harvest-Table" not in her.get("/runs?kind=catalog").text
    found = her.get("/runs?text=terracotta").text
    assert "autumn" in found
    assert "Harvest-Table" not in found
    assert "autumn" in her.get("/runs?person=mara&state=awaiting_selection").text
    assert "No run fits these filters" in her.get("/runs?text=no-such-thing").text
    assert her.get("/runs?after=nonsense").status_code == 404


# -- one run -----------------------------------------------------------------------------------------------------------


def test_a_run_tells_its_stages_money_problems_and_who_works_on_it(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    text = under.client(Role.VIEWER).get(f"/runs/{data.catalog}").text
    assert "32 of 32" in text
    assert "1 failed" in text
    assert "Request Moderated" in text
    assert "Quote: $1.06, low, expected and worst alike" in text
    assert f"{UI}/runs/flow-run/flow-" in text
    assert "/cancel" not in text
    assert "/again" not in text


def test_a_published_run_names_its_addresses(under: BoardUnderTest, data: BoardData) -> None:
    text = under.client(Role.VIEWER).get(f"/runs/{data.published}").text
    assert "campaigns, version 3" in text
    assert "/catalogs/campaigns/current.json" in text
    assert "/catalogs/campaigns/v/3-0a1b2c3d4e5f.json" in text


def test_a_brief_s_warnings_stand_among_the_run_s_with_a_link_to_it(under: BoardUnderTest, data: BoardData) -> None:
    text = under.client(Role.VIEWER).get(f"/runs/{data.published}").text
    notes = text.partition('id="notes-title"')[2].partition("</section>")[0]
    assert f'<a href="/runs/{data.published}/assets/harvest-table">harvest-table</a>: placement' in notes
    assert "None." not in notes


def test_what_was_done_otherwise_while_a_picture_was_made_stands_among_the_run_s_warnings(
    under: BoardUnderTest, data: BoardData
) -> None:
    upscale = under.w.images.of_run(data.published, "upscale")[0]
    otherwise = images.update().where(images.c.image_id == upscale.image_id).values(warnings=["LANCZOS instead"])
    with under.w.database.write() as connection:
        connection.execute(otherwise)
    text = under.client(Role.VIEWER).get(f"/runs/{data.published}").text
    assert "and 1 more" in text.partition('id="notes-title"')[2].partition("</section>")[0]
    assert "2 warnings" in text
    with under.w.database.write() as connection:
        connection.execute(assets.update().where(assets.c.run_id == data.published).values(warnings=[]))
    text = under.client(Role.VIEWER).get(f"/runs/{data.published}").text
    assert "harvest-table</a>: LANCZOS instead" in text


def test_the_first_page_names_runs_and_sheets_as_their_own_pages_do(under: BoardUnderTest, data: BoardData) -> None:
    home, runs = (under.client(Role.VIEWER).get(path).text for path in ("/", "/runs"))
    for title in ("First-Frost", "Slow-Mornings", "Five-Hundred"):
        assert f">{title}</a>" in home
        assert f">{title}</a>" in runs
    assert re.search(r'class="sheet-name">Cedar &amp; Smoke Room Mist<span class="quiet"> · autumn<', home)
    assert 'aria-current="page">Today</a>' in home


def test_htmx_gets_only_what_changes(under: BoardUnderTest, data: BoardData) -> None:
    answer = under.client(Role.VIEWER).get(f"/runs/{data.running}", headers={"hx-request": "true"})
    assert "<html" not in answer.text
    assert 'class="stages"' in answer.text


def test_a_run_that_nobody_works_on_any_more_says_so(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    flow_run_id = f"flow-{data.running[-10:]}"
    prefect.knows(flow_run_id, "CRASHED", "the worker was killed")
    assert "was cut off: the worker was killed" in under.client(Role.VIEWER).get(f"/runs/{data.running}").text
    prefect.knows(flow_run_id, "RUNNING")
    assert "not being worked on" not in under.client(Role.VIEWER).get(f"/runs/{data.running}").text


def test_an_unknown_run_is_not_there_and_an_unknown_stream_neither(under: BoardUnderTest) -> None:
    assert under.client(Role.VIEWER).get("/runs/nothing").status_code == 404
    assert under.client(Role.VIEWER).get("/runs/nothing/events").status_code == 404
    assert under.client(Role.VIEWER).get("/runs/nothing/assets/x").status_code == 404


# -- starting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("SCHEDULED", "It waits for a worker."),
        ("RUNNING", "A worker has it and is planning."),
        ("FAILED", "This run did not begin"),
    ],
)
def test_a_launched_run_says_what_it_waits_for(
    under: BoardUnderTest, prefect: FakePrefect, state: str, says: str
) -> None:
    under.w.launches.begin(Launch("one", "", "campaign-new", "campaign/campaign", {}, "mara"))
    under.w.launches.started("one", "flow-new")
    prefect.knows("flow-new", state, "no such photo")
    text = under.client(Role.VIEWER).get("/runs/campaign-new").text
    assert says in text
    assert f"{UI}/runs/flow-run/flow-new" in text


def test_finals_that_were_asked_for_are_told_until_a_worker_has_them(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    under.w.launches.begin(Launch("promote-x-0", "", data.campaign, "promote/promote", {}, "mara"))
    under.w.launches.started("promote-x-0", "flow-finals")
    her, page = under.client(Role.VIEWER), f"/runs/{data.campaign}"
    prefect.knows("flow-finals", "SCHEDULED")
    waits = her.get(page).text
    assert "Finals were asked for. It waits for a worker." in waits
    assert "data-on-its-way" in waits
    prefect.knows("flow-finals", "FAILED", "there is no draft Z9")
    failed = her.get(page).text
    assert "Finals were asked for. It failed: there is no draft Z9" in failed
    assert "data-on-its-way" not in failed
    under.w.flow_runs.add(FlowRun("flow-finals", data.campaign, "promote", "Mara"))
    assert "Finals were asked for" not in her.get(page).text


def test_a_launch_is_taken_back_before_it_begins(under: BoardUnderTest, prefect: FakePrefect) -> None:
    under.w.launches.begin(Launch("one", "", "campaign-new", "campaign/campaign", {}, "mara"))
    under.w.launches.started("one", "flow-new")
    prefect.knows("flow-new", "SCHEDULED")
    her = under.client(Role.CREATOR)
    assert "Cancel the start" in her.get("/runs/campaign-new").text
    assert her.submit("/runs/campaign-new/cancel-start").status_code == 303
    assert prefect.state_of("flow-new") == "CANCELLED"
    assert "This run did not begin" in her.get("/runs/campaign-new").text


def test_a_launch_that_waits_or_was_declined_is_told_in_words(under: BoardUnderTest) -> None:
    launches, her = under.w.launches, under.client(Role.CREATOR)
    launches.begin(Launch("one", "", "campaign-new", "campaign/campaign", {}, "mara", state="waiting"))
    assert "waits for approval" in her.get("/runs/campaign-new").text
    launches.declined("one", "noor", "too dear for a test")
    assert "too dear for a test" in her.get("/runs/campaign-new").text


# -- cancel ------------------------------------------------------------------------------------------------------------


def test_cancel_shows_the_money_and_then_asks_prefect_to_stop(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    her, flow_run_id = under.client(Role.CREATOR), f"flow-{data.running[-10:]}"
    prefect.knows(flow_run_id, "RUNNING")
    shown = her.get(f"/runs/{data.running}/cancel").text
    assert "Committed, and stays so" in shown
    assert "$0.05" in shown
    before = _money(under, data.running)
    answer = her.submit(f"/runs/{data.running}/cancel", reason="wrong  brief")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{data.running}")
    assert prefect.state_of(flow_run_id) == "CANCELLING"
    run = under.w.runs.get(data.running)
    assert (run.status, run.status_note) == ("incomplete", "cancelled by Creator: wrong brief")
    assert _money(under, data.running) == before, "a cancel moves no money by itself"
    entry = under.board.audits.newest(1)[0]
    assert (entry.action, entry.detail["committed_micros"], entry.detail["flow_runs"]) == (
        "run.cancelled", 45_000, [flow_run_id],
    )  # fmt: skip


def test_a_cancelled_run_says_what_was_freed_and_waits_for_its_worker_before_it_goes_on(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    her, w = under.client(Role.CREATOR), under.w
    prefect.knows(f"flow-{data.running[-10:]}", "RUNNING")
    paid_for = Dimensions(data.running, "campaign", vendor="bfl", model_id="flux-2-pro")
    held = w.ledger.hold(Intent("never-sent", 30_000, "2026-11", paid_for), slots=4)
    answer = her.submit(f"/runs/{data.running}/cancel", reason="wrong brief")
    text = her.get(answer.headers["location"]).text
    assert "Cancelled by Creator: wrong brief" in text
    assert "frees what was never sent" in text
    assert "not finished" in text
    w.processes.beat()
    w.processes.take(f"run:{data.running}", "a test")
    launch_id = "retry-" + "0" * 32
    waits = her.submit(f"/runs/{data.running}/again", launch_id=launch_id)
    assert (waits.status_code, "A worker is still at this run" in waits.text) == (409, True)
    w.ledger.give_up(held.attempt_id, code=NEVER_SENT, note="its process is gone")
    assert "Freed: 1 call never sent" in her.get(f"/runs/{data.running}").text


def test_a_run_that_ended_while_somebody_thought_about_cancelling_stays_as_it_ended(
    under: BoardUnderTest, data: BoardData
) -> None:
    before = under.w.runs.get(data.published)
    assert not under.w.runs.cancel(data.published, "Mara")
    assert under.w.runs.get(data.published) == before


def test_what_does_not_run_cannot_be_cancelled_and_an_absent_prefect_changes_nothing(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    her = under.client(Role.CREATOR)
    assert "not running" in her.get(f"/runs/{data.published}/cancel").text
    assert her.submit(f"/runs/{data.published}/cancel").status_code == 409
    prefect.is_away = True
    assert her.submit(f"/runs/{data.running}/cancel").status_code == 503
    assert under.w.runs.get(data.running).status == "running"
    assert under.client(Role.REVIEWER).submit(f"/runs/{data.running}/cancel").status_code == 403


# -- start again -------------------------------------------------------------------------------------------------------


def test_retry_is_quoted_for_what_failed_and_starts_once(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    under.w.launches.begin(Launch("one", "", data.catalog, "catalog/catalog", {"params": {"feed": "f"}}, "mara"))
    under.w.launches.started("one", "flow-one")
    her = under.client(Role.CREATOR)
    shown = her.get(f"/runs/{data.catalog}/again").text
    assert "1 product that failed" in shown
    assert "4 drafts and 1 final" in shown
    assert "stoneware-mug" in shown
    assert "A vendor refused stoneware-mug by its rules" in shown
    launch_id = LAUNCH_ID.search(shown).group(1)  # type: ignore[union-attr]
    for _ in range(2):
        assert her.submit(f"/runs/{data.catalog}/again", launch_id=launch_id).status_code == 303
    assert prefect.started == [("catalog/catalog", {"params": {"feed": "f"}})]
    assert under.w.launches.of_run(data.catalog)[0].flow_run_id == "started-1"
    assert under.board.audits.newest(1)[0].action == "run.started_again"


def test_a_catalogs_retry_leads_to_the_run_that_it_became(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    under.w.launches.begin(Launch("retry-1", "", data.catalog, "catalog/catalog", {}, "mara"))
    under.w.launches.started("retry-1", "flow-retry")
    prefect.knows("flow-retry", "SCHEDULED")
    her = under.client(Role.VIEWER)
    assert "Started again. It waits for a worker." in her.get(f"/runs/{data.catalog}").text
    creator = under.client(Role.CREATOR)
    assert "/again" not in creator.get(f"/runs/{data.catalog}").text, "not twice"
    again = creator.submit(f"/runs/{data.catalog}/again", launch_id="retry-" + "0" * 32)
    assert (again.status_code, "It was started again already" in again.text) == (409, True)
    assert prefect.started == []
    under.w.runs.open(replace(under.w.runs.get(data.catalog), run_id="catalog-autumn-retry", status="published"), [])
    under.w.flow_runs.add(FlowRun("flow-retry", "catalog-autumn-retry", "catalog", "mara"))
    text = creator.get(f"/runs/{data.catalog}").text
    assert "Started again" not in text
    assert re.search(r'href="/runs/catalog-autumn-retry">.*published', text)
    assert "/again" not in text, "what failed is retried there"


def test_a_run_from_elsewhere_starts_again_with_what_prefect_remembers(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    her = under.client(Role.CREATOR)
    launch_id = "retry-" + "0" * 32
    refused = her.submit(f"/runs/{data.catalog}/again", launch_id=launch_id)
    assert refused.status_code == 503
    prefect.knows(f"flow-{data.catalog[-10:]}", "COMPLETED", params={"feed": "nightly.csv"})
    assert her.submit(f"/runs/{data.catalog}/again", launch_id=launch_id).status_code == 303
    assert prefect.started == [("catalog/catalog", {"params": {"feed": "nightly.csv"}})]


def test_a_cancelled_run_goes_on_at_the_price_of_what_is_left(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    under.w.runs.update(data.running, "incomplete", "cancelled by Mara")
    shown = under.client(Role.CREATOR).get(f"/runs/{data.running}/again").text
    assert "Go on with this run" in shown
    assert "1 final" in shown


def test_above_the_limit_only_an_approver_starts_again(
    under: BoardUnderTest, data: BoardData, prefect: FakePrefect
) -> None:
    object.__setattr__(under.w.settings, "board_approval_limit_cents", 1)
    launch_id = "retry-" + "0" * 32
    prefect.knows(f"flow-{data.catalog[-10:]}", "COMPLETED", params={})
    creator = under.client(Role.CREATOR)
    assert "an approver starts it" in creator.get(f"/runs/{data.catalog}/again").text
    assert creator.submit(f"/runs/{data.catalog}/again", launch_id=launch_id).status_code == 403
    assert under.client(Role.APPROVER).submit(f"/runs/{data.catalog}/again", launch_id=launch_id).status_code == 303


def test_nothing_failed_means_nothing_to_do_again(under: BoardUnderTest, data: BoardData) -> None:
    her = under.client(Role.CREATOR)
    assert "Nothing of this run has failed" in her.get(f"/runs/{data.published}/again").text
    assert her.submit(f"/runs/{data.published}/again", launch_id="retry-" + "0" * 32).status_code == 409
    assert her.submit(f"/runs/{data.published}/again", launch_id="mine").status_code == 400


# -- one asset ---------------------------------------------------------------------------------------------------------


def test_an_asset_shows_every_step_with_price_seed_and_hash(under: BoardUnderTest, data: BoardData) -> None:
    text = under.client(Role.VIEWER).get(f"/runs/{data.published}/assets/harvest-table").text
    final = under.w.images.of_run(data.published, "final")[0]
    assert "From draft B1 to the published files" in text
    for fact in (final.sha256, str(final.seed), final.model_answered, "$0.075", "by the vendor&#39;s bill"):
        assert fact in text, fact
    assert text.count("/blobs/") >= 10, "each rendition has its address, as a link and to copy"
    assert "/spend/attempts/" not in text
    assert f"/spend/attempts/{final.attempt_id}" in under.client(Role.FINANCE).get(
        f"/runs/{data.published}/assets/harvest-table"
    ).text  # fmt: skip


def test_an_asset_without_a_picture_says_why_and_what_is_in_doubt(under: BoardUnderTest, data: BoardData) -> None:
    her = under.client(Role.VIEWER)
    assert "Request Moderated" in her.get(f"/runs/{data.catalog}/assets/stoneware-mug").text
    doubtful = her.get(f"/runs/{data.catalog}/assets/{under.w.runs.assets(data.catalog)[1].asset_key}").text
    assert "in doubt since" in doubtful


def _money(under: BoardUnderTest, run_id: str) -> object:
    with under.w.database.read() as connection:
        return money_of_runs(connection, [run_id])
