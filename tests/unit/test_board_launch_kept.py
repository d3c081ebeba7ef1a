"""Launching from what is there: photos, kept briefs, earlier runs, catalogs."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.params import CatalogParams
from review.access.roles import Role
from review.pages.launch_form import MAX_FIELD_CHARS
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import BoardData, board_wiring, seed_board
from tests.support.board_launching import BRIEF, PHOTO, SAMPLES, previewed, seen
from tests.support.fake_prefect import FakePrefect

pytest_plugins = ["tests.support.board_launch_fixtures"]


# -- photos, kept briefs, earlier runs --


def test_a_photo_goes_in_with_and_without_a_script_and_becomes_part_of_the_launch(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect
) -> None:
    files = {"photos": ("mug.png", PHOTO.read_bytes(), "image/png")}
    item = creator.submit("/launch/upload", htmx=True, files=files).text
    page = creator.submit("/launch/upload", files=files, **BRIEF).text
    found = re.search(r'name="references" value="(upload:[0-9a-f]{64})"', item)
    assert found is not None
    assert found[1] in page
    assert "a stoneware mug on an oak table" in page
    fields = previewed(creator, references=found[1])
    creator.submit("/launch/start", **fields)
    assert prefect.params[0]["references"] == [found[1]]
    gone = creator.submit("/launch/edit", **fields, edit=f"remove {found[1]}").text
    assert found[1] not in gone


def test_a_file_that_is_no_photo_is_refused_in_words_and_the_brief_stays(creator: BoardClient) -> None:
    files = {"photos": ("notes.png", b"not a picture", "image/png")}
    page = creator.submit("/launch/preview", files=files, **BRIEF).text
    assert "notes.png" in page
    assert "field-references-error" in page
    assert "a stoneware mug on an oak table" in page


def test_every_file_that_is_no_photo_is_named_and_none_with_a_word_for_programs(creator: BoardClient) -> None:
    files = [
        ("photos", ("notes.png", b"not a picture", "image/png")),
        ("photos", ("mug.png", PHOTO.read_bytes(), "image/png")),
        ("photos", ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml")),
    ]
    page = creator.submit("/launch/preview", files=files, **BRIEF).text
    told = page.partition('id="field-references-error">')[2].partition("</p>")[0]
    assert told.startswith("notes.png: the bytes are no image that is known here. logo.svg: the file is SVG;")
    assert "(" not in told
    assert page.count('name="references"') == 1, "the good one is in"


def test_a_brief_is_kept_overwritten_copied_and_deleted_by_who_kept_it(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient
) -> None:
    kept = creator.submit("/launch/keep", **BRIEF, mood="calm").headers["location"]
    brief_id = kept.rsplit("/", 1)[1]
    assert "calm" in creator.get(kept).text
    assert creator.submit("/launch/keep", **BRIEF, mood="loud", brief_id=brief_id).headers["location"] == kept
    assert len(under.w.saved_briefs.newest()) == 1
    assert "loud" in approver.get(f"/launch?copy={brief_id}").text
    assert approver.submit("/launch/keep", **BRIEF, brief_id=brief_id).headers["location"] != kept
    template = creator.submit("/launch/keep", **BRIEF, kind="template").headers["location"].rsplit("/", 1)[1]
    assert f"/launch?template={template}" in approver.get("/launch/briefs").text
    assert approver.submit(f"/launch/briefs/{brief_id}/delete").status_code == 403
    assert creator.submit(f"/launch/briefs/{brief_id}/delete").status_code == 303
    assert creator.get(kept).status_code == 404


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BoardUnderTest, BoardData]]:
    w = board_wiring(tmp_path_factory.mktemp("seeded"))
    data = seed_board(w, pictures=False, drafts=8, days=2)
    yield BoardUnderTest(w), data
    w.close()


def test_an_earlier_run_is_copied_with_its_photos_as_its_next_round(seeded: tuple[BoardUnderTest, BoardData]) -> None:
    under, data = seeded
    run, (asset,) = under.w.runs.get(data.campaign), under.w.runs.assets(data.campaign)
    url = f"/launch?from_run={data.campaign}&asset={asset.asset_key}&round=next"
    page = under.client(Role.CREATOR).get(url).text
    assert asset.brief["subject"][:40] in page
    assert re.search(r'name="round"[^>]*value="2"', page)
    assert "upload:" in page
    assert seen(page)["quote_hash"] != run.quote["hash"]


def test_every_picture_of_every_run_can_be_copied_into_a_form(seeded: tuple[BoardUnderTest, BoardData]) -> None:
    under, data = seeded
    client = under.client(Role.CREATOR)
    for run_id in (data.published, data.catalog, data.big):
        asset = under.w.runs.assets(run_id)[-1]
        page = client.get(f"/launch?from_run={run_id}&asset={asset.asset_key}&round=next")
        assert page.status_code == 200
        assert len(seen(page.text)["quote_hash"]) == 64


def test_more_like_one_draft_writes_what_it_changed_into_the_brief(seeded: tuple[BoardUnderTest, BoardData]) -> None:
    under, data = seeded
    (asset,) = under.w.runs.assets(data.campaign)
    drafts = under.w.images.of_asset(data.campaign, asset.asset_key, "draft")
    axis, words = next((axis, str(words)) for one in drafts for axis, words in one.axes.items())
    label = next(one.label for one in drafts if one.axes.get(axis) == words)
    client = under.client(Role.CREATOR)
    page = client.get(f"/launch?from_run={data.campaign}&asset={asset.asset_key}&like={label}").text
    area = re.search(rf'name="{axis}"[^>]*>([^<]*)</textarea>', page)
    assert area is not None
    assert area[1].endswith(words)
    assert re.search(r'name="drafts"[^>]*value="4"', page)
    assert client.get(f"/launch?from_run={data.campaign}&like=Z9").status_code == 404
    assert client.get("/launch?from_run=nobody").status_code == 404


def test_cost_centres_that_were_used_are_offered_and_earlier_calls_say_how_long_it_takes(
    seeded: tuple[BoardUnderTest, BoardData],
) -> None:
    under, _ = seeded
    client = under.client(Role.CREATOR)
    assert re.search(r'<datalist id="cost-centres"><option', client.get("/launch").text)
    assert "Takes about" in client.submit("/launch/preview", htmx=True, **BRIEF).text


def test_a_word_that_never_ends_is_cut_off_before_it_is_kept(creator: BoardClient, under: BoardUnderTest) -> None:
    creator.submit("/launch/keep", **{**BRIEF, "mood": "calm" * 100_000})
    assert len(under.w.saved_briefs.newest()[0].body["mood"]) == MAX_FIELD_CHARS


# -- catalogs --


def catalog_fields(folder: Path) -> dict[str, str]:
    feed, photos = folder / "feed.csv", folder / "photos"
    photos.mkdir()
    feed.write_bytes((SAMPLES / "feed.csv").read_bytes())
    (photos / PHOTO.name).write_bytes(PHOTO.read_bytes())
    return {"feed": str(feed), "photos": str(photos), "form_id": "c1"}


def test_a_catalog_is_priced_started_once_and_offered_again(
    creator: BoardClient, prefect: FakePrefect, tmp_path: Path
) -> None:
    fields = catalog_fields(tmp_path)
    priced = creator.submit("/launch/catalog/quote", **fields)
    assert "1 product to make" in priced.text
    for _ in range(2):
        assert creator.submit("/launch/catalog/start", **fields, **seen(priced.text)).status_code == 303
    (params,) = prefect.params
    assert CatalogParams.model_validate(params).approved_quote == seen(priced.text)["quote_hash"]
    assert str(tmp_path / "feed.csv") in creator.get("/launch/catalog").text


def test_a_feed_that_changed_since_it_was_priced_starts_nothing(
    creator: BoardClient, prefect: FakePrefect, tmp_path: Path
) -> None:
    fields = catalog_fields(tmp_path)
    priced = creator.submit("/launch/catalog/quote", **fields)
    (tmp_path / "photos" / "linen-apron.png").write_bytes(PHOTO.read_bytes())
    text = (tmp_path / "feed.csv").read_text().replace("stoneware", "porcelain").replace("Stoneware", "Porcelain")
    (tmp_path / "feed.csv").write_text(text)
    answer = creator.submit("/launch/catalog/start", **fields, **seen(priced.text))
    assert answer.status_code in (409, 422)
    assert not prefect.started


def test_a_feed_that_the_board_does_not_see_is_said_so_and_other_files_are_not_read(creator: BoardClient) -> None:
    unseen = creator.submit("/launch/catalog/quote", feed="/nowhere/feed.csv", form_id="c1")
    assert unseen.status_code == 422
    assert "The board does not see this file" in unseen.text
    other = creator.submit("/launch/catalog/quote", feed="/etc/passwd", form_id="c1")
    assert "a feed&#39;s name ends in" in other.text.lower()
    assert "root:" not in other.text


def test_a_reference_that_was_never_uploaded_is_told(creator: BoardClient) -> None:
    page = creator.submit("/launch/preview", **BRIEF, references=f"upload:{'a' * 64}").text
    assert "was never uploaded here" in page
    assert "quote_hash" not in page
