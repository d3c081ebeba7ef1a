"""Four more like this: the draft's picture goes in as a reference, at a price that is shown; where not, it says why."""

import asyncio
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import FormData

from domain.run import ImageRecord
from flows.params import CampaignParams
from review.access.roles import Role
from review.pages.launch_form import LaunchForm
from review.pages.launch_like import no_room
from review.pages.launch_quote import plan_form
from review.uploads import reference_name, store_upload
from storage.objects import keys
from tasks.media import extension_of
from tasks.planning import Planned
from tasks.plans import plan_run
from tasks.wishes import wishes_of_brief
from tests.support.board import BoardUnderTest
from tests.support.board_data import BoardData, board_wiring, seed_board
from tests.support.board_launching import PHOTO, filled, seen
from tests.support.fake_prefect import FakePrefect
from tests.support.money import folder_store
from vendors.bfl.models import models

KEY = "slow-mornings"


class Board:
    """A seeded board, somebody who may launch there, and its drafts by label."""

    def __init__(self, under: BoardUnderTest, data: BoardData) -> None:
        self.under, self.data, self.w, self.prefect = under, data, under.w, FakePrefect()
        under.board.prefect = self.prefect.api()
        under.w.settings.board_approval_limit_cents = 0
        self.creator = under.client(Role.CREATOR)

    def draft(self, label: str) -> ImageRecord:
        drafts = self.w.images.of_asset(self.data.campaign, KEY, "draft")
        return next(draft for draft in drafts if draft.label == label)

    def name(self, label: str) -> str:
        """How a brief names the draft's picture."""
        return reference_name(self.draft(label).sha256)

    def address(self, label: str) -> str:
        return f"/launch?from_run={self.data.campaign}&asset={KEY}&round=next&like={label}"

    def opened(self, label: str) -> str:
        answer = self.creator.get(self.address(label))
        assert answer.status_code == 200
        return str(answer.text)

    def edited(self, page: str, edit: str) -> str:
        """The page after one of the form's buttons, as without a script."""
        return str(self.creator.submit("/launch/edit", **filled(page), edit=edit).text)

    def path(self, label: str) -> Path:
        draft = self.draft(label)
        return folder_store(self.w).folder / draft.bucket / draft.object_key


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    w = board_wiring(tmp_path_factory.mktemp("like"))
    yield Board(BoardUnderTest(w), seed_board(w, pictures=False, drafts=8, days=2))
    w.close()


# -- the form and its price --


def test_the_drafts_picture_goes_in_as_the_last_reference_and_says_whose_it_is(board: Board) -> None:
    page, draft = board.opened("B1"), board.draft("B1")
    photo, like = filled(page)["references"]
    assert photo != like == board.name("B1")
    assert "Draft B1 of slow-mornings" in page
    assert re.search(r'data-like="[^"]+" hidden', page), "it is in: nothing is offered"
    assert board.creator.get(f"/pictures/uploads/{draft.sha256}/thumb").headers["content-type"] == "image/webp"
    kept = board.w.uploads.get(draft.sha256)
    assert kept is not None
    assert (kept.object_key, kept.uploaded_by) == (draft.object_key, "creator"), "the very object, and not a copy"


def test_what_the_picture_adds_to_the_price_is_shown_and_is_what_the_plans_differ_by(board: Board) -> None:
    page = board.opened("B1")
    assert added(page) == (
        "Draft B1 of slow-mornings goes in with every call. This adds $0.001 to each draft and $0.015 to the final, "
        "and is in the price above."
    )
    form = launched(page)
    with_it, without = (planned(board, x).quote for x in (form, form.with_references(form.references[:1])))
    assert with_it.full.worst - without.full.worst == 4 * 1_000 + 15_000
    assert seen(page)["quote_hash"] == with_it.hash != without.hash


def test_a_vendor_that_bills_it_by_tokens_has_a_worst_price_for_it_too(board: Board) -> None:
    fields = filled(board.opened("B1")) | {"ladder": ["google"]}
    told = added(board.creator.submit("/launch/preview", htmx=True, **fields).text)
    assert "$0.002 to each draft and $0.001 (at worst $0.003) to the final" in told


