"""The command line says what it does: help and an example on every command, and exit codes that mean something."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from domain.errors import CapRefused, InputError, RunBusy, StorageError
from draftline import main
from draftline.commands import board
from draftline.main import app
from review.__main__ import Listen


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            yield from _commands(command, (*path, name))  # type: ignore[arg-type]
        else:
            yield (*path, name), command


ALL = dict(_commands(typer.main.get_command(app)))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", sorted(ALL), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"draftline {' '.join(path)}" in result.output.replace("\n", " ")


def test_the_commands_of_the_issue_are_there() -> None:
    names = {" ".join(path) for path in ALL}
    wanted = "demo|up|quote campaign|quote catalog|run campaign|run catalog|promote|spend|sandbox|doctor"
    assert set(wanted.split("|")) <= names


def test_the_command_line_loads_prefect_only_with_a_flow_and_the_board_only_with_its_command() -> None:
    # Prefect reads its settings at import: loaded before the services stand, it would start a server of its own
    code = "import sys, draftline.main; print([name for name in ('prefect', 'review.app') if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert loaded.stdout.strip() == "[]"


def test_an_installed_draftline_is_the_one_that_makes_sentences_of_errors() -> None:
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    entry = EntryPoint("draftline", scripts["draftline"], "console_scripts")
    assert entry.load() is main.main


def test_the_board_listens_where_it_does_by_itself() -> None:
    assert (Listen.host, Listen.port) == (board.HOST, board.PORT)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CapRefused("day", limit_micros=1, committed_micros=0, asked_micros=2), 3),
        (InputError("no"), 2),
        (RunBusy("busy"), 6),
        (StorageError("gone"), 5),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code_not_a_traceback(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == code
    text = capsys.readouterr().err
    assert str(error) in text.replace("\n", "")
    assert "Traceback" not in text
