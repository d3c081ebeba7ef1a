"""Briefs and templates that people keep: keep, list, delete. What may not live here: what they mean."""

import uuid

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from review import render
from review.access.audit import record
from review.access.roles import Role
from review.access.sessions import Visitor
from review.pages.launch import LAST, MAX_FORM_BYTES, sent_form
from review.pages.launch_form import LaunchForm
from review.queries.launch import names_of_people
from review.request import in_thread, visitor, wiring
from review.routing import Page
from storage.records.saved_briefs import BriefKind, SavedBrief
from wiring import Wiring

MAX_TITLE_CHARS = 120


async def briefs(request: Request) -> Response:
    w = wiring(request)
    kept = await in_thread(w.saved_briefs.newest)
    names = await in_thread(names_of_people, w.database, [one.saved_by for one in kept])
    templates = [one for one in kept if one.kind == "template"]
    own = [one for one in kept if one.kind == "brief"]
    return render.page(request, "launch/briefs.html", templates=templates, briefs=own, names=names)


async def keep(request: Request) -> Response:
    """As a brief (one's own is overwritten) or as a new template."""
    form, errors = await sent_form(request)
    sent = await request.form()
    kind: BriefKind = "template" if sent.get("kind") == "template" else "brief"
    kept = await in_thread(_keep, wiring(request), visitor(request), form, kind)
    await record(request, f"{kind}.kept", kept.brief_id, title=kept.title)
    said = "Kept as a template: it starts new briefs." if kind == "template" else "The brief is kept."
    render.flash(request, said, "good")
    for sentence in errors.values():
        render.flash(request, sentence, "bad")
    return render.see_other(request, f"/launch/{kept.brief_id}")


async def delete(request: Request) -> Response:
    w, brief_id = wiring(request), request.path_params["brief_id"]
    kept = await in_thread(w.saved_briefs.get, brief_id)
    if kept is not None and not may_delete(visitor(request), kept):
        raise HTTPException(403, "Only who kept it, or an administrator, may delete it.")
    if kept is not None and await in_thread(w.saved_briefs.delete, brief_id):
        await record(request, f"{kept.kind}.deleted", brief_id, title=kept.title)
        render.flash(request, f"“{kept.title}” is deleted.", "info")
    return render.see_other(request, "/launch/briefs")


def may_delete(who: Visitor, kept: SavedBrief) -> bool:
    return kept.saved_by == who.user_id or who.can(Role.ADMIN)


def _keep(w: Wiring, who: Visitor, form: LaunchForm, kind: BriefKind) -> SavedBrief:
    before = w.saved_briefs.get(form.brief_id) if form.brief_id else None
    same = before is not None and before.kind == kind and before.saved_by == who.user_id
    brief_id = form.brief_id if same else uuid.uuid4().hex
    title = (form.title or form.subject or form.name or "Untitled")[:MAX_TITLE_CHARS]
    return w.saved_briefs.save(brief_id, kind, title, form.body(), who.user_id)


PAGES = (
    Page("/launch/briefs", briefs, Role.CREATOR, name="launch-briefs"),
    Page("/launch/keep", keep, Role.CREATOR, methods=("POST",), max_body_bytes=MAX_FORM_BYTES),
    Page("/launch/briefs/{brief_id}/delete", delete, Role.CREATOR, methods=("POST",)),
    *LAST,
)
