"""The smaller launch page: a catalog run over a product feed. Only what changed since its publication is made.

Feeds, photos and styles are files on the worker's disk; a run can be priced and started from here only where the board
sees them too, and only out of one folder: whoever may launch must not read whatever else is on that disk. What may not
live here: how feeds are read.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import DraftlineError, InputError
from review import render
from review.access.roles import Role
from review.launched_today import allowance
from review.pages.launch_form import MAX_FIELD_CHARS, FormErrors, errors_of
from review.pages.launch_preview import ladder_cards
from review.pages.launch_quote import QuoteView, told_changes, view_quote
from review.pages.launch_sources import new_form_id
from review.pages.launch_start import NOT_TAKEN, Wanted, approve_and_start, ask_for_approval, keep_quote
from review.pages.launch_terms import MAX_PERSON_CHARS, RunTerms
from review.prefect_api import PrefectAway
from review.queries.launch import KnownFeed, known_cost_centres, known_feeds
from review.request import in_thread, visitor, wiring
from review.routing import Page
from tasks.planning import DEFAULT_DRAFTS, Planned, RunOptions
from tasks.plans import plan_run
from tasks.wishes import catalog_wishes, style_of
from wiring import Wiring

CATALOG = "catalog/catalog"
FEED_SUFFIXES = (".csv", ".tsv", ".txt")
STYLE_SUFFIXES = (".yaml", ".yml")


class CatalogTerms(RunTerms):
    """What the catalog flow takes, with its bounds (a test holds them together) and which files may be named here."""

    feed: Annotated[str, Field(min_length=1)]
    photos: str
    style: str
    without_photo: Literal["set-aside", "imagine"]
    limit: Annotated[int, Field(ge=0, le=100_000)]
    catalog: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

    @field_validator("feed")
    @classmethod
    def _is_a_feed(cls, value: str) -> str:
        if value and not value.lower().endswith(FEED_SUFFIXES):
            raise ValueError(f"a feed's name ends in {', '.join(FEED_SUFFIXES)}")
        return value

    @field_validator("style")
    @classmethod
    def _is_a_style(cls, value: str) -> str:
        if value and not value.lower().endswith(STYLE_SUFFIXES):
            raise ValueError(f"a style's name ends in {', '.join(STYLE_SUFFIXES)}")
        return value


@dataclass(frozen=True)
class CatalogForm:
    """Every field as text."""

    feed: str = ""
    photos: str = ""
    style: str = ""
    without_photo: str = "set-aside"
    limit: str = "0"
    catalog: str = "catalog"
    ladder: str = "economy"
    drafts: str = str(DEFAULT_DRAFTS)
    select: str = "person"
    cap_cents: str = "0"
    cost_centre: str = ""
    degrade: str = "setting"
    form_id: str = field(default="", compare=False)

    @classmethod
    def of_sent(cls, sent: FormData) -> "CatalogForm":
        texts = {f.name: str(sent.get(f.name, f.default)).strip()[:MAX_FIELD_CHARS] for f in fields(cls)}
        return cls(**{**texts, "form_id": texts["form_id"] or new_form_id()})

    @classmethod
    def of_params(cls, params: Mapping[str, Any]) -> "CatalogForm":
        return cls(**{f.name: str(params[f.name]) for f in fields(cls) if f.name in params})

    def terms(self) -> CatalogTerms:
        """Raises FormErrors."""
        given = {**asdict(self), "cap_cents": self.cap_cents or 0, "limit": self.limit or 0}
        try:
            return CatalogTerms.model_validate({name: given[name] for name in CatalogTerms.model_fields})
        except ValidationError as error:
            raise FormErrors(errors_of(error)) from error

    def options(self, requested_by: str) -> RunOptions:
        return self.terms().options("catalog", self.ladder, requested_by)

    def params(self, requested_by: str) -> dict[str, Any]:
        """What the catalog flow takes, complete but for the approved quote."""
        return {
            **self.terms().model_dump(),
            "ladder": self.ladder,
            "requested_by": requested_by[:MAX_PERSON_CHARS],
            "approved_quote": "",
        }


@dataclass
class LookedCatalog:
    """What is known of the form."""

    form: CatalogForm
    errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    planned: Planned | None = None
    quote: QuoteView | None = None
    changes: list[str] = field(default_factory=list)


async def plan_catalog(w: Wiring, form: CatalogForm, requested_by: str) -> Planned:
    """The plan that the catalog flow would make. Raises FormErrors for a file that the board does not see."""
    terms, options = form.terms(), form.options(requested_by)
    if errors := await in_thread(_unseen, w, terms):
        raise FormErrors(errors)
    photos = Path(terms.photos) if terms.photos else None
    style = await in_thread(style_of, terms.style)
    wishes = await catalog_wishes(
        w, Path(terms.feed), photos, style, without_photo=terms.without_photo, limit=terms.limit
    )
    return await plan_run(w, wishes, options, terms.catalog)


def _unseen(w: Wiring, terms: CatalogTerms) -> dict[str, str]:
    files = {"feed": terms.feed, "style": terms.style}
    sentence = "The board does not see this {}: it looks only into its folder of files. An administrator can add it."
    errors = {
        name: sentence.format("file") for name, path in files.items() if path and not _sees(w, path, Path.is_file)
    }
    if terms.photos and not _sees(w, terms.photos, Path.is_dir):
        errors["photos"] = sentence.format("folder")
    return errors


def _sees(w: Wiring, name: str, is_one: Callable[[Path], bool]) -> bool:
    """Inside the folder for such files, links followed, and not among our own. What is elsewhere is as if not there."""
    folder, home = w.settings.board_files.resolve(), w.settings.home.resolve()
    try:
        path = Path(name).resolve()
        return path.is_relative_to(folder) and not path.is_relative_to(home) and is_one(path)
    except (OSError, ValueError, RuntimeError):  # too long, not ours to look at, a NUL, links in a circle
        return False


async def open_catalog(request: Request) -> Response:
    w = wiring(request)
    feeds = await in_thread(known_feeds, w.database)
    chosen = next((known for known in feeds if known.feed == request.query_params.get("feed")), None)
    form = CatalogForm.of_params(chosen.params) if chosen else CatalogForm(cost_centre=w.settings.cost_centre)
    return await _page(request, LookedCatalog(replace(form, form_id=new_form_id())), feeds)


async def show_quote(request: Request) -> Response:
    """Price the feed as it is now. The quote is kept, so that a later difference can be told."""
    looked = await _look(request)
    if looked.planned is not None and looked.planned.assets:
        await in_thread(keep_quote, wiring(request), looked.planned, visitor(request).user_id)
    return await _page(request, looked, status=200 if looked.quote else 422)


async def start(request: Request) -> Response:
    """Approve the quote that was seen, and start; or ask for approval above one's own limit."""
    looked = await _look(request)
    sent = await request.form()
    seen_hash = str(sent.get("quote_hash", ""))
    if looked.planned is None or looked.quote is None:
        return await _page(request, looked, status=422)
    if looked.quote.quote_hash != seen_hash:
        looked.changes = await in_thread(told_changes, wiring(request), seen_hash, None, looked.planned)
        await in_thread(keep_quote, wiring(request), looked.planned, visitor(request).user_id)
    if looked.changes or not looked.quote.may_go:
        return await _page(request, looked, status=409)
    wanted = Wanted(looked.form.form_id, CATALOG, looked.form.params(visitor(request).name), looked.planned)
    if not (await in_thread(allowance, wiring(request), visitor(request), looked.planned)).may_start:
        await ask_for_approval(request, wanted)
        render.flash(request, "An approver has to say yes. You see here what becomes of it.", "good")
        return render.see_other(request, "/launch/approvals")
    try:
        launch = await approve_and_start(request, wanted)
    except (PrefectAway, InputError) as error:
        looked.problem = f"{NOT_TAKEN} {error}"
        return await _page(request, looked, status=503)
    render.flash(request, "It starts. Drafts appear here as they are made.", "good")
    return render.see_other(request, f"/runs/{launch.run_id}")


