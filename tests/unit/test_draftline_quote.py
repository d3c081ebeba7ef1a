"""`draftline quote` and `draftline approve` on a fresh home: the hash that is printed is the one that is approved."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from domain.errors import InputError, NotApproved
from draftline import main
from draftline.main import app

BRIEF = "name: kettle\nsubject: a red kettle\nplacements: [web]\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRAFTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brief.yaml").write_text(BRIEF)
    return tmp_path


def draftline(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def quote(*more: str) -> dict[str, Any]:
    return dict(json.loads(draftline("quote", "campaign", "--brief", "brief.yaml", "--json", *more).stdout))


def test_the_quote_says_how_it_is_approved_and_that_scores_cost_nothing() -> None:
    text = draftline("quote", "campaign", "--brief", "brief.yaml").stdout
    hash_ = quote()["quote"]["hash"]
    assert f"draftline approve {hash_} --by NAME" in text
    assert f"--approved {hash_}" in text
    assert re.search(r"scores +local, no judge is asked +4 +\$0\.0000 +\$0\.0000 +\$0\.0000", text)


def test_what_is_too_large_for_the_network_is_quoted_with_what_enlarges_it(home: Path) -> None:
    poster = "name: poster\nsubject: a red kettle\nplacements: [{name: poster, width_px: 6000, height_px: 4000}]\n"
    (home / "brief.yaml").write_text(poster)
    text = draftline("quote", "campaign", "--brief", "brief.yaml", "--ladder", "google").stdout
    assert re.search(r"upscale +LANCZOS, local: too much for Real-ESRGAN here +1 ", text)


def test_a_feed_whose_letters_had_to_be_guessed_is_quoted_with_that_note(home: Path) -> None:
    (home / "feed.csv").write_bytes("Handle,Title\npot,Café\n".encode("cp1252"))
    catalog = ("quote", "catalog", "--feed", "feed.csv", "--without-photo", "imagine")
    said = "note: line 2 not in UTF-8, read as Windows-1252; check accented letters"
    assert said in draftline(*catalog).stdout
    assert json.loads(draftline(*catalog, "--json").stdout)["notes"] == [said]


@pytest.mark.parametrize("per", ["sku", "stage", "model"])
def test_the_sums_per_anything_are_the_total_to_the_micro(per: str) -> None:
    told = quote("--per", per, "--resend-in-doubt")
    assert told["per"]["by"] == per
    for bound in ("low", "expected", "worst"):
        assert sum(row[bound] for row in told["per"]["rows"].values()) == told["quote"]["total"][bound]
    with pytest.raises(InputError, match="'colour' is not one of sku, stage, model"):
        quote("--per", "colour")


def test_sending_again_is_a_line_of_its_own_and_another_hash() -> None:
    plain, resending = quote()["quote"], quote("--resend-in-doubt", "--per", "stage")
    assert resending["quote"]["hash"] != plain["hash"]
    retry = resending["per"]["rows"]["retry"]
    assert (retry["low"], retry["expected"], retry["worst"]) == (0, 0, plain["total"]["worst"])


def test_an_approval_is_given_listed_and_withdrawn() -> None:
    hash_ = quote()["quote"]["hash"]
    assert "none" in draftline("approve", "--list").stdout
    assert "Approved by Ada" in draftline("approve", hash_, "--by", "Ada", "--why", "spring").stdout
    (listed,) = json.loads(draftline("approve", "--list", "--json").stdout)
    assert (listed["quote_hash"], listed["approval"]["by"], listed["approval"]["why"]) == (hash_, "Ada", "spring")
    draftline("approve", hash_, "--withdraw", "--by", "Grace")
    assert "withdrawn by Grace" in draftline("approve", "--list").stdout


def test_an_approval_needs_a_hash_and_a_name() -> None:
    hash_ = quote()["quote"]["hash"]
    for arguments in (["approve"], ["approve", hash_], ["approve", "f" * 64, "--by", "Ada"]):
        with pytest.raises(InputError):
            draftline(*arguments)


def test_a_hash_that_is_none_is_refused_by_its_option() -> None:
    with pytest.raises(InputError, match=r"^--approved: "):
        draftline("run", "campaign", "--brief", "brief.yaml", "--approved", "abc")


def test_a_run_without_its_approval_ends_like_one_that_a_cap_refuses() -> None:
    assert main._code(NotApproved("no")) == main.EXIT_CAP
