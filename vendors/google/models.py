"""Google's capabilities, typed. The data is models.yaml beside this file."""

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vendors.capabilities import Capabilities, find_model, load_models


class Tokens(BaseModel):
    """A count that is known in advance only as a range; `worst` is never exceeded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: int
    expected: int
    worst: int


class GoogleModel(Capabilities):
    """One image model. `sizes` maps each accepted imageSize to the tokens of one image of it."""

    max_inline_bytes: int
    usual_format: Literal["jpeg", "png", "webp"]
    ratios: tuple[str, ...]
    thinking_level: Literal["", "minimal", "low", "medium", "high"]
    thinking_tokens: Tokens
    input_image_tokens: Tokens
    sizes: dict[str, Tokens]


@cache
def models() -> dict[str, GoogleModel]:
    return load_models("vendors.google", GoogleModel)


def model(model_id: str) -> GoogleModel:
    """Raises InputError for an unknown id."""
    return find_model(models(), model_id, "google")
