"""How money reads on the board. One rule: what people decide by is in cents; the price of one picture has a tenth of a
cent more, for a draft costs less than two cents; attempts and files have every micro-dollar. What may not live here:
sums.

Takes micros. Nothing that is not zero reads as zero.
"""

from domain.money import MICROS_PER_CENT, MICROS_PER_USD, show

MICROS_PER_MILL = MICROS_PER_CENT // 10
EXACT_PLACES = 6


def money(micros: int) -> str:
    """`$1.23`, to the cent, halves up."""
    return _rounded(micros, MICROS_PER_CENT, 2)


def at_most(micros: int) -> str:
    """`$1.24` for what is never exceeded, or is missing: to the cent, up, so that it is no promise too much."""
    return _shown(-(-micros // MICROS_PER_CENT) * MICROS_PER_CENT, 2)


def at_least(micros: int) -> str:
    """`$9.89` for what is left: to the cent, down, so that nobody counts on more than there is."""
    if micros < 0:
        return f"-{at_most(-micros)}"
    cents = micros // MICROS_PER_CENT
    return _shown(cents * MICROS_PER_CENT, 2) if cents or not micros else f"<{_shown(MICROS_PER_CENT, 2)}"


def price(micros: int) -> str:
    """`$0.014`: of one picture, to a tenth of a cent, halves up."""
    return _rounded(micros, MICROS_PER_MILL, 3)


def exact(micros: int) -> str:
    """`$0.034821`: every micro, always six places, so that a column lines up."""
    return show(micros, places=EXACT_PLACES)


def typed(micros: int) -> str:
    """`10.00`, or `0.033600`: for a field that somebody may send again as it is. Not rounded."""
    return show(micros, places=2).removeprefix("$").replace(",", "")


def _rounded(micros: int, unit_micros: int, places: int) -> str:
    if micros < 0:
        return f"-{_rounded(-micros, unit_micros, places)}"
    units = (2 * micros + unit_micros) // (2 * unit_micros)
    return _shown(units * unit_micros, places) if units or not micros else f"<{_shown(unit_micros, places)}"


def _shown(micros: int, places: int) -> str:
    """`micros` has no more than these places."""
    assert micros % (MICROS_PER_USD // 10**places) == 0
    return show(micros, places=places)
