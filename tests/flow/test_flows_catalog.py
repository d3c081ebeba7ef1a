"""A catalog night: only what changed is made, what cannot be made is reported, and the rest goes on."""

import csv
from pathlib import Path

import pytest

from flows.catalog import catalog
from tests.support.line import STYLE, Line
from tests.support.money import audit

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]

SHOP = {"red-mug": "Red Mug", "blue-bowl": "Blue Bowl", "green-vase": "Green Vase"}


def set_aside_skus(report: Path) -> set[str]:
    return {row["sku"] for row in csv.DictReader(report.read_text(encoding="utf-8-sig").splitlines())}


async def test_every_product_is_published_and_only_a_changed_one_is_made_again(line: Line) -> None:
    first = await catalog(line.catalog("nightly", SHOP))
    assert (first["published"], first["failed"]) == (3, {})
    bill = line.sandbox.invoice()
    assert len(bill["lines"]) == 3 * (2 + 1)
    audit(line.w, bill)
    again = await catalog(line.catalog("nightly", SHOP))
    assert again["idle"] == "none of the 3 products changed since they were published; nothing was paid"
    assert line.sandbox.invoice() == bill
    changed = await catalog(line.catalog("nightly", SHOP | {"blue-bowl": "Blue Bowl With A Rim"}))
    assert changed["published"] == 1
    after = line.sandbox.invoice()
    assert len(after["lines"]) == len(bill["lines"]) + 3
    assert after["duplicates"] == 0
    shown = line.manifest(changed["snapshot"])["assets"]
    assert sorted(shown) == sorted(SHOP)
    manifest = line.published(changed, "red-mug")
    assert manifest["run_id"] == first["run_id"]
    audit(line.w, after)


async def test_the_write_back_feed_links_what_is_published(line: Line) -> None:
    report = await catalog(line.catalog("links", {"red-mug": "Red Mug"}))
    written = (line.out(report["run_id"]) / "merchant-images.tsv").read_text()
    (row,) = csv.DictReader(written.splitlines(), delimiter="\t")
    (jpeg,) = [r for r in line.published(report, "red-mug")["renditions"] if r["media_type"] == "image/jpeg"]
    assert row["image_link"].endswith(jpeg["key"])
    assert "red-mug" in row.values()


async def test_a_broken_row_and_a_missing_photo_are_reported_and_the_rest_is_published(line: Line) -> None:
    report = await catalog(line.catalog("broken", {"red-mug": "Red Mug", "no-title": "", "ghost-tray": "Ghost Tray"}))
    assert report["published"] == 1
    report_text = (line.out(report["run_id"]) / "set-aside.csv").read_text(encoding="utf-8-sig")
    told = {row["sku"]: row for row in csv.DictReader(report_text.splitlines())}
    assert (told["no-title"]["line"], told["no-title"]["reason"]) == ("3", "no title")
    assert told["ghost-tray"]["line"] == "4"
    assert "no usable photo" in told["ghost-tray"]["reason"]
    assert set(told) == {"no-title", "ghost-tray"}
    assert not any("ghost" in a.dimensions.asset_key for a in line.attempts())


async def test_a_feed_of_which_nothing_can_be_made_says_why_and_where_the_rest_is_told(line: Line) -> None:
    report = await catalog(line.catalog("ghosts", {"ghost-tray": "Ghost Tray", "ghost-mug": "Ghost Mug"}))
    assert report["idle"].startswith("all 2 rows and products were set aside (line 2, ghost-tray: set aside, no usable")
    assert set_aside_skus(Path(report["set_aside"])) == {"ghost-tray", "ghost-mug"}
    assert line.sandbox.invoice()["lines"] == []


async def test_the_number_of_drafts_is_the_starters_where_the_style_names_none(line: Line) -> None:
    params = line.catalog("drafts", {"red-mug": "Red Mug"}, drafts=1, style_text=STYLE.replace("drafts: 2\n", ""))
    await catalog(params)
    assert len(line.sandbox.invoice()["lines"]) == 1 + 1


async def test_a_product_imagined_without_its_photo_is_marked_so(line: Line) -> None:
    report = await catalog(line.catalog("imagined", {"ghost-tray": "Ghost Tray"}, without_photo="imagine"))
    manifest = line.published(report, "ghost-tray")
    assert manifest["disclosure"]["imagined"] is True
    assert any("never saw the product" in w for w in line.lineage(report["run_id"], "ghost-tray")["warnings"])


async def test_a_product_whose_every_draft_is_refused_fails_and_the_others_are_published(line: Line) -> None:
    refuse = {"match": {"vendor": "bfl", "prompt_contains": "Blue Bowl"}, "fault": "moderated_request"}
    line.sandbox.rules(refuse)
    params = line.catalog("refused", {"red-mug": "Red Mug", "blue-bowl": "Blue Bowl"})
    report = await catalog(params)
    assert report["published"] == 1
    ((key, problem),) = report["failed"].items()
    assert "blue-bowl" in key
    assert problem.startswith("no draft:")
    run = line.w.runs.get(report["run_id"])
    assert (run.status, run.status_note) == ("incomplete", "1 of 2 assets failed")
    assert list(line.manifest(report["snapshot"])["assets"]) == ["red-mug"]
    audit(line.w, line.sandbox.invoice())
