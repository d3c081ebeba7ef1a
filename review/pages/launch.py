"""The launch page: a brief, what the models will read, what it will cost, and the button that starts it.

One form does it all: preview, upload, keep, approve and start are buttons of it with addresses of their own, so that
everything works without JavaScript. A preview changes nothing and answers the page itself; the rest answers 303.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from domain.brief import MAX_REFERENCES
from domain.errors import DraftlineError, ImageError, InputError
from review import render
from review.access.roles import Role
from review.launched_today import allowance
from review.pages.launch_form import FormErrors, LaunchForm
from review.pages.launch_like import AddedPrice, added_price, like_of, send_along
from review.pages.launch_preview import Preview, ladder_cards, placement_cards, preview
from review.pages.launch_quote import QuoteView, plan_form, told_changes, view_quote
from review.pages.launch_references import reference_items
from review.pages.launch_sources import CAMPAIGN, kept_form, new_form, opened
from review.pages.launch_start import NOT_TAKEN, Wanted, approve_and_start, ask_for_approval
from review.prefect_api import PrefectAway
from review.queries.launch import known_cost_centres
from review.request import in_thread, visitor, wiring
from review.routing import Page
from review.uploads import MAX_UPLOAD_BYTES, reference_name, store_upload
from tasks.planning import Planned

MAX_FORM_BYTES = 3 * MAX_UPLOAD_BYTES
TEMPLATES_SHOWN = 12


@dataclass
class Looked:
    """What is known of a form: what is wrong with which field, or its plan, its prompts and its price.

    `not_sent` says why the draft that the form was opened for is not among its references, where that was tried.
    """

    form: LaunchForm
    errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    planned: Planned | None = None
    preview: Preview | None = None
    quote: QuoteView | None = None
    changes: list[str] = field(default_factory=list)
    added: AddedPrice | None = None
    not_sent: str = ""

    @property
    def is_blank(self) -> bool:
        """Nothing was written yet: then nothing is wrong with it either."""
        return not self.form.subject and not self.form.name


async def open_new(request: Request) -> Response:
    """Empty, or from a template, an earlier run or one draft of it: then the draft's picture goes in as a reference."""
    form = await in_thread(new_form, wiring(request), request.query_params, visitor(request).user_id)
    return await _page(request, await _look_with_draft(request, form))


async def open_kept(request: Request) -> Response:
    form = await in_thread(kept_form, wiring(request), request.path_params["brief_id"])
    return await _page(request, await look(request, form))


async def show_preview(request: Request) -> Response:
    """The side of the page for HTMX, while somebody types; the whole page for a browser's button."""
    form, errors = await sent_form(request)
    looked = await look(request, form)
    looked.errors |= errors
    if render.wants_fragment(request):
        return render.fragment(request, "launch/_side.html", **await _side(request, looked))
    return await _page(request, looked)


async def upload(request: Request) -> Response:
    """Photos that were dropped: as list items for the script, or the page with them in it."""
    form, errors = await sent_form(request)
    if not render.wants_fragment(request):
        looked = await look(request, form)
        looked.errors |= errors
        return await _page(request, looked)
    if errors:
        render.flash(request, errors["references"], "bad")
    items = await in_thread(reference_items, wiring(request), form.references, form.style_references)
    return render.fragment(request, "launch/_references.html", references=items)


async def edit(request: Request) -> Response:
    """Without a script: a photo up, down or away, the draft back in, one more row for a size of one's own."""
    form, _ = await sent_form(request)
    sent = await request.form()
    what, _, name = str(sent.get("edit", "")).partition(" ")
    if what == "like":
        return await _page(request, await _look_with_draft(request, form))
    return await _page(request, await look(request, form.with_references(moved(form.references, name, what))))


async def start(request: Request) -> Response:
    """Approve the quote that was seen, and start. Another one by now: nothing starts, and the page says why."""
    looked = await _as_seen(request)
    if looked.planned is None or looked.quote is None or looked.changes or not looked.quote.may_go:
        return await _page(request, looked, status=409 if looked.quote else 422)
    allowed = await in_thread(allowance, wiring(request), visitor(request), looked.planned)
    if not allowed.may_start:
        looked.problem = allowed.sentence
        return await _page(request, looked, status=409)
    try:
        launch = await approve_and_start(request, _wanted(request, looked))
    except (PrefectAway, InputError) as error:
        looked.problem = f"{NOT_TAKEN} {error}"
        return await _page(request, looked, status=503)
    render.flash(request, "It starts. Drafts appear here as they are made.", "good")
    return render.see_other(request, f"/runs/{launch.run_id}")


async def ask(request: Request) -> Response:
    """Keep it for somebody who may approve it."""
    looked = await _as_seen(request)
    if looked.planned is None or looked.quote is None or looked.changes or not looked.quote.may_go:
        return await _page(request, looked, status=409 if looked.quote else 422)
    await ask_for_approval(request, _wanted(request, looked))
    render.flash(request, "An approver has to say yes. You see here what becomes of it.", "good")
    return render.see_other(request, "/launch/approvals")


# -- parts ------------------------------------------------------------------------------------------------------------


