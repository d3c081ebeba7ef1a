"""Loading a vendor's `models.yaml`: capabilities as dated data, checked by that vendor's own pydantic model.

Prices are not here (the price book has them), nor are prompts.
"""

from datetime import date
from importlib import resources
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict

from domain.errors import InputError


class Capabilities(BaseModel):
    """What every model says of itself. `source` names where, `checked` when it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    checked: date
    retires: date | None = None
    max_references: int
    max_prompt_chars: int
    seed: bool


M = TypeVar("M", bound=Capabilities)


def load_models(package: str, kind: type[M]) -> dict[str, M]:
    """Model id -> capabilities, from the package's models.yaml. A wrong entry fails here, with its name."""
    text = resources.files(package).joinpath("models.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    common = raw["common"]
    return {model_id: kind.model_validate(common | entry) for model_id, entry in raw["models"].items()}


def find_model(models: dict[str, M], model_id: str, vendor: str) -> M:
    """Raises InputError that lists what there is."""
    found = models.get(model_id)
    if found is None:
        known = ", ".join(sorted(models))
        raise InputError(f"{vendor} has no model {model_id!r} here", where="model_id", hint=f"known: {known}")
    return found
