"""What the models will read: the prompt in each dialect, what each draft changes, who makes the final and why.

Rendered by the prompt book and planned by the planner; nothing is decided here. Sends and writes nothing.
"""

from dataclasses import dataclass

from domain.brief import Brief
from domain.errors import DraftlineError
from domain.placement import BUILTIN, Placement
from domain.prompt import Dialect
from prompts.book import DIALECTS
from tasks.assets import brief_of
from tasks.planning import Planned, Planner, RunOptions
from tasks.wishes import Wish, Wishes
from wiring import Wiring

DIALECT_TITLES: dict[Dialect, str] = {"flux": "FLUX", "nano-banana": "Nano Banana", "gpt-image": "GPT Image"}
SHAPE_PX = 36


@dataclass(frozen=True)
class DialectPrompt:
    """One dialect: the prompt of a plain draft, that of the final if this dialect makes it, and who reads it."""

    dialect: Dialect
    title: str
    version: str
    draft: str
    final: str
    makes: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DraftPrompt:
    """One draft as it will be asked for; `axes` is what it changes against the brief, in words."""

    axes: tuple[tuple[str, str], ...]
    prompt: str


@dataclass(frozen=True)
class Preview:
    """The prompts of one brief, and who makes what."""

    dialects: tuple[DialectPrompt, ...]
    drafts: tuple[DraftPrompt, ...]
    draft_title: str
    draft_size: str
    final_title: str
    final_size: str
    reason: str


@dataclass(frozen=True)
class LadderCard:
    """A ladder with today's price of one draft and one final of a plain picture; 0 with `problem` where it has none."""

    name: str
    title: str
    draft_title: str
    draft_micros: int
    final_title: str
    final_micros: int
    others: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True)
class PlacementCard:
    """A placement with its shape, drawn `SHAPE_PX` at most."""

    name: str
    width_px: int
    height_px: int
    formats: str
    shape_width_px: int
    shape_height_px: int


def preview(w: Wiring, planned: Planned) -> Preview:
    """Of a plan with one brief."""
    asset = planned.assets[0]
    brief, draft, final = brief_of(asset), asset.plan["draft"], asset.plan["final"]
    makes = {w.roles[draft["role"]].dialect: "drafts"}
    final_dialect = final["dialect"]
    makes[final_dialect] = "drafts and final" if final_dialect in makes else "the final"
    order = sorted(DIALECTS, key=lambda dialect: (makes.get(dialect) is None, makes.get(dialect) == "the final"))
    return Preview(
        tuple(_dialect(w, brief, d, makes.get(d, ""), with_final=d == final_dialect) for d in order),
        tuple(DraftPrompt(_axes(call), call["prompt"]) for call in draft["calls"]),
        w.roles[draft["role"]].title,
        _size(draft),
        w.roles[final["role"]].title,
        _size(final),
        str(asset.plan["reason"]),
    )


def _dialect(w: Wiring, brief: Brief, dialect: Dialect, makes: str, *, with_final: bool) -> DialectPrompt:
    roles = brief.reference_roles(brief.references)
    plain = w.prompt_book.render(brief, dialect, reference_roles=roles)
    final = w.prompt_book.render(brief, dialect, reference_roles=["select", *roles]) if with_final else None
    return DialectPrompt(
        dialect,
        DIALECT_TITLES.get(dialect, dialect),
        plain.version,
        plain.text,
        final.text if final else "",
        makes,
        plain.warnings,
    )


def _axes(call: dict[str, object]) -> tuple[tuple[str, str], ...]:
    axes = call["axes"]
    return tuple(axes.items()) if isinstance(axes, dict) else ()


def _size(plan: dict[str, object]) -> str:
    return f"{plan['width_px']} × {plan['height_px']}"


# -- cards of the form -----------------------------------------------------------------------------------------------


async def ladder_cards(w: Wiring) -> tuple[LadderCard, ...]:
    """Every ladder of this installation, the cheapest first."""
    async with w.open_vendors() as vendors:
        cards = []
        for name in w.ladders:
            planner = Planner(w, vendors, RunOptions("campaign", name, "person", 1))
            cards.append(_card(w, name, planner))
    return tuple(sorted(cards, key=lambda card: (bool(card.problem), card.draft_micros, card.name)))


def _card(w: Wiring, name: str, planner: Planner) -> LadderCard:
    ladder = w.ladders[name]
    plain = Brief(name="plain", subject="plain")
    draft, final = ladder.draft.role, ladder.choose_final(plain).role
    others = tuple(w.roles[role].title for role in ladder.roles() if role not in (draft, final))
    titles = w.roles[draft].title, w.roles[final].title
    try:
        lines = planner.plan(Wishes("plain", (Wish(plain),))).quote.lines
    except DraftlineError as error:
        return LadderCard(name, ladder.title, titles[0], 0, titles[1], 0, others, str(error))
    each = {line.stage: line.each.expected for line in lines}
    return LadderCard(name, ladder.title, titles[0], each["draft"], titles[1], each["final"], others)


def placement_cards() -> tuple[PlacementCard, ...]:
    return tuple(_placement(p) for p in BUILTIN.values())


def _placement(p: Placement) -> PlacementCard:
    largest = max(p.width_px, p.height_px)
    width, height = (max(4, round(edge * SHAPE_PX / largest)) for edge in (p.width_px, p.height_px))
    formats = ", ".join(name.upper() for name in p.formats)
    return PlacementCard(p.name, p.width_px, p.height_px, formats, width, height)