async def sent_form(request: Request) -> tuple[LaunchForm, dict[str, str]]:
    """The form as it was sent, its files stored as uploads, and what was wrong with a file."""
    sent = await request.form()
    form, errors = LaunchForm.of_sent(sent), dict[str, str]()
    form = form if form.form_id else opened(form)
    names, refused = list(form.references), list[str]()
    for photo in _files(sent):
        try:
            names.append(await _stored(request, photo))
        except ImageError as error:
            # its reason is a word for programs
            refused.append(f"{photo.filename}: {str(error).removesuffix(f' ({error.reason})')}.")
    if len(set(names)) > MAX_REFERENCES:
        refused.append(f"At most {MAX_REFERENCES} photos; the first ones were kept.")
    if refused:
        errors["references"] = " ".join(refused)
    return form.with_references(list(dict.fromkeys(names))[:MAX_REFERENCES]), errors


async def look(request: Request, form: LaunchForm) -> Looked:
    """Plan and price the form as it is."""
    w, looked = wiring(request), Looked(form)
    if looked.is_blank:
        return looked
    try:
        planned = await plan_form(w, form, visitor(request).name)
        looked.quote = await in_thread(view_quote, w, planned, form.options(visitor(request).name))
        looked.preview = await in_thread(preview, w, planned)
        looked.added = await added_price(w, form, visitor(request).name, planned)
        looked.planned = planned
    except FormErrors as error:
        looked.errors = error.errors
    except DraftlineError as error:
        looked.problem = str(error)
    return looked


def moved(names: tuple[str, ...], name: str, what: str) -> tuple[str, ...]:
    """The list with one of it moved up or down, or taken out."""
    if name not in names or what not in ("up", "down", "remove"):
        return names
    at, rest = names.index(name), [other for other in names if other != name]
    if what == "remove":
        return tuple(rest)
    rest.insert(max(0, at - 1) if what == "up" else at + 1, name)
    return tuple(rest)


async def _look_with_draft(request: Request, form: LaunchForm) -> Looked:
    """With the picture of the draft that the form was opened for, where it can go in."""
    form, not_sent = await in_thread(send_along, wiring(request), form, visitor(request).user_id)
    looked = await look(request, form)
    looked.not_sent = not_sent
    return looked


async def _as_seen(request: Request) -> Looked:
    """The form as it was sent; `changes` says what is another than on the quote that the person saw."""
    form, errors = await sent_form(request)
    looked = await look(request, form)
    if looked.is_blank:
        looked.errors = {"subject": "Say what the picture is of."}
    looked.errors |= errors
    sent = await request.form()
    seen_hash = str(sent.get("quote_hash", ""))
    if looked.planned is not None and looked.quote is not None and looked.quote.quote_hash != seen_hash:
        seen = _json(str(sent.get("quote_seen", "")))
        told = await in_thread(told_changes, wiring(request), seen_hash, seen, looked.planned)
        looked.changes = told if seen_hash else ["you had not seen a quote yet: here it is"]
    return looked


def _wanted(request: Request, looked: Looked) -> Wanted:
    assert looked.planned is not None
    form = looked.form
    return Wanted(form.form_id, CAMPAIGN, form.params(visitor(request).name), looked.planned, form.due())


async def _page(request: Request, looked: Looked, *, status: int = 200) -> Response:
    w = wiring(request)
    context = {
        "form": looked.form,
        "ladders": await ladder_cards(w),
        "placements": placement_cards(),
        "references": await in_thread(reference_items, w, looked.form.references, looked.form.style_references),
        "like": await in_thread(like_of, w, looked.form),
        "cost_centres": await in_thread(known_cost_centres, w.database, w.now()),
        "templates": await in_thread(w.saved_briefs.newest, "template", TEMPLATES_SHOWN),
        "waiting": len(await in_thread(w.launches.newest, "waiting")),
        "run_cap_cents": w.settings.cap_run_cents,
        "max_references": MAX_REFERENCES,
        **await _side(request, looked),
    }
    return render.page(request, "launch/launch.html", status=status, **context)


async def _side(request: Request, looked: Looked) -> Mapping[str, Any]:
    return {
        "looked": looked,
        "allowed": await in_thread(allowance, wiring(request), visitor(request), looked.planned),
    }


def _files(sent: FormData) -> list[UploadFile]:
    return [photo for photo in sent.getlist("photos") if isinstance(photo, UploadFile) and photo.filename]


async def _stored(request: Request, photo: UploadFile) -> str:
    data = await photo.read(MAX_UPLOAD_BYTES + 1)
    by, name = visitor(request).user_id, photo.filename or "photo"
    return reference_name((await in_thread(store_upload, wiring(request), data, name, by)).sha256)


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


PAGES = (
    Page("/launch", open_new, Role.CREATOR, name="launch"),
    Page("/launch/preview", show_preview, Role.CREATOR, methods=("POST",), max_body_bytes=MAX_FORM_BYTES),
    Page("/launch/upload", upload, Role.CREATOR, methods=("POST",), max_body_bytes=MAX_FORM_BYTES),
    Page("/launch/edit", edit, Role.CREATOR, methods=("POST",), max_body_bytes=MAX_FORM_BYTES),
    Page("/launch/start", start, Role.CREATOR, methods=("POST",), max_body_bytes=MAX_FORM_BYTES),
    Page("/launch/ask", ask, Role.CREATOR, methods=("POST",), max_body_bytes=MAX_FORM_BYTES),
)
LAST = (Page("/launch/{brief_id}", open_kept, Role.CREATOR, name="launch-kept"),)
"""After every other address under /launch."""
