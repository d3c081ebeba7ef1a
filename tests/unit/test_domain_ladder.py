"""Ladders: the rules, their reasons and the files that hold them."""

from pathlib import Path
from typing import Any

import pytest

from domain.brief import Brief
from domain.errors import InputError
from domain.ladder import Ladder
from wiring.ladder_files import ladders, roles

OURS = ladders()
PLAIN = Brief(name="mug", subject="a mug on oak")


def _brief(**changes: Any) -> Brief:
    return Brief.model_validate({"name": "mug", "subject": "a mug on oak"} | changes)


def test_the_three_ladders_are_there_and_every_role_has_a_dialect() -> None:
    assert set(OURS) == {"google", "flux", "economy"}
    known = roles()
    for ladder in OURS.values():
        assert set(ladder.roles()) <= set(known)
    assert {known[r].dialect for r in OURS["google"].roles()} == {"nano-banana"}
    assert {known[r].dialect for r in OURS["flux"].roles()} == {"flux"}


def test_the_ladders_climb_as_they_are_named() -> None:
    assert OURS["google"].roles() == ("nano-banana-flash", "nano-banana-pro")
    assert OURS["flux"].roles() == ("flux-flex", "flux-max", "flux-pro")
    assert OURS["economy"].roles() == ("flux-klein-4b", "flux-pro")


@pytest.mark.parametrize(
    ("changes", "role", "evidence"),
    [
        ({}, "flux-pro", "nothing special is asked; "),
        ({"text_in_image": "SLOW MORNINGS"}, "flux-max", 'text in image: "SLOW MORNINGS"; flux-max sets type best'),
        ({"subject": "A Barista pouring"}, "flux-max", 'people: the brief says "Barista"'),
        ({"people": True}, "flux-max", "people: the brief says so"),
        ({"subject": "a man's jacket", "people": False}, "flux-pro", "nothing special"),
        ({"mood": "epic"}, "flux-max", 'cinematic: the brief says "epic"'),
        ({"placements": ["banner"]}, "flux-max", "cinematic: placement 'banner' is 2.50 times as wide as high"),
        ({"placements": ["hero-4k"]}, "flux-max", "4K: placement 'hero-4k' is 3840x2160"),
        ({"references": list("abcd")}, "flux-pro", "many references: 4 photos"),
        ({"references": list("abcd"), "people": True}, "flux-max", "people"),
        ({"text_in_image": "SALE", "people": True}, "flux-max", "text in image"),
    ],
)
def test_the_first_fitting_rule_makes_the_final_and_says_why(changes: dict[str, Any], role: str, evidence: str) -> None:
    choice = OURS["flux"].choose_final(_brief(**changes))
    assert choice.role == role
    assert choice.reason.startswith(evidence)


def test_google_asks_for_4k_only_where_a_placement_does() -> None:
    assert OURS["google"].choose_final(_brief(placements=["hero-4k"])).megapixels == 8
    assert OURS["google"].choose_final(PLAIN).megapixels == 4


def test_pairs_name_each_different_final_once() -> None:
    pairs = [(draft.role, final.role, final.megapixels) for draft, final in OURS["flux"].pairs()]
    assert sorted(pairs) == [
        ("flux-flex", "flux-max", 2),
        ("flux-flex", "flux-max", 4),
        ("flux-flex", "flux-pro", 2),
    ]


def _data(**changes: Any) -> dict[str, Any]:
    final = {"when": "always", "role": "b", "why": "it is all we have"}
    return {"name": "mine", "title": "Mine", "draft": {"role": "a"}, "finals": [final]} | changes


def test_a_ladder_that_does_not_end_in_always_is_refused() -> None:
    finals = [{"when": "people", "role": "b", "why": "faces"}]
    with pytest.raises(ValueError, match="last rule must say"):
        Ladder.model_validate(_data(finals=finals))


def test_a_rule_that_could_never_be_taken_is_refused() -> None:
    always = _data()["finals"][0]
    with pytest.raises(ValueError, match="never be taken"):
        Ladder.model_validate(_data(finals=[always, always]))


MINE = """\
name: mine
title: Mine
draft: {role: flux-klein-9b}
finals:
  - {when: always, role: flux-max, why: only the best}
"""


def test_a_users_folder_adds_to_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE, encoding="utf-8")
    assert set(ladders(tmp_path)) == {"google", "flux", "economy", "mine"}


def test_a_new_role_needs_only_a_line_in_roles_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE.replace("flux-max", "gpt-image"), encoding="utf-8")
    with pytest.raises(InputError, match="unknown role 'gpt-image'"):
        ladders(tmp_path)
    (tmp_path / "roles.yaml").write_text("gpt-image: {title: GPT Image, dialect: gpt-image}\n", encoding="utf-8")
    assert ladders(tmp_path)["mine"].roles() == ("flux-klein-9b", "gpt-image")
    assert roles(tmp_path)["gpt-image"].dialect == "gpt-image"


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ("when: always", "when: sometimes", "mine.yaml: finals.0.when"),
        ("title: Mine", "titel: Mine", "mine.yaml: title"),
        ("draft: {role: flux-klein-9b}", "draft: {role: flux-klein-9b, megapixels: 99}", "mine.yaml: draft.megapixels"),
        ("name: mine", "name: yours", "mine.yaml: name"),
        ("why: only the best}", "why: only the best", "mine.yaml:"),
    ],
)
def test_a_wrong_ladder_names_file_and_field(tmp_path: Path, before: str, after: str, where: str) -> None:
    (tmp_path / "mine.yaml").write_text(MINE.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        ladders(tmp_path)
    assert caught.value.where.startswith(f"{tmp_path}/{where}")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        ladders(tmp_path / "nowhere")
