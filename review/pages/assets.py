"""One asset from its brief to its published files: every picture with model, price, seed and hash. No SQL here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import RunError
from review import render
from review.access.roles import Role
from review.queries.addresses import public_base
from review.queries.lineage import Lineage, Step, asset_lineage
from review.request import in_thread, wiring
from review.routing import Page

# Fields of a brief in the order in which people think of them.
WORDS = (
    ("subject", "Subject"),
    ("action", "Action"),
    ("setting", "Setting"),
    ("light", "Light"),
    ("camera", "Camera"),
    ("mood", "Mood"),
    ("palette", "Palette"),
    ("text_in_image", "Text in the image"),
    ("people", "People"),
)


@dataclass(frozen=True)
class Descent:
    """A draft that went on, and everything that was made from it."""

    draft: Step
    finals: tuple[Step, ...]
    upscales: tuple[Step, ...]
    renditions: tuple[Step, ...]


async def asset(request: Request) -> Response:
    w, path = wiring(request), request.path_params
    base = public_base(w.settings)
    try:
        found = await in_thread(asset_lineage, w.database, path["run_id"], path["asset_key"], base)
    except RunError as error:
        raise HTTPException(404, "There is no picture of this name in this run.") from error
    went_on = [d for d in found.drafts if d.picked or d.children]
    return render.page(
        request,
        "assets/asset.html",
        line=found,
        brief=brief_words(found.brief),
        descents=[descent(draft) for draft in went_on],
        others=[d for d in found.drafts if d not in went_on],
        doubts=[cost for cost in found.lost if cost.state == "in_doubt"],
        released=[cost for cost in found.lost if cost.state == "released"],
        open_calls=[cost for cost in found.lost if cost.state not in ("in_doubt", "released")],
        addresses=_addresses(found),
    )


def descent(draft: Step) -> Descent:
    return Descent(draft, *(tuple(_below(draft, stage)) for stage in ("final", "upscale", "rendition")))


def brief_words(brief: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked for, without what is empty."""
    found = [(name, _said(brief.get(key))) for key, name in WORDS]
    slots = [f"{p['name']} ({p['width_px']} × {p['height_px']})" for p in brief.get("placements", ())]
    return [(name, text) for name, text in (*found, ("Placements", ", ".join(slots))) if text]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value or "")


def _below(step: Step, stage: str) -> list[Step]:
    found = []
    for child in step.children:
        found += [child, *_below(child, stage)] if child.stage == stage else _below(child, stage)
    return found


def _addresses(found: Lineage) -> list[Step]:
    return [step for draft in found.drafts for step in _below(draft, "rendition") if step.address]


PAGES = (Page("/runs/{run_id}/assets/{asset_key}", asset, Role.VIEWER, name="asset"),)
