"""Marks on a contact sheet: pick, reject, unflag, stars, a note, and undo. Each is saved for one person, at once.

A step is what one press changed, one draft or many: one undo takes it back whole.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import InputError
from review import render
from review.access.roles import Role
from review.queries.decisions import newest_change_at
from review.queries.sheet_picks import images_of, labels_of, run_picks
from review.queries.sheets import sheet
from review.request import in_thread, visitor, wiring
from review.routing import Page
from review.sheet_view import STATUS, sheet_url, versions
from storage.records.marks import Flag, Mark, MarkChange, Marks
from wiring import Wiring

FLAG_OF: Mapping[str, Flag] = {"pick": "pick", "reject": "reject", "unflag": ""}
WORDS: Mapping[str, str] = {"pick": "picked", "reject": "rejected", "": "unflagged"}
MAX_AT_ONCE = 500


async def mark(request: Request) -> Response:
    """One step: the same change of one mark, or of several at once.

    `do` is "pick A3" (a button beside a draft); else `label`, once or more often, and what to set.
    """
    w, path, form = wiring(request), request.path_params, await request.form()
    labels, change = _asked(form)
    found = await in_thread(images_of, w.database, path["run_id"], path["asset_key"], labels)
    if lacks := [label for label in labels if label not in found] or ([] if labels else [""]):
        raise HTTPException(404, f"There is no draft {lacks[0][:8]} on this sheet.")
    made = await in_thread(change_at_once, w, [found[label] for label in labels], visitor(request).user_id, change)
    if render.wants_fragment(request):
        return await in_thread(_told, w, made)
    return render.see_other(request, _back(request, form, labels[0]))


async def undo(request: Request) -> Response:
    """Take back this person's last step in the run, on whichever of its sheets that was."""
    w, path, form = wiring(request), request.path_params, await request.form()
    made = await in_thread(take_back_step, w, path["run_id"], visitor(request).user_id)
    if not made:
        render.flash(request, "There is nothing left to undo.")
        if render.wants_fragment(request):
            return JSONResponse({"marks": []})
        return render.see_other(request, _back(request, form, ""))
    if render.wants_fragment(request):
        return await in_thread(_told, w, made)
    label, *others = (await in_thread(labels_of, w.database, [one.image_id for one in made])).values()
    said = f"{len(made)} drafts are as they were." if others else f"{label} is {WORDS[made[0].flag]} again."
    render.flash(request, f"Undone: {said}")
    asset_key = made[0].asset_key
    here = asset_key == path["asset_key"]
    return render.see_other(request, _back(request, form, label) if here else sheet_url(made[0].run_id, asset_key))


def change_at_once(w: Wiring, image_ids: Sequence[str], user_id: str, change: MarkChange) -> list[Mark]:
    """All of them at one moment, by which one undo finds them again."""
    at = w.now()
    marks = Marks(w.database, lambda: at)
    return [marks.change(image_id, user_id, change) for image_id in image_ids]


def take_back_step(w: Wiring, run_id: str, user_id: str) -> list[Mark]:
    """Everything that was changed at the moment of the newest change; [] when nothing is left to undo."""
    step, undone = newest_change_at(w.database, user_id, run_id), list[Mark]()
    while len(undone) < MAX_AT_ONCE and step and newest_change_at(w.database, user_id, run_id) == step:
        made = w.marks.undo(run_id, user_id)
        if made is None:
            break
        undone.append(made)
    return undone


def _asked(form: FormData) -> tuple[list[str], MarkChange]:
    word, _, label = str(form.get("do", "")).partition(" ")
    if word:
        if word not in FLAG_OF:
            raise InputError(f"there is no {word!r}", where="do", hint="pick, reject or unflag")
        return [label.upper()], MarkChange(flag=FLAG_OF[word])
    labels = list(dict.fromkeys(str(label).upper() for label in form.getlist("label")))
    if len(labels) > MAX_AT_ONCE:
        raise InputError(f"{len(labels)} drafts, at most {MAX_AT_ONCE} are marked at once", where="label")
    stars = str(form["stars"]) if "stars" in form else None
    if stars is not None and not (stars.isascii() and stars.isdecimal() and len(stars) == 1):
        raise InputError(f"{stars!r} is no number of stars", where="stars")
    note = str(form["note"]).replace("\r\n", "\n").strip() if "note" in form else None
    flag = cast("Flag | None", str(form["flag"]) if "flag" in form else None)
    return labels, MarkChange(flag, int(stars) if stars is not None else None, note)


def _told(w: Wiring, made: Sequence[Mark]) -> Response:
    """The marks as they are now, with the versions that the page needs to know that it is up to date."""
    run_id, asset_key = made[0].run_id, made[0].asset_key
    now = versions(sheet(w.database, run_id, asset_key), run_picks(w.database, run_id))
    of_image = {one.image_id: one for one in made}
    marks = [
        {"label": label, "flag": one.flag, "stars": one.stars, "note": one.note, "version": now[label]}
        for image_id, label in labels_of(w.database, list(of_image)).items()
        for one in (of_image[image_id],)
    ]
    return JSONResponse({"asset_key": asset_key, "marks": marks, "status_version": now[STATUS]})


def _back(request: Request, form: FormData, label: str) -> str:
    """Where the form was: the same view of the same sheet, at the draft."""
    path = request.path_params
    own = sheet_url(path["run_id"], path["asset_key"])
    back = render.local_path(str(form.get("back", "")), own)
    kept = back if back.partition("?")[0] == own else own
    return f"{kept}#draft-{label}" if label else kept


PAGES = (
    Page("/runs/{run_id}/sheet/{asset_key}/marks", mark, Role.REVIEWER, methods=("POST",)),
    Page("/runs/{run_id}/sheet/{asset_key}/undo", undo, Role.REVIEWER, methods=("POST",)),
)
