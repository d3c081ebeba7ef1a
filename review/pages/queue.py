"""The review queue of catalog runs: one product a glance, its exceptions first; approve, reject, undo, next.

A decision is marks of the person who makes it (queries/decisions.py says whose word counts). Bulk approval and the
start of the finals are in queue_finals.py. No SQL here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import InputError, RunError
from review import render
from review.access.audit import record
from review.access.roles import Role
from review.pages import queue_finals
from review.queries.decisions import newest_change
from review.queries.queue import QueueItem, QueuePage, Show, queue_item, review_queue
from review.queries.standing import standing
from review.request import in_thread, visitor, wiring
from review.routing import Page
from storage.records.marks import MAX_NOTE_CHARS, Mark, MarkChange
from wiring import Wiring

TABS: tuple[tuple[Show, str], ...] = (
    ("exceptions", "Exceptions"),
    ("open", "Undecided"),
    ("decided", "Decided"),
    ("left-out", "Left out"),
    ("all", "All"),
)
UPCOMING = 8
MAX_UNDONE = 500
"""Decisions that one undo takes back at most: as many as one bulk approval makes."""
MAX_CHANGES_AN_ITEM = 100


@dataclass(frozen=True)
class Where:
    """A place in the queue: of one run or of all, which items, and the how-manieth."""

    run: str = ""
    show: Show = "exceptions"
    at: int = 0

    @classmethod
    def of(cls, given: Mapping[str, object]) -> "Where":
        show, at = str(given.get("show", "")), given.get("at", "")
        known = cast(Show, show) if show in get_args(Show) else "exceptions"
        return cls(str(given.get("run", ""))[:200], known, _count(at))

    def url(self, **changes: object) -> str:
        """The address of this place, or of one that differs from it."""
        given = {"run": self.run, "show": self.show, "at": self.at} | changes
        query = urlencode({k: v for k, v in given.items() if v and (k, v) != ("show", "exceptions")})
        return f"/queue?{query}" if query else "/queue"


async def queue(request: Request) -> Response:
    return await _shown(request, Where.of(request.query_params))


async def decide(request: Request) -> Response:
    """Approve one draft of a product, or reject all of them; then on to the next."""
    form, w, who = await request.form(), wiring(request), visitor(request)
    where = Where.of(form)
    run_id, asset_key, label = (str(form.get(name, "")) for name in ("run_id", "asset", "draft"))
    item = await in_thread(queue_item, w.database, run_id, asset_key)
    if item is None:
        raise HTTPException(404, "There is no product of this name in the queue.")
    note = " ".join(str(form.get("note", "")).split())[:MAX_NOTE_CHARS]
    if form.get("do") == "reject":
        await in_thread(reject_all, w, item, who.user_id, note)
        await record(
            request, "queue.not_good", f"{run_id}/{asset_key}", note=note, was_published=item.state == "published"
        )
        said = f"{item.title or asset_key} is left out."
    else:
        await in_thread(approve, w, item, label or item.machine_label, who.user_id, note)
        said = f"{item.title or asset_key}: {label or item.machine_label} approved."
    return await _moved(request, where, item.key, said)


async def undo(request: Request) -> Response:
    """Take back this person's newest decision (`count` of them after a bulk approval)."""
    form, w = await request.form(), wiring(request)
    where, limit = Where.of(form), min(_count(form.get("count", "1")) or 1, MAX_UNDONE)
    undone = await in_thread(take_back, w, visitor(request).user_id, str(form.get("run_id", "")) or where.run, limit)
    said = f"Taken back: {render.plural(len(undone), 'decision')}." if undone else "There is nothing left to undo."
    if len(undone) == 1:
        said = f"Taken back: {undone[0][1]} is undecided again."
    return await _answer(request, where, said)


def approve(w: Wiring, item: QueueItem, label: str, user_id: str, note: str = "") -> None:
    """The draft becomes this person's one pick of the product, as the newest word on it."""
    chosen = next((d for d in item.drafts if d.label == label), None)
    if chosen is None:
        raise InputError(f"there is no draft {label[:8]!r} of {item.asset_key}", where="draft")
    for draft in item.drafts:
        if draft is not chosen and any(m.user_id == user_id and m.flag == "pick" for m in draft.marks):
            w.marks.change(draft.image_id, user_id, MarkChange(flag=""))
    _said_anew(w, chosen.image_id, user_id, MarkChange(flag="pick", note=note or None))


