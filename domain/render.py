"""The neutral request to a vendor, what it measures, and the receipt that comes back."""

from dataclasses import dataclass, field
from typing import Any, Literal

from domain.canonical import digest

Tier = Literal["draft", "final"]


@dataclass(frozen=True)
class Reference:
    """A picture that goes in with a request. The bytes travel; only the digest is recorded."""

    sha256: str
    media_type: str
    width_px: int
    height_px: int
    data: bytes = field(repr=False, compare=False)


@dataclass(frozen=True)
class RenderRequest:
    """One wanted image. `model_id` is the vendor's id; sizes are wishes in pixels that a vendor may round.

    `seed` None lets the vendor choose. `output_format` is a wish too.
    """

    model_id: str
    prompt: str
    width_px: int
    height_px: int
    references: tuple[Reference, ...] = ()
    seed: int | None = None
    output_format: Literal["jpeg", "png", "webp"] = "png"

    def canonical(self) -> dict[str, Any]:
        """Everything that decides the picture, as a plain value; references by digest."""
        return {
            "model_id": self.model_id,
            "prompt": self.prompt,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "references": [r.sha256 for r in self.references],
            "seed": self.seed,
            "output_format": self.output_format,
        }

    def work_key(self, ordinal: int) -> str:
        """One work key is paid at most once: sha256 of the canonical request and its ordinal among equals."""
        return digest({"request": self.canonical(), "ordinal": ordinal})


@dataclass(frozen=True)
class Usage:
    """What a vendor bills by. Megapixels are whole, started ones (1,048,576 px); tokens as the vendor counts them."""

    output_mp: int = 0
    input_mp: int = 0
    text_in_tokens: int = 0
    image_in_tokens: int = 0
    text_out_tokens: int = 0
    image_out_tokens: int = 0
    images: int = 1

    def as_dict(self) -> dict[str, int]:
        return {k: v for k, v in vars(self).items() if v}


@dataclass(frozen=True)
class Measured:
    """What a request will be billed by before it is sent; `worst` is never exceeded by an honest vendor.

    `warnings` name each wish that this vendor cannot honour, as sentences.
    """

    low: Usage
    expected: Usage
    worst: Usage
    width_px: int
    height_px: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """A picture and its bill.

    `cost_micros` is the vendor's own figure, None when it names none (then `usage` is priced).

    `model_answered` is the model that the vendor says it used, as it says it.
    """

    data: bytes = field(repr=False)
    media_type: str
    model_answered: str
    usage: Usage
    cost_micros: int | None = None
    seed: int | None = None
    vendor_id: str = ""
    warnings: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """Accepted work that can be asked for again: everything a later process needs to collect it.

    `cost_micros` is the vendor's estimate at submit (None when it gives none); `facts` is kept beside it as JSON.
    """

    job_id: str
    poll_url: str
    cost_micros: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
