"""Catalog briefs: from a product's facts and the shop's style to the brief for one SKU. Pure; reads no file."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.brief import MAX_REFERENCES, MAX_TEXT_CHARS, Brief, Words, _colour, _placement
from domain.canonical import digest
from domain.errors import InputError
from domain.placement import MAX_PLACEMENTS, Placement
from domain.product import Product

MAX_RULES = 50
MAX_DRAFTS = 16
MAX_SUBJECT_SENTENCE_CHARS = 280
MIN_SENTENCE_WORDS = 3
NAME_CHARS = 70
SHOWN_ATTRIBUTES = ("color", "colour", "material", "pattern", "finish")
"""Attributes that can be seen in a picture, in the order in which they are said."""

Axis = Literal["camera", "light", "setting", "mood"]

_ARTICLE = re.compile(r"^(A|An|The)\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_SALES_TALK = re.compile(
    r"https?:|www\.|[$€£]\s?\d|\d\s?%|\b(shipping|delivery|sale|discount|buy|order|free|return|returns|warranty|"
    r"guarantee|guaranteed|in stock|click|subscribe|add to cart|sku|isbn)\b",
    re.IGNORECASE,
)


class _Look(BaseModel):
    """What a style says, and what a rule of it may say otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    setting: Words = ""
    light: Words = ""
    camera: Words = ""
    mood: Words = ""
    palette: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    placements: Annotated[tuple[Placement, ...], Field(max_length=MAX_PLACEMENTS)] = ()
    final_megapixels: Annotated[float, Field(ge=0, le=16)] = 0.0
    drafts: Annotated[int, Field(ge=1, le=MAX_DRAFTS)] = 4
    people: bool = False
    vary: tuple[Axis, ...] = ("camera", "light", "setting", "mood")

    @field_validator("palette", mode="before")
    @classmethod
    def _clean_palette(cls, value: Any) -> Any:
        return tuple(_colour(str(c)) for c in _many(value))

    @field_validator("placements", mode="before")
    @classmethod
    def _named_placements(cls, value: Any) -> Any:
        return tuple(_placement(item) for item in _many(value))


class When(BaseModel):
    """A rule's condition: every field that is given must fit. Words are compared without case.

    kind: the product's type is one of these. tag: one of these is among its tags. title: one of these words is in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    title: tuple[str, ...] = ()

    @field_validator("kind", "tag", "title", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return tuple(str(v).strip().casefold() for v in _many(value))

    def fits(self, product: Product) -> bool:
        """An empty condition fits nothing."""
        asked = (
            (self.kind, {product.kind.strip().casefold()}),
            (self.tag, {t.strip().casefold() for t in product.tags}),
        )
        title = product.title.casefold()
        checks = [bool(have.intersection(want)) for want, have in asked if want]
        if self.title:
            checks.append(any(re.search(rf"(?<!\w){re.escape(w)}(?!\w)", title) for w in self.title))
        return bool(checks) and all(checks)


class StyleRule(BaseModel):
    """Where `when` fits, what `then` names replaces what the style says; later rules win."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: When
    then: _Look


class CatalogStyle(_Look):
    """A shop's look: one file for all its products, with rules for kinds and tags.

    `people` says whether people are to be shown (a "men's jacket" shows none by itself). `vary` are the axes in which
    drafts of one product may differ. Empty `placements` leave a brief's default.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
    title: Annotated[str, Field(max_length=120)] = ""
    rules: Annotated[tuple[StyleRule, ...], Field(max_length=MAX_RULES)] = ()

    def for_product(self, product: Product) -> "CatalogStyle":
        """This style with every fitting rule applied, and no rules left."""
        changes: dict[str, Any] = {"rules": ()}
        for rule in (r for r in self.rules if r.when.fits(product)):
            changes |= {name: getattr(rule.then, name) for name in rule.then.model_fields_set}
        return self.model_copy(update=changes)


def catalog_brief(
    product: Product, style: CatalogStyle, references: Sequence[str] = (), placements: Sequence[Placement] = ()
) -> Brief:
    """The brief for one product. `placements`, when given, replace the style's. Raises InputError naming the SKU."""
    look = style.for_product(product)
    chosen = tuple(placements) or look.placements
    fields: dict[str, Any] = {"placements": chosen} if chosen else {}
    try:
        return Brief(
            name=brief_name(product.sku),
            title=product.title[:120],
            sku=product.sku,
            subject=subject_of(product),
            setting=look.setting,
            light=look.light,
            camera=look.camera,
            mood=look.mood,
            palette=look.palette,
            people=look.people,
            references=tuple(references)[:MAX_REFERENCES],
            final_megapixels=look.final_megapixels,
            **fields,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(first["msg"], where=f"product {product.sku}: {'.'.join(map(str, first['loc']))}") from error


def subject_of(product: Product) -> str:
    """Title, then what can be seen of its attributes, then the first describing sentence that is no sales talk.

    Without a title the sentence stands alone; InputError when nothing says what the product is.
    """
    parts = [_flat(product.title)]
    parts += [v for v in _shown(product.attributes) if v.casefold() not in parts[0].casefold()]
    parts.append(_sentence(product.description))
    words = ", ".join(p for p in parts if p)
    if not words:
        raise InputError("neither title nor description says what it is", where=f"product {product.sku}")
    return words if len(words) <= MAX_TEXT_CHARS else words[:MAX_TEXT_CHARS].rsplit(" ", 1)[0]


def brief_name(sku: str) -> str:
    """A name for files and tables: the SKU itself where it can be, else made so and kept apart by a digest."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", sku.lower()).strip("-._")[:NAME_CHARS]
    return slug if slug == sku else f"{slug or 'sku'}-{digest(sku)[:6]}"


def _many(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | dict) or not isinstance(value, Iterable) else list(value)


def _shown(attributes: dict[str, str]) -> list[str]:
    lowered = {key.strip().casefold(): _flat(value) for key, value in attributes.items()}
    values = [lowered[name] for name in SHOWN_ATTRIBUTES if lowered.get(name)]
    return list(dict.fromkeys(values))


def _sentence(description: str) -> str:
    for sentence in _SENTENCE.split(_flat(description)):
        if len(sentence.split()) >= MIN_SENTENCE_WORDS and not _SALES_TALK.search(sentence):
            kept = _ARTICLE.sub(lambda m: m.group(0).lower(), sentence).rstrip(" .")[: MAX_SUBJECT_SENTENCE_CHARS + 1]
            return kept if len(kept) <= MAX_SUBJECT_SENTENCE_CHARS else kept.rsplit(" ", 1)[0]
    return ""


def _flat(text: str) -> str:
    return " ".join(text.split())
