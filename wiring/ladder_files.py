"""Ladders and roles from their YAML files. Reads files; knows no price, no model id and no environment."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from domain.errors import InputError
from domain.ladder import Ladder, Role
from wiring.yaml_files import parse_yaml

ROLES_FILE = "roles.yaml"
MAX_FILE_BYTES = 64_000

_T = TypeVar("_T")


def ladders(folder: Path | None = None) -> dict[str, Ladder]:
    """Our own ladders by name, and those of `folder`, which win. Raises InputError with file and field.

    A role that is in no roles.yaml is an error, because nobody would know its prompt dialect.
    """
    known = roles(folder)
    found = {}
    for file in (f for source in _sources(folder) for f in _yaml_files(source)):
        ladder = load_ladder(file)
        unknown = [role for role in ladder.roles() if role not in known]
        if unknown:
            hint = f"Known: {', '.join(sorted(known))}; new ones go into {ROLES_FILE}"
            raise InputError(f"unknown role {unknown[0]!r}", where=str(file), hint=hint)
        found[ladder.name] = ladder
    return found


def load_ladder(path: Traversable) -> Ladder:
    """One ladder; its name must be its file's."""
    ladder = validated(TypeAdapter(Ladder), path)
    if path.name.rsplit(".", 1)[0] != ladder.name:
        raise InputError(f"this ladder calls itself {ladder.name!r}", where=f"{path}: name", hint="Name it as its file")
    return ladder


def roles(folder: Path | None = None) -> dict[str, Role]:
    """What is known of each role: ours, and those of `folder`, which win."""
    found: dict[str, Role] = {}
    for source in _sources(folder):
        file = source / ROLES_FILE
        if file.is_file():
            found |= validated(TypeAdapter(dict[str, Role]), file)
    return found


def _sources(folder: Path | None) -> list[Traversable]:
    own = files("wiring") / "ladders"
    if folder is None:
        return [own]
    if not folder.is_dir():
        raise InputError("no such folder of ladders", where=str(folder))
    return [own, folder]


def _yaml_files(folder: Traversable) -> list[Traversable]:
    named = [f for f in folder.iterdir() if f.name.endswith((".yaml", ".yml")) and f.name != ROLES_FILE]
    return sorted(named, key=lambda f: f.name)


def validated(adapter: TypeAdapter[_T], file: Traversable) -> _T:
    """A file's content as data. Raises InputError with file and key."""
    try:
        return adapter.validate_python(_parsed(file))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(message, where=f"{file}: {place}" if place else str(file)) from error


def _parsed(file: Traversable) -> Any:
    data = file.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"more than {MAX_FILE_BYTES} bytes", where=str(file))
    return parse_yaml(data, str(file))
