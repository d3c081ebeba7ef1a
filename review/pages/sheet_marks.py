"""Marks on a contact sheet: pick, reject, unflag, stars, a note, and undo. Each is saved for one person, at once."""

from collections.abc import Mapping
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import InputError
from review import render
from review.access.roles import Role
from review.queries.sheet_picks import image_of, label_of_image, run_picks
from review.queries.sheets import sheet
from review.request import in_thread, visitor, wiring
from review.routing import Page
from review.sheet_view import STATUS, sheet_url, versions
from storage.records.marks import Flag, Mark, MarkChange
from wiring import Wiring

FLAG_OF: Mapping[str, Flag] = {"pick": "pick", "reject": "reject", "unflag": ""}
WORDS: Mapping[str, str] = {"pick": "picked", "reject": "rejected", "": "unflagged"}


async def mark(request: Request) -> Response:
    """One change of one mark. `do` is "pick A3" (a button beside a draft); else the fields `label` and what to set."""
    w, path = wiring(request), request.path_params
    form = {name: str(value) for name, value in (await request.form()).items()}
    label, change = _asked(form)
    image_id = await in_thread(image_of, w.database, path["run_id"], path["asset_key"], label)
    if not image_id:
        raise HTTPException(404, f"There is no draft {label[:8]} on this sheet.")
    made = await in_thread(w.marks.change, image_id, visitor(request).user_id, change)
    if render.wants_fragment(request):
        return await in_thread(_told, w, made, label)
    return render.see_other(request, _back(request, form, label))


async def undo(request: Request) -> Response:
    """Take back this person's last change in the run, on whichever of its sheets that was."""
    w, path = wiring(request), request.path_params
    form = {name: str(value) for name, value in (await request.form()).items()}
    made = await in_thread(w.marks.undo, path["run_id"], visitor(request).user_id)
    if made is None:
        render.flash(request, "There is nothing left to undo.")
        if render.wants_fragment(request):
            return JSONResponse({})
        return render.see_other(request, _back(request, form, ""))
    asset_key, label = await in_thread(label_of_image, w.database, made.image_id)
    if render.wants_fragment(request):
        return await in_thread(_told, w, made, label)
    render.flash(request, f"Undone: {label} is {WORDS[made.flag]} again.")
    here = asset_key == path["asset_key"]
    return render.see_other(request, _back(request, form, label) if here else sheet_url(made.run_id, asset_key))


def _asked(form: Mapping[str, str]) -> tuple[str, MarkChange]:
    word, _, label = form.get("do", "").partition(" ")
    if word:
        if word not in FLAG_OF:
            raise InputError(f"there is no {word!r}", where="do", hint="pick, reject or unflag")
        return label.upper(), MarkChange(flag=FLAG_OF[word])
    stars = form.get("stars")
    if stars is not None and not (stars.isascii() and stars.isdecimal() and len(stars) == 1):
        raise InputError(f"{stars!r} is no number of stars", where="stars")
    note = form["note"].replace("\r\n", "\n").strip() if "note" in form else None
    flag = cast("Flag | None", form.get("flag"))
    return form.get("label", "").upper(), MarkChange(flag, int(stars) if stars is not None else None, note)


def _told(w: Wiring, made: Mark, label: str) -> Response:
    """The mark as it is now, with the versions that the page needs to know that it is up to date."""
    now = versions(sheet(w.database, made.run_id, made.asset_key), run_picks(w.database, made.run_id))
    facts = {"asset_key": made.asset_key, "label": label, "flag": made.flag, "stars": made.stars, "note": made.note}
    return JSONResponse({**facts, "version": now[label], "status_version": now[STATUS]})


def _back(request: Request, form: Mapping[str, str], label: str) -> str:
    """Where the form was: the same view of the same sheet, at the draft."""
    path = request.path_params
    own = sheet_url(path["run_id"], path["asset_key"])
    back = render.local_path(form.get("back", ""), own)
    kept = back if back.partition("?")[0] == own else own
    return f"{kept}#draft-{label}" if label else kept


PAGES = (
    Page("/runs/{run_id}/sheet/{asset_key}/marks", mark, Role.REVIEWER, methods=("POST",)),
    Page("/runs/{run_id}/sheet/{asset_key}/undo", undo, Role.REVIEWER, methods=("POST",)),
)
