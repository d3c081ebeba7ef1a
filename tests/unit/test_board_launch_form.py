"""The launch form asks for what the flows take, field by field, and says what is wrong by field."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import FormData

from flows.params import CampaignParams, CatalogParams
from review.pages.launch import moved
from review.pages.launch_catalog import CatalogForm, CatalogTerms
from review.pages.launch_form import FormErrors, LaunchForm, OwnSize, Terms, name_of

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
    style_references=(f"upload:{'b' * 64}",),
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
    pairs += [(name, value) for name in ("references", "style_references", "placements") for value in body[name]]
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
    brief = FULL.with_references(()).brief().model_copy(update={"references": ("a.png", f"upload:{'a' * 64}")})
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
    assert caught.value.errors["drafts"] == "At most 16."


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"drafts": "two"}, "Write a whole number."),
        ({"drafts": "0"}, "At least 1."),
        ({"cap_cents": "99999999"}, "At most 10,000,000."),
        ({"final_megapixels": "big"}, "Write a number."),
        ({"final_megapixels": "-1"}, "At least 0."),
        ({"cost_centre": "x" * 81}, "At most 80 characters."),
    ],
)
def test_a_number_out_of_bounds_is_told_in_plain_words(typed: dict[str, str], told: str) -> None:
    with pytest.raises(FormErrors) as caught:
        LaunchForm(subject="a mug", **typed).check()
    assert list(caught.value.errors.items()) == [(*typed, told)]


def test_photos_stay_what_they_are_for_when_others_come_and_go() -> None:
    photo, look = FULL.references
    form = FULL.with_references([look, "upload:new", photo])
    assert form.style_references == (look,)
    assert form.with_references([photo]).style_references == ()
    assert FULL.with_look("upload:new").style_references == (look, "upload:new")
    assert FULL.with_look(photo) == FULL, "one that is there already stays what it is"


def test_only_a_photo_of_the_form_can_be_a_look() -> None:
    photo, look = FULL.references
    pairs = [("references", photo), ("style_references", ""), ("style_references", look)]
    assert LaunchForm.of_sent(FormData(pairs)).style_references == ()


def test_photos_are_put_in_order_and_taken_out() -> None:
    names = ("a", "b", "c")
    assert moved(names, "b", "up") == ("b", "a", "c")
    assert moved(names, "a", "up") == names
    assert moved(names, "c", "down") == names
    assert moved(names, "b", "down") == ("a", "c", "b")
    assert moved(names, "b", "remove") == ("a", "c")
    assert moved(names, "x", "up") == names
