"""How a catalog run stands in the review: what is decided, what nobody has to look at, what still waits."""

from dataclasses import dataclass

from domain.errors import RunError
from review.queries.queue import queue_runs, read_glances
from storage.database import Database


@dataclass(frozen=True)
class PlainItem:
    """A product without an exception that nobody decided yet, with the machine's choice."""

    asset_key: str
    title: str
    image_id: str
    label: str


@dataclass(frozen=True)
class Standing:
    """Of the open sheets of one run: `picks` are decided labels by asset; `closed` counts those that are final."""

    run_id: str
    name: str
    status: str
    picks: dict[str, tuple[str, ...]]
    plain: tuple[PlainItem, ...]
    exceptions: int
    left_out: int
    closed: int
    items: int

    @property
    def waiting(self) -> int:
        """Open sheets that nobody decided."""
        return self.items - self.closed - self.left_out - len(self.picks)


def standing(database: Database, run_id: str) -> Standing:
    """Raises RunError when there is no such run."""
    with database.read() as connection:
        found = queue_runs(connection, run_id)
        if not run_id or not found:
            raise RunError(f"there is no run {run_id!r}")
        glances = read_glances(connection, found[0])
    is_open = [g for g in glances if g.is_open]
    return Standing(
        run_id=run_id,
        name=found[0].name,
        status=found[0].status,
        picks={g.asset["asset_key"]: g.decision.labels for g in is_open if g.decision and g.decision.labels},
        plain=tuple(
            PlainItem(g.asset["asset_key"], g.asset["title"], g.best.image_id, g.best.label)
            for g in is_open
            if not g.reasons and not g.resolved and g.best is not None
        ),
        exceptions=sum(g.is_exception for g in glances),
        left_out=sum(g.decision is not None and not g.decision.labels for g in is_open),
        closed=len(glances) - len(is_open),
        items=len(glances),
    )
