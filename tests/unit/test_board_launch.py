"""The launch pages: what is asked becomes what the flow takes, the quote that was seen is what starts, once."""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import FormData

from budget.approvals import Approvals
from budget.caps import Cap
from flows.params import CampaignParams, CatalogParams
from review.access.roles import Role
from review.pages.launch import moved
from review.pages.launch_catalog import CatalogForm, CatalogTerms
from review.pages.launch_form import MAX_FIELD_CHARS, FormErrors, LaunchForm, OwnSize, Terms, name_of
from tasks.planning import dimensions
from tasks.plans import plan_run
from tasks.wishes import wishes_of_brief
from tests.support.board import BoardClient, BoardUnderTest
from tests.support.board_data import BoardData, board_wiring, seed_board
from tests.support.fake_prefect import FakePrefect
from tests.support.quotes import change_book, dearer

SAMPLES = Path(__file__).parents[2] / "samples"
PHOTO = SAMPLES / "photos" / "stoneware-mug.png"
BRIEF = {"subject": "a stoneware mug on an oak table", "placements": "web", "form_id": "f1", "ladder": "economy"}


@pytest.fixture
def prefect() -> FakePrefect:
    return FakePrefect()


@pytest.fixture
def under(tmp_path: Path, prefect: FakePrefect) -> Iterator[BoardUnderTest]:
    made = BoardUnderTest(board_wiring(tmp_path / "home", board_approval_limit_cents=20, board_files=tmp_path))
    made.board.prefect = prefect.api()
    yield made
    made.w.close()


@pytest.fixture
def creator(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.CREATOR)


@pytest.fixture
def approver(under: BoardUnderTest) -> BoardClient:
    return under.client(Role.APPROVER)


def seen(page: str) -> dict[str, str]:
    """What a page's form carries of the quote that it shows."""
    found = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in ("quote_hash", "quote_seen")}
    return {name: match[1].replace("&#34;", '"') for name, match in found.items() if match}


def previewed(client: BoardClient, **fields: Any) -> dict[str, Any]:
    """A brief with the quote that its preview showed."""
    answer = client.submit("/launch/preview", **{**BRIEF, **fields})
    assert answer.status_code == 200
    return {**BRIEF, **fields, **seen(answer.text)}


# -- what is asked is what the flow takes --

FULL = LaunchForm(
    name="slow-mornings",
    title="Slow mornings",
    subject="a stoneware mug with steam",
    action="steam rises",
    setting="an oak kitchen table",
    light="low sun from the left",
    camera="close, 85 mm",
    mood="unhurried",
    palette="#C9A27A, cream",
    text_in_image="SLOW",
    people="no",
    references=(f"upload:{'a' * 64}", f"upload:{'b' * 64}"),
    placements=("hero", "web"),
    own=(OwnSize("shelf", "500", "250", "contain", "jpeg png", "#eeeeee", "yes", "90000"), OwnSize()),
    final_megapixels="1.5",
    ladder="google",
    drafts="6",
    select="auto",
    round="3",
    cap_cents="250",
    cost_centre="spring",
    degrade="gentle",
)


def test_every_field_of_the_form_is_what_the_campaign_takes_and_comes_back_the_same() -> None:
    sent = FULL.params("Mara", "c" * 64)
    taken = CampaignParams.model_validate(sent)
    assert taken.model_dump(mode="json") == sent
    assert set(sent) == set(CampaignParams.model_fields)
    assert taken.brief() == FULL.brief()
    assert taken.options() == FULL.options("Mara")
    assert LaunchForm.of_params(sent) == replace(FULL, own=FULL.own[:1])
    assert LaunchForm.of_body(json.loads(json.dumps(FULL.body()))) == FULL


def test_a_browser_form_reads_as_it_was_written() -> None:
    body = FULL.body()
    pairs = [(name, value) for name, value in body.items() if isinstance(value, str)]
    pairs += [(name, value) for name in ("references", "placements") for value in body[name]]
    pairs += [(f"own_{name}", value) for row in body["own"] for name, value in row.items()]
    assert LaunchForm.of_sent(FormData(pairs)) == replace(FULL, own=FULL.own[:1])


def test_only_uploads_are_references_whatever_somebody_writes_into_the_form() -> None:
    names = ("/etc/passwd", "upload:../x", "../photo.png", f"upload:{'a' * 64}")
    sent = FormData([("subject", "x"), *(("references", name) for name in names)])
    assert LaunchForm.of_sent(sent).references == (f"upload:{'a' * 64}",)


