"""What a launch will cost, as people see it: by stage and model, against every cap, with every warning.

Prices and plans are made by tasks; here they become the rows of a page. Sends and writes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from budget.approvals import Approvals
from budget.caps import CapUse
from budget.quote import QuoteLine, hash_of
from domain.canonical import canonical_json
from domain.money import ZERO, Micros, PriceRange, from_cents
from domain.run import RunStatus
from review.cap_forms import cap_title
from review.pages.launch_form import LaunchForm
from review.queries.launch import usual_call_s
from tasks.planning import Planned, RunOptions
from tasks.plans import grouped, plan_run
from tasks.quoting import LOCAL, asked_parts
from tasks.wishes import wishes_of_brief
from wiring import Wiring

STAGES = {"draft": "Drafts", "final": "Finals", "upscale": "Enlarging", "retry": "Sent again, at worst"}


@dataclass(frozen=True)
class QuoteRow:
    """The calls of one stage with one model; `range` is what of them is still to be paid, in micros."""

    stage: str
    model: str
    count: int
    done: int
    each: PriceRange
    range: PriceRange
    is_free: bool


@dataclass(frozen=True)
class CapLine:
    """A cap that the plan falls under: as it stands, and what the plan would hold there. All in micros."""

    title: str
    spent_micros: int
    held_micros: int
    limit_micros: int
    asked_micros: int

    @property
    def left_micros(self) -> int:
        return self.limit_micros - self.spent_micros - self.held_micros

    @property
    def left_after_micros(self) -> int:
        return self.left_micros - self.asked_micros

    @property
    def fits(self) -> bool:
        return self.left_after_micros >= 0 or self.asked_micros == 0


@dataclass(frozen=True)
class QuoteView:
    """The quote of a plan. `refusal` says by which caps it would be refused; `expected_s` is None while unknown."""

    quote_hash: str
    run_id: str
    rows: tuple[QuoteRow, ...]
    range: PriceRange
    caps: tuple[CapLine, ...]
    saving_micros: int
    warnings: tuple[str, ...]
    expected_s: int | None
    known: RunStatus | None
    seen: str
    pictures: int
    unchanged: int
    set_aside: int

    @property
    def refusal(self) -> tuple[CapLine, ...]:
        return tuple(cap for cap in self.caps if not cap.fits)

    @property
    def may_go(self) -> bool:
        """Whether there is something to start: work, within every cap."""
        return self.pictures > 0 and not self.refusal and self.known != "published"


async def plan_form(w: Wiring, form: LaunchForm, requested_by: str) -> Planned:
    """The plan that the campaign would make of this form. Raises FormErrors, InputError, PriceMissing."""
    form.check()
    wishes = await wishes_of_brief(w, form.brief(), Path())
    return await plan_run(w, wishes, form.options(requested_by))


def view_quote(w: Wiring, planned: Planned, options: RunOptions) -> QuoteView:
    """Blocks for the database."""
    quote, run = planned.quote, planned.run
    known = w.runs.find(run.run_id)
    told = [*quote.warnings, *(text for asset in planned.assets for text in asset.warnings)]
    return QuoteView(
        quote_hash=quote.hash,
        run_id=run.run_id,
        rows=tuple(_row(stage, model, lines) for (stage, model), lines in grouped(quote).items()),
        range=quote.range,
        caps=tuple(_caps(w, planned, options)),
        saving_micros=planned.saving_micros,
        warnings=tuple(dict.fromkeys(told)),
        expected_s=_expected_s(w, quote.lines),
        known=known.status if known else None,
        seen=canonical_json(quote.body) if len(planned.assets) == 1 else "",
        pictures=len(planned.assets),
        unchanged=len(planned.unchanged),
        set_aside=len(planned.wishes.set_aside) if planned.wishes else 0,
    )


def told_changes(w: Wiring, seen_hash: str, seen: Any, planned: Planned) -> list[str]:
    """What is another than on the quote that was seen, in words. `seen` is what the form carried of it, if anything."""
    offer = Approvals(w.database, w.now).quote(seen_hash)
    body = offer.body if offer else seen
    if not _is_quote(body, seen_hash):
        return ["the quote that you saw is not known any more"]
    try:
        return Approvals.difference(body, planned.quote)
    except (KeyError, TypeError, AttributeError, IndexError):
        # somebody changed the page's own copy: the hash said already that it is another quote
        return ["the quote that you saw is not known any more"]


def _is_quote(body: Any, quote_hash: str) -> bool:
    if not isinstance(body, Mapping):
        return False
    try:
        return hash_of(body) == quote_hash
    except (KeyError, TypeError, ValueError):
        return False


def _row(stage: str, model: str, lines: list[QuoteLine]) -> QuoteRow:
    each = max((line.each for line in lines), key=lambda price: price.worst)
    whole = sum((line.range for line in lines), PriceRange())
    count, done = sum(line.count for line in lines), sum(line.done for line in lines)
    return QuoteRow(STAGES.get(stage, stage.title()), model, count, done, each, whole, lines[0].vendor == LOCAL)


def _caps(w: Wiring, planned: Planned, options: RunOptions) -> list[CapLine]:
    """The run's own cap as it would be set, then all others, the tightest first."""
    cap_id, asked = f"run:{planned.run.run_id}", planned.quote.asked_micros
    uses = w.ledger.plan_uses(asked_parts(w, planned))
    own = next((use for use, _ in uses if use.cap.cap_id == cap_id), None)
    limit = from_cents(options.cap_cents or w.settings.cap_run_cents)
    if own is not None and not options.cap_cents:
        given = Approvals(w.database, w.now).given_cap_micros(cap_id)
        limit = limit if given is None else Micros(given)
    spent, held = (own.spent_micros, own.held_micros) if own else (ZERO, ZERO)
    others = [_cap_line(use, micros) for use, micros in uses if use.cap.cap_id != cap_id]
    return [
        CapLine("This run", spent, held, limit, asked),
        *sorted(others, key=lambda line: (line.left_after_micros, line.title)),
    ]


def _cap_line(use: CapUse, asked_micros: int) -> CapLine:
    return CapLine(cap_title(use.cap), use.spent_micros, use.held_micros, use.cap.limit_micros, asked_micros)


def _expected_s(w: Wiring, lines: tuple[QuoteLine, ...]) -> int | None:
    """Drafts are made side by side, then finals: a usual call of each stage; None while one of them is unknown."""
    open_ = {(line.stage, line.model_id) for line in lines if line.stage in ("draft", "final") and line.open}
    usual = usual_call_s(w.database, {model for _, model in open_}, w.now())
    if not open_ or any(model not in usual for _, model in open_):
        return None
    stages = {stage for stage, _ in open_}
    return round(sum(max(usual[model] for at, model in open_ if at == stage) for stage in stages))
