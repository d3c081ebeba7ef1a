"""Charts as numbers that a template draws: stacked bars by day. Attributes and classes only, for the board's policy
allows no inline style. Labels are HTML beside the SVG: they stay readable at every width. No colours here.

Every fill has a texture of its own besides its colour, for grey paper and for eyes that see fewer hues. It is drawn as
lines, not as an SVG pattern: browsers print those as megabytes of pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.money import MICROS_PER_USD, show
from review.amounts import money

WIDTH, HEIGHT = 720, 240
MAX_TICKS = 4
ALL_DAYS_LABELLED = 10
GAP_SHARE = 5
"""One part in this many of a day's width is empty between bars."""
PLAIN = 6
"""The fill for what stands for many things at once: the last one."""
WEAVE_STEP = 7
SWATCH = 16


@dataclass(frozen=True)
class Part:
    """One piece of a day's bar, in the chart's units. `fill` numbers its colour, `weave` is its texture's path."""

    x: int
    y: int
    width: int
    height: int
    fill: int
    weave: str
    text: str


@dataclass(frozen=True)
class Legend:
    key: str
    fill: int
    weave: str
    micros: int


@dataclass(frozen=True)
class Tick:
    """A line across the chart at `y`, and what it says."""

    y: int
    text: str


@dataclass(frozen=True)
class BarChart:
    """`days_shown` are labels under the bars: of every day, or of the first, the middle and the last."""

    width: int
    height: int
    parts: tuple[Part, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[Legend, ...]
    days_shown: tuple[str, ...]
    is_every_day: bool
    peak_day: str
    peak_micros: int

    @property
    def is_empty(self) -> bool:
        return self.peak_micros == 0


def stacked_bars(days: Sequence[str], lines: Sequence[tuple[str, Sequence[int]]], *, other: str = "") -> BarChart:
    """Bars of micros a day; each line is a name and its amounts in the order of `days`, largest at the bottom.

    `other` is the name of the line that stands for the rest.
    """
    totals = [sum(micros[n] for _, micros in lines) for n in range(len(days))]
    peak = max(totals, default=0)
    step, top = _scale(peak)
    fills = [PLAIN if name == other else n % PLAIN for n, (name, _) in enumerate(lines)]
    parts = [part for n, day in enumerate(days) for part in _bar(n, len(days), day, lines, fills, top)]
    marks = range(0, top + 1, step)
    is_every_day = len(days) <= ALL_DAYS_LABELLED
    return BarChart(
        width=WIDTH,
        height=HEIGHT,
        parts=tuple(parts),
        ticks=tuple(Tick(HEIGHT - _height(micros, top), _tick(micros, step)) for micros in reversed(marks)),
        legend=tuple(
            Legend(name, fill, _weave(fill, 0, 0, SWATCH, SWATCH), sum(micros))
            for (name, micros), fill in zip(lines, fills, strict=True)
        ),
        days_shown=_labels(days, is_every_day),
        is_every_day=is_every_day,
        peak_day=days[totals.index(peak)] if days else "",
        peak_micros=peak,
    )


def _bar(
    n: int, count: int, day: str, lines: Sequence[tuple[str, Sequence[int]]], fills: Sequence[int], top: int
) -> list[Part]:
    """One day from the bottom up. Pieces end where the running sum ends, so that rounding never adds up."""
    left, right = n * WIDTH // count, (n + 1) * WIDTH // count
    gap = (right - left) // GAP_SHARE
    x, width = left + gap // 2, max(1, right - left - gap)
    parts, below = list[Part](), 0
    for (name, micros), fill in zip(lines, fills, strict=True):
        if micros[n]:
            y = HEIGHT - _height(below + micros[n], top)
            height = max(1, HEIGHT - _height(below, top) - y)
            text = f"{day_text(day)}, {name}: {money(micros[n])}"
            parts.append(Part(x, y, width, height, fill, _weave(fill, x, y, width, height), text))
        below += micros[n]
    return parts


def _weave(fill: int, x: int, y: int, width: int, height: int) -> str:
    """The texture of a fill over a rectangle: none, lines in one of four directions, or a grid."""
    right, bottom, step = x + width, y + height, WEAVE_STEP
    lines = list[str]()
    if fill == 1:  # rising: along each line x + y is the same
        for c in range(_next(x + y), right + bottom, step):
            start, end = max(x, c - bottom), min(right, c - y)
            lines.append(f"M{start} {c - start}L{end} {c - end}")
    if fill == 4:  # falling: x - y is the same
        for c in range(_next(x - bottom), right - y, step):
            start, end = max(x, c + y), min(right, c + bottom)
            lines.append(f"M{start} {start - c}L{end} {end - c}")
    if fill in (2, 5):
        lines += [f"M{x} {at}h{width}" for at in range(_next(y), bottom, step)]
    if fill in (3, 5):
        lines += [f"M{at} {y}v{height}" for at in range(_next(x), right, step)]
    return "".join(lines)


def _next(at: int) -> int:
    """Textures of neighbours go on in each other: their lines stand at multiples of the step."""
    return (at // WEAVE_STEP + 1) * WEAVE_STEP


def _height(micros: int, top: int) -> int:
    return micros * HEIGHT // top


def _scale(peak: int) -> tuple[int, int]:
    """(step, top) in micros: a round step of 1, 2 or 5, at most MAX_TICKS of them, and a top at or above the peak."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * MAX_TICKS >= peak:
                steps = max(1, -(-peak // (step * factor)))
                return step * factor, step * factor * steps
        step *= 10


def _tick(micros: int, step: int) -> str:
    """As few places as the step needs, the same for every line."""
    places = next(places for places in (0, 2, 3, 4, 5, 6) if step % (MICROS_PER_USD // 10**places) == 0)
    return show(micros, places=places) if micros else "$0"


def _labels(days: Sequence[str], is_every_day: bool) -> tuple[str, ...]:
    if is_every_day:
        return tuple(day_text(day) for day in days)
    return tuple(day_text(days[n]) for n in (0, (len(days) - 1) // 2, len(days) - 1))


def day_text(day: str) -> str:
    read = date.fromisoformat(day)
    return f"{read.day} {read:%b}"
