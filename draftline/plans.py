"""Planning for the command line: the same plan for `quote`, `--dry-run` and what `run` will do."""

import asyncio
from pathlib import Path
from typing import Any, cast

from rich.markup import escape

from budget.approvals import Approvals
from budget.degrade import degrade_words
from budget.quote import PER, Per
from domain.brief import Brief
from domain.money import show
from draftline.console import out, print_json, table
from draftline.options import check_choice
from tasks.assets import brief_of
from tasks.masters import master_size, why_plain
from tasks.planning import Planned, RunOptions
from tasks.plans import grouped, plan_run
from tasks.quoting import LOCAL, asked_parts, final_size_of
from tasks.wishes import WithoutPhoto, catalog_wishes, style_of, wishes_of_brief
from wiring import Wiring

MAX_SHOWN = 20


def plan_campaign(w: Wiring, brief: Brief, folder: Path, options: RunOptions) -> Planned:
    async def plan() -> Planned:
        return await plan_run(w, await wishes_of_brief(w, brief, folder), options)

    return asyncio.run(plan())


def plan_catalog(
    w: Wiring,
    feed: Path,
    photos: Path | None,
    style: Path | None,
    options: RunOptions,
    *,
    without_photo: WithoutPhoto,
    limit: int,
    catalog: str,
) -> Planned:
    async def plan() -> Planned:
        look = style_of(str(style) if style else "")
        wishes = await catalog_wishes(w, feed, photos, look, without_photo=without_photo, limit=limit)
        return await plan_run(w, wishes, options, catalog)

    return asyncio.run(plan())


def offer_plan(w: Wiring, planned: Planned, cap_cents: int, *, per: str, as_json: bool) -> None:
    """Keep the quote, show it, and say how it is approved."""
    if per:
        check_choice("--per", per, PER)
    if planned.assets:
        run = planned.run
        Approvals(w.database, w.now).record_quote(planned.quote, run.run_id, run.kind, run.name, "command line")
    show_plan(w, planned, cap_cents, per=per, as_json=as_json)
    if planned.assets and not as_json:
        hash_ = planned.quote.hash
        out.print(f"\nApprove it with:  draftline approve {hash_} --by NAME\nThen run it with:  --approved {hash_}")


def show_plan(w: Wiring, planned: Planned, cap_cents: int, *, per: str = "", as_json: bool) -> None:
    """The quote with its caps, choices and warnings. `per` adds its sums by SKU, stage or model."""
    caps = caps_of(w, planned, cap_cents)
    if as_json:
        print_json(plan_as_dict(planned, caps, per))
        return
    _show_quote(planned, [*_score_rows(planned), *_upscale_rows(w, planned)])
    if per:
        _show_per(planned, per)
    if "degrade" in planned.run.plan:
        out.print(f"{degrade_words(planned.run.plan['degrade'])}\n", soft_wrap=True)
    _show_choices(planned)
    table("Caps", ("cap", "limit", "committed", "left", "this plan"), [_cap_row(c) for c in caps])
    _show_set_aside(planned)
    for warning in planned.quote.warnings:
        out.print(f"[yellow]![/yellow] {escape(warning)}", soft_wrap=True)
    if planned.unchanged:
        out.print(f"{len(planned.unchanged)} products have not changed since they were published and cost nothing.")


def _show_quote(planned: Planned, local_rows: list[tuple[object, ...]]) -> None:
    rows: list[tuple[object, ...]] = []
    for (stage, model), group in grouped(planned.quote).items():
        if group[0].vendor == LOCAL:
            continue
        sums = [sum(getattr(g.range, name) for g in group) for name in ("low", "expected", "worst")]
        calls, done = sum(g.count for g in group), sum(g.done for g in group)
        rows.append((stage, model, calls, done, *(show(s) for s in sums)))
    total = planned.quote.range
    rows += local_rows
    table(
        f"Quote of {planned.run.name}  ({planned.run.ladder} ladder, run {planned.run.run_id})",
        ("stage", "model", "calls", "paid", "low", "expected", "worst"),
        rows,
        total=("total", "", "", "", show(total.low), show(total.expected), show(total.worst)),
    )
    saving = planned.saving_micros
    if saving > 0:
        out.print(f"Against making every draft in its final model this saves about {show(saving)}.\n")


def _show_per(planned: Planned, per: str) -> None:
    sums, total = planned.quote.per(cast(Per, per)), planned.quote.range
    table(
        f"Per {per}",
        (per, "low", "expected", "worst"),
        [(name, show(each.low), show(each.expected), show(each.worst)) for name, each in sums.items()],
        total=("total", show(total.low), show(total.expected), show(total.worst)),
    )


def _score_rows(planned: Planned) -> list[tuple[object, ...]]:
    """Drafts are scored on this machine: no judge is asked, so none is paid."""
    drafts = sum(line.count for line in planned.quote.lines if line.stage == "draft")
    return [("scores", "local, no judge is asked", drafts, "", *[show(0)] * 3)]


