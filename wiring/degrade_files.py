"""Degrade policies from their YAML files: ours by name, anybody's by path. Reads files; knows no cap and no price."""

from collections.abc import Collection
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import TypeAdapter

from budget.degrade import OFF, DegradePolicy
from domain.errors import InputError
from wiring.ladder_files import validated

SUFFIXES = (".yaml", ".yml")


def degrade_policy(asked: str, known_roles: Collection[str]) -> DegradePolicy | None:
    """The policy of this name, or in the file of this path; None for "off". Raises InputError with file and key."""
    if asked in ("", OFF):
        return None
    file = Path(asked) if asked.endswith(SUFFIXES) else files("wiring") / "degrade" / f"{asked}.yaml"
    if not file.is_file():
        hint = f"Known: {', '.join((OFF, *policy_names()))}, or the path of a YAML file"
        raise InputError(f"unknown degrade policy {asked!r}", where="--degrade", hint=hint)
    policy = validated(TypeAdapter(DegradePolicy), file)
    _check(policy, file, known_roles)
    return policy


def policy_names() -> tuple[str, ...]:
    """Our own ones."""
    return tuple(sorted(f.name.rsplit(".", 1)[0] for f in (files("wiring") / "degrade").iterdir()))


def _check(policy: DegradePolicy, file: Traversable, known_roles: Collection[str]) -> None:
    if file.name.rsplit(".", 1)[0] != policy.name:
        raise InputError(f"this policy calls itself {policy.name!r}", where=f"{file}: name", hint="Name it as its file")
    for number, step in enumerate(policy.steps):
        for key, roles in (("draft_roles", step.draft_roles), ("final_roles", step.final_roles)):
            unknown = sorted({*roles, *roles.values()} - set(known_roles))
            if unknown:
                hint = f"Known: {', '.join(sorted(known_roles))}"
                raise InputError(f"unknown role {unknown[0]!r}", where=f"{file}: steps.{number}.{key}", hint=hint)
