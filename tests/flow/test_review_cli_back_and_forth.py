"""What a merchandiser does on a second day: an old feed again, another catalog, the same picks again."""

import csv

import pytest

from flows.campaign import campaign
from flows.catalog import catalog
from flows.params import PromoteParams
from flows.promote import promote
from tests.support.line import Line

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]

OLD, NEW = {"red-mug": "Red Mug"}, {"red-mug": "Red Mug With A Lid"}


async def test_going_back_to_an_old_feed_shows_the_old_picture_again_and_pays_nothing(line: Line) -> None:
    first = await catalog(line.catalog("toggle", OLD))
    second = await catalog(line.catalog("toggle", NEW))
    bill = line.sandbox.invoice()
    versions = [first["version"], second["version"]]
    for shop, like in ((OLD, first), (NEW, second)):
        report = await catalog(line.catalog("toggle", shop))
        versions.append(report["version"])
        shown, before = line.published(report, "red-mug"), line.published(like, "red-mug")
        assert shown["fingerprint"] == before["fingerprint"]
    assert versions == sorted(set(versions))
    assert line.sandbox.invoice()["total_micros"] == bill["total_micros"]


async def test_the_same_feed_is_published_in_a_second_catalog_and_pays_nothing(line: Line) -> None:
    await catalog(line.catalog("north", OLD))
    bill = line.sandbox.invoice()
    report = await catalog(line.catalog("south", OLD))
    assert (report["published"], report["catalog"]) == (1, "south")
    assert line.sandbox.invoice()["total_micros"] == bill["total_micros"]


async def test_best_for_all_can_be_said_again_after_it_is_done(line: Line) -> None:
    opened = await campaign(line.campaign("again", select="person", drafts=2))
    params = PromoteParams(run_id=opened["run_id"], picks=["*=best"], approve="approve", picked_by="Mara")
    first = await promote(params)
    bill = line.sandbox.invoice()
    again = await promote(params)
    assert (again["published"], again["version"]) == (1, first["version"])
    assert line.sandbox.invoice() == bill


async def test_a_run_with_open_sheets_waits_on_after_the_first_picks(line: Line) -> None:
    shop = {"red-mug": "Red Mug", "blue-bowl": "Blue Bowl"}
    opened = await catalog(line.catalog("partly", shop, select="person"))
    run_id = opened["run_id"]
    await promote(PromoteParams(run_id=run_id, picks=["red-mug=A1"], approve="approve", picked_by="Mara"))
    half = line.w.runs.get(run_id)
    assert (half.status, half.status_note) == ("awaiting_selection", "1 published; 1 wait for picks: blue-bowl")
    await promote(PromoteParams(run_id=run_id, picks=["*=best"], approve="approve", picked_by="Mara"))
    assert line.w.runs.get(run_id).status == "published"


async def test_the_feed_for_shoppers_names_each_picture_once(line: Line) -> None:
    opened = await catalog(line.catalog("twice", OLD, select="person"))
    picks = ["red-mug=A1,B1"]
    report = await promote(PromoteParams(run_id=opened["run_id"], picks=picks, approve="approve", picked_by="Mara"))
    written = (line.out(opened["run_id"]) / "merchant-images.tsv").read_text()
    (row,) = csv.DictReader(written.splitlines(), delimiter="\t")
    jpegs = [r["key"] for r in line.published(report, "red-mug")["renditions"] if r["media_type"] == "image/jpeg"]
    linked = [row["image_link"], *row["additional_image_link"].split(",")]
    assert [link.partition("/blobs/")[2] for link in linked] == [key.removeprefix("blobs/") for key in jpegs]