def test_a_catalog_form_is_what_the_catalog_takes() -> None:
    form = CatalogForm(
        "feed.csv", "photos", "style.yaml", "imagine", "7", "shop", "flux", "2", "auto", "99", "spring", "off"
    )
    sent = form.params("Mara")
    taken = CatalogParams.model_validate(sent)
    assert taken.model_dump(mode="json") == sent
    assert set(sent) == set(CatalogParams.model_fields)
    assert taken.options() == form.options("Mara")
    assert CatalogForm.of_params(sent) == form


@pytest.mark.parametrize(("ours", "theirs"), [(Terms, CampaignParams), (CatalogTerms, CatalogParams)])
def test_the_forms_bounds_are_the_flows_bounds(ours: Any, theirs: Any) -> None:
    own, flow = ours.model_json_schema()["properties"], theirs.model_json_schema()["properties"]
    for name, field in own.items():
        bounds = ("minimum", "maximum", "maxLength", "minLength", "pattern", "enum")
        assert {key: field.get(key) for key in bounds if key != "maxLength" or key in field} == {
            key: flow[name].get(key) for key in bounds if key != "maxLength" or key in field
        }, name


def test_the_reference_photos_of_a_brief_from_a_file_become_paths_but_uploads_stay(tmp_path: Path) -> None:
    brief = replace(FULL, references=()).brief().model_copy(update={"references": ("a.png", f"upload:{'a' * 64}")})
    made = CampaignParams.of_brief(brief, tmp_path)
    assert made.references == [str(tmp_path / "a.png"), f"upload:{'a' * 64}"]


def test_a_name_comes_out_of_the_subject() -> None:
    assert name_of("A mug, by the window's edge & more of it") == "a-mug-by-the-windows-edge"
    assert CampaignParams.model_validate({"name": name_of("Ein " + "x" * 70), "subject": "x"}).name == "ein"
    assert name_of("日本") == ""


def test_everything_that_is_wrong_is_told_by_field() -> None:
    wrong = LaunchForm(own=(OwnSize("shelf", "5", "x"),), placements=(), palette="#zz", drafts="99", due_at="soon")
    with pytest.raises(FormErrors) as caught:
        wrong.check()
    assert set(caught.value.errors) == {"subject", "own", "placements", "palette", "drafts", "due_at"}
    assert caught.value.errors["subject"] == "Say what the picture is of."


def test_photos_are_put_in_order_and_taken_out() -> None:
    names = ("a", "b", "c")
    assert moved(names, "b", "up") == ("b", "a", "c")
    assert moved(names, "a", "up") == names
    assert moved(names, "c", "down") == names
    assert moved(names, "b", "down") == ("a", "c", "b")
    assert moved(names, "b", "remove") == ("a", "c")
    assert moved(names, "x", "up") == names


# -- preview and quote --


def test_an_empty_form_asks_for_a_subject_and_offers_every_ladder_with_its_price(creator: BoardClient) -> None:
    page = creator.get("/launch").text
    assert "Say what the picture is of" in page
    for words in ("economy", "google", "flux", "FLUX.2 [klein] 4B", "$0.0140", "3840 × 2160", "stops no work"):
        assert words in page


def test_a_preview_shows_each_dialect_the_final_and_why_the_price_and_the_caps(creator: BoardClient) -> None:
    page = creator.submit("/launch/preview", htmx=True, **BRIEF, text_in_image="SLOW").text
    assert "<html" not in page
    for words in (
        "FLUX",
        "Nano Banana",
        "GPT Image",
        "letters need pixels",
        "Text in image:",
        "SLOW",
        "All spend a day",
    ):
        assert words in page, words
    assert "the brief as it is" in page
    assert "left after this, at worst" in page
    assert len(seen(page)["quote_hash"]) == 64


def test_the_quote_is_the_one_that_the_flow_makes_of_the_same_parameters(
    under: BoardUnderTest, creator: BoardClient
) -> None:
    async def flows_own() -> str:
        params = CampaignParams.model_validate(LaunchForm.of_sent(FormData(BRIEF)).params("creator"))
        wishes = await wishes_of_brief(under.w, params.brief(), Path())
        return (await plan_run(under.w, wishes, params.options())).quote.hash

    shown = previewed(creator)["quote_hash"]
    assert asyncio.run(flows_own()) == shown


