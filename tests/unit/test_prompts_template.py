"""The template language and where its errors point; folders that override ours."""

from pathlib import Path

import pytest

from domain.brief import Brief
from domain.errors import InputError
from prompts.book import PromptBook
from prompts.template import parse

BRIEF = Brief(name="mug", subject="a mug", mood="calm")


def _folder(tmp_path: Path, source: str, name: str = "v2.txt") -> Path:
    (tmp_path / "flux").mkdir(exist_ok=True)
    (tmp_path / "flux" / name).write_text(source, encoding="utf-8")
    return tmp_path


def test_an_unknown_placeholder_fails_with_file_and_line(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "# mine\n{subject}.\n\nMood: {moood}.\n")
    with pytest.raises(InputError) as caught:
        PromptBook.load(folder)
    assert caught.value.where == f"{folder / 'flux' / 'v2.txt'}:4"
    assert "unknown placeholder {moood}" in str(caught.value)
    assert "Did you mean {mood}?" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Mood: {mood", "without its partner"),
        ("Mood: mood}", "without its partner"),
        ("Mood: {}", "unknown placeholder"),
        ("Mood: { mood }", "unknown placeholder"),
        ("Mood: {{mood}}", "without its partner"),
        ("Mood: {mood.upper}", "unknown placeholder"),
        ("Mood[, {mood}", "never closed"),
        ("Mood, {mood}]", "open and close in turn"),
        ("Mood[, [{mood}]]", "open and close in turn"),
        ("Mood[ of sorts] {mood}", "without a slot"),
        ("Mood: {mood}{light}", "something must stand between"),
        ("@max_chars many", "takes a number"),
        ("@max_chars 20", "takes a number"),
        ("@join comma", "space or newline"),
        ("@model flux-2-pro", "unknown directive @model"),
    ],
)
def test_every_slip_names_its_line(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse(f"{{subject}}.\n{line}\n", "my.txt")
    assert caught.value.where == "my.txt:2"


def test_a_template_without_the_subject_is_refused() -> None:
    with pytest.raises(InputError, match="must use"):
        parse("Mood: {mood}.", "my.txt")


def test_brackets_go_with_their_punctuation_and_sentences_as_a_whole() -> None:
    template = parse("{subject}[, {action}][ in {setting}].\nLit by {light}[ and {mood}].\n", "my.txt")
    assert template.fill({"subject": "a mug"}) == "A mug."
    assert template.fill({"subject": "a mug", "setting": "fog"}) == "A mug in fog."
    assert template.fill({"subject": "a mug", "mood": "calm"}) == "A mug."
    assert template.fill({"subject": "a mug", "light": "dusk", "mood": "calm"}) == "A mug. Lit by dusk and calm."


def test_a_folder_overrides_one_dialect_and_leaves_the_others(tmp_path: Path) -> None:
    book = PromptBook.load(_folder(tmp_path, "Just {subject}."))
    assert book.render(BRIEF, "flux").text == "Just a mug."
    assert book.version("flux").startswith("flux/2-")
    assert book.version("nano-banana") == PromptBook.load().version("nano-banana")


def test_the_highest_version_counts_by_number(tmp_path: Path) -> None:
    for number in (2, 9, 10):
        _folder(tmp_path, f"Edition {number} of {{subject}}.", f"v{number}.txt")
    assert PromptBook.load(tmp_path).render(BRIEF, "flux").text == "Edition 10 of a mug."


def test_one_changed_byte_is_another_version(tmp_path: Path) -> None:
    before = PromptBook.load(_folder(tmp_path, "{subject}.")).version("flux")
    after = PromptBook.load(_folder(tmp_path, "{subject}.\n")).version("flux")
    assert before.split("-")[0] == after.split("-")[0] == "flux/2"
    assert before != after


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        PromptBook.load(tmp_path / "nowhere")


def test_a_dialect_folder_without_a_template_is_named(tmp_path: Path) -> None:
    (tmp_path / "flux").mkdir()
    with pytest.raises(InputError, match=r"no template vN\.txt"):
        PromptBook.load(tmp_path)


def test_a_template_that_is_not_utf8_fails_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "flux").mkdir()
    (tmp_path / "flux" / "v2.txt").write_bytes(b"{subject}.\nMood: caf\xe9 {mood}.\n")
    with pytest.raises(InputError, match=r"v2\.txt:2: not UTF-8"):
        PromptBook.load(tmp_path)


def test_check_tells_of_slots_that_a_template_drops_or_hides(tmp_path: Path) -> None:
    book = PromptBook.load(_folder(tmp_path, "{subject}.\nLit by {light} and {mood}."))
    problems = "\n".join(book.check())
    assert "{text} is never used" in problems
    assert "{mood} shows only when another slot is filled too" in problems


def test_check_tells_of_a_worst_case_that_cannot_fit(tmp_path: Path) -> None:
    long = "x" * 1_600
    book = PromptBook.load(_folder(tmp_path, f"@max_chars 1500\n{{subject}} {long}."))
    assert any("leave no room under 1500" in problem for problem in book.check())
