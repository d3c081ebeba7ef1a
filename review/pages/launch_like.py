"""Four more like this draft: its picture as a reference of the form, why it is none, and what it adds to the price.

What may not live here: which draft a reference is (queries/likes), prices (two plans are compared), HTML.
"""

from dataclasses import dataclass

from domain.brief import MAX_REFERENCES
from domain.errors import DraftlineError, ImageError, InputError, PriceMissing, StorageError
from domain.money import PriceRange
from review.pages.launch_form import FormErrors, LaunchForm
from review.pages.launch_quote import plan_form
from review.queries.addresses import picture_url
from review.queries.likes import draft_of, drafts_behind
from review.request import in_thread
from review.uploads import reference_name, store_draft
from tasks.planning import Planned
from vendors.registry import capabilities
from wiring import Wiring

STAGES = {"draft": "each draft", "final": "the final"}


@dataclass(frozen=True)
class Like:
    """The draft that a form was opened for. `why_not` says why there is no room for it, "" where there is."""

    name: str
    title: str
    thumb_url: str
    asset_url: str
    is_sent: bool
    why_not: str


@dataclass(frozen=True)
class Added:
    """What is paid more for one call of a stage, in micros."""

    stage: str
    expected_micros: int
    worst_micros: int


@dataclass(frozen=True)
class AddedPrice:
    """What the drafts among a brief's references add to its price. `stages` is empty where that cannot be said."""

    titles: tuple[str, ...]
    stages: tuple[Added, ...]


def like_of(w: Wiring, form: LaunchForm) -> Like | None:
    """None for a form that was opened for no draft. Blocks for the database."""
    draft = draft_of(w.database, form.like) if form.like else None
    if draft is None:
        return None
    name = reference_name(draft.sha256)
    is_sent = name in form.references
    why_not = "" if is_sent else no_room(w, form, name)
    return Like(name, draft.title, picture_url(draft.image_id), draft.asset_url, is_sent, why_not)


def send_along(w: Wiring, form: LaunchForm, by: str) -> tuple[LaunchForm, str]:
    """The form with its draft's picture as the last reference, for its look; or as it was, and why. Blocks."""
    draft = draft_of(w.database, form.like) if form.like else None
    if draft is None:
        return form, ""
    if why_not := no_room(w, form, reference_name(draft.sha256)):
        return form, why_not
    try:
        upload = store_draft(w, draft, by)
    except (StorageError, FileNotFoundError):
        return form, "Its picture cannot be had from the store."
    except ImageError as error:
        return form, f"Its picture cannot be used: {error}."
    return form.with_look(reference_name(upload.sha256)), ""


def no_room(w: Wiring, form: LaunchForm, name: str) -> str:
    """Why one more reference cannot go in: the brief's own bound, or that of the model of the drafts or the final."""
    wanted = form.with_look(name)
    count = len(wanted.references)
    if count > MAX_REFERENCES:
        return f"A brief takes at most {MAX_REFERENCES} reference photos: take one out first."
    ladder = w.ladders.get(form.ladder)
    if ladder is None:
        return ""  # the plan says what is wrong with the ladder
    told = _too_many(w, ladder.draft.role, count, "drafts")
    try:
        final = ladder.choose_final(wanted.brief()).role
    except FormErrors:
        return told  # the page says what is wrong with the brief
    return told or _too_many(w, final, count, "final", beside=1)


def _too_many(w: Wiring, role: str, count: int, what: str, *, beside: int = 0) -> str:
    """`beside`: so many pictures of the model's bound are taken already, by the pick that a final is made from."""
    try:
        most = capabilities(w.price_book.choose(role, w.today()).model_id).max_references - beside
    except (InputError, PriceMissing):
        return ""  # the plan says that nobody can play this role
    if count <= most:
        return ""
    maker = f"{w.roles[role].title}, which makes the {what},"
    if most < 1:
        return f"{maker} takes no reference photos{' beside the pick' if beside else ''}."
    photos = "1 reference photo" if most == 1 else f"{most} reference photos"
    return f"{maker} takes at most {photos}{' beside the pick' if beside else ''}: take one out first."


async def added_price(w: Wiring, form: LaunchForm, requested_by: str, planned: Planned) -> AddedPrice | None:
    """Against the same brief without the drafts among its references; None where none is there."""
    drafts = await in_thread(drafts_behind, w.database, form.references)
    if not drafts:
        return None
    titles = tuple(drafts[name].title for name in form.references if name in drafts)
    others = [name for name in form.references if name not in drafts]
    try:
        without = await plan_form(w, form.with_references(others), requested_by)
    except DraftlineError:
        # with fewer photos another model may make the final, and that one may have no price today
        return AddedPrice(titles, ())
    before, now = _each(without), _each(planned)
    added = (
        Added(words, now[stage].expected - before[stage].expected, now[stage].worst - before[stage].worst)
        for stage, words in STAGES.items()
        if stage in now and stage in before
    )
    return AddedPrice(titles, tuple(added))


def _each(planned: Planned) -> dict[str, PriceRange]:
    """The price of one call by stage, whether it is paid already or not: a form has one picture."""
    return {line.stage: line.each for line in planned.quote.lines}
