"""Which draft is best: by score, near-duplicates of a better one set aside. Reads records; no Prefect, no pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.run import ImageRecord, ScoreRecord
from imaging.similarity import group_near_duplicates, parse_signature
from wiring import Wiring

MAX_PICKS_AN_ASSET = 8
"""How many drafts of one sheet can be promoted."""


@dataclass(frozen=True)
class Ranked:
    """A draft with its score; `double_of` is the label of the better draft that it nearly equals, "" for none."""

    image: ImageRecord
    score: ScoreRecord
    double_of: str = ""


@dataclass(frozen=True)
class Place:
    """A draft's place in the order; `stack` are the labels that nearly equal each other, best first, () when alone."""

    label: str
    stack: tuple[str, ...] = ()


def ranked_drafts(w: Wiring, run_id: str, asset_key: str) -> list[Ranked]:
    """The asset's drafts, best first; near-duplicates of a better one are marked."""
    drafts = w.images.of_asset(run_id, asset_key, "draft")
    return rank(drafts, w.images.scores([d.image_id for d in drafts]))


def rank(drafts: Sequence[ImageRecord], scores: Mapping[str, ScoreRecord]) -> list[Ranked]:
    """The drafts that have a score, best first."""
    scored = {d.label: d for d in drafts if d.image_id in scores}
    places = ranking([(d.label, d.ordinal, scores[d.image_id]) for d in scored.values()])
    return [
        Ranked(d, scores[d.image_id], place.stack[0] if place.label in place.stack[1:] else "")
        for place in places
        for d in [scored[place.label]]
    ]


def ranking(scored: Sequence[tuple[str, int, ScoreRecord]]) -> list[Place]:
    """(label, ordinal, score) in order: best first, of equals the earlier one."""
    order = sorted(scored, key=lambda item: (-item[2].overall, item[1]))
    groups = group_near_duplicates([(label, parse_signature(score.signature)) for label, _, score in order])
    stacks = {label: group for group in groups if len(group) > 1 for label in group}
    return [Place(label, stacks.get(label, ())) for label, _, _ in order]
