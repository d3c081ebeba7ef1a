"""The review queue of catalog runs: one SKU an item, exceptions first, each with its reasons as sentences.

What makes an exception: no picture could be made, a published rule failed, the machine's choice scores low, people
disagree with each other or with the machine, or the product was pictured without its photo. Whatever a person decided
is resolved and leaves the exceptions; whose word counts is in decisions.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from domain.errors import InputError
from review.queries.addresses import picture_url, reference_url
from review.queries.decisions import Decision, decision_of
from review.queries.sheets import SheetMark, read_marks
from storage.database import Database
from storage.database.tables import assets, images, runs, scores, selections

LOW_SCORE = 0.55
"""A machine's choice below this is looked at by a person: one quality at least is poor (imaging/scores.py)."""
MAX_RUNS = 20
MAX_PAGE = 100
SHOWN_STATUS = ("awaiting_selection", "published", "incomplete")
MACHINE = "machine"

Show = Literal["exceptions", "open", "decided", "left-out", "all"]
"""`open` are those that nobody decided yet, whose sheet is open; `left-out` those of which every draft was rejected."""
ReasonKind = Literal["failed", "rule", "low-score", "people-disagree", "machine-disagrees", "imagined"]
_WEIGHT: dict[str, int] = {
    "failed": 0,
    "rule": 1,
    "people-disagree": 2,
    "machine-disagrees": 3,
    "low-score": 4,
    "imagined": 5,
}


@dataclass(frozen=True)
class Reason:
    kind: ReasonKind
    text: str


@dataclass(frozen=True)
class QueueDraft:
    image_id: str
    label: str
    score: float | None
    reasons: tuple[str, ...]
    thumb_url: str
    view_url: str
    machine_choice: bool
    picked: bool
    marks: tuple[SheetMark, ...]


@dataclass(frozen=True)
class QueueItem:
    """`facts` are names and values of what the feed and the brief say; `photos` are addresses of thumbnails."""

    run_id: str
    run_name: str
    asset_key: str
    sku: str
    title: str
    state: str
    problem: str
    reasons: tuple[Reason, ...]
    drafts: tuple[QueueDraft, ...]
    machine_label: str
    machine_score: float | None
    selection: str
    picks: tuple[str, ...]
    picked_by: str
    photos: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    decision: Decision | None
    resolved: bool

    @property
    def is_exception(self) -> bool:
        return bool(self.reasons) and not self.resolved

    @property
    def key(self) -> str:
        return f"{self.run_id}/{self.asset_key}"


@dataclass(frozen=True)
class QueueRun:
    run_id: str
    name: str
    status: str
    items: int
    exceptions: int
    open: int


@dataclass(frozen=True)
class QueuePage:
    """`total` counts what is shown over all pages, `exceptions` those among all items of these runs."""

    items: tuple[QueueItem, ...]
    runs: tuple[QueueRun, ...]
    total: int
    exceptions: int
    next_key: str


def review_queue(
    database: Database, *, run_id: str = "", show: Show = "exceptions", after: str = "", limit: int = 20
) -> QueuePage:
    """A page of the queue of one run, or of the newest catalog runs. `after` is the page before's key."""
    start = _place(after)
    limit = max(1, min(limit, MAX_PAGE))
    with database.read() as connection:
        found = queue_runs(connection, run_id)
        glances = [glance for run in found for glance in read_glances(connection, run)]
        glances.sort(key=_order)
        wanted = [g for g in glances if _is_wanted(g, show)]
        items = _items(connection, wanted[start : start + limit])
    return QueuePage(
        items=items,
        runs=tuple(_queue_run(run, glances) for run in found),
        total=len(wanted),
        exceptions=sum(g.is_exception for g in glances),
        next_key=str(start + limit) if start + limit < len(wanted) else "",
    )


def queue_item(database: Database, run_id: str, asset_key: str) -> QueueItem | None:
    """One item, wherever it stands; None when there is none."""
    with database.read() as connection:
        found = [g for run in queue_runs(connection, run_id) if run_id for g in read_glances(connection, run)]
        items = _items(connection, [g for g in found if g.asset["asset_key"] == asset_key])
    return items[0] if items else None


@dataclass(frozen=True)
class Glance:
    """What decides an item's place, without its pictures' facts."""

    run: Any
    asset: Mapping[Any, Any]
    drafts: tuple[Any, ...]
    best: Any
    selection: Any
    marks: Mapping[str, tuple[SheetMark, ...]]
    reasons: tuple[Reason, ...]
    decision: Decision | None
    resolved: bool

    @property
    def is_exception(self) -> bool:
        return bool(self.reasons) and not self.resolved

    @property
    def is_open(self) -> bool:
        return self.selection is not None and self.selection.state == "open"


