"""Tokens by modality and their price. Facts: section 2.7. Sums are exact in nano-dollars, rounded up once to micros."""

import hashlib
from dataclasses import dataclass, replace
from math import ceil

from sandbox.catalogue import GoogleModel

NANOS_PER_MICRO = 1000
CHARS_PER_TOKEN = 4
THINKING_TOKENS = {"minimal": (60, 160), "low": (120, 260), "medium": (180, 420), "high": (500, 1100)}


@dataclass(frozen=True)
class Usage:
    """One answer's tokens."""

    prompt_text: int
    prompt_image: int
    thoughts: int = 0
    text_out: int = 0
    image_out: int = 0

    def with_output_times(self, factor: float) -> "Usage":
        more = {name: ceil(getattr(self, name) * factor) for name in ("thoughts", "text_out", "image_out")}
        return replace(self, **more)

    def micros(self, model: GoogleModel, share: float = 1.0) -> int:
        """`share` 0.5 is the half price of serviceTier flex."""
        nanos = (self.prompt_text + self.prompt_image) * model.rate_input_nanos
        nanos += (self.thoughts + self.text_out) * model.rate_text_out_nanos
        nanos += self.image_out * model.rate_image_out_nanos
        return ceil(nanos * share / NANOS_PER_MICRO)


def text_tokens(text: str) -> int:
    return ceil(len(text) / CHARS_PER_TOKEN)


def thinking_tokens(level: str, body_sha256: str) -> int:
    """A count that looks like the real one and is the same for the same request."""
    low, high = THINKING_TOKENS[level]
    return low + int.from_bytes(hashlib.sha256(f"think {body_sha256}".encode()).digest()[:4], "big") % (high - low)
