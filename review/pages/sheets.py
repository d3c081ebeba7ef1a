"""The contact sheet of one brief: grid, one draft large, and the stream of what changes while somebody looks.

Marks are in sheet_marks.py, promotion in sheet_promote.py, hiding and order in review/sheet_view.py.
"""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import RunError
from review import render
from review.access.roles import Role
from review.live import pulse_of, stream
from review.pages import sheet_marks, sheet_promote
from review.queries.sheet_picks import AssetPicks, first_to_pick, run_picks
from review.queries.sheets import Sheet, sheet
from review.request import in_thread, visitor, wiring
from review.routing import Page
from review.sheet_view import SHOWS, SORTS, View, cells, progress_of, shape_of, sheet_url, versions
from storage.database import Database
from tasks.ranking import MAX_PICKS_AN_ASSET

PATH = "/runs/{run_id}/sheet/{asset_key}"
ENDED = ("published", "incomplete", "failed")
MAX_CELLS_ASKED = 2_000


async def first_sheet(request: Request) -> Response:
    """The first sheet of the run that needs a pick."""
    run_id = request.path_params["run_id"]
    try:
        asset_key = first_to_pick(await in_thread(run_picks, wiring(request).database, run_id))
    except RunError as error:
        raise HTTPException(404, "There is no run of this name.") from error
    if not asset_key:
        raise HTTPException(404, "This run has nothing to pick from: no product of it gets drafts.")
    return render.see_other(request, sheet_url(run_id, asset_key))


async def contact_sheet(request: Request) -> Response:
    """The whole page. The pulse is read before the rest: a change in between is told again rather than missed."""
    run_id, view = request.path_params["run_id"], View.of_query(request.query_params)
    pulse = await pulse_of(request, run_id)
    shown, sheets = await _read(request)
    listed = cells(shown, visitor(request).user_id, view)
    opened = next((cell for cell in listed if cell.label == view.draft and cell.draft), None)
    around = _around([cell.label for cell in listed if cell.draft and not cell.is_hidden], view.draft)
    return render.page(
        request, "sheets/sheet.html", **_context(request, shown, sheets), cells=listed, view=view, pulse=pulse,
        opened=opened, around=around, shape=shape_of(shown), shows=SHOWS, sorts=SORTS,
    )  # fmt: skip


async def changed_cells(request: Request) -> Response:
    """The cells that are asked for by label, and what stands around the grid."""
    asked = frozenset(request.query_params.get("labels", "").split(",")[:MAX_CELLS_ASKED])
    shown, sheets = await _read(request)
    listed = [cell for cell in cells(shown, visitor(request).user_id, View()) if cell.label in asked]
    return render.fragment(request, "sheets/_cells.html", **_context(request, shown, sheets), cells=listed, view=View())


async def draft_details(request: Request) -> Response:
    """Prompt, model, seed, price, score and reasons of one draft."""
    shown, sheets = await _read(request)
    label = request.path_params["label"].upper()
    listed = cells(shown, visitor(request).user_id, View())
    cell = next((cell for cell in listed if cell.label == label and cell.draft), None)
    if cell is None:
        raise HTTPException(404, f"There is no draft {label[:8]} on this sheet.")
    return render.fragment(request, "sheets/_details.html", **_context(request, shown, sheets), cell=cell)


async def all_versions(request: Request) -> Response:
    """For a browser that gets no stream: what it would be told there."""
    shown, sheets = await _read(request)
    return JSONResponse(versions(shown, sheets))


async def events(request: Request) -> Response:
    """The stream of this sheet; where no seat is left, the page asks for versions now and then instead."""
    run_id, asset_key = request.path_params["run_id"], request.path_params["asset_key"]
    await _read(request)
    database = wiring(request).database

    async def state() -> tuple[dict[str, str], bool]:
        return await in_thread(_state, database, run_id, asset_key)

    return stream(request, run_id, state)


def _state(database: Database, run_id: str, asset_key: str) -> tuple[dict[str, str], bool]:
    shown = sheet(database, run_id, asset_key)
    return versions(shown, run_picks(database, run_id)), shown.run_status in ENDED


async def _read(request: Request) -> tuple[Sheet, tuple[AssetPicks, ...]]:
    run_id, asset_key = request.path_params["run_id"], request.path_params["asset_key"]
    try:
        return await in_thread(read_sheet, wiring(request).database, run_id, asset_key)
    except RunError as error:
        raise HTTPException(404, "There is no contact sheet of this name.") from error


def read_sheet(database: Database, run_id: str, asset_key: str) -> tuple[Sheet, tuple[AssetPicks, ...]]:
    return sheet(database, run_id, asset_key), run_picks(database, run_id)


def _context(request: Request, shown: Sheet, sheets: tuple[AssetPicks, ...]) -> dict[str, Any]:
    """What every template of the sheet uses."""
    own = next(found for found in sheets if found.asset_key == shown.asset_key)
    return {
        "sheet": shown,
        "own": own,
        "url": sheet_url(shown.run_id, shown.asset_key),
        "sheet_url": sheet_url,
        "mine": own.labels(visitor(request).user_id),
        "everybodys": own.labels(),
        "progress": progress_of(sheets),
        "status_version": versions(shown, sheets)["*"],
        "may_mark": visitor(request).can(Role.REVIEWER),
        "is_running": shown.run_status in ("planned", "running"),
        "max_picks": MAX_PICKS_AN_ASSET,
    }


def _around(labels: list[str], label: str) -> tuple[str, str]:
    """The neighbours of the opened draft, "" at the ends."""
    if label not in labels:
        return "", ""
    at = labels.index(label)
    return (labels[at - 1] if at else ""), (labels[at + 1] if at + 1 < len(labels) else "")


PAGES = (
    Page("/runs/{run_id}/sheet", first_sheet, Role.VIEWER, name="first-sheet"),
    Page(PATH, contact_sheet, Role.VIEWER, name="sheet"),
    Page(f"{PATH}/events", events, Role.VIEWER),
    Page(f"{PATH}/versions", all_versions, Role.VIEWER),
    Page(f"{PATH}/cells", changed_cells, Role.VIEWER),
    Page(f"{PATH}/drafts/{{label}}", draft_details, Role.VIEWER),
    *sheet_marks.PAGES,
    *sheet_promote.PAGES,
)
