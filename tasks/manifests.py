"""Manifests and publication: written last, naming only what exists; one commit of the catalog for a whole run."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from prefect import task

from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.canonical import canonical_json, digest, sha256_hex
from domain.feeds.export import MAX_ADDITIONAL_IMAGES, SupplementalRow, supplemental_feed
from domain.run import Asset, ImageRecord, Publication, Run, RunStatus
from storage.objects import keys
from storage.objects.publish import PublishCommit, Published, apublish, read_current
from tasks.out import write_out
from tasks.renditions import source_type
from wiring import Wiring, current

CAMPAIGN_CATALOG = "campaigns"
CATALOG = "catalog"
FEED_FORMATS = ("image/jpeg", "image/webp", "image/png")
"""What a merchant feed may link to: no AVIF (support.google.com/merchants/answer/6324350)."""


def catalog_of(run: Run) -> str:
    return CAMPAIGN_CATALOG if run.kind == "campaign" else str(run.plan.get("catalog") or CATALOG)


@task(name="manifest")
async def publish_manifest(run_id: str, *, again: bool = False) -> dict[str, Any]:
    """Publish every finished asset of the run in one commit; returns the run's summary. Again, it changes nothing,
    unless it is meant: then it is shown once more in the place of what others published since.
    """
    w = current()
    run = await asyncio.to_thread(w.runs.get, run_id)
    public, private = await asyncio.to_thread(_manifests, w, run)
    if not public:
        return await asyncio.to_thread(_conclude, w, run, None, {})
    commit_id = f"{run_id}-{digest(public)[:8]}"
    if again:
        commit_id = f"{commit_id}-{await asyncio.to_thread(_shown_version, w, run)}"
    published = await apublish(w.store, PublishCommit(catalog_of(run), run_id, commit_id, public))
    await asyncio.to_thread(_record, w, run, published, private)
    w.progress.step("manifest")
    return await asyncio.to_thread(_conclude, w, run, published, public)


def is_hidden(w: Wiring, run: Run) -> bool:
    """Whether a published campaign's brief is shown by another run now, as readers see it.

    Catalogs need no such look: there going back to an old feed is a run of its own.
    """
    shown = read_current(w.store, catalog_of(run)) if run.kind == "campaign" else None
    ours = {a.sku or a.asset_key for a in w.runs.assets(run.run_id)}
    return shown is not None and any(shown.assets[name]["run_id"] != run.run_id for name in ours & set(shown.assets))


def _shown_version(w: Wiring, run: Run) -> int:
    shown = read_current(w.store, catalog_of(run))
    return shown.version if shown else 0


def _manifests(w: Wiring, run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """By SKU (or brief): what everybody may read, and what stays with us (prompts, prices, approvals)."""
    attempts = {a.attempt_id: a for a in list_attempts(w.database)}
    selections = w.selections.of_run(run.run_id)
    public: dict[str, Any] = {}
    private: dict[str, Any] = {}
    for asset in w.runs.assets(run.run_id):
        images = w.images.of_run(run.run_id, keys=[asset.asset_key])
        files = [i for i in images if i.stage == "rendition" and not i.params["blockers"]]
        if not files:
            continue
        name = asset.sku or asset.asset_key
        public[name] = _public(run, asset, files)
        picks = selections.get(asset.asset_key)
        private[name] = _private(run, asset, images, attempts) | {
            "selection": {"picks": list(picks.picks), "by": picks.picked_by, "reasons": picks.reasons} if picks else {}
        }
    return public, private


def _public(run: Run, asset: Asset, files: Sequence[ImageRecord]) -> dict[str, Any]:
    return {
        "schema": "draftline/manifest/1",
        "sku": asset.sku,
        "title": asset.title,
        "run_id": run.run_id,
        "fingerprint": asset.fingerprint,
        "disclosure": {
            "generated": True,
            "digital_source_type": source_type(asset),
            "imagined": bool(asset.plan["imagined"]),
            **_lowered(asset),
        },
        "renditions": [
            {
                "placement": i.params["placement"],
                "key": i.object_key,
                "media_type": i.media_type,
                "width_px": i.width_px,
                "height_px": i.height_px,
                "size_bytes": i.size_bytes,
                "sha256": i.sha256,
                "recipe": i.params["recipe"],
            }
            for i in files
        ],
    }


def _lowered(asset: Asset) -> dict[str, list[str]]:
    """What a degrade policy made cheaper, for everybody; models, caps and figures stay in the lineage."""
    facts = asset.plan.get("lowered")
    return {"lowered": [change["what"] for change in facts["changes"]]} if facts else {}


def _private(run: Run, asset: Asset, images: Sequence[ImageRecord], attempts: dict[str, Attempt]) -> dict[str, Any]:
    """The whole lineage: brief -> prompt -> draft -> final -> upscale -> renditions, with what each cost."""
    return {
        "schema": "draftline/lineage/1",
        "run_id": run.run_id,
        "ladder": run.ladder,
        "brief": asset.brief,
        "final_reason": asset.plan["final"]["reason"],
        "references": asset.plan["references"],
        "origins": asset.plan["origins"],
        "imagined": bool(asset.plan["imagined"]),
        "warnings": list(asset.warnings),
        "lowered": asset.plan.get("lowered", {}),
        "images": [_lineage(i, attempts.get(i.attempt_id)) for i in images],
    }


def _lineage(image: ImageRecord, attempt: Attempt | None) -> dict[str, Any]:
    facts = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(image).items()}
    if attempt is not None:
        facts |= {"cost_micros": attempt.cost_micros, "price_version": attempt.price_version}
        facts |= {"cost_source": attempt.cost_source, "usage": attempt.usage}
    return facts


def _record(w: Wiring, run: Run, published: Published, private: dict[str, Any]) -> None:
    assets = {a.sku or a.asset_key: a for a in w.runs.assets(run.run_id)}
    for name, manifest in private.items():
        data = canonical_json(manifest).encode()
        key = keys.private_manifest(published.catalog, name, sha256_hex(data))
        w.store.put_immutable(w.store.private, key, data, "application/json")
        write_out(w, run.run_id, f"{assets[name].asset_key}-lineage.json", json.dumps(manifest, indent=1).encode())
        w.runs.move_asset(run.run_id, assets[name].asset_key, "published", assets[name].problem)
    w.publications.record(
        Publication(
            published.catalog, name, assets[name].fingerprint, run.run_id, published.version, published.manifests[name]
        )
        for name in private
    )


def _conclude(w: Wiring, run: Run, published: Published | None, public: dict[str, Any]) -> dict[str, Any]:
    failed = [a for a in w.runs.assets(run.run_id) if a.state == "failed"]
    summary: dict[str, Any] = {
        "published": len(public),
        "failed": {a.asset_key: a.problem for a in failed},
        "catalog": published.catalog if published else "",
        "version": published.version if published else 0,
        "manifest": f"s3://{w.store.public}/{published.pointer_key}" if published else "",
        "snapshot": f"s3://{w.store.public}/{published.snapshot_key}" if published else "",
    }
    if published is not None and run.kind == "catalog":
        path = write_out(w, run.run_id, "merchant-images.tsv", _feed(w, run, public).encode())
        summary["feed"] = str(path)
    status, note = _standing(w, run, failed, len(public))
    w.runs.update(run.run_id, status, note, summary=summary)
    return summary


def _standing(w: Wiring, run: Run, failed: Sequence[Asset], published: int) -> tuple[RunStatus, str]:
    """How the run stands now, and a note: briefs that still wait for a person's picks keep it open."""
    if failed:
        return "incomplete", f"{len(failed)} of {published + len(failed)} assets failed"
    waiting = [key for key, s in w.selections.of_run(run.run_id).items() if s.state == "open"]
    if waiting:
        return "awaiting_selection", f"{published} published; {len(waiting)} wait for picks: {', '.join(waiting[:3])}"
    return "published", ""


