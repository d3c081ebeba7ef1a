"""What a promotion would do and cost before it is started: picks, price of the finals, caps, who has to agree.

What may not live here: starting it (pages/sheet_promote.py), and choosing drafts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from budget.caps import CapUse
from domain.canonical import digest
from domain.errors import SelectionError
from domain.money import from_cents
from review.access.roles import Role
from review.access.sessions import Visitor
from review.queries.sheet_picks import AssetPicks
from tasks.charging import dimensions
from tasks.ranking import MAX_PICKS_AN_ASSET
from wiring import Wiring

Whose = Literal["everybody", "mine"]
Scope = Literal["sheet", "run"]
KEY_CHARS = 24


@dataclass(frozen=True)
class Choice:
    """Which picks are meant: whose, and of this sheet only or of every sheet of the run."""

    whose: Whose = "everybody"
    scope: Scope = "sheet"

    @classmethod
    def of(cls, given: Mapping[str, object]) -> "Choice":
        return cls(
            "mine" if given.get("whose") == "mine" else "everybody", "run" if given.get("scope") == "run" else "sheet"
        )


@dataclass(frozen=True)
class Promotion:
    """`picks` are labels by asset. Prices are the quote's for one final each, times the picks.

    `caps` are the windows that this falls under, with the micros that it would hold there at worst. `is_busy` when a
    process works on the run at this moment: it has one worker at a time. `only_by` alone picked one of them.
    `quote_hash` and `whole_micros` are the whole run's, at worst, where it has to be approved anew for these picks;
    `earlier_micros` is then what the visitor launched beside it today.
    """

    run_id: str
    picks: dict[str, tuple[str, ...]]
    expected_micros: int
    worst_micros: int
    caps: tuple[tuple[CapUse, int], ...]
    limit_micros: int
    is_busy: bool
    only_by: frozenset[str] = frozenset()
    quote_hash: str = ""
    whole_micros: int = 0
    earlier_micros: int = 0

    @property
    def finals(self) -> int:
        return sum(map(len, self.picks.values()))

    @property
    def needs_approver(self) -> bool:
        anew = self.whole_micros + self.earlier_micros if self.whole_micros else 0
        return 0 < self.limit_micros < max(self.worst_micros, anew)

    @property
    def tight(self) -> tuple[CapUse, ...]:
        """The caps that it does not fit into."""
        return tuple(use for use, micros in self.caps if micros > use.left_micros)

    @property
    def texts(self) -> list[str]:
        """As the flow takes them: `mug=A1,B1`."""
        return [f"{key}={','.join(labels)}" for key, labels in self.picks.items()]

    @property
    def key(self) -> str:
        """The same picks of the same run are the same promotion, whoever asks and however often."""
        anew = [self.quote_hash] if self.quote_hash else []
        return f"promote-{digest([self.run_id, sorted(self.texts), *anew])[:KEY_CHARS]}"


def promotion(
    w: Wiring, run_id: str, asset_key: str, sheets: Sequence[AssetPicks], choice: Choice, me: str
) -> Promotion:
    """Blocking. Sheets that are closed already are left out where the whole run is meant."""
    meant = [s for s in sheets if s.asset_key == asset_key or (choice.scope == "run" and s.selection != "closed")]
    by = me if choice.whose == "mine" else ""
    return promotion_of(w, run_id, [(sheet, sheet.labels(by)) for sheet in meant])


def promotion_of(w: Wiring, run_id: str, given: Sequence[tuple[AssetPicks, tuple[str, ...]]]) -> Promotion:
    """Of these labels of these sheets; a sheet without a label is left out."""
    chosen = {sheet.asset_key: (sheet, labels) for sheet, labels in given if labels}
    return Promotion(
        run_id=run_id,
        picks={key: labels for key, (_, labels) in chosen.items()},
        expected_micros=sum(sheet.expected_micros * len(labels) for sheet, labels in chosen.values()),
        worst_micros=sum(sheet.worst_micros * len(labels) for sheet, labels in chosen.values()),
        caps=_caps(w, run_id, {key: sheet.worst_micros * len(labels) for key, (sheet, labels) in chosen.items()}),
        limit_micros=from_cents(w.settings.board_approval_limit_cents),
        is_busy=w.processes.is_held(f"run:{run_id}"),
        only_by=frozenset[str]().union(*(_only_by(sheet, labels) for sheet, labels in chosen.values())),
    )


def may_start(w: Wiring, visitor: Visitor, wanted: Promotion) -> bool:
    """Above the limit an approver; where two pairs of eyes are asked for, nobody what she alone picked."""
    if not wanted.needs_approver:
        return True
    alone = w.settings.board_four_eyes and visitor.user_id in wanted.only_by
    return visitor.can(Role.APPROVER) and not alone


def _only_by(sheet: AssetPicks, labels: Sequence[str]) -> frozenset[str]:
    alone = (draft.user_ids for draft in sheet.drafts if draft.label in labels and len(draft.user_ids) == 1)
    return frozenset[str]().union(*alone)


def check(wanted: Promotion, sheets: Sequence[AssetPicks]) -> None:
    """Raises SelectionError with a sentence for people: nothing picked, too much, no sheet yet, closed by somebody."""
    if not wanted.picks:
        raise SelectionError("Nothing is picked yet: mark at least one draft with Pick (P).")
    known = {sheet.asset_key: sheet for sheet in sheets}
    for key, labels in wanted.picks.items():
        sheet = known[key]
        if not sheet.selection:
            raise SelectionError(f"The contact sheet of {key} is not finished: wait for its last draft and score.")
        if sheet.selection == "closed" and sheet.picks != labels:
            raise SelectionError(f"{key} is closed already with {', '.join(sheet.picks)}, picked by {sheet.picked_by}.")
        if wanted.is_busy and sheet.selection == "open":
            raise SelectionError("This run is being worked on at this moment. Finals can be started when that is done.")
        if len(labels) > MAX_PICKS_AN_ASSET:
            raise SelectionError(f"{key} has {len(labels)} picks; at most {MAX_PICKS_AN_ASSET} become finals.")


def _caps(w: Wiring, run_id: str, worst_micros: Mapping[str, int]) -> tuple[tuple[CapUse, int], ...]:
    run = w.runs.get(run_id)
    assets = w.runs.assets(run_id, list(worst_micros))
    parts = [(dimensions(run, a, w, a.plan["final"], "final"), worst_micros[a.asset_key]) for a in assets]
    found = w.ledger.plan_uses(parts) if parts else []
    return tuple(sorted(found, key=lambda pair: pair[0].left_micros - pair[1]))
