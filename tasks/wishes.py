"""What a run is asked for: briefs with their photos, from a campaign's YAML or a catalog's feed. No money here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from domain.brief import Brief
from domain.canonical import sha256_hex
from domain.catalog import CatalogStyle, catalog_brief
from domain.errors import ImageError, InputError
from domain.feeds import is_note, read_feed
from domain.product import BadRow, FeedReading, Product
from domain.render import Reference
from imaging.decode import decode, decode_untrusted
from imaging.references import prepare_reference
from storage.photos import Photo, PhotoFinder, names_of
from storage.records import uploads
from wiring import Wiring
from wiring.yaml_files import parse_yaml

MAX_BRIEF_BYTES = 256_000
PHOTO_THREADS = 2
NOT_WORDS = (bool, int, float, date)
"""What YAML makes of `yes`, `123` or `2026-01-01` without quotes."""
WithoutPhoto = Literal["set-aside", "imagine"]


@dataclass(frozen=True)
class Wish:
    """One brief with its photos, ready to send. `imagined`: a product that is pictured without its photo."""

    brief: Brief
    references: tuple[Reference, ...] = ()
    origins: tuple[str, ...] = ()
    imagined: bool = False
    drafts: int | None = None
    vary: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    feed_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wishes:
    """A whole run's wishes, and every row that did not become one, with its reason."""

    name: str
    items: tuple[Wish, ...]
    set_aside: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()


# -- campaigns --------------------------------------------------------------------------------------------------------


async def wishes_of_brief(w: Wiring, brief: Brief, folder: Path) -> Wishes:
    """A reference is a file's name, or `upload:<sha256>` for a photo that somebody uploaded to the board."""
    loaded = [await asyncio.to_thread(_named_photo, folder, name, w) for name in brief.references]
    wish = Wish(with_digests(brief, loaded), tuple(loaded), brief.references)
    return Wishes(brief.name, (wish,))


def read_brief(path: Path) -> Brief:
    """A campaign's brief. Raises InputError naming file and field."""
    try:
        return Brief.model_validate(_mapping(path))
    except ValidationError as error:
        raise _explained(error, path, Brief) from error


def style_of(path: str) -> CatalogStyle:
    """The style file at `path`; our own quiet studio for ""."""
    own = Path(str(resources.files("wiring") / "styles" / "studio.yaml"))
    return read_style(Path(path) if path else own)


def read_style(path: Path) -> CatalogStyle:
    """A catalog's style file. Raises InputError naming file and field."""
    try:
        return CatalogStyle.model_validate(_mapping(path))
    except ValidationError as error:
        raise _explained(error, path, CatalogStyle) from error


def _explained(error: ValidationError, path: Path, model: type[BaseModel]) -> InputError:
    """The first of what is wrong, in words for the person who wrote the file."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    kind, message = first["type"], first["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden" and len(first["loc"]) == 1:
        message = f"there is no such field; there are {', '.join(sorted(model.model_fields))}"
    elif kind == "extra_forbidden":
        message = "there is no such field"
    elif kind == "missing":
        message = "is missing"
    elif field == "name" and kind == "string_pattern_mismatch":
        message = "lower-case letters, digits, '.', '_' and '-' only, 80 at most, a letter or digit first"
    elif kind == "too_short":
        message = "needs at least one"
    elif kind == "string_type" and isinstance(first["input"], NOT_WORDS):
        message = f"YAML reads this as {str(first['input']).lower()}, not as words: put it in quotes"
    return InputError(message, where=f"{path}{f', {field}' if field else ''}")


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > MAX_BRIEF_BYTES:
        raise InputError(f"more than {MAX_BRIEF_BYTES} bytes", where=str(path))
    found = parse_yaml(data, str(path))
    if not isinstance(found, dict):
        raise InputError("must be a mapping of fields", where=str(path), hint="See samples/campaign.yaml")
    return found


def _named_photo(folder: Path, name: str, w: Wiring) -> Reference:
    return _uploaded(name, w) if name.startswith(uploads.PREFIX) else _own_photo(folder / name, w)


def _uploaded(name: str, w: Wiring) -> Reference:
    """An upload's bytes from the private bucket: a stranger's file, decoded as such."""
    digest = name.removeprefix(uploads.PREFIX)
    upload = w.uploads.get(digest)
    if upload is None:
        raise InputError("was never uploaded here", where=f"reference {name}", hint="Upload the photo again")
    data = w.store.get(w.store.private, upload.object_key)
    try:
        return _remembered(Photo(upload.file_name, data, digest, name), w)
    except ImageError as error:
        raise InputError(f"is no usable photo: {error}", where=f"reference {name}") from error


def _own_photo(path: Path, w: Wiring) -> Reference:
    """A photo that the user's own brief names: read from disk, decoded in this process."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=f"reference {path}") from error
    try:
        photo = decode(data)
    except ImageError as error:
        raise InputError(f"is no usable photo: {error}", where=f"reference {path}") from error
    made = prepare_reference(photo, w.settings.reference_megapixels)
    return Reference(sha256_hex(made.data), made.media_type, made.width_px, made.height_px, made.data)


