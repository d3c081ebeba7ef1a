"""Plain words for a marketer beside the numbers: what stands out in a draft, the faults first.

Lives here: thresholds and wording. Not here: measuring (scores.py).
"""

from typing import Any

from imaging.subject import Subject

_STRONG = 0.75
_WEAK = 0.40


def reasons_of(facts: dict[str, Any], subject: Subject) -> tuple[str, ...]:
    """Faults first, then merits; never empty."""
    faults = [*_focus(facts), *_light(facts), *_framing(facts, subject), *_size(facts)]
    merits = _merits(facts)
    colours = _colours(facts)
    bad_colours = [text for text in colours if "far" in text or "only" in text]
    good_colours = [text for text in colours if text not in bad_colours]
    return (*faults, *bad_colours, *good_colours, *merits) or ("nothing stands out",)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _focus(facts: dict[str, Any]) -> list[str]:
    return ["soft focus"] if facts["sharpness"] < _WEAK else []


def _light(facts: dict[str, Any]) -> list[str]:
    found = []
    if facts["highlights_clipped"] >= 0.03:
        found.append(f"highlights clipped {_percent(facts['highlights_clipped'])}")
    if facts["shadows_clipped"] >= 0.05:
        found.append(f"shadows clipped {_percent(facts['shadows_clipped'])}")
    if facts["exposure"] < 0.7 and facts["mean_luma"] < 0.28:
        found.append("too dark")
    if facts["exposure"] < 0.7 and facts["mean_luma"] > 0.68:
        found.append("too bright")
    if facts["contrast"] < _WEAK:
        found.append("flat contrast")
    return found


def _framing(facts: dict[str, Any], subject: Subject) -> list[str]:
    if not subject.found:
        return ["no clear subject"]
    if facts["coverage"] >= 0.6:
        return _off_centre(subject)
    small = facts["subject_share"] < 0.3
    return [
        f"subject small in the frame ({facts['subject_share']:.0%})".replace("%", " %") if small else "subject crowded"
    ]


def _off_centre(subject: Subject) -> list[str]:
    left, top, right, bottom = subject.box
    touching = sum((left <= 0.001, top <= 0.001, right >= 0.999, bottom >= 0.999))
    return ["subject touches the edge"] if 0 < touching < 4 and subject.method != "saliency" else []


def _size(facts: dict[str, Any]) -> list[str]:
    return [] if facts["size_ok"] else [f"smaller than asked ({facts['width_px']} x {facts['height_px']} px)"]


def _colours(facts: dict[str, Any]) -> list[str]:
    if facts["palette"] is None:
        return []
    if facts["palette"] >= _STRONG:
        return ["close to the palette"]
    return ["only partly in the palette"] if facts["palette"] >= _WEAK else ["far from the palette"]


def _merits(facts: dict[str, Any]) -> list[str]:
    found = []
    if facts["sharpness"] >= _STRONG:
        found.append("sharp")
    if facts["exposure"] >= 0.9:
        found.append("well exposed")
    return found
