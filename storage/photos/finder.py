"""The photos of a product: from the folder by its names, else from its addresses on allowed hosts.

What lives here: the order of looking, what is said about photos that were not found. What may not: walking a folder,
connecting, decoding.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from domain.errors import StorageError
from domain.product import Product
from storage.photos.fetching import SETTING, Fetcher, GuardedFetcher, allows, photo_policy
from storage.photos.folder import Entry, PhotoFolder, comparable, require_folder, stem_of
from storage.photos.magic import photo_fault

MAX_PHOTOS = 4  # of one product
MAX_FETCHES = 6  # addresses tried for one product
MAX_TRIES = 20  # files opened for one product
SHOWN_CHARS = 80
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Photo:
    """Bytes as they came. `origin` is `folder:<path in it>` or `https://host/path`, never with a query."""

    name: str
    data: bytes
    sha256: str
    origin: str


@dataclass(frozen=True)
class FoundPhotos:
    """At most MAX_PHOTOS different pictures, best first, and sentences on what was not usable."""

    photos: tuple[Photo, ...]
    problems: tuple[str, ...]


class PhotoFinder:
    """Finds photos. The folder is indexed once, at the first look; safe to call from several threads.

    Addresses are tried only when the folder has nothing, and only on `allowed_hosts` (none by default). `known_names`
    are the names of all products of the feed (see names_of): with them `tee-2.png` is a photo of the product `tee-2`,
    and not a second one of `tee`. InputError when the folder does not exist or a host is no host.
    """

    def __init__(
        self,
        folder: Path | None,
        allowed_hosts: frozenset[str] = frozenset(),
        fetcher: Fetcher | None = None,
        *,
        known_names: Iterable[str] = (),
    ) -> None:
        if folder is not None:
            require_folder(folder)
        self._path = folder
        self._policy = photo_policy(allowed_hosts) if allowed_hosts else None
        self._fetcher = fetcher or (GuardedFetcher(self._policy) if self._policy else None)
        self._taken = frozenset(stem_of(name) for name in known_names)

    def find(self, product: Product) -> FoundPhotos:
        """Never raises for a single photo: what is wrong with it is a problem. Blocks: call it in a thread."""
        photos: dict[str, Photo] = {}
        problems: list[str] = []
        if self._folder is not None:
            self._look_in(self._folder, product, photos, problems)
        if not photos:
            problems.extend(self._nothing(product, problems))
            self._fetch_all(product, photos, problems)
        return FoundPhotos(tuple(photos.values())[:MAX_PHOTOS], tuple(dict.fromkeys(problems)))

    @cached_property
    def _folder(self) -> PhotoFolder | None:
        return PhotoFolder(self._path) if self._path is not None else None

    def _look_in(self, folder: PhotoFolder, product: Product, photos: dict[str, Photo], problems: list[str]) -> None:
        for entry in _first(self._entries(folder, product, problems), MAX_TRIES):
            if len(photos) >= MAX_PHOTOS:
                return
            try:
                data = folder.read(entry)
            except StorageError as error:
                problems.append(str(error))
                continue
            fault = photo_fault(data)
            if fault:
                problems.append(f"{entry.relative} {fault}")
            else:
                _keep(photos, entry.name, data, f"folder:{entry.relative}")

    def _entries(self, folder: PhotoFolder, product: Product, problems: list[str]) -> Iterator[Entry]:
        own = names_of([product])
        for name in own:
            problems.extend(folder.refusals(name))
        mine = frozenset(stem_of(name) for name in own)
        seen: set[Path] = set()
        for name in own:
            for entry in folder.matches(name, self._taken, mine):
                if entry.path not in seen:
                    seen.add(entry.path)
                    yield entry

    def _fetch_all(self, product: Product, photos: dict[str, Photo], problems: list[str]) -> None:
        for url in product.photo_urls[:MAX_FETCHES]:
            if len(photos) >= MAX_PHOTOS:
                return
            host, place = _host_and_place(url)
            if self._policy is None or self._fetcher is None or not allows(self._policy, url):
                problems.append(
                    f"no photo from {host}: the host or the form of the address is not allowed by {SETTING}"
                )
                continue
            try:
                data = self._fetcher.fetch(url)
            except StorageError as error:
                problems.append(f"no photo from {place}: {error} (hosts are allowed by {SETTING})")
                continue
            fault = photo_fault(data)
            if fault:
                problems.append(f"no photo from {place}: it {fault} (hosts are allowed by {SETTING})")
            else:
                _keep(photos, place.rsplit("/", 1)[-1], data, place)

    def _nothing(self, product: Product, problems: list[str]) -> list[str]:
        """What to say when the folder gave nothing, or there is neither a folder nor an address."""
        names = names_of([product])
        if self._folder is not None:
            if not problems:
                problems = [problem for name in names for problem in self._folder.other_formats(name)]
            missing = f"no photo called {', '.join(names[:NAMES_SHOWN])} in {self._path}"
            return [*self._folder.problems, *(problems or [missing])]
        return [] if product.photo_urls else ["no folder of photos was given, and the feed has no https address of one"]


def names_of(products: Iterable[Product]) -> tuple[str, ...]:
    """What photos of products may be called: key, names of the feed, variants; best first, each once."""
    names = (name for p in products for name in (p.sku, *p.photo_names, *p.variants))
    return tuple({comparable(name): name for name in names if name.strip()}.values())


def _keep(photos: dict[str, Photo], name: str, data: bytes, origin: str) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    photos.setdefault(sha256, Photo(name, data, sha256, origin))


def _host_and_place(url: str) -> tuple[str, str]:
    """Host, and `https://host/path` without query or credentials, short and on one line."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "an address without a host"
    except ValueError:
        return "an address that is none", "an address that is none"
    clean = f"https://{host}{parts.path}"[:SHOWN_CHARS]
    return host[:SHOWN_CHARS], "".join(c if c.isprintable() else "?" for c in clean)


def _first(entries: Iterator[Entry], limit: int) -> Iterator[Entry]:
    for _, entry in zip(range(limit), entries, strict=False):
        yield entry