def test_a_brief_without_a_draft_among_its_photos_says_nothing_of_one(board: Board) -> None:
    page = board.creator.get(f"/launch?from_run={board.data.campaign}&asset={KEY}&round=next").text
    assert "goes in with every call" not in page
    assert 'name="like"' not in page


# -- what it is for --

STYLE = "Take the style and colour grading from image 2."


def test_the_draft_is_there_for_its_look_and_the_models_are_told_so(board: Board) -> None:
    page, name = board.opened("B1"), board.name("B1")
    assert filled(page)["style_references"] == ["", name]
    assert html.unescape(page).count(STYLE) >= 5, "the prompt of the plain draft, and each of the four"
    assert "Take the style and colour grading from image 3." in page, "the final has the pick as its first image"
    assert "The product is the one in image 1, unchanged" in page


def test_without_a_script_somebody_says_that_it_shows_the_product_and_a_photo_the_look(board: Board) -> None:
    fields = filled(board.opened("B1"))
    photo, draft = fields["references"]
    product = board.creator.submit("/launch/preview", **fields | {"style_references": ["", ""]}).text
    assert "The product is the one in images 1 and 2, unchanged" in product
    assert "Take the style" not in product
    assert seen(product)["quote_hash"] != fields["quote_hash"][0], "other words, another quote"
    turned = board.creator.submit("/launch/preview", **fields | {"style_references": [photo, ""]}).text
    assert "Take the style and colour grading from image 1." in turned
    assert filled(board.edited(turned, f"down {photo}"))["style_references"] == ["", photo]
    out = board.edited(turned, f"remove {photo}")
    assert filled(out)["style_references"] == [""]
    assert filled(board.edited(out, f"remove {draft}")).get("style_references") is None


def test_what_each_photo_is_for_is_bound_by_the_yes_that_was_given(board: Board) -> None:
    fields = filled(board.opened("D1"))
    refused = board.creator.submit("/launch/start", **fields | {"style_references": ["", ""]})
    assert refused.status_code == 409
    assert "The brief of slow-mornings changed: style_references" in refused.text
    assert not [one for one in board.prefect.params if board.name("D1") in one["references"]]


def test_an_upload_shows_the_product_and_the_others_stay_what_they_are(board: Board) -> None:
    fields = filled(board.opened("B1"))
    other = next(file for file in sorted(PHOTO.parent.glob("*.png")) if file != PHOTO)
    made = store_upload(board.w, other.read_bytes(), other.name, "creator")
    sent = fields | {"references": [*fields["references"], reference_name(made.sha256)]}
    page = board.creator.submit("/launch/upload", htmx=True, **sent).text
    assert re.findall(r'<option value="([^"]*)" selected>', page) == ["", board.name("B1"), ""]


def test_a_kept_brief_a_template_and_a_run_of_it_keep_what_each_photo_is_for(board: Board) -> None:
    page, name = board.opened("B1"), board.name("B1")
    kept = board.creator.submit("/launch/keep", **filled(page)).headers["location"]
    assert filled(board.creator.get(kept).text)["style_references"] == ["", name]
    copied = board.creator.get(f"/launch?copy={kept.rsplit('/', 1)[-1]}").text
    assert filled(copied)["style_references"] == ["", name]
    made = planned(board, replace(launched(page), round="7"))
    board.w.runs.open(made.run, made.assets)
    for photo in made.references.values():
        key = keys.original(photo.sha256, extension_of(photo.media_type))
        board.w.store.put_immutable(board.w.store.private, key, photo.data, photo.media_type)
    again = board.creator.get(f"/launch?from_run={made.run.run_id}").text
    references = filled(again)["references"]
    assert filled(again)["style_references"] == ["", references[1]], "by the run's rows alone, its photos are anew"


# -- the hash --


def test_the_quote_binds_the_picture_and_the_flow_gets_it_and_makes_the_same_quote(board: Board) -> None:
    page = board.opened("C1")
    fields = filled(page)
    bare = fields | {"references": fields["references"][:1]}
    refused = board.creator.submit("/launch/start", **bare)
    assert refused.status_code == 409
    assert "The reference photos of slow-mornings changed" in refused.text
    assert not board.prefect.started
    for _ in range(2):
        assert board.creator.submit("/launch/start", **fields).status_code == 303
    (params,) = board.prefect.params
    taken = CampaignParams.model_validate(params)
    assert taken.references[-1] == board.name("C1")

    async def flows_own() -> str:
        wishes = await wishes_of_brief(board.w, taken.brief(), Path())
        return (await plan_run(board.w, wishes, taken.options())).quote.hash

    assert asyncio.run(flows_own()) == taken.approved_quote == fields["quote_hash"][0]


