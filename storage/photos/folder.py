"""A folder of photos, indexed once by name; only regular files that really lie inside it are ever opened.

What lives here: the walk, matching by name, reading. What may not: products, addresses.
"""

import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from domain.errors import InputError, StorageError
from storage.photos.magic import MAX_PHOTO_BYTES

# Best first, when one name is there in several formats: a cut-out with alpha is usually the PNG.
EXTENSIONS = (".png", ".webp", ".avif", ".jpg", ".jpeg")
# Pictures too, but not for us: named, so that nobody looks for a spelling mistake.
OTHER_EXTENSIONS = (".heic", ".heif", ".gif", ".tif", ".tiff", ".bmp", ".psd", ".svg", ".pdf", ".jxl", ".jp2")
MAX_DEPTH = 3  # subfolders below the folder
MAX_ENTRIES = 200_000  # files and folders looked at
# What may follow a product's name: a number, or the name of a view. Any other word may be another product's name:
# `mug-large` is no photo of `mug`, and `bikini-top` none of `bikini`, so "top" and the like are not views here.
VIEWS = (
    "front|back|rear|side|left|right|inside|outside|detail|details|closeup|close-up|angle|perspective|"
    "main|hero|alt|packshot|cutout|cut-out|worn|photo|image|img|pic"
)
SUFFIX = re.compile(rf"(?:[-_. ]+\(?(?:[0-9]{{1,3}}|{VIEWS})\)?){{1,2}}|\([0-9]{{1,3}}\)")
# In a folder that is called like the product also what a camera calls its files: `mug/IMG_4711.jpg`.
CAMERAS = r"(?:_?img|_?dsc|dscf|dscn|pxl|p)[-_ ]?[0-9]{3,9}(?:[-_][0-9]{1,9}){0,2}"
VIEW_ALONE = re.compile(rf"\(?(?:[0-9]{{1,3}}|{VIEWS})\)?(?:[-_. ]+[0-9]{{1,3}})?|{CAMERAS}")
# Shopify serves `mug.jpg` smaller as `mug_1024x1024.jpg`, `mug_300x.jpg` (help.shopify.com/themes/liquid/filters).
SIZE = re.compile(r"_(?:[0-9]{2,4}x[0-9]{0,4}|x[0-9]{2,4})$")


@dataclass(frozen=True)
class Entry:
    """A photo file: `path` as found, `relative` for people, `stem` the comparable name without extension."""

    path: Path
    relative: str
    stem: str

    @property
    def name(self) -> str:
        return self.relative.rsplit("/", 1)[-1]


def comparable(name: str) -> str:
    """A name without regard to capitals and to how accents are composed (macOS takes them apart)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def stem_of(name: str) -> str:
    """The comparable name without a photo's extension; other dots stay (`AB.12` is a SKU)."""
    plain = comparable(name)
    return next((plain.removesuffix(ext) for ext in EXTENSIONS if plain.endswith(ext)), plain)


def saved_name(name: str) -> str:
    """A file's name without what a download of an address leaves in it: `a%20mug.png?v=17` is `a mug.png`."""
    return unquote(name.split("?", 1)[0])


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts mug-2 before mug-10."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+|[0-9]", text)
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def require_folder(folder: Path) -> None:
    """Raises InputError when there is none."""
    if not folder.is_dir():
        raise InputError("the folder of photos does not exist or is not a folder", where=str(folder))


