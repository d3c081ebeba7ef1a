"""The dated price book: what a model costs on a day, and which id serves a role on a day. Data in prices/book.yaml."""

from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.canonical import digest
from domain.errors import InputError, PriceMissing
from domain.money import Micros, PriceRange
from domain.render import Measured, Usage

TOKENS_PER_PRICE = 1_000_000
WARN_BEFORE_RETIREMENT = timedelta(days=30)

PriceMicros = Annotated[int, Field(ge=0, le=10_000_000_000)]


class MegapixelPrice(BaseModel):
    """By started megapixel: micros for the first of the output, each further one, each of the inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    valid_from: Annotated[date, Field(alias="from")]
    kind: Literal["megapixel"]
    first_mp: PriceMicros
    further_mp: PriceMicros
    input_mp: PriceMicros
    source: str

    def price(self, usage: Usage) -> Micros:
        if usage.images == 0:
            return Micros(0)
        return Micros(self.first_mp + self.further_mp * max(0, usage.output_mp - 1) + self.input_mp * usage.input_mp)


class TokenPrice(BaseModel):
    """By token and modality: micros for a million tokens. A call is rounded up once, to a whole micro."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    valid_from: Annotated[date, Field(alias="from")]
    kind: Literal["token"]
    text_in: PriceMicros
    image_in: PriceMicros
    text_out: PriceMicros
    image_out: PriceMicros
    source: str

    def price(self, usage: Usage) -> Micros:
        exact = (
            self.text_in * usage.text_in_tokens
            + self.image_in * usage.image_in_tokens
            + self.text_out * usage.text_out_tokens
            + self.image_out * usage.image_out_tokens
        )
        return Micros(-(-exact // TOKENS_PER_PRICE))


class ModelEntry(BaseModel):
    """One vendor id with its dated prices (oldest first) and, when announced, the day it stops."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    vendor: str
    prices: Annotated[
        tuple[Annotated[MegapixelPrice | TokenPrice, Field(discriminator="kind")], ...], Field(min_length=1)
    ]
    retires_on: date | None = None
    successor: str = ""
    retirement_source: str = ""

    @field_validator("prices")
    @classmethod
    def _rise(cls, value: tuple[MegapixelPrice | TokenPrice, ...]) -> tuple[MegapixelPrice | TokenPrice, ...]:
        _require_rising([price.valid_from for price in value])
        return value


class RoleEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    valid_from: Annotated[date, Field(alias="from")]
    model: str


class _BookFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    version: str
    models: dict[str, ModelEntry]
    roles: dict[str, tuple[RoleEntry, ...]]

    @field_validator("roles")
    @classmethod
    def _rise(cls, value: dict[str, tuple[RoleEntry, ...]]) -> dict[str, tuple[RoleEntry, ...]]:
        for entries in value.values():
            _require_rising([entry.valid_from for entry in entries])
        return value


def _require_rising(days: list[date]) -> None:
    """The last one that has begun counts: in another order it would be an old price, and a hold too small."""
    if days != sorted(set(days)):
        raise ValueError(f"oldest first, and each day once: {', '.join(map(str, days))}")


@dataclass(frozen=True)
class ModelChoice:
    """The id that serves a role on a day, with what a person should know about it."""

    role: str
    model_id: str
    vendor: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PricedModel:
    """One model as the book has it on a day: its rates in micros by name, and the roles that it serves then."""

    model_id: str
    vendor: str
    kind: str
    valid_from: date
    rates: dict[str, int]
    roles: tuple[str, ...]
    source: str
    retires_on: date | None
    successor: str


class PriceBook:
    """Prices and ids by date. `version` names the book's content, so every charge can name its price."""

    def __init__(self, content: _BookFile) -> None:
        self._content = content
        self.version = f"{content.version}+{digest(content.model_dump(mode='json'))[:8]}"

    @classmethod
    def load(cls, path: Path | None = None) -> "PriceBook":
        """The package's own book, or the file at `path`. Raises InputError naming file and field."""
        name = str(path) if path else "budget/prices/book.yaml"
        text = path.read_text() if path else resources.files("budget").joinpath("prices/book.yaml").read_text()
        try:
            return cls(_BookFile.model_validate(yaml.safe_load(text)))
        except yaml.YAMLError as error:
            raise InputError(f"not YAML: {error}", where=name) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(first["msg"], where=f"{name}, {'.'.join(map(str, first['loc']))}") from error

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self._content.models)

    def entry_version(self, model_id: str) -> str:
        """Names the content of one model's entry; "" for a model that the book does not have."""
        entry = self._content.models.get(model_id)
        return digest(entry.model_dump(mode="json"))[:12] if entry else ""

    def choose(self, role: str, on: date) -> ModelChoice:
        """The id for `role` on a day. Raises InputError for an unknown role, PriceMissing when nothing serves it."""
        if role not in self._content.roles:
            known = ", ".join(sorted(self._content.roles))
            raise InputError(f"unknown role {role!r}", hint=f"the price book knows {known}")
        model_id = self._serving(role, on)
        if not model_id:
            raise PriceMissing(f"no model serves role {role!r} on {on}")
        entry = self._entry(model_id)
        self._refuse_retired(model_id, entry, on)
        return ModelChoice(role, model_id, entry.vendor, _retirement_warning(model_id, entry, on))

    def require_alive(self, model_id: str, on: date) -> None:
        """Raises InputError for an id that is retired on that day, naming its successor; PriceMissing if unknown."""
        self._refuse_retired(model_id, self._entry(model_id), on)

    def price(self, model_id: str, usage: Usage, on: date) -> Micros:
        """Micros for a usage by the price that was valid on a day. Raises PriceMissing; never guesses."""
        valid = [p for p in self._entry(model_id).prices if p.valid_from <= on]
        if not valid:
            raise PriceMissing(f"no price for {model_id} on {on}: its first price starts later")
        return valid[-1].price(usage)

    def priced(self, on: date) -> list[PricedModel]:
        """Every model that has a price on a day, for people to look through."""
        found = []
        for model_id, entry in self._content.models.items():
            valid = [p for p in entry.prices if p.valid_from <= on]
            if valid:
                found.append(self._as_priced(model_id, entry, valid[-1], on))
        return found

    def _as_priced(self, model_id: str, entry: ModelEntry, price: MegapixelPrice | TokenPrice, on: date) -> PricedModel:
        rates = price.model_dump(exclude={"valid_from", "kind", "source"})
        return PricedModel(
            model_id=model_id,
            vendor=entry.vendor,
            kind=price.kind,
            valid_from=price.valid_from,
            rates=rates,
            roles=tuple(role for role in self._content.roles if self._serving(role, on) == model_id),
            source=price.source,
            retires_on=entry.retires_on,
            successor=entry.successor,
        )

    def _serving(self, role: str, on: date) -> str:
        valid = [entry.model for entry in self._content.roles[role] if entry.valid_from <= on]
        return valid[-1] if valid else ""

    def price_range(self, model_id: str, measured: Measured, on: date) -> PriceRange:
        return PriceRange(
            self.price(model_id, measured.low, on),
            self.price(model_id, measured.expected, on),
            self.price(model_id, measured.worst, on),
        )

    def _entry(self, model_id: str) -> ModelEntry:
        try:
            return self._content.models[model_id]
        except KeyError:
            raise PriceMissing(f"the price book {self.version} has no price for model {model_id!r}") from None

    @staticmethod
    def _refuse_retired(model_id: str, entry: ModelEntry, on: date) -> None:
        if entry.retires_on and on >= entry.retires_on:
            successor = f"; its successor is {entry.successor}" if entry.successor else ""
            raise InputError(f"model {model_id} was retired on {entry.retires_on}{successor}", where="price book")


def _retirement_warning(model_id: str, entry: ModelEntry, on: date) -> tuple[str, ...]:
    if entry.retires_on and on >= entry.retires_on - WARN_BEFORE_RETIREMENT:
        return (f"{model_id} retires on {entry.retires_on}; successor: {entry.successor or 'none named'}",)
    return ()
