"""Which pixel size a draft and a final get. Pure numbers; vendors round further and say so in their own warnings.

The shape is the largest placement's, held between 1:4 and 4:1. A size never has more pixels than its megapixels allow,
because vendors bill each started megapixel (2^20 pixels).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from domain.brief import Brief
from domain.ladder import DEFAULT_MEGAPIXELS, Choice, Rung
from domain.placement import Placement

PIXELS_PER_MEGAPIXEL = 1_048_576
STEP_PX = 16
MIN_RATIO, MAX_RATIO = 0.25, 4.0
MAX_CROP_LOSS = 0.40
MAX_UPSCALE = 8.0
OWN_SIZE_SHARE = 0.5
"""From this share of the allowed pixels on, a final is made in its placement's own size: no resampling, no surplus."""
RATIO_WEIGHT = 4.0
"""How much a wrong shape weighs against unused pixels, both as relative errors."""
SEARCH_STEPS = 12


@dataclass(frozen=True)
class Size:
    """Pixels; what a vendor is asked for has edges of multiples of 16."""

    width_px: int
    height_px: int

    @property
    def ratio(self) -> float:
        return self.width_px / self.height_px

    @property
    def pixels(self) -> int:
        return self.width_px * self.height_px

    @property
    def megapixels(self) -> float:
        return self.pixels / PIXELS_PER_MEGAPIXEL


def draft_size(brief: Brief, rung: Rung) -> Size:
    """The final's shape at the draft rung's megapixels, so that a chosen composition carries over."""
    return fit(shape(brief), rung.megapixels or DEFAULT_MEGAPIXELS)


def final_size(brief: Brief, choice: Choice) -> Size:
    """The brief's own `final_megapixels` where it names them, else the ladder's."""
    megapixels = brief.final_megapixels or choice.megapixels or DEFAULT_MEGAPIXELS
    own = _own_size(brief.largest)
    limit_px = megapixels * PIXELS_PER_MEGAPIXEL
    if OWN_SIZE_SHARE * limit_px <= own.pixels <= limit_px and MIN_RATIO <= own.ratio <= MAX_RATIO:
        return own
    return fit(shape(brief), megapixels)


def shape(brief: Brief) -> float:
    """Width by height of the largest placement, held between 1:4 and 4:1."""
    return min(MAX_RATIO, max(MIN_RATIO, brief.largest.ratio))


def fit(ratio: float, megapixels: float) -> Size:
    """The size in multiples of 16, at most `megapixels`, that best balances true shape against unused pixels."""
    limit_px = megapixels * PIXELS_PER_MEGAPIXEL
    widest = max(1, int(math.sqrt(limit_px * ratio) / STEP_PX) + 1)
    candidates = [
        Size(w * STEP_PX, h * STEP_PX)
        for w in range(max(1, widest - SEARCH_STEPS), widest + 1)
        for h in _heights(w, ratio)
        if w * h * STEP_PX * STEP_PX <= limit_px
    ]
    if not candidates:
        return Size(STEP_PX, STEP_PX)
    return min(candidates, key=lambda s: (_cost(s, ratio, limit_px), -s.pixels))


def upscaled_size(placements: Sequence[Placement], final: Size) -> Size | None:
    """The final's size scaled until every placement has its pixels (eight-fold at most); None where it has them."""
    factor = min(MAX_UPSCALE, max(_factor(p, final) for p in placements))
    if factor <= 1.0:
        return None
    return Size(math.ceil(final.width_px * factor), math.ceil(final.height_px * factor))


def _factor(placement: Placement, final: Size) -> float:
    across, down = placement.width_px / final.width_px, placement.height_px / final.height_px
    return max(across, down) if placement.fit == "cover" else min(across, down)


def crop_warnings(brief: Brief, size: Size) -> tuple[str, ...]:
    """One sentence for each placement that would throw away more than 40 % of a picture of this size."""
    return tuple(
        f"placement {p.name!r} ({p.width_px}x{p.height_px}) keeps only {round(100 * (1 - loss))} % of a picture of "
        f"{size.width_px}x{size.height_px}: give it a brief of its own, or expect the edges to go"
        for p in brief.placements
        if p.fit == "cover" and (loss := crop_loss(size.ratio, p.ratio)) > MAX_CROP_LOSS
    )


def crop_loss(have: float, want: float) -> float:
    """The share of a picture that is cut away to turn ratio `have` into ratio `want`."""
    return 1 - min(have, want) / max(have, want)


def _own_size(placement: Placement) -> Size:
    return Size(*(math.ceil(edge / STEP_PX) * STEP_PX for edge in (placement.width_px, placement.height_px)))


def _heights(width_steps: int, ratio: float) -> tuple[int, int]:
    exact = width_steps / ratio
    return max(1, math.floor(exact)), max(1, math.ceil(exact))


def _cost(size: Size, ratio: float, limit_px: float) -> float:
    return RATIO_WEIGHT * abs(math.log(size.ratio / ratio)) + 1 - size.pixels / limit_px
