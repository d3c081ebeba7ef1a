"""BFL's capabilities, typed. The data is models.yaml beside this file."""

from functools import cache
from typing import Literal

from vendors.capabilities import Capabilities, find_model, load_models


class BflModel(Capabilities):
    """One FLUX.2 endpoint; `fields` go into every request as they are."""

    min_edge_px: int
    edge_multiple_px: int
    max_pixels: int
    max_reference_bytes: int
    max_reference_pixels: int
    formats: tuple[Literal["jpeg", "png", "webp"], ...]
    fields: dict[str, bool | int | float | str]


@cache
def models() -> dict[str, BflModel]:
    return load_models("vendors.bfl", BflModel)


def model(model_id: str) -> BflModel:
    """Raises InputError for an unknown id."""
    return find_model(models(), model_id, "bfl")