def _place(after: str) -> int:
    if not after:
        return 0
    if not after.isdigit():
        raise InputError(f"{after!r} is no place in the queue", where="page")
    return int(after)


def queue_runs(connection: Connection, run_id: str) -> Sequence[Any]:
    names = ("run_id", "name", "status")
    query = sa.select(*(runs.c[name] for name in names))
    if run_id:
        return connection.execute(query.where(runs.c.run_id == run_id)).all()
    query = query.where(runs.c.kind == "catalog", runs.c.status.in_(SHOWN_STATUS))
    return connection.execute(query.order_by(runs.c.created_at.desc()).limit(MAX_RUNS)).all()


def read_glances(connection: Connection, run: Any) -> list[Glance]:
    drafts = _drafts(connection, run.run_id)
    chosen = {s.asset_key: s for s in _selections(connection, run.run_id)}
    blocked = _blocked(connection, run.run_id)
    found = _assets(connection, run.run_id)
    opinions = read_marks(connection, run.run_id, [asset["asset_key"] for asset in found])
    return [
        _glance(run, a, drafts.get(a["asset_key"], ()), chosen.get(a["asset_key"]), opinions, blocked) for a in found
    ]


def _glance(
    run: Any,
    asset: Mapping[Any, Any],
    drafts: tuple[Any, ...],
    selection: Any,
    opinions: Mapping[str, tuple[SheetMark, ...]],
    blocked: Mapping[str, str],
) -> Glance:
    scored = [d for d in drafts if d.overall is not None]
    best = min(scored, key=lambda d: (-d.overall, d.ordinal), default=None)
    reasons = _reasons(asset, drafts, best, opinions, blocked.get(asset["asset_key"], ""))
    by_person = selection is not None and selection.state == "closed" and selection.picked_by != MACHINE
    decision = decision_of(drafts, opinions)
    resolved = by_person or decision is not None
    return Glance(run, asset, drafts, best, selection, opinions, reasons, decision, resolved)


def _reasons(
    asset: Mapping[Any, Any],
    drafts: Sequence[Any],
    best: Any,
    opinions: Mapping[str, tuple[SheetMark, ...]],
    blocked: str,
) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if asset["state"] == "failed":
        found.append(Reason("failed", asset["problem"] or "no picture could be made"))
    elif asset["state"] == "set_aside":
        found.append(Reason("failed", asset["problem"] or "it was set aside"))
    if blocked:
        found.append(Reason("rule", blocked))
    found += _disagreements(drafts, best, opinions)
    if best is not None and best.overall < LOW_SCORE:
        found.append(Reason("low-score", f"the best draft scores {best.overall:.2f}, below {LOW_SCORE:.2f}"))
    if asset["imagined"]:
        found.append(Reason("imagined", "there is no photo: this picture never saw the product"))
    return tuple(sorted(found, key=lambda reason: _WEIGHT[reason.kind]))


def _disagreements(drafts: Sequence[Any], best: Any, opinions: Mapping[str, tuple[SheetMark, ...]]) -> list[Reason]:
    found = []
    for draft in drafts:
        given = opinions.get(draft.image_id, ())
        likes, dislikes = ([m.name for m in given if m.flag == flag] for flag in ("pick", "reject"))
        if likes and dislikes:
            text = f"{', '.join(likes)} picked {draft.label}, {', '.join(dislikes)} rejected it"
            found.append(Reason("people-disagree", text))
        elif draft is best and dislikes:
            found.append(Reason("machine-disagrees", f"{', '.join(dislikes)} rejected {draft.label}, the best score"))
        elif draft is not best and likes and best is not None:
            text = f"{', '.join(likes)} picked {draft.label}, the best score has {best.label}"
            found.append(Reason("machine-disagrees", text))
    return found


def _order(glance: Glance) -> tuple[Any, ...]:
    """Exceptions first, the gravest of them first; what is open before what is closed; else the plan's order."""
    gravest = min((_WEIGHT[r.kind] for r in glance.reasons), default=len(_WEIGHT))
    return (not glance.is_exception, gravest if glance.is_exception else 0, not glance.is_open, glance.asset["ordinal"])


def _is_wanted(glance: Glance, show: Show) -> bool:
    if show == "exceptions":
        return glance.is_exception
    if show == "open":
        return glance.is_open and not glance.resolved
    if show == "left-out":
        return glance.decision is not None and not glance.decision.labels
    return show == "all" or glance.resolved


def _queue_run(run: Any, glances: Sequence[Glance]) -> QueueRun:
    mine = [g for g in glances if g.run is run]
    return QueueRun(
        run.run_id, run.name, run.status, len(mine), sum(g.is_exception for g in mine), sum(g.is_open for g in mine)
    )