def test_a_wrong_field_is_told_beside_it_and_nothing_that_was_typed_is_lost(creator: BoardClient) -> None:
    answer = creator.submit("/launch/preview", **{**BRIEF, "palette": "#zz", "mood": "calm <b>"})
    assert 'id="field-palette-error"' in answer.text
    assert "calm &lt;b&gt;" in answer.text
    assert "quote_hash" not in answer.text


def test_a_cap_that_is_too_small_is_named_and_the_button_is_shut(under: BoardUnderTest, creator: BoardClient) -> None:
    cap = Cap("spring", "cost_centre", "spring", "month", 50_000)
    under.w.ledger.set_cap(cap, by="finn", why="small")
    fields = previewed(creator, cost_centre="spring")
    page = creator.submit("/launch/preview", htmx=True, **fields).text
    assert "Cost centre spring, a month" in page
    assert "too little: it would be refused" in page
    assert creator.submit("/launch/start", **fields).status_code == 409
    assert "too little" not in creator.submit("/launch/preview", htmx=True, **BRIEF).text


def test_a_runs_own_cost_centre_pays_for_its_calls(under: BoardUnderTest, creator: BoardClient) -> None:
    async def run() -> Any:
        form = LaunchForm.of_sent(FormData({**BRIEF, "cost_centre": "spring"}))
        wishes = await wishes_of_brief(under.w, form.brief(), Path())
        return (await plan_run(under.w, wishes, form.options("creator"))).run

    made = asyncio.run(run())
    assert dimensions(made, None, under.w).cost_centre == "spring"


# -- start --


def test_approve_and_start_starts_the_flow_with_the_form_under_its_hash(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect
) -> None:
    fields = previewed(creator, due_at="2026-12-01T10:00", cost_centre="spring")
    answer = creator.submit("/launch/start", **fields)
    (params,) = prefect.params
    taken = CampaignParams.model_validate(params)
    assert (taken.approved_quote, taken.cost_centre, taken.requested_by) == (fields["quote_hash"], "spring", "Creator")
    (launch,) = under.w.launches.newest()
    assert answer.headers["location"] == f"/runs/{launch.run_id}"
    assert (launch.state, launch.launched_by, launch.flow_run_id) == ("started", "creator", "flow-run-0")
    assert launch.due_at is not None
    assert launch.due_at.isoformat() == "2026-12-01T10:00:00+00:00"
    approval = Approvals(under.w.database, under.w.now).standing(fields["quote_hash"])
    assert approval is not None
    assert approval.by == "creator"
    assert {"quote.approved", "run.launched"} <= {one.action for one in under.board.audits.newest(10)}
    assert under.w.flow_runs.of_run(launch.run_id)[0].started_by == "creator"


