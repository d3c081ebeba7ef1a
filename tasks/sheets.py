"""Contact sheets: the drafts of one brief side by side, as a PNG in the store and as a markdown artifact for people."""

import asyncio
import base64
from collections.abc import Sequence

from prefect import task
from prefect.artifacts import acreate_markdown_artifact

from budget.degrade import lowered_words
from domain.canonical import sha256_hex
from domain.money import show
from domain.run import Asset, Run, Selection
from imaging.decode import decode
from imaging.ink import spells
from imaging.sheet import Cell, contact_sheet, thumbnail
from storage.objects import keys
from tasks.assets import stored_bytes
from tasks.out import write_out
from tasks.ranking import Ranked, ranked_drafts
from wiring import Wiring, current

MAX_ARTIFACT_SHEETS = 40
"""Sheets shown inside one artifact; the rest are in the store. An artifact is a view, not a record."""


@task(name="contact-sheets")
async def make_sheets(run_id: str, asset_keys: Sequence[str]) -> int:
    """A sheet for each asset that has drafts; opens its selection. Returns how many sheets there are."""
    w = current()
    run = await asyncio.to_thread(w.runs.get, run_id)
    closed = {k for k, s in (await asyncio.to_thread(w.selections.of_run, run_id)).items() if s.state == "closed"}
    assets = [a for a in await asyncio.to_thread(w.runs.assets, run_id, asset_keys) if a.state != "failed"]
    w.progress.step("contact sheets", sum(a.asset_key in closed for a in assets))
    parts = [await asyncio.to_thread(_sheet, w, run, a) for a in assets if a.asset_key not in closed]
    shown = [part for part in parts if part][:MAX_ARTIFACT_SHEETS]
    if shown:
        intro = f"# Contact sheets of {run.name}\n\nRun `{run_id}`. {_how_to_go_on(run)}\n\n"
        await acreate_markdown_artifact(
            intro + "\n".join(shown), key="contact-sheet", description=f"Drafts of {run_id}"
        )
    return len(shown)


def _how_to_go_on(run: Run) -> str:
    if run.select_mode == "auto":
        return "The best draft of each brief goes on by itself."
    return f"Pick with the *promote* deployment, or `draftline promote {run.run_id} --pick A1`."


def _sheet(w: Wiring, run: Run, asset: Asset) -> str:
    ranked = ranked_drafts(w, run.run_id, asset.asset_key)
    if not ranked:
        return ""
    png = draw_sheet(w, run, asset, ranked)
    key = keys.draft(run.run_id, f"sheet-{sha256_hex(png)[:12]}.png")
    w.store.put_immutable(w.store.private, key, png, "image/png")
    write_out(w, run.run_id, f"{asset.asset_key}-contact-sheet.png", png)
    w.selections.open(Selection(run.run_id, asset.asset_key, run.select_mode, "open", sheet_key=key))
    if asset.state == "drafted":
        w.runs.move_asset(run.run_id, asset.asset_key, "open", asset.problem)
    w.progress.step("contact sheets")
    return _markdown(w, asset, ranked)


def draw_sheet(w: Wiring, run: Run, asset: Asset, ranked: Sequence[Ranked], picks: Sequence[str] = ()) -> bytes:
    """The PNG; with `picks` their drafts carry the mark of a select."""
    cells = [_cell(w, item, picks) for item in sorted(ranked, key=lambda r: r.image.ordinal)]
    plan = asset.plan["draft"]
    cost = sum(line["each"]["expected"] * line["count"] for line in run.quote["lines"] if _is_draft_of(line, asset))
    drafts = f"{len(cells)} draft{'s' if len(cells) != 1 else ''}"
    subtitle = f"{run.ladder} ladder, {drafts} with {plan['model_id']}, {show(cost)} expected"
    if asset.plan["imagined"]:
        subtitle += "; imagined, never saw the product"
    if "lowered" in asset.plan:
        subtitle += f"; lowered: {lowered_words(asset.plan['lowered'])}"
    title = heading_of(asset)
    if title != asset.title:
        subtitle += "; its title is in a script that this sheet cannot print"
    made_at = run.created_at or w.now()
    return contact_sheet(cells, title=title, subtitle=subtitle, run_id=run.run_id, made_at=made_at)


def heading_of(asset: Asset) -> str:
    """The title, or the SKU in its place: a row of "?" would name nothing, and half a title another product."""
    names = (asset.title, asset.sku, asset.asset_key)
    return next((name for name in names if spells(name)), asset.asset_key)


def _is_draft_of(line: dict[str, object], asset: Asset) -> bool:
    return line["asset_key"] == asset.asset_key and line["stage"] == "draft"


def _cell(w: Wiring, item: Ranked, picks: Sequence[str]) -> Cell:
    picked = item.image.label in picks
    axes = ", ".join(item.image.axes.values()) or "the brief as it is"
    reasons = item.score.evidence.get("reasons", ())
    note = f"nearly equals {item.double_of}" if item.double_of else "; ".join(str(r) for r in list(reasons)[:2])
    return Cell(
        label=item.image.label,
        image=stored_bytes(w, item.image.object_key),
        caption=axes,
        score=item.score.overall,
        badge="select" if picked else "near-duplicate" if item.double_of else "",
        note=note,
    )


def _markdown(w: Wiring, asset: Asset, ranked: Sequence[Ranked]) -> str:
    """Thumbnails as data URIs: they never expire and need no access to the bucket."""
    rows = ["| Pick | Draft | Score | Differs by |", "|---|---|---|---|"]
    for item in ranked:
        small = thumbnail(decode(stored_bytes(w, item.image.object_key)).image)
        picture = f"![{item.image.label}](data:image/jpeg;base64,{base64.b64encode(small).decode()})"
        note = f"near-duplicate of {item.double_of}" if item.double_of else ", ".join(item.image.axes.values()) or "-"
        rows.append(f"| **{item.image.label}** | {picture} | {item.score.overall:.2f} | {note} |")
    return f"## {asset.title} (`{asset.asset_key}`)\n\n" + "\n".join(rows) + "\n"
