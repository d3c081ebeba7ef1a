"""Selection: by machine (best score, near-duplicates set aside, reasons kept) or by a person's picks."""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task

from domain.errors import SelectionError
from domain.run import Run, Selection
from tasks.out import write_out
from tasks.ranking import MAX_PICKS_AN_ASSET, Ranked, ranked_drafts
from tasks.sheets import draw_sheet
from wiring import Wiring, current

EVERY_ASSET = "*"
BEST = "BEST"


@task(name="select-automatically")
async def select_automatically(run_id: str, asset_keys: Sequence[str]) -> int:
    """Close every open selection of these assets with its best draft. Returns how many are closed."""
    w = current()
    return await asyncio.to_thread(_select_best, w, run_id, asset_keys)


@task(name="take-picks")
async def take_picks(run_id: str, picks: Sequence[str], picked_by: str) -> int:
    """Close selections with a person's picks, all or none. Raises SelectionError before anything is spent."""
    w = current()
    return await asyncio.to_thread(close_with_picks, w, run_id, picks, picked_by)


async def picked_assets(run_id: str) -> tuple[str, ...]:
    """The assets whose selection is closed, in the order of the plan."""
    w = current()
    closed = {key for key, s in (await asyncio.to_thread(w.selections.of_run, run_id)).items() if s.state == "closed"}
    return tuple(a.asset_key for a in await asyncio.to_thread(w.runs.assets, run_id) if a.asset_key in closed)


def _select_best(w: Wiring, run_id: str, asset_keys: Sequence[str]) -> int:
    run = w.runs.get(run_id)
    closed = 0
    for asset in w.runs.assets(run_id, asset_keys):
        ranked = ranked_drafts(w, run_id, asset.asset_key)
        if asset.state == "failed" or not ranked:
            continue
        _close(w, run, {asset.asset_key: (ranked[0].image.label,)}, "machine")
        closed += 1
        w.progress.step("selection")
    return closed


def close_with_picks(w: Wiring, run_id: str, picks: Sequence[str], picked_by: str) -> int:
    """`A1`, `mug=A1,B1`, `mug=best` or `*=best`; every label must be on its sheet."""
    run, (parsed, wanted) = w.runs.get(run_id), _wanted(w, run_id, picks)
    if not wanted:
        if parsed.get(EVERY_ASSET):  # `*` means all that is open: said again after a stop, it goes on from there
            return 0
        raise SelectionError("no draft was picked")
    _close(w, run, wanted, picked_by)
    return len(wanted)


def newly_picked(w: Wiring, run_id: str, picks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What these picks would close, by asset; those that were closed before are not among them."""
    selections = w.selections.of_run(run_id)
    return {key: labels for key, labels in _wanted(w, run_id, picks)[1].items() if selections[key].state == "open"}


def _wanted(
    w: Wiring, run_id: str, picks: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The picks as they were said and as they are meant. Raises SelectionError."""
    selections = w.selections.of_run(run_id)
    if not selections:
        raise SelectionError(f"run {run_id} has no contact sheet yet; its drafts are not finished")
    parsed = parse_picks(picks, list(selections))
    return parsed, _resolved(w, run_id, selections, parsed)


def parse_picks(picks: Sequence[str], asset_keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Texts to labels by asset. A bare label is for the only asset there is."""
    wanted: dict[str, tuple[str, ...]] = {}
    for text in picks:
        key, separator, labels = text.strip().rpartition("=")
        if not separator:
            key, labels = _only(asset_keys, text), text
        key = key.strip()
        if key not in (*asset_keys, EVERY_ASSET):
            raise SelectionError(f"{key!r} has no contact sheet in this run; there are {', '.join(sorted(asset_keys))}")
        found = tuple(label.strip().upper() for label in labels.split(",") if label.strip())
        wanted[key] = (*wanted.get(key, ()), *found)
    return wanted


def _only(asset_keys: Sequence[str], text: str) -> str:
    if len(asset_keys) != 1:
        raise SelectionError(f"{text!r} does not say for which of {len(asset_keys)} briefs: write BRIEF={text}")
    return asset_keys[0]


def _resolved(
    w: Wiring, run_id: str, selections: Mapping[str, Selection], wanted: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    everyone = wanted.get(EVERY_ASSET, ())
    resolved = {}
    for key, selection in sorted(selections.items()):
        labels = wanted.get(key) or everyone
        if not labels or (key not in wanted and selection.state == "closed"):
            continue
        resolved[key] = _labels_on_sheet(key, labels, ranked_drafts(w, run_id, key))
    return resolved


def _labels_on_sheet(key: str, labels: Sequence[str], ranked: Sequence[Ranked]) -> tuple[str, ...]:
    known = [item.image.label for item in ranked]
    chosen = tuple(dict.fromkeys(known[0] if label == BEST and known else label for label in labels))
    missing = [label for label in chosen if label not in known]
    if missing:
        raise SelectionError(
            f"{key}: there is no draft {', '.join(missing)} on its sheet; there are {', '.join(sorted(known))}"
        )
    if len(chosen) > MAX_PICKS_AN_ASSET:
        raise SelectionError(f"{key}: at most {MAX_PICKS_AN_ASSET} picks, not {len(chosen)}")
    return chosen


def _close(w: Wiring, run: Run, picks: Mapping[str, tuple[str, ...]], by: str) -> None:
    """Write the picks with the machine's evidence beside them, and the sheet again with the selects marked."""
    assets = {asset.asset_key: asset for asset in w.runs.assets(run.run_id, list(picks))}
    ranked = {key: ranked_drafts(w, run.run_id, key) for key in picks}
    reasons = {key: {item.image.label: _reason(item, picks[key], by) for item in ranked[key]} for key in picks}
    w.selections.close(run.run_id, dict(picks), by=by, reasons=reasons)
    for key, asset in assets.items():
        sheet = draw_sheet(w, run, asset, ranked[key], picks[key])
        write_out(w, run.run_id, f"{key}-contact-sheet.png", sheet)
        if asset.state in ("open", "drafted"):
            w.runs.move_asset(run.run_id, key, "selected", asset.problem)


def _reason(item: Ranked, picks: Sequence[str], by: str) -> str:
    said = "; ".join(str(r) for r in item.score.evidence.get("reasons", ())) or "no remarks"
    text = f"score {item.score.overall:.3f}: {said}"
    if item.image.label in picks:
        return f"picked by {by}, {text}"
    return f"set aside as a near-duplicate of {item.double_of}, {text}" if item.double_of else f"not picked, {text}"
