"""A contact sheet as one person sees it: which cells there are, in which order, which are hidden, and their versions.

A cell's version is short and changes whenever something on the cell changes, whoever looks; a page fetches only cells
whose version it does not have. The rules of hiding are said again in static/sheet.js, where they follow the keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast
from urllib.parse import quote, urlencode

from domain.canonical import digest
from review.queries.sheet_picks import AssetPicks
from review.queries.sheets import Sheet, SheetDraft, SheetMark

Show = Literal["all", "picked", "anybody", "unflagged", "rejected"]
Sort = Literal["label", "score"]
SHOWS: Mapping[Show, str] = {
    "all": "All",
    "picked": "My picks",
    "anybody": "Anybody's picks",
    "unflagged": "Not flagged by me",
    "rejected": "My rejects",
}
SORTS: Mapping[Sort, str] = {"label": "Label", "score": "Score"}
MAX_STARS = 5
SHAPES = ((1.55, "shape-wide"), (1.15, "shape-landscape"), (0.87, ""), (0.65, "shape-portrait"))
VERSION_CHARS = 8
STATUS = "*"
WAITING = "waiting"
"""The version of a draft that is still to come."""


@dataclass(frozen=True)
class View:
    """What somebody asked to see. `draft` is the one that is opened large, "" for the grid."""

    show: Show = "all"
    stars: int = 0
    sort: Sort = "label"
    stacks: Literal["closed", "open"] = "closed"
    scores: Literal["off", "on"] = "off"
    draft: str = ""

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "View":
        """Out of an address; what is no choice is the default, so that an old link still shows a sheet."""
        show, sort, stars = query.get("show", ""), query.get("sort", ""), query.get("stars", "")
        return cls(
            cast(Show, show) if show in SHOWS else "all",
            min(int(stars), MAX_STARS) if stars.isdecimal() and len(stars) == 1 else 0,
            cast(Sort, sort) if sort in SORTS else "label",
            "open" if query.get("stacks") == "open" else "closed",
            "on" if query.get("scores") == "on" else "off",
            query.get("draft", "").upper()[:8],
        )

    def address(self, **changes: str) -> str:
        """`?show=picked…` with changes, without what is the default; "?" for all defaults."""
        now = {name: str(value) for name, value in vars(self).items()} | changes
        plain = {name: str(value) for name, value in vars(View()).items()}
        return "?" + urlencode({name: value for name, value in now.items() if value != plain[name]})


@dataclass(frozen=True)
class Cell:
    """One place of the grid: a draft, or (`draft` None) one that is still to come. `mine` is the visitor's mark."""

    label: str
    version: str
    draft: SheetDraft | None = None
    mine: SheetMark | None = None
    others: tuple[SheetMark, ...] = ()
    is_hidden: bool = False

    @property
    def flag(self) -> str:
        return self.mine.flag if self.mine else ""

    @property
    def stars(self) -> int:
        return self.mine.stars if self.mine else 0

    @property
    def note(self) -> str:
        return self.mine.note if self.mine else ""

    @property
    def rank(self) -> int:
        return self.draft.rank if self.draft else 0

    @property
    def is_picked_by_anybody(self) -> bool:
        return self.flag == "pick" or any(mark.flag == "pick" for mark in self.others)


def sheet_url(run_id: str, asset_key: str) -> str:
    return f"/runs/{quote(run_id, safe='')}/sheet/{quote(asset_key, safe='')}"


def cells(shown: Sheet, user_id: str, view: View) -> list[Cell]:
    """Every draft and every placeholder in the order asked for; those that the view leaves out are hidden."""
    both = [_cell(draft, user_id, view) for draft in shown.drafts]
    both += [Cell(label, WAITING) for label in shown.placeholders]
    if view.sort == "score":
        return sorted(both, key=lambda cell: (not cell.rank, cell.rank, place_of(cell.label)))
    return sorted(both, key=lambda cell: place_of(cell.label))


def versions(shown: Sheet, sheets: Sequence[AssetPicks]) -> dict[str, str]:
    """Version by label, and that of everything around the grid under STATUS."""
    found = {draft.label: version_of(draft) for draft in shown.drafts}
    return found | dict.fromkeys(shown.placeholders, WAITING) | {STATUS: _status_version(shown, sheets)}


def version_of(draft: SheetDraft) -> str:
    marks = [(m.user_id, m.name, m.flag, m.stars, m.note) for m in draft.marks]
    # not the rank: a draft that gets its score moves the ranks of all others, and changes nothing that they show
    facts = (draft.image_id, draft.score, draft.stack, draft.picked, draft.cost_micros, marks)
    return digest(str(facts))[:VERSION_CHARS]


def place_of(label: str) -> tuple[int, str]:
    """Rows before columns: A1, B1, C1, D1, A2."""
    number = label[1:]
    return (int(number) if number.isdecimal() else 0, label[:1])


def shape_of(shown: Sheet) -> str:
    """The frames' shape, from the first draft: pictures of one brief have one shape. A class of sheet.css."""
    if not shown.drafts:
        return ""
    ratio = shown.drafts[0].width_px / max(1, shown.drafts[0].height_px)
    return next((name for least, name in SHAPES if ratio >= least), "shape-tall")


def progress_of(sheets: Sequence[AssetPicks]) -> tuple[int, int]:
    """How many sheets of the run have a pick, of how many."""
    return sum(sheet.is_decided for sheet in sheets), len(sheets)


def _cell(draft: SheetDraft, user_id: str, view: View) -> Cell:
    others = tuple(mark for mark in draft.marks if mark.user_id != user_id)
    cell = Cell(draft.label, version_of(draft), draft, draft.mark_of(user_id), others)
    return replace(cell, is_hidden=_is_hidden(cell, draft, view))


def _is_hidden(cell: Cell, draft: SheetDraft, view: View) -> bool:
    fits = {
        "all": True,
        "picked": cell.flag == "pick",
        "anybody": cell.is_picked_by_anybody,
        "unflagged": not cell.flag,
        "rejected": cell.flag == "reject",
    }[view.show]
    if not fits or cell.stars < view.stars:
        return True
    has_filter = view.show != "all" or view.stars > 0
    lies_under = view.stacks == "closed" and not has_filter and bool(draft.double_of)
    return lies_under and not cell.is_picked_by_anybody


def _status_version(shown: Sheet, sheets: Sequence[AssetPicks]) -> str:
    flags = [(s.asset_key, s.selection, s.picks, [(d.label, d.picked_by, d.rejected_by) for d in s.drafts])
             for s in sheets]  # fmt: skip
    facts = (shown.run_status, shown.state, shown.problem, len(shown.drafts), shown.expected, flags)
    return digest(str(facts))[:VERSION_CHARS]
