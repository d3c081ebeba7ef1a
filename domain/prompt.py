"""A prompt: what a model is told, rendered from a brief in that model's dialect."""

from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["flux", "nano-banana", "gpt-image"]
ReferenceRole = Literal["select", "product", "style"]
"""What an image sent along is for: the draft that was picked, the product itself, or only its look."""


@dataclass(frozen=True)
class Prompt:
    """`version` names template and revision (`flux/3`); `axes` the draft variation, e.g. {"camera": "low angle"}."""

    text: str
    dialect: Dialect
    version: str
    axes: dict[str, str] = field(default_factory=dict)