class PhotoFolder:
    """The index: built at construction by one walk, never refreshed. InputError when the folder is none."""

    def __init__(self, folder: Path) -> None:
        require_folder(folder)
        self.root = folder.resolve()
        self.problems: list[str] = []
        self._refused: dict[str, str] = {}
        self._other_formats: dict[str, str] = {}
        self._by_stem: dict[str, list[Entry]] = defaultdict(list)
        self._by_start: dict[str, list[Entry]] = defaultdict(list)
        self._by_folder: dict[str, list[Entry]] = defaultdict(list)
        self._by_picture: dict[str, list[Entry]] = defaultdict(list)
        self._entries_left = MAX_ENTRIES
        for entry in self._walk(self.root, MAX_DEPTH):
            self._add(entry)

    def refusals(self, name: str) -> tuple[str, ...]:
        """What was refused under this very name when the folder was read (links that lead out of it)."""
        problem = self._refused.get(stem_of(name))
        return (problem,) if problem else ()

    def other_formats(self, name: str) -> tuple[str, ...]:
        """Pictures of this very name in a format that is not taken, as problems."""
        found = self._other_formats.get(comparable(name)) or self._other_formats.get(stem_of(name))
        return (f"{found} is not a PNG, JPEG, WebP or AVIF picture: save it as one of these",) if found else ()

    def matches(self, name: str, taken: frozenset[str], mine: frozenset[str]) -> list[Entry]:
        """Photos of a name: exactly it, then it with a number or view behind it, then `front` in a subfolder called so.

        `taken` are the comparable names of everything in the feed, `mine` those of this product: a file that is called
        exactly like another product (`tee-2` beside `tee`) belongs to that one. A name with a photo's extension is a
        file's in the feed: where none is called exactly so, the same picture in another of Shopify's sizes counts.
        """
        stem = stem_of(name)
        if not stem:
            return []
        exact = self._by_stem.get(stem, [])
        resized = self._by_picture.get(SIZE.sub("", stem), []) if stem != comparable(name) and not exact else []
        groups = (resized, self._by_start.get(stem, []), self._by_folder.get(stem, []))
        free = [[e for e in group if e.stem in mine or e.stem not in taken] for group in groups]
        return [best for group in (exact, *free) for best in _one_per_picture(group)]

    def read(self, entry: Entry) -> bytes:
        """The bytes, at most one over MAX_PHOTO_BYTES. StorageError when it is no regular file inside the folder."""
        try:
            real = entry.path.resolve(strict=True)
            if not real.is_relative_to(self.root):
                raise StorageError(f"{entry.relative} leads out of the folder of photos")
            # Not blocking, so that a pipe with a photo's name cannot hold us; not following, since `real` has no links.
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise StorageError(f"{entry.relative} is not a regular file")
                return file.read(MAX_PHOTO_BYTES + 1)
        except OSError as error:
            raise StorageError(f"{entry.relative} cannot be read: {error.strerror}") from error

    def _walk(self, folder: Path, depth_left: int) -> Iterator[Entry]:
        try:
            items = sorted(os.scandir(folder), key=lambda item: natural_key(item.name))
        except OSError as error:
            self.problems.append(f"{self._relative(folder)} cannot be listed: {error.strerror}")
            return
        for item in items:
            self._entries_left -= 1
            if self._entries_left < 0:
                raise InputError(f"more than {MAX_ENTRIES:,} files and folders", where=str(self.root))
            if item.is_dir(follow_symlinks=False):
                if depth_left and not item.name.startswith("."):
                    yield from self._walk(Path(item.path), depth_left - 1)
            elif self._is_photo(item):
                path = Path(item.path)
                yield Entry(path, self._relative(path), stem_of(saved_name(item.name)))

    def _is_photo(self, item: "os.DirEntry[str]") -> bool:
        if item.name.startswith("."):
            return False
        if not comparable(saved_name(item.name)).endswith(EXTENSIONS):
            self._note_format(item)
            return False
        if item.is_symlink() and not self._leads_inside(Path(item.path)):
            relative = self._relative(Path(item.path))
            self._refused[stem_of(saved_name(item.name))] = (
                f"{relative} is a link that leads out of the folder of photos: refused"
            )
            return False
        return item.is_file()

    def _note_format(self, item: "os.DirEntry[str]") -> None:
        name = comparable(saved_name(item.name))
        stem, ending = os.path.splitext(name)
        if ending in OTHER_EXTENSIONS:
            self._other_formats[name] = self._other_formats[stem] = self._relative(Path(item.path))

    def _leads_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):  # a loop of links
            return False

    def _add(self, entry: Entry) -> None:
        self._by_stem[entry.stem].append(entry)
        self._by_picture[SIZE.sub("", entry.stem)].append(entry)
        for start in _starts(entry.stem):
            self._by_start[start].append(entry)
        parent = entry.path.parent
        if parent != self.root and VIEW_ALONE.fullmatch(entry.stem):
            self._by_folder[comparable(parent.name)].append(entry)

    def _relative(self, path: Path) -> str:
        text = path.relative_to(self.root).as_posix()
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _starts(stem: str) -> Iterator[str]:
    """Every shorter name that the stem is a numbered or named view of."""
    for at in range(1, len(stem)):
        if SUFFIX.fullmatch(stem, at):
            yield stem[:at].rstrip("-_. ")


def _one_per_picture(entries: list[Entry]) -> list[Entry]:
    """In natural order; of one name in one folder in several formats only the best."""
    best: dict[tuple[Path, str], Entry] = {}
    for entry in sorted(entries, key=_preference):
        best.setdefault((entry.path.parent, entry.stem), entry)
    return sorted(best.values(), key=lambda entry: natural_key(comparable(entry.relative)))


def _preference(entry: Entry) -> int:
    name = comparable(saved_name(entry.path.name))
    return next(place for place, ending in enumerate(EXTENSIONS) if name.endswith(ending))
