"""The board's read models and records give the same on SQLite and on a real PostgreSQL. About 15 s, mostly seeding."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import SelectionError
from review.queries.decisions import newest_change
from review.queries.likes import draft_of, drafts_behind
from review.queries.lineage import asset_lineage
from review.queries.pulse import run_pulse
from review.queries.queue import review_queue
from review.queries.run_detail import run_detail
from review.queries.runs import RunFilter, list_runs, run_counts
from review.queries.sheets import sheet
from review.queries.spend import (
    SPEND_KEYS,
    SpendFilter,
    attempt_story,
    attempts_csv,
    attempts_page,
    cap_burns,
    caps_by_name,
    spend_by,
    spend_series,
    spend_total,
    spend_values,
    spend_version,
)
from review.queries.standing import standing
from review.uploads import reference_name, store_draft, store_upload
from storage.records.launches import Launch
from storage.records.marks import Mark, MarkChange
from tests.support.board_data import BoardData, board_wiring, seed_board
from tests.support.postgres import emptied, postgres_url
from wiring import Wiring

pytestmark = pytest.mark.server
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Seeded = tuple[Wiring, BoardData]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


@pytest.fixture(scope="module")
def both(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seeded, Seeded]]:
    """The same seeds on SQLite and on PostgreSQL."""
    emptied(postgres).close()
    made = []
    for name, url in (("sqlite", ""), ("postgres", postgres)):
        w = board_wiring(tmp_path_factory.mktemp(name), database_url=url)
        made.append((w, seed_board(w, pictures=False, drafts=24, days=5, now=NOW)))
    yield made[0], made[1]
    for w, _ in made:
        w.close()


def answers(seeded: Seeded) -> dict[str, Any]:
    """Everything that pages ask for, without the times of writing."""
    w, data = seeded
    db, asked = w.database, SpendFilter(first_day="2026-11-19", last_day="2026-11-21")
    runs = list_runs(db, RunFilter(limit=4))
    return {
        "runs": [row.name for row in runs.rows],
        "more": [row.name for row in list_runs(db, RunFilter(after=runs.next_key)).rows],
        "found": [row.name for row in list_runs(db, RunFilter(text="SKU-01", person="mara")).rows],
        "rows": [replace(row, updated_at=NOW) for row in runs.rows],
        "counts": run_counts(db),
        "details": [
            (d.stages, [replace(a, picked_at=None) for a in d.assets], d.retry, d.cancel)
            for d in (run_detail(db, run_id) for run_id in (data.catalog, data.published, data.wide))
        ],
        "sheet": [
            (d.label, d.rank, d.stack, d.cost_micros, [(m.user_id, m.flag, m.stars) for m in d.marks])
            for d in sheet(db, data.campaign, "slow-mornings").drafts
        ],
        "queue": [(i.asset_key, i.reasons, i.facts, len(i.drafts)) for i in review_queue(db).items],
        "standing": [standing(db, run_id) for run_id in (data.catalog, data.wide)],
        "changed": [newest_change(db, user_id) for user_id in ("mara", "jonas", "nobody")],
        "lineage": [
            (s.stage, s.label, s.cost and s.cost.cost_micros, s.picked, len(s.children))
            for s in asset_lineage(db, data.published, "harvest-table").drafts
        ],
        "sums": {key: spend_by(db, key, asked) for key in SPEND_KEYS},
        "total": asdict(spend_total(db, asked)),
        "series": spend_series(db, asked, "campaign", 2),
        "attempts": [a.attempt_id for a in attempts_page(db, asked, limit=7).rows],
        "csv": b"".join(attempts_csv(db, asked)),
        "caps": (cap_burns(db, NOW), caps_by_name(db)),
        "values": spend_values(db, ("flow", "model"), asked),
        "version": spend_version(db),
        "story": attempt_story(db, attempts_page(db, asked, limit=1).rows[0].attempt_id),
        "windows": [
            [a.attempt_id for a in attempts_page(db, SpendFilter(cap=burn.cap.cap_id, window=burn.window)).rows]
            for burn in cap_burns(db, NOW)
        ],
    }


def test_both_engines_answer_every_page_alike(both: tuple[Seeded, Seeded]) -> None:
    on_sqlite, on_postgres = answers(both[0]), answers(both[1])
    for name, found in on_sqlite.items():
        assert on_postgres[name] == found, name


@pytest.mark.parametrize("engine", [0, 1], ids=["sqlite", "postgresql"])
def test_two_people_mark_one_draft_and_each_undoes_only_their_own(both: tuple[Seeded, Seeded], engine: int) -> None:
    w, data = both[engine]
    draft = w.images.of_run(data.running, "draft")[0]
    before = run_pulse(w.database, data.running)
    w.marks.change(draft.image_id, "noor", MarkChange(flag="pick", stars=2))
    w.marks.change(draft.image_id, "finn", MarkChange(flag="reject"))
    w.marks.change(draft.image_id, "noor", MarkChange(note="warmer"))
    assert opinions(w.marks.of_run(data.running)) == {"noor": ("pick", 2, "warmer"), "finn": ("reject", 0, "")}
    marked = run_pulse(w.database, data.running)
    assert marked != before

    w.marks.change(draft.image_id, "noor", MarkChange(flag="pick"))  # pressed twice: no event, nothing to undo
    assert run_pulse(w.database, data.running) == marked
    back = w.marks.undo(data.running, "noor")
    assert back is not None
    assert (back.image_id, back.flag, back.note) == (draft.image_id, "pick", "")
    assert run_pulse(w.database, data.running) != marked
    w.marks.undo(data.running, "noor")
    assert opinions(w.marks.of_run(data.running)) == {"finn": ("reject", 0, "")}
    assert w.marks.undo(data.running, "noor") is None
    with pytest.raises(SelectionError, match="no draft 'nothing'"):
        w.marks.change("nothing", "noor", MarkChange(flag="pick"))


def opinions(given: list[Mark]) -> dict[str, tuple[str, int, str]]:
    return {mark.user_id: (mark.flag, mark.stars, mark.note) for mark in given}


@pytest.mark.parametrize("engine", [0, 1], ids=["sqlite", "postgresql"])
def test_many_at_once_lose_no_mark_and_no_undo(both: tuple[Seeded, Seeded], engine: int) -> None:
    w, data = both[engine]
    drafts = w.images.of_run(data.big, "draft")[:12]

    def press(number: int) -> None:
        draft = drafts[number % 12]
        w.marks.change(draft.image_id, f"user{number % 2}", MarkChange(stars=1 + number // 12))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(press, range(24)))
        taken_back = list(pool.map(lambda _: w.marks.undo(data.big, "user0"), range(20)))
    assert len([mark for mark in w.marks.of_run(data.big) if mark.user_id == "user1"]) == 6
    assert [mark for mark in w.marks.of_run(data.big) if mark.user_id == "user0"] == []
    assert sum(mark is not None for mark in taken_back) == 12


@pytest.mark.parametrize("engine", [0, 1], ids=["sqlite", "postgresql"])
def test_a_launch_is_begun_once_however_often_the_button_is_pressed(both: tuple[Seeded, Seeded], engine: int) -> None:
    w, data = both[engine]
    asked = Launch("launch-1", "hash", data.running, "campaign/campaign", {"name": "x"}, "mara")
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: w.launches.begin(asked), range(4)))
    assert sorted(new for _, new in begun) == [False, False, False, True]
    w.launches.started("launch-1", "flow-run-1")
    again, new = w.launches.begin(replace(asked, launched_by="jonas"))
    assert (again.flow_run_id, again.state, again.launched_by, new) == ("flow-run-1", "started", "mara", False)
    shown = run_detail(w.database, data.running).launch
    assert shown is not None
    assert (shown.deployment, shown.params, shown.flow_run_id) == ("campaign/campaign", {"name": "x"}, "flow-run-1")


@pytest.mark.parametrize("engine", [0, 1], ids=["sqlite", "postgresql"])
def test_briefs_are_kept_overwritten_and_forgotten(both: tuple[Seeded, Seeded], engine: int) -> None:
    w, _ = both[engine]
    first = w.saved_briefs.save("b1", "brief", "Mug", {"subject": "a mug"}, "mara")
    second = w.saved_briefs.save("b1", "template", "Any mug", {"subject": ""}, "jonas")
    assert (second.kind, second.title, second.saved_by, second.created_at) == (
        "template", "Any mug", "jonas", first.created_at,
    )  # fmt: skip
    assert second.updated_at - first.created_at >= timedelta(0)
    assert [b.brief_id for b in w.saved_briefs.newest("template")] == ["b1"]
    assert w.saved_briefs.newest("brief") == []
    assert [w.saved_briefs.delete("b1"), w.saved_briefs.delete("b1")] == [True, False]
    assert w.saved_briefs.get("b1") is None


@pytest.mark.parametrize("engine", [0, 1], ids=["sqlite", "postgresql"])
def test_a_draft_that_goes_in_as_a_reference_is_known_by_its_bytes(both: tuple[Seeded, Seeded], engine: int) -> None:
    w, data = both[engine]
    drafts = w.images.of_run(data.published, "draft")
    by_hand, clicked = (draft_of(w.database, draft.image_id) for draft in drafts[:2])
    assert by_hand is not None
    assert clicked is not None
    store_upload(w, w.store.get(by_hand.bucket, by_hand.object_key), "saved.jpg", "jonas")
    names = [reference_name(draft.sha256) for draft in (by_hand, clicked)]
    assert drafts_behind(w.database, names) == {}
    for draft in (by_hand, clicked, clicked):
        store_draft(w, draft, "mara")
    assert drafts_behind(w.database, [*names, "photo.png"]) == dict(zip(names, (by_hand, clicked), strict=True))
    assert draft_of(w.database, w.images.of_run(data.published, "final")[0].image_id) is None
