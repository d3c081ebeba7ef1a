"""A whole plan's quote: beside the paid calls the upscales, what sending again may add, and how far the work has come.

A known run is quoted by the plan in its rows, with prices of now: that plan is what will be made. Sends nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from budget.quote import QuoteLine
from budget.reports import list_attempts
from domain.attempt import Attempt, Dimensions
from domain.canonical import digest
from domain.money import ZERO, PriceRange
from domain.render import Reference
from domain.run import Asset, Run
from domain.sizing import Size, upscaled_size
from tasks.assets import brief_of
from tasks.charging import dimensions, needs_no_hold, whose
from tasks.planning import Planned, Planner, RunOptions, quote_parts
from tasks.wishes import Wish, Wishes
from vendors.contract import Vendor
from wiring import Wiring

LOCAL = "local"
"""The vendor of work that this machine does by itself: it costs time, never money."""
NO_BYTES = b"?"
"""Stands for a photo's bytes where only its size is asked for: nothing is sent."""
SHOWN = 8
Picks = Mapping[str, Sequence[str]]
"""Labels by asset."""


class KnownPlanner(Planner):
    """Prices a run as its rows have it: models, sizes and prompts as decided then, whatever serves a role today.

    `finals` is how many each brief gets by its picks; one where none are known.
    """

    def __init__(
        self, w: Wiring, vendors: Mapping[str, Vendor], run: Run, assets: Sequence[Asset], finals: Mapping[str, int]
    ) -> None:
        super().__init__(w, vendors, RunOptions(run.kind, run.ladder, run.select_mode, round=run.plan["round"]))
        self.stored = {asset.asset_key: asset for asset in assets}
        self.finals = finals

    def fingerprint(self, wish: Wish) -> str:
        return self.stored[wish.brief.name].fingerprint

    def _draft_plan(self, wish: Wish, fingerprint: str) -> dict[str, Any]:
        return dict(self.stored[wish.brief.name].plan["draft"])

    def _final_plan(self, wish: Wish, draft: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        plan = self.stored[wish.brief.name].plan
        return dict(plan["final"]), str(plan["reason"])

    def _finals(self, asset_key: str) -> int:
        return self.finals.get(asset_key, 1)


def plan_known(w: Wiring, vendors: Mapping[str, Vendor], run: Run, picks: Picks | None = None) -> Planned:
    """A run in the database as it will go on, with a final for each pick: the closed ones, and `picks`, not closed yet.

    Its photos' bytes are in the store, not in the result.
    """
    assets = w.runs.assets(run.run_id)
    closed = {key: s.picks for key, s in w.selections.of_run(run.run_id).items() if s.state == "closed"}
    finals = {key: len(labels) for key, labels in {**(picks or {}), **closed}.items() if labels}
    wishes = Wishes(run.name, tuple(Wish(brief_of(asset), _photos(asset)) for asset in assets))
    planned = KnownPlanner(w, vendors, run, assets, finals).plan(wishes)
    return replace(planned, run=run, assets=tuple(assets), references={}, wishes=None)


def _photos(asset: Asset) -> tuple[Reference, ...]:
    return tuple(Reference(**facts, data=NO_BYTES) for facts in asset.plan["references"])


def complete(w: Wiring, planned: Planned) -> Planned:
    """The plan with its whole quote: every line, each with what is paid and held already."""
    attempts = list_attempts(w.database, run_id=planned.run.run_id)
    paid = _with_progress(w, planned, attempts)
    lines = (*paid, *_retries(w, paid, attempts), *_upscales(w, planned.assets))
    facts = {asset.asset_key: _facts(asset) for asset in planned.assets}
    return replace(planned, quote=replace(planned.quote, lines=lines, facts=facts, whose=whose(planned.run, w)))


def asked_parts(w: Wiring, planned: Planned) -> list[tuple[Dimensions, int]]:
    """`quote_parts` of the whole quote: a retry falls under the same caps as the call that it repeats."""
    assets = {asset.asset_key: asset for asset in planned.assets}
    paid = tuple(line for line in planned.quote.lines if line.stage == line.tier)
    retries = (line for line in planned.quote.lines if line.stage == "retry")
    parts = quote_parts(w, replace(planned, quote=replace(planned.quote, lines=paid)))
    return parts + [
        (dimensions(planned.run, asset, w, asset.plan[line.tier], line.tier), line.asked_micros)
        for line in retries
        for asset in (assets[line.asset_key],)
    ]


# -- how far the work has come --------------------------------------------------------------------------------------


def _with_progress(w: Wiring, planned: Planned, attempts: Sequence[Attempt]) -> tuple[QuoteLine, ...]:
    """The lines with the finals that this very run has paid or holds already counted as such."""
    newest = {a.work_key: a for a in attempts if a.dimensions.stage == "final"}.values()
    images = w.images.of_run(planned.run.run_id, "final")
    made = Counter(image.asset_key for image in images)
    # an image may be another run's, found paid, and what is paid may lack its image yet
    paid = Counter(
        key
        for key, _ in {(i.asset_key, i.attempt_id) for i in images}
        | {(a.dimensions.asset_key, a.attempt_id) for a in newest if a.state == "settled"}
    )
    held = Counter(a.dimensions.asset_key for a in newest if needs_no_hold(w, a.dimensions.vendor, a.state))
    return tuple(
        _with_finals(line, max(made[line.asset_key], paid[line.asset_key]), held[line.asset_key])
        for line in planned.quote.lines
    )


def _with_finals(line: QuoteLine, done: int, held: int) -> QuoteLine:
    if line.stage != "final":
        return line
    done = min(done, line.count)
    return replace(line, done=done, held=min(held, line.count - done))


# -- lines beside the paid calls -------------------------------------------------------------------------------------


def _retries(w: Wiring, paid: Sequence[QuoteLine], attempts: Sequence[Attempt]) -> list[QuoteLine]:
    """By policy: one more call each, at worst. None where work in doubt waits for a person."""
    doubtful = _doubtful(attempts)
    return [_retry(line, doubtful) for line in paid if w.settings.resends(line.vendor)]


def _retry(line: QuoteLine, doubtful: Mapping[tuple[str, str], int]) -> QuoteLine:
    """Used up by a call that is paid (it needs none any more) or that is in doubt (the next one is the second)."""
    used = min(line.count, line.done + doubtful.get((line.asset_key, line.stage), 0))
    each = PriceRange(ZERO, ZERO, line.each.worst)
    return replace(line, stage="retry", each=each, done=used, held=0)


def _doubtful(attempts: Sequence[Attempt]) -> dict[tuple[str, str], int]:
    """By asset and stage: how much work of the run has a call in doubt and none that is paid."""
    paid = {a.work_key for a in attempts if a.state == "settled"}
    open_ = {a.work_key: a.dimensions for a in attempts if a.state == "in_doubt" and a.work_key not in paid}
    counts: dict[tuple[str, str], int] = {}
    for by in open_.values():
        counts[by.asset_key, by.stage] = counts.get((by.asset_key, by.stage), 0) + 1
    return counts


def _upscales(w: Wiring, assets: Sequence[Asset]) -> list[QuoteLine]:
    """A line for each final that a placement needs larger: free, but named, so that an approval covers it."""
    model = f"Real-ESRGAN {w.settings.upscale_model}"
    return [
        QuoteLine(a.asset_key, a.sku, "upscale", "", "", model, LOCAL, 1, PriceRange(), fingerprint=a.fingerprint)
        for a in assets
        if needs_upscale(a)
    ]


def needs_upscale(asset: Asset) -> bool:
    return upscaled_size(brief_of(asset).placements, final_size_of(asset)) is not None


def final_size_of(asset: Asset) -> Size:
    return Size(asset.plan["final"]["width_px"], asset.plan["final"]["height_px"])


# -- what a later difference is told by ------------------------------------------------------------------------------


def _facts(asset: Asset) -> dict[str, Any]:
    """Short digests of a brief's fields and photos, and the sizes: enough to name what changed, and no more."""
    brief = {name: digest(value)[:SHOWN] for name, value in asset.brief.items() if name != "references"}
    photos = [photo["sha256"][:SHOWN] for photo in asset.plan["references"]]
    sizes = {stage: "{width_px}x{height_px}".format(**asset.plan[stage]) for stage in ("draft", "final")}
    return {"brief": brief, "photos": photos, **sizes}