def with_digests(brief: Brief, references: Sequence[Reference]) -> Brief:
    """The brief with its references named by content, so that its fingerprint follows the pictures, not their names."""
    digests = tuple(r.sha256 for r in references)
    named = list(zip(digests, brief.reference_roles(brief.references), strict=True))
    if len(dict(named)) < len(set(named)):
        raise InputError(
            "one photo is there twice, for the product and for its look", where=f"{brief.name}.style_references"
        )
    styles = tuple(dict.fromkeys(digest for digest, role in named if role == "style"))
    return brief.model_copy(update={"references": digests, "style_references": styles})


# -- catalogs ---------------------------------------------------------------------------------------------------------


def read_feed_file(path: Path) -> FeedReading:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=f"feed {path}") from error
    return read_feed(data, name=path.name)


async def catalog_wishes(
    w: Wiring,
    feed: Path,
    photos: Path | None,
    style: CatalogStyle,
    *,
    without_photo: WithoutPhoto = "set-aside",
    limit: int = 0,
) -> Wishes:
    """One wish for each product of the feed that has a usable photo. Everything else is set aside with its reason."""
    reading = await asyncio.to_thread(read_feed_file, feed)
    products = reading.products[:limit] if limit else reading.products
    finder = w.photo_finder(photos, names_of(reading.products))
    gate = asyncio.Semaphore(PHOTO_THREADS)
    made = await asyncio.gather(
        *(_product_wish(w, finder, p, style, without_photo, gate, reading.dialect) for p in products)
    )
    rows = tuple(row for row in reading.bad_rows if not is_note(row))
    notes = tuple(row.reason for row in reading.bad_rows if is_note(row))
    aside = tuple(item for item in made if isinstance(item, BadRow))
    return Wishes(style.name, tuple(m for m in made if isinstance(m, Wish)), (*rows, *aside), notes)


async def _product_wish(
    w: Wiring,
    finder: PhotoFinder,
    product: Product,
    style: CatalogStyle,
    without_photo: WithoutPhoto,
    gate: asyncio.Semaphore,
    dialect: str,
) -> Wish | BadRow:
    async with gate:
        found = await asyncio.to_thread(finder.find, product)
        loaded, origins, problems = await asyncio.to_thread(_usable, found.photos, w)
    problems = (*found.problems, *problems)
    line = product.lines[0] if product.lines else 0
    if not loaded and without_photo == "set-aside":
        reason = problems[0] if problems else "no photo found"
        return BadRow(line, product.sku, f"set aside, no usable photo: {reason}")
    try:
        brief = catalog_brief(product, style, [r.sha256 for r in loaded])
    except InputError as error:
        return BadRow(line, product.sku, str(error))
    look = style.for_product(product)
    drafts = look.drafts if "drafts" in look.model_fields_set else None
    warnings = problems if loaded else (*problems, "imagined: this product picture never saw the product")
    return Wish(brief, loaded, origins, not loaded, drafts, tuple(look.vary), warnings, _feed_ids(product, dialect))


def _feed_ids(product: Product, dialect: str) -> tuple[str, ...]:
    """The ids under which the shop's merchant feed knows it: a group's items, else the product itself."""
    return product.variants if dialect == "merchant" and product.variants else (product.sku,)


def _usable(photos: Sequence[Photo], w: Wiring) -> tuple[tuple[Reference, ...], tuple[str, ...], tuple[str, ...]]:
    """Decode strangers' files in a child process; a bad one is a problem, not a failure."""
    loaded, origins, problems = [], [], []
    for photo in photos:
        try:
            loaded.append(_remembered(photo, w))
        except ImageError as error:
            problems.append(f"{photo.origin}: {error}")
            continue
        origins.append(photo.origin)
    return tuple(loaded), tuple(origins), tuple(problems)


def _remembered(photo: Photo, w: Wiring) -> Reference:
    """The prepared photo, from the cache if these very bytes were prepared before: a night decodes only new photos."""
    megapixels = w.settings.reference_megapixels
    cached = w.settings.home / "cache" / "references" / f"{photo.sha256}-{megapixels:g}-v4.bin"
    if cached.is_file():
        made = decode(data := cached.read_bytes())
        return Reference(sha256_hex(data), made.media_type, made.width_px, made.height_px, data)
    fresh = prepare_reference(decode_untrusted(photo.data), megapixels)
    cached.parent.mkdir(parents=True, exist_ok=True)
    aside = cached.with_suffix(f".{w.process_id[:8]}")
    aside.write_bytes(fresh.data)
    aside.replace(cached)
    return Reference(sha256_hex(fresh.data), fresh.media_type, fresh.width_px, fresh.height_px, fresh.data)


def keep(wishes: Wishes, names: frozenset[str]) -> Wishes:
    """Only the wishes with these brief names."""
    return replace(wishes, items=tuple(item for item in wishes.items if item.brief.name in names))
