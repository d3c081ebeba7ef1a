"""The records of the work, on SQLite and on a real PostgreSQL: written once, moved, closed once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import RunError, SelectionError
from domain.run import Asset, ImageRecord, Publication, Run, ScoreRecord, Selection
from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.records.images import Images
from storage.records.runs import Runs
from storage.records.selections import Publications, Selections
from tests.support.postgres import emptied, postgres_url

pytestmark = pytest.mark.server
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUN = Run("r1", "catalog", "Autumn", "catalog", "economy", "auto", "planned", {"round": 1}, {"lines": []}, ("mind",))
IMAGE = ImageRecord(
    "i1", "r1", "mug", "draft", 0, "0" * 64, "image/png", 64, 64, 99, "private", "k", seed=2**40, warnings=("small",)
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = open_database(f"sqlite:///{tmp_path}/records.db")
        migrate(made)
    else:
        made = emptied(request.getfixturevalue("postgres"))
    yield made
    made.close()


def asset(key: str, ordinal: int) -> Asset:
    return Asset("r1", key, ordinal, key, key.title(), "f" * 64, {"name": key}, {"draft": {"calls": []}})


def test_a_run_is_opened_once_with_its_assets_in_the_order_of_the_plan(database: Database) -> None:
    runs = Runs(database, lambda: NOW)
    assert runs.open(RUN, [asset("mug", 1), asset("bowl", 0)]) is True
    assert runs.open(replace(RUN, name="Other"), [asset("vase", 0)]) is False
    assert runs.get("r1") == replace(RUN, created_at=NOW, updated_at=NOW)
    assert [a.asset_key for a in runs.assets("r1")] == ["bowl", "mug"]
    assert [a.asset_key for a in runs.assets("r1", ["mug", "vase"])] == ["mug"]
    assert [r.run_id for r in runs.newest()] == ["r1"]


def test_runs_and_assets_move_and_say_why(database: Database) -> None:
    runs = Runs(database, lambda: NOW)
    runs.open(RUN, [asset("mug", 0)])
    runs.update("r1", "incomplete", "the store is out of reach", summary={"published": 0})
    runs.move_asset("r1", "mug", "failed", "no draft: moderated")
    found = runs.get("r1")
    assert (found.status, found.status_note, found.summary) == (
        "incomplete",
        "the store is out of reach",
        {"published": 0},
    )
    assert [(a.state, a.problem) for a in runs.assets("r1")] == [("failed", "no draft: moderated")]
    assert runs.find("r2") is None
    with pytest.raises(RunError, match="there is no run 'r2'"):
        runs.get("r2")


def test_an_image_is_written_once_and_read_back_as_it_was(database: Database) -> None:
    images = Images(database, lambda: NOW)
    assert images.add(IMAGE) is True
    assert images.add(replace(IMAGE, sha256="1" * 64)) is False
    assert images.add(replace(IMAGE, image_id="i2", sha256="1" * 64)) is False  # the same place of the same stage
    assert images.of_asset("r1", "mug", "draft") == [IMAGE]
    score = ScoreRecord("i1", 0.5, {"reasons": ["soft"]}, "sig")
    images.add_score(score)
    images.add_score(replace(score, overall=0.9))
    assert images.scores(["i1", "i2"]) == {"i1": score}


def test_a_selection_is_closed_once_and_only_with_the_same_picks_again(database: Database) -> None:
    selections = Selections(database, lambda: NOW)
    selections.open(Selection("r1", "mug", "person", "open", sheet_key="s"))
    selections.close("r1", {"mug": ("A1", "B1")}, by="Mara", reasons={"mug": {"A1": "light"}})
    selections.open(Selection("r1", "mug", "person", "open"))
    selections.close("r1", {"mug": ("A1", "B1")}, by="Someone", reasons={})
    found = selections.of_run("r1")["mug"]
    assert (found.state, found.picks, found.picked_by, found.closed_at) == ("closed", ("A1", "B1"), "Mara", NOW)
    assert found.reasons == {"A1": "light"}
    with pytest.raises(SelectionError, match=r"mug is closed already with A1, B1 \(by Mara\)"):
        selections.close("r1", {"mug": ("A1",)}, by="Someone", reasons={})
    with pytest.raises(SelectionError, match="no selection for 'bowl'"):
        selections.close("r1", {"bowl": ("A1",)}, by="Someone", reasons={})


def test_closing_many_is_all_or_none(database: Database) -> None:
    selections = Selections(database, lambda: NOW)
    selections.open(Selection("r1", "bowl", "person", "open"))
    with pytest.raises(SelectionError):
        selections.close("r1", {"bowl": ("A1",), "mug": ("A1",)}, by="Mara", reasons={})
    assert selections.of_run("r1")["bowl"].state == "open"


def test_a_publication_replaces_the_one_before(database: Database) -> None:
    publications = Publications(database, lambda: NOW)
    first = Publication("shop", "mug", "a" * 64, "r1", 1, "k1")
    publications.record([first, replace(first, sku="bowl")])
    publications.record([replace(first, fingerprint="b" * 64, run_id="r2", version=2)])
    shown = publications.of_catalog("shop")
    assert {sku: p.version for sku, p in shown.items()} == {"mug": 2, "bowl": 1}
    assert publications.of_catalog("other") == {}
