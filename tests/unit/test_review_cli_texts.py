"""What a person reads when something is wrong: one line that names the file and field, and an exit code."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import InputError, SettingError
from draftline import main as entry
from draftline.commands.doctor import _settings
from draftline.commands.run import run_catalog
from draftline.console import complain
from tasks.wishes import read_brief
from wiring import read_settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nsubject: a mug\nmoood: calm\n", "moood: there is no such field; there are action, camera"),
        ("name: x\n", "subject: is missing"),
        ("name: Slow Mornings!\nsubject: a mug\n", "name: lower-case letters, digits"),
        ("name: x\nsubject: a mug\nplacements: []\n", "placements: needs at least one"),
        ("name: x\nsubject: a mug\nplacements: [poster]\n", "placements: unknown placement 'poster'; known: banner"),
    ],
)
def test_a_wrong_brief_is_told_in_plain_words(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "brief.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_brief(path)
    assert f"brief.yaml, {told}" in str(refused.value)


def test_bytes_that_are_no_yaml_are_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "brief.yaml"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(InputError) as refused:
        read_brief(path)
    assert "not YAML" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_of_photos_that_is_not_there_is_told_before_a_service_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAFTLINE_HOME", str(tmp_path / "home"))
    fields = {"feed": str(ROOT / "samples/feed.csv"), "photos": str(tmp_path / "nope")}
    with pytest.raises(InputError, match="nope: the folder of photos does not exist"):
        run_catalog(fields, resend_in_doubt=False, as_json=True)
    assert not (tmp_path / "home").exists()


def test_a_setting_that_names_a_missing_file_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAFTLINE_PRICE_BOOK", "/nowhere/book.yaml")
    with pytest.raises(SettingError, match="DRAFTLINE_PRICE_BOOK: no such file or folder"):
        read_settings()


def test_the_doctor_names_a_misspelt_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAFTLINE_CAP_RUN_CENT", "5")
    finding = _settings()
    assert finding.verdict == "warning"
    assert "DRAFTLINE_CAP_RUN_CENT" in finding.detail


def test_a_complaint_is_one_line_and_keeps_its_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a [limited] edition,\n  [1, 2] and [/x] :smile:")
    assert capsys.readouterr().err == "draftline: a [limited] edition, [1, 2] and [/x] :smile:\n"


def ends(monkeypatch: pytest.MonkeyPatch, command: Callable[[], None]) -> object:
    monkeypatch.setattr(entry, "app", command)
    with pytest.raises(SystemExit) as end:
        entry.main()
    return end.value.code


def test_a_folder_that_cannot_be_written_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise PermissionError(13, os.strerror(13), "/ro/.draftline")

    assert ends(monkeypatch, fail) == entry.EXIT_FAULT
    assert capsys.readouterr().err == "draftline: /ro/.draftline: Permission denied\n"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, lambda: sys.exit(entry.EXIT_STOPPED)])
def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stop: Callable[[], BaseException]
) -> None:
    def interrupted() -> None:
        raise stop()

    assert ends(monkeypatch, interrupted) == entry.EXIT_STOPPED
    assert "the same command goes on from here" in capsys.readouterr().err
