"""What the board's pages read of a seeded campaign, a catalog run with exceptions and 500 drafts. Seeds in 3 s."""

import time
from collections.abc import Callable, Iterator

import pytest

from domain.attempt import Dimensions, Intent
from domain.errors import InputError, RunError
from domain.run import Selection
from review.queries.lineage import asset_lineage
from review.queries.pulse import run_pulse
from review.queries.queue import LOW_SCORE, review_queue
from review.queries.run_detail import run_detail
from review.queries.runs import RunFilter, list_runs
from review.queries.sheets import sheet
from review.uploads import reference_name
from storage.database.tables import assets as assets_table
from storage.database.tables import scores as scores_table
from storage.records.marks import MarkChange
from storage.records.uploads import Upload
from tests.support.board_data import BoardData, board_wiring, seed_board
from wiring import Wiring


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wiring, BoardData]]:
    w = board_wiring(tmp_path_factory.mktemp("board"))
    yield w, seed_board(w, pictures=False, days=3)
    w.close()


def test_runs_are_listed_newest_first_page_by_page_with_their_money(seeded: tuple[Wiring, BoardData]) -> None:
    w, _ = seeded
    first = list_runs(w.database, RunFilter(limit=2))
    rest = list_runs(w.database, RunFilter(limit=20, after=first.next_key))
    assert [row.name for row in (*first.rows, *rest.rows)] == [
        "first-frost", "slow-mornings", "five-hundred", "wide", "autumn", "harvest-table",
    ]  # fmt: skip
    assert rest.next_key == ""
    autumn = next(row for row in rest.rows if row.name == "autumn")
    assert (autumn.assets, autumn.failed, autumn.money.in_doubt, autumn.money.held_micros) == (9, 1, 1, 67_200)
    assert autumn.expected_micros <= autumn.worst_micros
    with pytest.raises(InputError, match="no place in the list"):
        list_runs(w.database, RunFilter(after="yesterday"))


def test_runs_are_found_by_state_person_and_the_sku_inside(seeded: tuple[Wiring, BoardData]) -> None:
    w, _ = seeded
    found = list_runs(w.database, RunFilter(text="Sku-07", state="awaiting_selection", kind="catalog", person="mara"))
    assert [row.name for row in found.rows] == ["wide"]
    assert list_runs(w.database, RunFilter(text="100%")).rows == ()