# -- out, and in again --


def test_without_a_script_the_picture_is_taken_out_and_sent_along_again(board: Board) -> None:
    page = board.opened("D1")
    out = board.edited(page, f"remove {board.name('D1')}")
    assert board.name("D1") not in filled(out)["references"]
    assert "its picture is not sent along" in out
    assert not re.search(r'data-like="[^"]+" hidden', out)
    back = board.edited(out, "like")
    assert filled(back)["references"] == filled(page)["references"]
    assert seen(back)["quote_hash"] == seen(page)["quote_hash"] != seen(out)["quote_hash"]


def test_a_kept_brief_keeps_the_picture_and_not_the_offer(board: Board) -> None:
    kept = board.creator.submit("/launch/keep", **filled(board.opened("B1"))).headers["location"]
    page = board.creator.get(kept).text
    assert "Draft B1 of slow-mornings" in page
    assert 'name="like"' not in page


# -- no room --


@pytest.mark.parametrize(
    ("model", "most", "sentence"),
    [
        ("flux-2-klein-4b", 0, "FLUX.2 [klein] 4B, which makes the drafts, takes no reference photos."),
        ("flux-2-klein-4b", 1, "FLUX.2 [klein] 4B, which makes the drafts, takes at most 1 reference photo: take"),
        ("flux-2-pro", 2, "FLUX.2 [pro], which makes the final, takes at most 1 reference photo beside the pick: take"),
    ],
)
def test_a_model_without_room_for_it_is_named_and_the_brief_opens_without_it(
    board: Board, monkeypatch: pytest.MonkeyPatch, model: str, most: int, sentence: str
) -> None:
    monkeypatch.setitem(models(), model, models()[model].model_copy(update={"max_references": most}))
    page = board.opened("B1")
    assert sentence in page
    assert board.name("B1") not in filled(page)["references"]
    assert ("quote_hash" in seen(page)) == (most > 0), "the brief's own photo does not fit either where none is taken"
    again = board.edited(page, "like")
    assert sentence in again
    if most:
        roomy = board.edited(again, f"remove {filled(again)['references'][0]}")
        assert filled(board.edited(roomy, "like"))["references"] == [board.name("B1")]


def test_a_brief_that_has_all_its_photos_has_no_room(board: Board) -> None:
    names = tuple(reference_name(f"{n:064x}") for n in range(8))
    form = LaunchForm(subject="a mug", ladder="google", references=names)
    assert no_room(board.w, form, board.name("B1")) == "A brief takes at most 8 reference photos: take one out first."
    assert no_room(board.w, form.with_references(names[:7]), board.name("B1")) == ""
    assert "takes at most 4" in no_room(board.w, replace(form, ladder="economy", references=names[:4]), "upload:x")


# -- refusals --


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER, Role.FINANCE])
def test_who_may_not_launch_gets_neither_form_nor_picture(board: Board, role: Role) -> None:
    before = len(board.w.uploads.newest(limit=1_000))
    client = board.under.client(role)
    assert client.get(board.address("A2")).status_code == 403
    assert client.submit("/launch/edit", edit="like", like=board.draft("A2").image_id).status_code == 403
    assert board.under.client().get(board.address("A2")).headers["location"].startswith("/sign-in")
    assert len(board.w.uploads.newest(limit=1_000)) == before


def test_a_draft_that_this_run_does_not_have_is_not_found(board: Board) -> None:
    run, other = board.data.campaign, board.data.published
    for query in (
        f"from_run={run}&asset={KEY}&like=Z9",
        f"from_run={run}&asset=harvest-table&like=A1",
        f"from_run={other}&asset={KEY}&like=A1",
        "from_run=nobody&like=A1",
    ):
        assert board.creator.get(f"/launch?{query}").status_code == 404, query


