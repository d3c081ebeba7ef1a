"""docker-compose.yml as compose would read it: variables filled in, env files read. For tests without an engine."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}")


def env_file(path: Path) -> dict[str, str]:
    """KEY=VALUE lines; comments and empty lines are left out."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled(text: str, values: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME-default}`, `${NAME:-default}` and `${NAME:?message}` as compose fills them in."""

    def one(match: re.Match[str]) -> str:
        name, operator, rest = match.group(1), match.group(2) or "", match.group(3) or ""
        value = values.get(name)
        missing = value is None or (operator.startswith(":") and not value)
        if missing and operator.endswith("?"):
            raise KeyError(name)
        return rest if missing and operator.endswith("-") else value or ""

    return VARIABLE.sub(one, text)


def compose(values: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in, value by value as compose does it: text stays text."""
    document: dict[str, Any] = _filled_in(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8")), values)
    return document


def _filled_in(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner, values) for inner in value]
    return filled(value, values) if isinstance(value, str) else value


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """What a service of the filled-in file sees: its env files, then its environment; passed-through names left out."""
    files = service.get("env_file", [])
    seen: dict[str, str] = {}
    for name in [files] if isinstance(files, str) else files:
        seen |= env_file(ROOT / name)
    return seen | {k: str(v) for k, v in (service.get("environment") or {}).items() if v is not None}
