"""A reference that shows the look and not the product: named in the brief, asked for in the prompt, part of the run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from domain.brief import Brief
from domain.catalog import CatalogStyle, catalog_brief
from domain.errors import InputError
from domain.product import Product
from domain.prompt import Dialect
from domain.render import Reference
from domain.run import Asset, ImageRecord
from flows.params import CampaignParams
from prompts.book import PromptBook
from tasks.assets import brief_of
from tasks.wanted import final_spec, measurable
from tasks.wishes import Wish, read_brief, with_digests
from tests.support.planning import planned, planning_wiring
from wiring import Wiring

MUG, LAST_YEAR = "photos/mug.png", "photos/last-year.jpg"
BOTH = (MUG, LAST_YEAR)
PHOTOS = tuple(Reference(letter * 64, "image/jpeg", 1024, 1024, b"jpeg") for letter in "ab")
SAID: dict[Dialect, tuple[str, str]] = {
    "flux": ("The product is the one in image {}, unchanged", "Take the style and colour grading from image {}."),
    "nano-banana": ("Show the product from image {}, unchanged", "Follow the style of image {}."),
    "gpt-image": ("Product: as in image {}, unchanged", "Style: as in image {}."),
}
"""What each dialect says of a product's photo and of one that is there for its look."""


def brief(**more: Any) -> Brief:
    return Brief.model_validate({"name": "mug", "subject": "a stoneware mug", "references": BOTH, **more})


def wish(*styles: str) -> Wish:
    return Wish(with_digests(brief(style_references=styles), PHOTOS), PHOTOS)


@pytest.fixture(scope="module")
def w(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    made = planning_wiring(tmp_path_factory.mktemp("styles"))
    yield made
    made.close()


# -- the brief --


def test_a_brief_says_what_each_of_its_references_is_for_in_their_order() -> None:
    assert brief(style_references=[LAST_YEAR]).reference_roles(BOTH) == ("product", "style")
    assert brief(style_references=[MUG]).reference_roles(BOTH) == ("style", "product")
    assert brief().reference_roles(BOTH) == ("product", "product")


def test_a_look_that_is_not_among_the_references_is_refused_by_its_name() -> None:
    with pytest.raises(ValidationError, match=r"'other\.png' is not among the references: name it there too"):
        brief(style_references=["other.png"])


def test_a_briefs_file_is_refused_with_its_name_and_the_field(tmp_path: Path) -> None:
    file = tmp_path / "brief.yaml"
    file.write_text("name: mug\nsubject: a mug\nreferences: [a.png]\nstyle_references: [b.png]\n")
    with pytest.raises(InputError, match=r"'b\.png' is not among the references") as refused:
        read_brief(file)
    assert f"{file}, style_references" in str(refused.value)


def test_the_order_in_which_looks_are_named_is_no_other_brief() -> None:
    one, other = (brief(style_references=names) for names in (BOTH, (LAST_YEAR, MUG, MUG)))
    assert one.fingerprint() == other.fingerprint()


def test_a_brief_without_looks_keeps_the_fingerprint_that_it_had_before_there_were_any() -> None:
    # made by the version before this field
    known = "ee6d10c912417ebae3f2068d524b527d00eba9d6f8d2a99d6c67bb37ae879980"
    assert Brief(name="x", subject="x").fingerprint() == known
    assert "style_references" not in brief().model_dump(mode="json")


def test_a_catalogs_photos_show_the_product() -> None:
    product = Product(sku="mug-1", title="Stoneware mug")
    made = catalog_brief(product, CatalogStyle(name="shop"), [photo.sha256 for photo in PHOTOS])
    assert made.reference_roles(made.references) == ("product", "product")


# -- names become digests and paths --


def test_both_lists_are_named_by_content_and_come_back_from_a_runs_rows() -> None:
    named = with_digests(brief(style_references=[LAST_YEAR]), PHOTOS)
    assert (named.references, named.style_references) == (("a" * 64, "b" * 64), ("b" * 64,))
    assert Brief.model_validate(named.model_dump(mode="json")) == named
    plain = with_digests(brief(), PHOTOS)
    assert Brief.model_validate(plain.model_dump(mode="json")) == plain


def test_one_photo_by_two_names_cannot_be_both() -> None:
    with pytest.raises(InputError, match="one photo is there twice, for the product and for its look"):
        with_digests(brief(style_references=[MUG]), [PHOTOS[0], PHOTOS[0]])
    assert with_digests(brief(style_references=BOTH), [PHOTOS[0], PHOTOS[0]]).style_references == ("a" * 64,)


def test_files_of_both_lists_become_paths_and_uploads_stay(tmp_path: Path) -> None:
    upload = f"upload:{'c' * 64}"
    made = CampaignParams.of_brief(brief(references=[*BOTH, upload], style_references=[LAST_YEAR, upload]), tmp_path)
    assert made.style_references == [str(tmp_path / LAST_YEAR), upload] == made.references[1:]
    assert made.brief().reference_roles(made.references) == ("product", "style", "style")


# -- the prompt --


@pytest.mark.parametrize("dialect", SAID)
def test_every_dialect_asks_for_the_product_of_one_photo_and_the_look_of_the_other(dialect: Dialect) -> None:
    product, style = SAID[dialect]
    asked = brief(style_references=[MUG])
    text = PromptBook.load().render(asked, dialect, reference_roles=asked.reference_roles(BOTH)).text
    assert product.format(2) in text
    assert style.format(1) in text


# -- the plan --


@pytest.mark.anyio
@pytest.mark.parametrize(("ladder", "dialect"), [("economy", "flux"), ("flux", "flux"), ("google", "nano-banana")])
async def test_drafts_and_finals_are_asked_for_the_look_at_the_same_price_in_a_run_of_their_own(
    w: Wiring, ladder: str, dialect: Dialect
) -> None:
    plain, looks = [await planned(w, brief(), ladder, wish=wish(*styles)) for styles in ((), (LAST_YEAR,))]
    product, style = SAID[dialect]
    (asset,) = looks.assets
    for call in asset.plan["draft"]["calls"]:
        assert product.format(1) in call["prompt"]
        assert style.format(2) in call["prompt"]
    assert asset.plan["references"] == plain.assets[0].plan["references"], "the same pictures in the same order"
    assert plain.run.run_id != looks.run.run_id
    assert plain.quote.hash != looks.quote.hash
    if dialect == "flux":
        assert plain.quote.range == looks.quote.range, "FLUX bills no words"


@pytest.mark.anyio
async def test_a_final_that_is_made_days_later_out_of_the_rows_knows_what_each_photo_is_for(w: Wiring) -> None:
    (asset,) = (await planned(w, brief(), "economy", wish=wish(LAST_YEAR))).assets
    kept = replace(asset, brief=brief_of(asset).model_dump(mode="json"))
    prompt = _final_prompt(w, kept)
    assert "composition, framing and light of image 1" in prompt
    assert "The product is the one in image 2, unchanged" in prompt
    assert "Take the style and colour grading from image 3." in prompt


def _final_prompt(w: Wiring, asset: Asset) -> str:
    select = ImageRecord(
        image_id="f" * 24,
        run_id="run",
        asset_key=asset.asset_key,
        stage="draft",
        ordinal=0,
        sha256="d" * 64,
        media_type="image/jpeg",
        width_px=1024,
        height_px=1024,
        size_bytes=1,
        bucket="",
        object_key="x",
        label="A1",
    )
    return final_spec(w, asset, 0, select, measurable(asset, select)).request.prompt