def _drafts(connection: Connection, run_id: str) -> dict[str, tuple[Any, ...]]:
    names = ("image_id", "asset_key", "label", "ordinal")
    query = (
        sa.select(*(images.c[name] for name in names), scores.c.overall)
        .outerjoin(scores, scores.c.image_id == images.c.image_id)
        .where(images.c.run_id == run_id, images.c.stage == "draft")
        .order_by(images.c.asset_key, images.c.ordinal)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.asset_key, []).append(row)
    return {key: tuple(rows) for key, rows in found.items()}


def _selections(connection: Connection, run_id: str) -> Sequence[Any]:
    names = ("asset_key", "state", "picks", "picked_by")
    query = sa.select(*(selections.c[name] for name in names)).where(selections.c.run_id == run_id)
    return connection.execute(query).all()


def _blocked(connection: Connection, run_id: str) -> dict[str, str]:
    """By asset: the first rule that a rendition of it failed, which kept it from being published."""
    query = sa.select(images.c.asset_key, images.c.label, images.c.params["blockers"].label("blockers"))
    query = query.where(images.c.run_id == run_id, images.c.stage == "rendition").order_by(images.c.ordinal.desc())
    return {row.asset_key: f"{row.label}: {row.blockers[0]}" for row in connection.execute(query) if row.blockers}


def _assets(connection: Connection, run_id: str) -> Sequence[Mapping[Any, Any]]:
    names = ("asset_key", "ordinal", "sku", "title", "state", "problem")
    imagined = assets.c.plan["imagined"].as_boolean().label("imagined")
    query = sa.select(*(assets.c[name] for name in names), imagined).where(assets.c.run_id == run_id)
    return connection.execute(query.order_by(assets.c.ordinal)).mappings().all()


def _items(connection: Connection, glances: Sequence[Glance]) -> tuple[QueueItem, ...]:
    """The page's items with what only they need: the scores' words, photos and facts."""
    ids = [draft.image_id for glance in glances for draft in glance.drafts]
    words = sa.select(scores.c.image_id, scores.c.evidence["reasons"].label("reasons"))
    said = {row.image_id: row.reasons for row in connection.execute(words.where(scores.c.image_id.in_(ids)))}
    plans: dict[tuple[str, str], Any] = {}
    for run_id in {glance.run.run_id for glance in glances}:
        keys = [g.asset["asset_key"] for g in glances if g.run.run_id == run_id]
        query = sa.select(assets.c.asset_key, assets.c.brief, assets.c.plan).where(assets.c.run_id == run_id)
        rows = connection.execute(query.where(assets.c.asset_key.in_(keys)))
        plans |= {(run_id, row.asset_key): row for row in rows}
    return tuple(_item(g, plans[g.run.run_id, g.asset["asset_key"]], said) for g in glances)


def _item(glance: Glance, told: Any, said: Mapping[str, Sequence[str] | None]) -> QueueItem:
    asset, chosen = glance.asset, glance.selection
    run_id, key = glance.run.run_id, asset["asset_key"]
    picks = tuple(chosen.picks) if chosen is not None else ()
    return QueueItem(
        run_id=run_id,
        run_name=glance.run.name,
        asset_key=key,
        sku=asset["sku"],
        title=asset["title"],
        state=asset["state"],
        problem=asset["problem"],
        reasons=glance.reasons,
        drafts=tuple(_queue_draft(d, glance, picks, said.get(d.image_id) or ()) for d in glance.drafts),
        machine_label=glance.best.label if glance.best is not None else "",
        machine_score=glance.best.overall if glance.best is not None else None,
        selection=chosen.state if chosen is not None else "",
        picks=picks,
        picked_by=chosen.picked_by if chosen is not None else "",
        photos=tuple(reference_url(run_id, key, n) for n in range(len(told.plan["references"]))),
        facts=_facts(told.brief, told.plan),
        decision=glance.decision,
        resolved=glance.resolved,
    )


def _queue_draft(draft: Any, glance: Glance, picks: Sequence[str], reasons: Sequence[str]) -> QueueDraft:
    return QueueDraft(
        image_id=draft.image_id,
        label=draft.label,
        score=draft.overall,
        reasons=tuple(reasons),
        thumb_url=picture_url(draft.image_id),
        view_url=picture_url(draft.image_id, "view"),
        machine_choice=draft is glance.best,
        picked=draft.label in picks,
        marks=glance.marks.get(draft.image_id, ()),
    )


def _facts(brief: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    named = {
        "SKU": brief.get("sku", ""),
        "Title": brief.get("title", ""),
        "Subject": brief.get("subject", ""),
        "Setting": brief.get("setting", ""),
        "Light": brief.get("light", ""),
        "Feed items": ", ".join(plan.get("feed_ids", ())),
        "Photo from": ", ".join(plan.get("origins", ())),
    }
    return tuple((name, str(value)) for name, value in named.items() if value)
