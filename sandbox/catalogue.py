"""The typed view of catalogue.yaml: which models exist here, what they cost and how long they take."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import yaml

CATALOGUE_PATH = Path(__file__).with_name("catalogue.yaml")
Quality = Literal["draft", "final"]


@dataclass(frozen=True)
class BflModel:
    """`first_micros` buys the first output megapixel, `further_micros` each further one and each input megapixel."""

    id: str
    first_micros: int
    further_micros: int
    references: int
    latency_s: float
    quality: Quality
    rewriting: bool = False
    reasoning: bool = False
    steps: bool = False


@dataclass(frozen=True)
class GoogleModel:
    """`rates_*` in nano-dollars a token; `image_tokens` by image size, its keys are the sizes the model accepts."""

    id: str
    display_name: str
    latency_s: float
    quality: Quality
    image_tokens: dict[str, int]
    input_image_tokens: int
    ratios: int
    references: int
    thinking_levels: tuple[str, ...]
    thinking_default: str
    rate_input_nanos: int
    rate_text_out_nanos: int
    rate_image_out_nanos: int
    retires_on: date | None = None


@dataclass(frozen=True)
class Catalogue:
    bfl: dict[str, BflModel]
    google: dict[str, GoogleModel]
    bfl_active_task_limit: int
    bfl_link_life_s: float


def load_catalogue(path: Path = CATALOGUE_PATH) -> Catalogue:
    """Reads the YAML; a missing or unknown key fails here, at start, by name."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    bfl = {name: BflModel(id=name, **row) for name, row in raw["bfl"]["models"].items()}
    google = {name: _google_model(name, row) for name, row in raw["google"]["models"].items()}
    return Catalogue(bfl, google, raw["bfl"]["active_task_limit"], raw["bfl"]["link_life_s"])


def _google_model(name: str, row: dict[str, Any]) -> GoogleModel:
    row = dict(row)
    rates = row.pop("rates")
    levels = tuple(row.pop("thinking_levels"))
    return GoogleModel(
        id=name,
        thinking_levels=levels,
        rate_input_nanos=rates["input"],
        rate_text_out_nanos=rates["text_out"],
        rate_image_out_nanos=rates["image_out"],
        **row,
    )


def is_past(retires_on: date | None, now_s: float) -> bool:
    """True when a retirement date has come, by UTC."""
    return retires_on is not None and datetime.fromtimestamp(now_s, UTC).date() >= retires_on
