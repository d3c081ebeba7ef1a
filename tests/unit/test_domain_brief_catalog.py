"""Catalog briefs: from a product and a shop's style to the brief of one SKU."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.brief import MAX_SKU_CHARS, Brief
from domain.catalog import CatalogStyle, brief_name, catalog_brief, subject_of
from domain.errors import InputError
from domain.feeds import bounds, read_feed
from domain.placement import BUILTIN
from domain.product import Product
from prompts.variations import AXES

POT = Product(
    sku="clay-plant-pot",
    title="Clay Plant Pot",
    description="Free shipping over $50! Classic blown clay pot for plants. Holds two litres.",
    kind="Outdoor",
    tags=("Pot", "Plants"),
    attributes={"Color": "terracotta", "Material": "clay", "Size": "Regular"},
)
STYLE = {
    "name": "linen-light",
    "setting": "on a pale linen cloth",
    "light": "soft window light from the left",
    "camera": "85mm lens",
    "mood": "calm",
    "palette": ["#E8DFD0", "sage"],
    "placements": ["feed", "thumb"],
    "final_megapixels": 2,
    "drafts": 3,
    "rules": [
        {"when": {"kind": "outdoor"}, "then": {"setting": "on a stone terrace", "light": "late sun"}},
        {"when": {"tag": ["plants", "garden"]}, "then": {"light": "dappled light", "drafts": 2}},
        {"when": {"kind": "Indoor", "tag": "Sofa"}, "then": {"camera": "35mm lens"}},
    ],
}


def _style(**changes: Any) -> CatalogStyle:
    return CatalogStyle.model_validate(STYLE | changes)


def _product(**changes: Any) -> Product:
    return Product(**({"sku": "a-1", "title": "Thing"} | changes))


def test_the_subject_is_title_visible_attributes_and_the_first_plain_sentence() -> None:
    assert subject_of(POT) == "Clay Plant Pot, terracotta, Classic blown clay pot for plants"


def test_a_brief_carries_the_style_the_sku_and_the_photos() -> None:
    brief = catalog_brief(POT, _style(rules=[]), references=("pot.png",))
    assert (brief.name, brief.sku, brief.title) == ("clay-plant-pot", "clay-plant-pot", "Clay Plant Pot")
    assert (brief.setting, brief.camera, brief.mood) == ("on a pale linen cloth", "85mm lens", "calm")
    assert brief.palette == ("#e8dfd0", "sage")
    assert brief.references == ("pot.png",)
    assert brief.final_megapixels == 2
    assert [p.name for p in brief.placements] == ["feed", "thumb"]


def test_rules_fit_by_kind_and_tag_without_case_and_later_ones_win() -> None:
    look = _style().for_product(POT)
    assert (look.setting, look.light, look.camera, look.drafts) == (
        "on a stone terrace",
        "dappled light",
        "85mm lens",
        2,
    )


def test_a_rule_with_two_conditions_needs_both() -> None:
    assert _style().for_product(_product(kind="Indoor", tags=("Sofa",))).camera == "35mm lens"
    assert _style().for_product(_product(kind="Indoor", tags=("Lamp",))).camera == "85mm lens"
    assert _style().for_product(_product(tags=("Sofa",))).camera == "85mm lens"


def test_a_rule_can_fit_a_word_of_the_title_and_an_empty_one_fits_nothing() -> None:
    rules = [{"when": {"title": "shirt"}, "then": {"mood": "crisp"}}, {"when": {}, "then": {"mood": "lost"}}]
    style = _style(rules=rules)
    assert style.for_product(_product(title="White Cotton Shirt")).mood == "crisp"
    assert style.for_product(_product(title="Shirtdress")).mood == "calm"


def test_a_rule_can_empty_what_the_style_says() -> None:
    style = _style(rules=[{"when": {"kind": "Outdoor"}, "then": {"mood": ""}}])
    assert style.for_product(POT).mood == ""


def test_a_mens_jacket_shows_no_people_unless_the_style_says_so() -> None:
    jacket = _product(title="Navy Jacket", description="A men's zipped jacket for women and men.")
    assert not catalog_brief(jacket, _style()).shows_people
    assert catalog_brief(jacket, _style(people=True)).shows_people


def test_placements_given_replace_those_of_the_style_and_none_leave_the_default() -> None:
    assert catalog_brief(POT, _style(), placements=(BUILTIN["hero"],)).placements == (BUILTIN["hero"],)
    assert catalog_brief(POT, _style(placements=[])).placements == Brief(name="x", subject="x").placements


@pytest.mark.parametrize(
    "description",
    [
        "Only $9.99 today.",
        "Save 20% now on this.",
        "Order it now, please.",
        "See www.shop.example for it.",
        "Nice one.",
    ],
)
def test_sales_talk_stays_out_of_the_picture(description: str) -> None:
    assert subject_of(_product(description=description)) == "Thing"


def test_a_product_without_words_is_refused_by_its_sku() -> None:
    with pytest.raises(InputError, match="product a-1: neither title nor description"):
        subject_of(_product(title=" "))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"palette": ["blue!"]}, "palette"),
        ({"placements": ["billboard"]}, "placements"),
        ({"vary": ["weather"]}, "vary"),
        ({"rules": [{"when": {"colour": "red"}, "then": {}}]}, "rules.0.when.colour"),
        ({"rules": [{"when": {"kind": "x"}, "then": {"subject": "mine"}}]}, "rules.0.then.subject"),
    ],
)
def test_a_wrong_style_names_its_field(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValueError, match=place.replace(".", r"\.")):
        _style(**changes)


def test_names_of_different_skus_never_meet() -> None:
    assert brief_name("clay-pot_1.b") == "clay-pot_1.b"
    names = [brief_name(s) for s in ("A/B", "a-b", "a b", "A-B", "---", "é", "x" * 100, "x" * 101)]
    assert len(set(names)) == len(names)


def test_a_style_may_vary_in_all_axes_by_default() -> None:
    assert set(_style().vary) == set(AXES)


def test_the_longest_handle_that_a_feed_may_have_becomes_a_brief() -> None:
    handle = "h" * bounds.MAX_SKU_CHARS
    (product,) = read_feed(f"Handle,Title\n{handle},Mug\n".encode(), name="x").products
    brief = catalog_brief(product, _style())
    assert (brief.sku, len(brief.name) <= 80) == (handle, True)


@given(
    sku=st.text(min_size=1, max_size=MAX_SKU_CHARS).filter(str.strip),
    title=st.text(min_size=1, max_size=300).filter(str.strip),
    description=st.text(max_size=1_500),
)
def test_any_product_of_a_feed_becomes_a_brief(sku: str, title: str, description: str) -> None:
    product = Product(sku=sku, title=title, description=description, attributes={"color": title})
    assert catalog_brief(product, _style()).subject