def reject_all(w: Wiring, item: QueueItem, user_id: str, note: str) -> None:
    if not item.drafts:
        raise InputError(f"{item.asset_key} has no draft to reject: it is left out already", where="draft")
    for draft in item.drafts:
        w.marks.change(draft.image_id, user_id, MarkChange(flag="reject"))
    _said_anew(w, item.drafts[0].image_id, user_id, MarkChange(flag="reject", note=note or None))


def take_back(w: Wiring, user_id: str, run_id: str, limit: int) -> list[tuple[str, str]]:
    """Whole decisions, newest first: all changes of one product in a row. The run id and asset key of each."""
    undone: list[tuple[str, str]] = []
    while len(undone) < limit and (newest := newest_change(w.database, user_id, run_id)):
        for _ in range(MAX_CHANGES_AN_ITEM):
            if w.marks.undo(newest[0], user_id) is None or newest_change(w.database, user_id, newest[0]) != newest:
                break
        undone.append(newest)
    return undone


def _said_anew(w: Wiring, image_id: str, user_id: str, change: MarkChange) -> Mark:
    """The same opinion again must count as the newest word: it is taken away and given again."""
    before = w.marks.change(image_id, user_id, MarkChange())
    if before.flag == change.flag:
        w.marks.change(image_id, user_id, MarkChange(flag=""))
    return w.marks.change(image_id, user_id, change)


async def _moved(request: Request, where: Where, key: str, said: str) -> Response:
    """On to the next: a decided item that left the list has made place for it already."""
    page = await _page(request, where)
    stays = bool(page.items) and page.items[0].key == key
    return await _answer(request, Where(where.run, where.show, where.at + 1) if stays else where, said)


async def _answer(request: Request, where: Where, said: str) -> Response:
    """The queue at this place with a sentence on what happened: as a part for HTMX, else by a redirect."""
    if render.wants_fragment(request):
        return await _shown(request, where, said)
    render.flash(request, said)
    return render.see_other(request, where.url())


async def _page(request: Request, where: Where) -> QueuePage:
    at = str(where.at) if where.at else ""
    return await in_thread(
        review_queue, wiring(request).database, run_id=where.run, show=where.show, after=at, limit=UPCOMING
    )


async def _shown(request: Request, where: Where, said: str = "") -> Response:
    page = await _page(request, where)
    if not page.items and page.total:
        where = Where(where.run, where.show, page.total - 1)
        page = await _page(request, where)
    if where.run and not page.runs:
        raise HTTPException(404, "There is no run of this name.")
    item = page.items[0] if page.items else None
    context: dict[str, Any] = {
        "where": where,
        "page": page,
        "item": item,
        "upcoming": page.items[1:],
        "tabs": [(name, where.url(show=show, at=0), show) for show, name in TABS],
        "standing": await _standing(request, where.run or (item.run_id if item else "")),
        "said": said,
        "bulk": _count(request.query_params.get("bulk", "")),
        "mine": _mine(item, visitor(request).user_id),
    }
    if render.wants_fragment(request):
        answer = render.fragment(request, "queue/_queue.html", **context)
        answer.headers["HX-Push-Url"] = where.url()
        return answer
    return render.page(request, "queue/queue.html", **context)


async def _standing(request: Request, run_id: str) -> Any:
    try:
        return await in_thread(standing, wiring(request).database, run_id) if run_id else None
    except RunError:
        return None


def _count(given: object) -> int:
    """A number out of an address or a form; 0 for anything else."""
    text = str(given)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _mine(item: QueueItem | None, user_id: str) -> str:
    """What is preselected: this person's pick, what was decided or picked, else the machine's choice."""
    if item is None:
        return ""
    own = [d.label for d in item.drafts if any(m.user_id == user_id and m.flag == "pick" for m in d.marks)]
    decided = item.decision.labels if item.decision else ()
    found = next(iter((*own, *decided, *item.picks)), "") or item.machine_label
    return found or (item.drafts[0].label if item.drafts else "")


PAGES = (
    Page("/queue", queue, Role.REVIEWER, name="queue"),
    Page("/queue/decide", decide, Role.REVIEWER, methods=("POST",)),
    Page("/queue/undo", undo, Role.REVIEWER, methods=("POST",)),
    *queue_finals.PAGES,
)