def test_a_running_run_says_how_far_each_stage_is(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    shown = {s.stage: (s.done, s.total, s.state) for s in run_detail(w.database, data.running).stages}
    assert shown["drafts"] == (3, 8, "running")
    assert shown["scores"] == (3, 8, "running")
    assert shown["finals"] == (0, 1, "waiting")
    assert shown["renditions"] == (0, 5, "waiting")


def test_a_published_run_is_done_in_every_stage_and_says_where(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    found = run_detail(w.database, data.published, "https://cdn.example.com")
    assert {s.state for s in found.stages} == {"done"}
    assert found.manifest == "https://cdn.example.com/catalogs/campaigns/current.json"
    assert [flow.started_by for flow in found.flow_runs] == ["mara"]


def test_a_cancel_frees_only_what_was_not_sent_and_a_retry_costs_only_the_failed_sku(
    seeded: tuple[Wiring, BoardData],
) -> None:
    w, data = seeded
    found = run_detail(w.database, data.catalog)
    assert (found.cancel.freed_micros, found.cancel.freed_calls) == (67_200, 1)
    assert found.cancel.in_doubt_micros == 20_000
    assert found.cancel.committed_micros == found.row.money.committed_micros - 67_200
    lines = [x for x in w.runs.get(data.catalog).quote["lines"] if x["asset_key"] == found.assets[0].asset_key]
    assert found.retry is not None
    assert found.retry.asset_keys == (found.assets[0].asset_key,)
    assert (found.retry.drafts, found.retry.finals) == (4, 1)
    assert found.retry.worst_micros == sum(x["each"]["worst"] * x["count"] for x in lines)
    assert found.problems == ((found.assets[0].asset_key, found.assets[0].problem),)
    assert run_detail(w.database, data.campaign).retry is None
    with pytest.raises(RunError, match="no run 'x'"):
        run_detail(w.database, "x")


def test_the_sheet_shows_everybodys_marks_and_what_is_still_to_come(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    found = sheet(w.database, data.campaign, "slow-mornings")
    mark = found.drafts[1].mark_of("mara")
    assert mark is not None
    assert (mark.name, mark.flag, mark.stars) == ("Mara Lindqvist", "pick", 5)
    assert sorted(d.rank for d in found.drafts) == [1, 2, 3, 4, 5, 6]
    best = max(found.drafts, key=lambda d: d.score or 0)
    assert best.machine_choice
    half = sheet(w.database, data.running, "first-frost")
    assert (len(half.drafts), half.expected, half.placeholders) == (3, 8, ("D1", "A2", "B2", "C2", "D2"))
    with pytest.raises(RunError):
        sheet(w.database, data.running, "teapot")


def test_near_duplicates_are_one_stack_with_the_best_in_front(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    first, second = w.images.of_run(data.published, "draft")[:2]
    scores = w.images.scores([first.image_id, second.image_id])
    with w.database.write() as connection:
        same = {"signature": scores[first.image_id].signature}
        connection.execute(
            scores_table.update().where(scores_table.c.image_id == second.image_id).values(**same, overall=0.99)
        )
    drafts = {d.label: d for d in sheet(w.database, data.published, "harvest-table").drafts}
    assert drafts[first.label].double_of == second.label
    assert drafts[first.label].stack[0] == second.label
    assert drafts[second.label].double_of == ""


def test_the_queue_begins_with_the_gravest_exception_and_says_why(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    page = review_queue(w.database, run_id=data.catalog)
    assert [item.reasons[0].kind for item in page.items] == ["failed", "people-disagree", "low-score", "imagined"]
    assert "Moderated" in page.items[0].reasons[0].text
    assert page.items[1].reasons[0].text == "Mara Lindqvist picked A1, Jonas Weber rejected it"
    assert f"below {LOW_SCORE:.2f}" in page.items[2].reasons[0].text
    assert ("Photo from", "folder:terracotta-vase.webp") in page.items[1].facts
    first = review_queue(w.database, run_id=data.catalog, show="all", limit=4)
    rest = review_queue(w.database, run_id=data.catalog, show="all", limit=40, after=first.next_key)
    assert len({item.key for item in (*first.items, *rest.items)}) == first.total == 9


def test_what_people_decided_leaves_the_exceptions(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    low = next(i for i in review_queue(w.database, run_id=data.catalog).items if i.reasons[0].kind == "low-score")
    choice = next(d for d in low.drafts if d.machine_choice)
    w.marks.change(choice.image_id, "noor", MarkChange(flag="pick"))
    assert low.key not in {item.key for item in review_queue(w.database, run_id=data.catalog).items}
    w.marks.undo(data.catalog, "noor")
    assert low.key in {item.key for item in review_queue(w.database, run_id=data.catalog).items}
    w.selections.close(data.catalog, {low.asset_key: (low.drafts[1].label,)}, by="Noor Haddad", reasons={})
    assert low.key not in {item.key for item in review_queue(w.database, run_id=data.catalog).items}


def test_the_lineage_goes_from_the_pick_to_every_published_file(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    found = asset_lineage(w.database, data.published, "harvest-table", "https://cdn.example.com")
    select = found.drafts[0]
    assert (select.label, select.picked) == ("B1", True)
    final = select.children[0]
    upscale = final.children[0]
    assert [final.stage, upscale.stage, {r.stage for r in upscale.children}] == ["final", "upscale", {"rendition"}]
    assert len(upscale.children) == 5
    assert all(r.address == f"https://cdn.example.com/blobs/{r.sha256[:2]}/{r.sha256}.jpg" for r in upscale.children)
    assert final.cost is not None
    quoted = [x for x in w.runs.get(data.published).quote["lines"] if x["stage"] == "final"]
    assert final.cost.cost_micros == quoted[0]["each"]["expected"]
    assert found.cost_micros == sum(d.cost.cost_micros or 0 for d in (*found.drafts, final) if d.cost)
    assert found.photos[0].origin == "photos/stoneware-mug.png"
    assert found.orphans == ()
    assert [(p.catalog, p.version) for p in found.published] == [("campaigns", 3)]


def test_a_photo_that_somebody_uploaded_has_the_name_of_its_file(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    asset = w.runs.assets(data.running)[0]
    digest = "ab" * 32
    now = w.now()
    w.uploads.add(Upload(digest, "linen apron.jpg", "image/jpeg", 900, 600, 1_000, "originals/ab", "mara", now))
    where = (assets_table.c.run_id == data.running, assets_table.c.asset_key == asset.asset_key)
    plan = {**asset.plan, "origins": [reference_name(digest)]}
    with w.database.write() as connection:
        connection.execute(assets_table.update().where(*where).values(plan=plan))
    found = asset_lineage(w.database, data.running, asset.asset_key)
    assert found.photos[0].origin == "linen apron.jpg"


def test_the_pulse_beats_for_everything_that_is_seen_and_for_nothing_else(seeded: tuple[Wiring, BoardData]) -> None:
    w, data = seeded
    draft = w.images.of_run(data.running, "draft")[0]
    held = Intent("pulse", 1_000, "book", Dimensions(data.running, "campaign", vendor="bfl"))
    changes: list[Callable[[], object]] = [
        lambda: w.runs.update(data.running, "running", "slower than usual"),
        lambda: w.runs.move_asset(data.running, "first-frost", "drafted"),
        lambda: w.marks.change(draft.image_id, "mara", MarkChange(stars=1)),
        lambda: w.marks.undo(data.running, "mara"),
        lambda: w.selections.open(Selection(data.running, "first-frost", "person", "open")),
        lambda: w.selections.close(data.running, {"first-frost": ("A1",)}, by="Mara", reasons={}),
        lambda: w.ledger.hold(held, slots=9),
        lambda: w.ledger.give_up(newest(w), code="stopped", note="cancelled"),
    ]
    for change in changes:
        before = run_pulse(w.database, data.running)
        assert run_pulse(w.database, data.running) == before
        change()
        assert run_pulse(w.database, data.running) != before


def newest(w: Wiring) -> str:
    found = w.ledger.find("pulse")
    assert found is not None
    return found.attempt_id


def test_five_hundred_drafts_are_read_at_once(
    seeded: tuple[Wiring, BoardData], capsys: pytest.CaptureFixture[str]
) -> None:
    """Times are printed with -s, not asserted: they are the machine's."""
    w, data = seeded
    for name, read in {
        "sheet": lambda: sheet(w.database, data.big, "five-hundred").drafts,
        "run": lambda: run_detail(w.database, data.wide).assets,
        "queue": lambda: review_queue(w.database, run_id=data.wide, show="all").items,
        "pulse": lambda: run_pulse(w.database, data.big),
    }.items():
        began_s = time.perf_counter()
        found = read()
        print(f"{name}: {1000 * (time.perf_counter() - began_s):.0f} ms, {len(found)}")
    assert "sheet" in capsys.readouterr().out
    assert len(sheet(w.database, data.big, "five-hundred").drafts) == 500
