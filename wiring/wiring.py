"""One object that holds every working part, built once a process from Settings."""

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from budget.books import claim_books
from budget.caps import Cap
from budget.degrade import DegradePolicy
from budget.ledger import Ledger
from budget.price_book import PriceBook
from domain.ladder import Ladder, Role
from domain.money import from_cents
from imaging.upscale import Upscaler, UpscaleSettings
from prompts.book import PromptBook
from storage.database import Database, open_database
from storage.database.migrate import migrate
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore
from storage.photos.finder import PhotoFinder
from storage.records.flow_runs import FlowRuns
from storage.records.images import Images
from storage.records.launches import Launches
from storage.records.marks import Marks
from storage.records.processes import Processes
from storage.records.runs import Runs
from storage.records.saved_briefs import SavedBriefs
from storage.records.selections import Publications, Selections
from storage.records.uploads import Uploads
from vendors.contract import Vendor
from wiring.background import AT_EXIT_S, Background
from wiring.degrade_files import degrade_policy
from wiring.ladder_files import ladders, roles
from wiring.progress import Logged, Progress
from wiring.settings import Settings, read_settings
from wiring.vendors import open_vendors


@dataclass
class Wiring:
    """Every working part. Expensive ones (S3 client, upscaler, database) are built when first used."""

    settings: Settings
    process_id: str
    progress: Progress = field(default_factory=Logged)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return self.now().date()

    @cached_property
    def database(self) -> Database:
        database = open_database(self.settings.database)
        migrate(database)
        claim_books(database, self.settings.vendors, self.now())
        return database

    @cached_property
    def ledger(self) -> Ledger:
        # whoever can hold money must first be known to live, or others would take its attempts over
        self.processes.beat()
        ledger = Ledger(self.database, process_id=self.process_id, clock=self.now, new_id=new_id)
        ledger.set_default_caps(standard_caps(self.settings), by="settings", why="DRAFTLINE_CAP_* settings")
        return ledger

    @cached_property
    def processes(self) -> Processes:
        processes = Processes(self.database, process_id=self.process_id, clock=self.now)
        processes.beat()
        return processes

    @cached_property
    def runs(self) -> Runs:
        return Runs(self.database, self.now)

    @cached_property
    def images(self) -> Images:
        return Images(self.database, self.now)

    @cached_property
    def selections(self) -> Selections:
        return Selections(self.database, self.now)

    @cached_property
    def publications(self) -> Publications:
        return Publications(self.database, self.now)

    @cached_property
    def flow_runs(self) -> FlowRuns:
        return FlowRuns(self.database, self.now)

    @cached_property
    def marks(self) -> Marks:
        return Marks(self.database, self.now)

    @cached_property
    def saved_briefs(self) -> SavedBriefs:
        return SavedBriefs(self.database, self.now)

    @cached_property
    def uploads(self) -> Uploads:
        return Uploads(self.database, self.now)

    @cached_property
    def launches(self) -> Launches:
        return Launches(self.database, self.now)

    @cached_property
    def background(self) -> Background:
        """For what nobody waits for, as posting an alert."""
        return Background()

    @cached_property
    def price_book(self) -> PriceBook:
        return PriceBook.load(self.settings.price_book)

    @cached_property
    def prompt_book(self) -> PromptBook:
        return PromptBook.load(self.settings.prompts)

    @cached_property
    def ladders(self) -> dict[str, Ladder]:
        return ladders(self.settings.ladders)

    @cached_property
    def roles(self) -> dict[str, Role]:
        return roles(self.settings.ladders)

    def degrade_policy(self, asked: str = "") -> DegradePolicy | None:
        """The policy that was asked for, or the one of the settings; None when nothing is lowered."""
        return degrade_policy(asked or self.settings.degrade, self.roles)

    @cached_property
    def store(self) -> ObjectStore:
        s = self.settings
        return ObjectStore(
            ObjectSettings(
                private_bucket=s.s3_private_bucket,
                public_bucket=s.s3_public_bucket,
                endpoint_url=s.s3_endpoint_url or None,
                region=s.s3_region,
                access_key=s.s3_access_key.get_secret_value() or None,
                secret_key=s.s3_secret_key.get_secret_value() or None,
                checksums=s.s3_checksums,
                path_style=s.s3_path_style if s.s3_endpoint_url else None,
                threads=s.s3_threads,
                ca_bundle=Path(s.s3_ca_bundle) if s.s3_ca_bundle else None,
            )
        )

    @cached_property
    def upscaler(self) -> Upscaler:
        s = self.settings
        return Upscaler(
            UpscaleSettings(
                backend=s.upscale_backend,
                model=s.upscale_model,
                quality=s.upscale_quality,
                weights_path=s.upscale_weights,
                cache_dir=s.home / "weights",
            )
        )

    def photo_finder(self, folder: Path | None, known_names: Iterable[str] = ()) -> PhotoFinder:
        return PhotoFinder(folder, self.settings.photo_hosts, known_names=known_names)

    @asynccontextmanager
    async def open_vendors(self) -> AsyncIterator[dict[str, Vendor]]:
        """The vendors by name, with connections of this event loop; closed at the end."""
        async with open_vendors(self.settings) as vendors:
            yield vendors

    def close(self) -> None:
        if "background" in self.__dict__:
            self.background.drain(AT_EXIT_S)
        for name in ("store", "database"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()


def new_id() -> str:
    return uuid.uuid4().hex


def standard_caps(settings: Settings) -> tuple[Cap, ...]:
    """The caps that always stand: all spend of a day, and each flow's of a day. A run's own comes with the run."""
    zone = settings.cap_time_zone
    return (
        Cap("day", "global", "", "day", from_cents(settings.cap_day_cents), zone),
        Cap("flow-day", "flow", "*", "day", from_cents(settings.cap_flow_day_cents), zone),
    )


def build(settings: Settings | None = None, progress: Progress | None = None) -> Wiring:
    made = Wiring(settings or read_settings(), process_id=new_id())
    if progress is not None:
        made.progress = progress
    return made


_swapped: ContextVar[Wiring | None] = ContextVar("draftline_wiring", default=None)
_built: list[Wiring] = []


def current() -> Wiring:
    """This process's Wiring."""
    swapped = _swapped.get()
    if swapped is not None:
        return swapped
    if not _built:
        _built.append(build())
    return _built[0]


@contextmanager
def use(wiring: Wiring) -> Iterator[Wiring]:
    """Make `wiring` the current one inside the block, for this context and the threads and tasks that inherit it."""
    token = _swapped.set(wiring)
    try:
        yield wiring
    finally:
        _swapped.reset(token)