def test_pressing_twice_starts_once(creator: BoardClient, under: BoardUnderTest, prefect: FakePrefect) -> None:
    fields = previewed(creator)
    first, second = (creator.submit("/launch/start", **fields) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(prefect.started) == prefect.calls == len(under.w.launches.newest()) == 1


def test_a_quote_that_changed_starts_nothing_and_says_what_changed(
    under: BoardUnderTest, creator: BoardClient, prefect: FakePrefect, tmp_path: Path
) -> None:
    fields = previewed(creator)
    more = creator.submit("/launch/start", **{**fields, "drafts": "6"})
    assert more.status_code == 409
    assert "4 drafts became 6" in more.text
    change_book(under.w, tmp_path, dearer("flux-2-pro", "first_mp", 50_000))
    dear = creator.submit("/launch/start", **fields)
    assert "Price of flux-2-pro went from" in dear.text
    assert not prefect.started
    assert not under.w.launches.newest()
    again = creator.submit("/launch/start", **{**fields, **seen(dear.text)})
    assert again.status_code == 303


@pytest.mark.parametrize("copy", ["", "{}", "[1]", '{"lines": []}', "nonsense"])
def test_a_quote_that_nobody_saw_starts_nothing(creator: BoardClient, prefect: FakePrefect, copy: str) -> None:
    answer = creator.submit("/launch/start", **BRIEF, quote_hash="0" * 64, quote_seen=copy)
    assert answer.status_code == 409
    assert "not known any more" in answer.text
    assert not prefect.started


def test_while_prefect_is_away_nothing_is_lost_and_the_same_button_starts_it_later(
    creator: BoardClient, prefect: FakePrefect, under: BoardUnderTest
) -> None:
    fields, prefect.away = previewed(creator), True
    answer = creator.submit("/launch/start", **fields)
    assert answer.status_code == 503
    assert "It was not started" in answer.text
    assert "a stoneware mug on an oak table" in answer.text
    assert "Approved, but not started yet" in creator.get("/launch/approvals").text
    prefect.away = False
    assert creator.submit("/launch/start", **fields).status_code == 303
    assert [one.state for one in under.w.launches.newest()] == ["started"]


def test_what_prefect_refuses_is_marked_as_failed(
    creator: BoardClient, prefect: FakePrefect, under: BoardUnderTest
) -> None:
    prefect.refuses = True
    assert creator.submit("/launch/start", **previewed(creator)).status_code == 503
    assert [one.state for one in under.w.launches.newest()] == ["failed"]


# -- above the limit --

DEAR = {"drafts": "16"}


def test_above_the_limit_a_creator_asks_and_an_approver_starts_it(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect
) -> None:
    fields = previewed(creator, **DEAR)
    assert "Ask for approval" in creator.submit("/launch/preview", htmx=True, **fields).text
    assert creator.submit("/launch/start", **fields).status_code == 409
    assert creator.submit("/launch/ask", **fields).headers["location"] == "/launch/approvals"
    assert "Waits for an approver" in creator.get("/launch/approvals").text
    (launch,) = under.w.launches.newest("waiting")
    page = approver.get("/launch/approvals").text
    assert "a stoneware mug on an oak table" in page
    url = f"/launch/approvals/{launch.launch_id}/approve"
    assert creator.submit(url, quote_hash=launch.quote_hash).status_code == 403
    assert not prefect.started
    answer = approver.submit(url, **seen(page))
    assert answer.headers["location"] == f"/runs/{launch.run_id}"
    assert prefect.params[0]["approved_quote"] == launch.quote_hash
    assert prefect.params[0]["requested_by"] == "Creator"
    assert approver.submit(url, **seen(page)).status_code == 404
    assert len(prefect.started) == 1
    approval = Approvals(under.w.database, under.w.now).standing(launch.quote_hash)
    assert approval is not None
    assert approval.by == "approver"


def test_an_approver_declines_with_a_reason_that_the_creator_reads(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect
) -> None:
    creator.submit("/launch/ask", **previewed(creator, **DEAR))
    (launch,) = under.w.launches.newest("waiting")
    url = f"/launch/approvals/{launch.launch_id}/decline"
    assert approver.submit(url, why=" ").status_code == 422
    assert approver.submit(url, why="too many drafts").status_code == 303
    assert "too many drafts" in creator.get("/launch/approvals").text
    assert not prefect.started


def test_a_launch_that_became_dearer_while_it_waited_is_shown_anew_and_not_started(
    under: BoardUnderTest, creator: BoardClient, approver: BoardClient, prefect: FakePrefect, tmp_path: Path
) -> None:
    creator.submit("/launch/ask", **previewed(creator, **DEAR))
    (launch,) = under.w.launches.newest("waiting")
    change_book(under.w, tmp_path, dearer("flux-2-pro", "first_mp", 50_000))
    url = f"/launch/approvals/{launch.launch_id}/approve"
    answer = approver.submit(url, quote_hash=launch.quote_hash)
    assert answer.status_code == 409
    assert "Price of flux-2-pro went from" in answer.text
    assert not prefect.started
    now = seen(answer.text)
    assert approver.submit(url, **now).status_code == 303
    assert prefect.params[0]["approved_quote"] == now["quote_hash"] != launch.quote_hash


def test_an_approver_starts_her_own_unless_two_pairs_of_eyes_are_asked_for(
    under: BoardUnderTest, approver: BoardClient, prefect: FakePrefect
) -> None:
    fields = previewed(approver, **DEAR)
    under.w.settings.board_four_eyes = True
    assert approver.submit("/launch/start", **fields).status_code == 409
    approver.submit("/launch/ask", **fields)
    (launch,) = under.w.launches.newest("waiting")
    url = f"/launch/approvals/{launch.launch_id}/approve"
    assert approver.submit(url, quote_hash=launch.quote_hash).status_code == 409
    under.w.settings.board_four_eyes = False
    assert approver.submit("/launch/start", **fields).status_code == 303
    assert len(prefect.started) == 1


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