async def _look(request: Request) -> LookedCatalog:
    w, who = wiring(request), visitor(request)
    looked = LookedCatalog(CatalogForm.of_sent(await request.form()))
    try:
        looked.planned = await plan_catalog(w, looked.form, who.name)
        looked.quote = await in_thread(view_quote, w, looked.planned, looked.form.options(who.name))
    except FormErrors as error:
        looked.errors = error.errors
    except DraftlineError as error:
        looked.problem = str(error)
    return looked


async def _page(
    request: Request, looked: LookedCatalog, feeds: tuple[KnownFeed, ...] | None = None, *, status: int = 200
) -> Response:
    w = wiring(request)
    context = {
        "form": looked.form,
        "looked": looked,
        "feeds": await in_thread(known_feeds, w.database) if feeds is None else feeds,
        "ladders": await ladder_cards(w),
        "cost_centres": await in_thread(known_cost_centres, w.database, w.now()),
        "run_cap_cents": w.settings.cap_run_cents,
        "allowed": await in_thread(allowance, w, visitor(request), looked.planned),
    }
    return render.page(request, "launch/catalog.html", status=status, **context)


PAGES = (
    Page("/launch/catalog", open_catalog, Role.CREATOR, name="launch-catalog"),
    Page("/launch/catalog/quote", show_quote, Role.CREATOR, methods=("POST",)),
    Page("/launch/catalog/start", start, Role.CREATOR, methods=("POST",)),
)
