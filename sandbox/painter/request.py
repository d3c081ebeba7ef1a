"""What the painter is asked for, and the bounds of it. No drawing here."""

from dataclasses import dataclass
from typing import Literal

Quality = Literal["draft", "final"]

MIN_SIDE_PX = 64
MAX_SIDE_PX = 4096
MAX_REFERENCES = 16
MAX_REFERENCE_PX = 50_000_000
MAX_PROMPT_CHARS = 40_000


@dataclass(frozen=True)
class SceneRequest:
    """One picture to paint. Equal requests give equal pixels, on any run and in any process.

    width_px and height_px: 64 to 4096 each. references: encoded JPEG, PNG or WebP bytes, in order; a cut-out or a
    product on a plain ground is stood into the scene, a full-frame picture is a draft to be promoted.
    model: the id as the vendor's wire named it; it only nudges the look.
    """

    prompt: str
    width_px: int
    height_px: int
    references: tuple[bytes, ...] = ()
    seed: int = 0
    model: str = ""
    quality: Quality = "final"

    def __post_init__(self) -> None:
        for side_px in (self.width_px, self.height_px):
            if not MIN_SIDE_PX <= side_px <= MAX_SIDE_PX:
                raise ValueError(f"a side must be {MIN_SIDE_PX} to {MAX_SIDE_PX} px, got {side_px}")
        if len(self.references) > MAX_REFERENCES:
            raise ValueError(f"at most {MAX_REFERENCES} references, got {len(self.references)}")
        if len(self.prompt) > MAX_PROMPT_CHARS:
            raise ValueError(f"at most {MAX_PROMPT_CHARS} characters of prompt, got {len(self.prompt)}")


class BadReference(ValueError):
    """A reference that cannot be decoded. `index` is its place in `SceneRequest.references`, from 0."""

    def __init__(self, index: int, reason: str = "not a readable JPEG, PNG or WebP") -> None:
        super().__init__(f"reference {index}: {reason}")
        self.index, self.reason = index, reason
