"""Where a form comes from: nothing, a kept brief or template, or an earlier run. Writes nothing but uploads.

What may not live here: what the form means (launch_form), HTML.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException

from domain.errors import RunError, StorageError
from domain.placement import BUILTIN
from domain.run import Asset, Run
from review.pages.launch_form import LaunchForm, own_size
from review.queries.launch import next_round
from review.uploads import reference_name, store_upload
from storage.objects import keys
from tasks.media import extension_of
from tasks.planning import DEFAULT_DRAFTS
from wiring import Wiring

CAMPAIGN = "campaign/campaign"


def new_form(w: Wiring, query: Mapping[str, str], by: str) -> LaunchForm:
    """The form that a link asks for. Blocks for the database. Raises HTTPException 404 for what is not there."""
    form = _source(w, query, by)
    if query.get("round") == "next":
        form = replace(form, round=str(next_round(w.database, form.short_name)))
    return opened(replace(form, brief_id="", due_at=""))


def kept_form(w: Wiring, brief_id: str) -> LaunchForm:
    """A kept brief or template. Raises HTTPException 404."""
    kept = w.saved_briefs.get(brief_id)
    if kept is None:
        raise HTTPException(404, "There is no such brief any more.")
    return opened(replace(LaunchForm.of_body(kept.body), brief_id=brief_id))


def opened(form: LaunchForm) -> LaunchForm:
    return replace(form, form_id=new_form_id())


def new_form_id() -> str:
    return uuid.uuid4().hex


def _source(w: Wiring, query: Mapping[str, str], by: str) -> LaunchForm:
    for name in ("template", "copy"):
        if query.get(name):
            return kept_form(w, query[name])
    if query.get("from_run"):
        return _of_run(w, query["from_run"], query.get("asset", ""), query.get("like", ""), by)
    return LaunchForm(cost_centre=w.settings.cost_centre)


def _of_run(w: Wiring, run_id: str, asset_key: str, label: str, by: str) -> LaunchForm:
    try:
        run = w.runs.get(run_id)
    except RunError as error:
        raise HTTPException(404, "There is no run of this name.") from error
    assets = w.runs.assets(run_id, [asset_key] if asset_key else None)
    if not assets:
        raise HTTPException(404, "There is no such brief in this run.")
    launched = next((one for one in w.launches.of_run(run_id) if one.deployment == CAMPAIGN), None)
    form = LaunchForm.of_params(launched.params) if launched else _of_asset(w, run, assets[0], by)
    return _like(w, form, assets[0], label) if label else form


def _of_asset(w: Wiring, run: Run, asset: Asset, by: str) -> LaunchForm:
    """A brief that was started elsewhere: out of the run's rows, its photos as uploads."""
    brief, plan = asset.brief, asset.plan
    people = {True: "yes", False: "no", None: "let the words decide"}[brief["people"]]
    named = [p["name"] for p in brief["placements"] if _is_builtin(p)]
    own = [p for p in brief["placements"] if p["name"] not in named]
    photos = _photos(w, plan["references"], plan.get("origins", ()), by)
    changed: dict[str, Any] = {
        "people": people,
        "placements": named,
        "own_placements": own,
        "references": list(photos.values()),
        "style_references": [photos[sha256] for sha256 in brief.get("style_references", ()) if sha256 in photos],
        "ladder": run.ladder,
        "drafts": len(plan["draft"]["calls"]),
        "select": run.select_mode,
        "round": run.plan.get("round", 1),
        "cost_centre": run.plan.get("cost_centre", ""),
    }
    return LaunchForm.of_params({**brief, **changed})


def _is_builtin(placement: Mapping[str, Any]) -> bool:
    known = BUILTIN.get(placement["name"])
    return known is not None and own_size(known.model_dump()) == own_size(placement)


def _photos(w: Wiring, references: Sequence[Mapping[str, Any]], origins: Sequence[str], by: str) -> dict[str, str]:
    """The run's photos as uploads, by digest, so that the form can show and send them; one that is gone is left out."""
    names = {}
    for number, reference in enumerate(references):
        key = keys.original(reference["sha256"], extension_of(reference["media_type"]))
        try:
            data = w.store.get(w.store.private, key)
        except (StorageError, FileNotFoundError):
            continue
        file_name = origins[number] if number < len(origins) else "photo"
        upload = store_upload(w, data, file_name.split(":", 1)[-1], by)
        names[reference["sha256"]] = reference_name(upload.sha256)
    return names


def _like(w: Wiring, form: LaunchForm, asset: Asset, label: str) -> LaunchForm:
    """The brief with what one draft of it changed written into it, so that all new drafts have it.

    The form names the draft; whether its picture goes in too is decided in launch_like.
    """
    drafts = w.images.of_asset(asset.run_id, asset.asset_key, "draft")
    draft = next((one for one in drafts if one.label == label), None)
    if draft is None:
        raise HTTPException(404, "There is no draft of this label.")
    axes = {name: str(words) for name, words in draft.axes.items() if isinstance(getattr(form, name, None), str)}
    merged: dict[str, Any] = {
        name: ", ".join(filter(None, (str(getattr(form, name)), words))) for name, words in axes.items()
    }
    return replace(form, drafts=str(DEFAULT_DRAFTS), like=draft.image_id, **merged)
