"""YAML that somebody wrote by hand: a slip of the pen is named with its line, and nothing can blow up."""

import pytest

from domain.errors import InputError
from wiring.yaml_files import MAX_DEPTH, MAX_VALUES, parse_yaml

NINE = ",".join
BOMB = b"\n".join(
    [b"a: &a [x,x,x,x,x,x,x,x,x]"]
    + [f"{new}: &{new} [{NINE([f'*{old}'] * 9)}]".encode() for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
)


def refusal(text: bytes) -> str:
    with pytest.raises(InputError) as refused:
        parse_yaml(text, "brief.yaml")
    return str(refused.value)


def test_plain_data_and_small_aliases_are_read() -> None:
    read = parse_yaml(b"light: &soft {from: left}\nother: {<<: *soft, hour: 8}\nwords: [a, b]\n", "brief.yaml")
    assert read == {"light": {"from": "left"}, "other": {"from": "left", "hour": 8}, "words": ["a", "b"]}
    assert parse_yaml(b"", "brief.yaml") is None
    assert parse_yaml(b"\xef\xbb\xbfname: mug\r\n", "brief.yaml") == {"name": "mug"}


def test_a_key_that_stands_twice_is_named_with_both_lines() -> None:
    assert refusal(b"name: x\nsubject: a mug\nsubject: a bowl\n") == "brief.yaml:3: 'subject' stands here and on line 2"


def test_aliases_that_grow_without_bound_are_refused_before_they_are_walked() -> None:
    assert refusal(BOMB) == f"brief.yaml: more than {MAX_VALUES} values, aliases written out"


@pytest.mark.parametrize(
    "text", [b"name: " + b"[" * 20_000, b"name: " + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"a: &a [*a]"]
)
def test_what_is_nested_too_deeply_is_refused(text: bytes) -> None:
    assert "nested too deeply" in refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"name: x\n\tsubject: y\n", "brief.yaml:2: not YAML: found character '\\t'"),
        ("name: x\nsubject: Größe\n".encode("latin-1"), "brief.yaml:2: not YAML: no UTF-8 text"),
        (b"name: x\n---\nname: y\n", "brief.yaml:2: not YAML"),
        (b"name: !!python/object/apply:os.system [id]\n", "brief.yaml:1: not YAML: could not determine"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: bytes, words: str) -> None:
    assert refusal(text).startswith(words)