def _upscale_rows(w: Wiring, planned: Planned) -> list[tuple[object, ...]]:
    """Local work costs no money but time: how many finals need it, and about how long this machine takes."""
    sizes = [
        (final, master)
        for asset in planned.assets
        for final in [final_size_of(asset)]
        if (master := master_size(brief_of(asset).placements, final))
    ]
    if not sizes:
        return [("upscale", "none is needed", 0, "", *[show(0)] * 3)]
    by_network = [final for final, master in sizes if not why_plain(w, final, master)]
    seconds = sum(w.upscaler.estimate(final.width_px, final.height_px).seconds for final in by_network)
    model = f"Real-ESRGAN {w.settings.upscale_model}, local, about {_duration(seconds)}"
    rows = [(model, len(by_network)), ("LANCZOS, local: too much for Real-ESRGAN here", len(sizes) - len(by_network))]
    return [("upscale", name, count, "", *[show(0)] * 3) for name, count in rows if count]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _show_choices(planned: Planned) -> None:
    rows = [
        (
            a.asset_key,
            f"{a.plan['draft']['width_px']}x{a.plan['draft']['height_px']}",
            f"{a.plan['final']['model_id']} {a.plan['final']['width_px']}x{a.plan['final']['height_px']}",
            a.plan["reason"],
        )
        for a in planned.assets[:MAX_SHOWN]
    ]
    if rows:
        table("Finals", ("brief", "drafts at", "final", "because"), rows)
    if len(planned.assets) > MAX_SHOWN:
        out.print(f"… and {len(planned.assets) - MAX_SHOWN} more; --json has all of them.\n")
    for asset in planned.assets[:MAX_SHOWN]:
        for warning in asset.warnings:
            out.print(f"[yellow]![/yellow] {asset.asset_key}: {escape(warning)}", soft_wrap=True)


def _show_set_aside(planned: Planned) -> None:
    rows = planned.wishes.set_aside if planned.wishes else ()
    if rows:
        shown = [(row.line, row.sku or "-", row.reason) for row in rows[:MAX_SHOWN]]
        table(f"Set aside ({len(rows)})", ("line", "sku", "reason"), shown)
    for note in planned.wishes.notes if planned.wishes else ():
        out.print(f"[yellow]![/yellow] {escape(note)}", soft_wrap=True)


def caps_of(w: Wiring, planned: Planned, cap_cents: int) -> list[dict[str, Any]]:
    """Every cap that the plan falls under, its own run cap included, and whether the worst case fits."""
    uses = w.ledger.plan_uses(asked_parts(w, planned))
    name, limit = f"run:{planned.run.run_id}", (cap_cents or w.settings.cap_run_cents) * 10_000
    rows = [(u.cap.cap_id, u.cap.limit_micros, u.committed_micros, worst) for u, worst in uses if u.cap.cap_id != name]
    mine = [(u.cap.limit_micros, u.committed_micros) for u, _ in uses if u.cap.cap_id == name]
    standing, used = mine[0] if mine else (limit, 0)
    rows.append((name, limit if cap_cents else standing, used, planned.quote.asked_micros))
    return [
        {
            "cap": c,
            "limit_micros": lim,
            "committed_micros": used,
            "fits": not worst or used + worst <= lim,
            "worst_micros": worst,
        }
        for c, lim, used, worst in rows
    ]


def _cap_row(cap: dict[str, Any]) -> tuple[str, ...]:
    left = cap["limit_micros"] - cap["committed_micros"]
    verdict = "fits" if cap["fits"] else f"does not fit: {show(cap['worst_micros'] - left)} missing"
    return (cap["cap"], show(cap["limit_micros"]), show(cap["committed_micros"]), show(left), verdict)


def plan_as_dict(planned: Planned, caps: list[dict[str, Any]], per: str = "") -> dict[str, Any]:
    rows = planned.wishes.set_aside if planned.wishes else ()
    sums = planned.quote.per(cast(Per, per)) if per else {}
    return {
        **({"per": {"by": per, "rows": {name: vars(each) for name, each in sums.items()}}} if per else {}),
        "run_id": planned.run.run_id,
        "ladder": planned.run.ladder,
        "quote": planned.quote.as_dict(),
        "saving_micros": planned.saving_micros,
        "assets": [
            {
                "name": a.asset_key,
                "sku": a.sku,
                "reason": a.plan["reason"],
                "warnings": list(a.warnings),
                "lowered": a.plan.get("lowered", {}),
            }
            for a in planned.assets
        ],
        "degrade": planned.run.plan.get("degrade", {}),
        "caps": caps,
        "unchanged": list(planned.unchanged),
        "set_aside": [vars(row) for row in rows],
        "notes": list(planned.wishes.notes) if planned.wishes else [],
    }