def test_only_a_draft_is_taken_whatever_somebody_writes_into_the_form(board: Board) -> None:
    (final,) = board.w.images.of_run(board.data.published, "final")
    for like in (final.image_id, "f" * 24, "x", "../../etc/passwd", "\x00"):
        page = board.creator.submit("/launch/edit", **_brief(), edit="like", like=like).text
        assert 'name="references"' not in page, like
        assert 'name="like"' not in page, like
    unsent = board.creator.submit("/launch/preview", **_brief(), references=reference_name(final.sha256)).text
    assert "was never uploaded here" in unsent, "an object of the store is no upload by its digest alone"


def test_a_draft_whose_bytes_are_gone_opens_its_words_and_says_so(board: Board) -> None:
    path = board.path("A2")
    data = path.read_bytes()
    path.unlink()
    try:
        page = board.opened("A2")
        assert "Its picture cannot be had from the store." in page
        assert board.name("A2") not in filled(page)["references"]
        assert len(seen(page)["quote_hash"]) == 64
    finally:
        path.write_bytes(data)
    assert board.name("A2") in filled(board.edited(page, "like"))["references"]


def test_bytes_that_are_no_picture_are_refused_as_an_uploads_are(board: Board) -> None:
    path = board.path("B2")
    path.write_bytes(b"<svg onload='alert(1)'/>")
    page = board.opened("B2")
    assert "Its picture cannot be used: " in page
    assert len(filled(page)["references"]) == 1


# -- whose picture it is --


def test_a_draft_that_was_uploaded_by_hand_is_known_for_what_it_is(board: Board) -> None:
    draft = board.w.images.of_run(board.data.published, "draft")[0]
    data = board.w.store.get(draft.bucket, draft.object_key)
    store_upload(board.w, data, "saved picture.jpg", "jonas")
    page = board.creator.get(f"/launch?from_run={board.data.published}&like={draft.label}").text
    assert f"Draft {draft.label} of harvest-table" in page
    assert "saved picture.jpg" not in page
    kept = board.w.uploads.get(draft.sha256)
    assert kept is not None
    assert kept.uploaded_by == "jonas"


def test_a_file_that_is_only_called_like_a_draft_is_shown_as_a_file(board: Board) -> None:
    file_name = f"draft-{board.draft('B1').image_id}.jpg"
    made = store_upload(board.w, PHOTO.read_bytes(), file_name, "mallory")
    page = board.creator.submit("/launch/preview", **_brief(), references=reference_name(made.sha256)).text
    assert file_name in page
    assert "Draft B1" not in page


def test_the_new_runs_asset_page_and_its_approver_are_told_which_draft_it_was_made_like(board: Board) -> None:
    page = board.opened("B1")
    board.w.settings.board_approval_limit_cents = 1
    try:
        assert board.creator.submit("/launch/ask", **filled(page)).status_code == 303
    finally:
        board.w.settings.board_approval_limit_cents = 0
    asked = board.under.client(Role.APPROVER).get("/launch/approvals").text
    assert "Reference photo 2: draft B1 of slow-mornings, for its look" in asked
    assert '<dt>Look of</dt><dd class="break">draft B1 of slow-mornings</dd>' in asked
    assert "goes in with every call" in asked
    made = planned(board, launched(page))
    board.w.runs.open(made.run, made.assets)
    told = board.under.client(Role.VIEWER).get(f"/runs/{made.run.run_id}/assets/{KEY}").text
    link = f'<a href="/runs/{board.data.campaign}/assets/{KEY}">draft B1 of slow-mornings</a>'
    assert f"Made like {link}" in told


# -- parts --


def _brief() -> dict[str, Any]:
    return {"subject": "a stoneware mug", "placements": "web", "form_id": "f9", "ladder": "economy"}


def added(page: str) -> str:
    """What a page says of the price of drafts among the references."""
    found = re.search(r'quote-added">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", found[1])).split())


def launched(page: str) -> LaunchForm:
    """The form in a page, as it reads once the flow was started with it."""
    sent = FormData([(name, value) for name, values in filled(page).items() for value in values])
    return LaunchForm.of_params(LaunchForm.of_sent(sent).params("Creator"))


def planned(board: Board, form: LaunchForm) -> Planned:
    return asyncio.run(plan_form(board.w, form, "Creator"))