def _feed(w: Wiring, run: Run, public: dict[str, Any]) -> str:
    """The write-back for Google Merchant: published addresses that never change their content."""
    rows = []
    ids = {a.sku or a.asset_key: a.plan["feed_ids"] for a in w.runs.assets(run.run_id)}
    masters = {i.object_key: i.parent_id for i in w.images.of_run(run.run_id, "rendition")}
    for name, manifest in public.items():
        links = [f"{_public_base(w)}/{key}" for key in _one_a_picture(manifest["renditions"], masters)]
        if links:
            kind = manifest["disclosure"]["digital_source_type"]
            more = tuple(links[1 : MAX_ADDITIONAL_IMAGES + 1])
            rows += [SupplementalRow(item, links[0], more, kind) for item in ids[name]]
    return supplemental_feed(rows)


def _one_a_picture(renditions: Sequence[dict[str, Any]], masters: Mapping[str, str]) -> list[str]:
    """The key of the widest rendition of each picked final, JPEG first: shoppers must not see a picture twice."""
    best: dict[str, dict[str, Any]] = {}
    for r in (r for r in renditions if r["media_type"] in FEED_FORMATS):
        rival = best.setdefault(masters[r["key"]], r)
        if _rank(r) > _rank(rival):
            best[masters[r["key"]]] = r
    return [r["key"] for r in best.values()]


def _rank(rendition: dict[str, Any]) -> tuple[int, bool]:
    return rendition["width_px"], rendition["media_type"] == "image/jpeg"


def _public_base(w: Wiring) -> str:
    s = w.settings
    return (s.public_url or f"{s.s3_endpoint_url}/{s.s3_public_bucket}").rstrip("/")
