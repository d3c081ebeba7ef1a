"""A brief: what is wanted, in the words of the person who wants it. Says nothing of models or money."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from domain.canonical import digest
from domain.people import person_named
from domain.placement import BUILTIN, MAX_PLACEMENTS, Placement
from domain.prompt import ReferenceRole

MAX_TEXT_CHARS = 600
MAX_SKU_CHARS = 200
"""As long as a feed's key may be: Shopify makes handles of whole titles."""
MAX_REFERENCES = 8
CINEMATIC_RATIO = 2.0
FOUR_K_EDGE_PX = 3000
MANY_REFERENCES = 3

Words = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]

_CINEMATIC = re.compile(r"\b(cinematic|anamorphic|film still|movie|widescreen|epic|letterbox)\b", re.IGNORECASE)
_HEX = re.compile(r"^#[0-9a-f]{6}$")
_COLOUR_NAME = re.compile(r"^[a-z][a-z -]{1,39}$")


class Brief(BaseModel):
    """What is wanted. `references` are file names or sha256 digests of photos, in order of weight.

    `style_references` are those of them that show the look and not the product, by the same names; where there are
    none a dump leaves the field out, so that briefs from before it keep their fingerprints.
    `people` is None when nobody said: then the words decide. `final_megapixels` bounds the final's size
    (0 leaves it to the ladder); a placement that asks for more is upscaled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
    title: Annotated[str, Field(max_length=120)] = ""
    sku: Annotated[str, Field(max_length=MAX_SKU_CHARS)] = ""
    subject: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
    action: Words = ""
    setting: Words = ""
    light: Words = ""
    camera: Words = ""
    mood: Words = ""
    palette: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    text_in_image: Annotated[str, Field(max_length=80)] = ""
    people: bool | None = None
    references: Annotated[tuple[str, ...], Field(max_length=MAX_REFERENCES)] = ()
    style_references: Annotated[tuple[str, ...], Field(exclude_if=lambda names: not names)] = ()
    placements: Annotated[tuple[Placement, ...], Field(min_length=1, max_length=MAX_PLACEMENTS)] = (BUILTIN["web"],)
    final_megapixels: Annotated[float, Field(ge=0, le=16)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _explain_negatives(cls, data: Any) -> Any:
        if isinstance(data, dict) and any(k in data for k in ("negative", "negative_prompt")):
            raise ValueError("no model on our ladders takes a negative prompt: say what should be there instead")
        return data

    @field_validator("palette", mode="before")
    @classmethod
    def _clean_palette(cls, value: Any) -> Any:
        colours = [value] if isinstance(value, str) else list(value or ())
        return tuple(_colour(str(c)) for c in colours)

    @field_validator("style_references")
    @classmethod
    def _styles_are_references(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "references" not in info.data:
            return value  # what is wrong with them is told already
        references = info.data["references"]
        if unknown := [name for name in value if name not in references]:
            raise ValueError(f"{unknown[0]!r} is not among the references: name it there too")
        return tuple(name for name in dict.fromkeys(references) if name in value)

    @field_validator("placements", mode="before")
    @classmethod
    def _named_placements(cls, value: Any) -> Any:
        items = [value] if isinstance(value, str | dict) else list(value or ())
        return tuple(_placement(item) for item in items)

    @field_validator("placements")
    @classmethod
    def _placement_names_differ(cls, value: tuple[Placement, ...]) -> tuple[Placement, ...]:
        names = [p.name for p in value]
        if len(set(names)) != len(names):
            raise ValueError(f"two placements share a name: {', '.join(sorted(names))}")
        return value

    @property
    def largest(self) -> Placement:
        """The placement that asks for most pixels, of equals the one named first; it gives the final its shape."""
        return max(self.placements, key=lambda p: p.pixels)

    @property
    def shows_people(self) -> bool:
        if self.people is not None:
            return self.people
        return bool(self.person_named)

    @property
    def person_named(self) -> str:
        """The word of the brief that speaks of people; "" for none."""
        return person_named(". ".join((self.subject, self.action, self.setting)))

    @property
    def is_cinematic(self) -> bool:
        wide = self.largest.ratio >= CINEMATIC_RATIO
        return wide or bool(_CINEMATIC.search(" ".join((self.camera, self.mood, self.setting, self.light))))

    @property
    def needs_4k(self) -> bool:
        return max(self.largest.width_px, self.largest.height_px) >= FOUR_K_EDGE_PX

    @property
    def has_many_references(self) -> bool:
        return len(self.references) > MANY_REFERENCES

    def reference_roles(self, names: Iterable[str]) -> tuple[ReferenceRole, ...]:
        """What each of these references is for, in their order; they are named as in `references`."""
        return tuple("style" if name in self.style_references else "product" for name in names)

    def fingerprint(self) -> str:
        """sha256 over everything that changes a picture; the caller first replaces reference names by digests."""
        return digest(self.model_dump(mode="json"))


def _colour(text: str) -> str:
    colour = text.strip().lower()
    if not (_HEX.match(colour) or _COLOUR_NAME.match(colour)):
        raise ValueError(f"palette colour {text!r} is neither #rrggbb nor a colour name")
    return colour


def _placement(item: Any) -> Any:
    if not isinstance(item, str):
        return item
    if item not in BUILTIN:
        known = ", ".join(sorted(BUILTIN))
        raise ValueError(f"unknown placement {item!r}; known: {known}, or give width_px and height_px")
    return BUILTIN[item]
