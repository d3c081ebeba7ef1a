"""What a recovery pass did and what is left, as Markdown for a person. Texts only."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.attempt import Attempt
from domain.money import show
from tasks.doubts import Doubt, summary
from tasks.evidence import Proven
from tasks.recoveries import Recovered

MAX_ROWS = 200
"""A table longer than this is read by nobody; the command line lists all."""


@dataclass(frozen=True)
class Pass:
    """One pass of recovery. `left` is what a dry run would have taken; empty in a real one."""

    recovered: Sequence[Recovered]
    proven: Sequence[Proven]
    doubts: Sequence[Doubt]
    left: Sequence[Attempt] = ()
    is_dry: bool = False


def recovery_markdown(done: Pass) -> str:
    parts = ["# Recovery", _opening(done), *_taken(done), *_closed(done.proven), *_doubted(done.doubts)]
    return "\n\n".join(parts) + "\n"


def _opening(done: Pass) -> str:
    if done.is_dry:
        return f"A look only: {len(done.left)} attempts of processes that are gone would be taken up."
    if not done.recovered and not done.proven:
        return "Nothing was left open by a process that is gone."
    return f"{len(done.recovered)} attempts were left behind, {len(done.proven)} doubts were closed by evidence."


def _taken(done: Pass) -> list[str]:
    if done.is_dry:
        rows = [[*_who(a), a.state] for a in done.left]
        return _table("Would be taken up", ("attempt", "run", "vendor", "model", "held", "stands at"), rows)
    rows = [[*_who(r.attempt), _OUTCOMES.get(r.outcome, r.outcome), r.note] for r in done.recovered]
    return _table("Left behind", ("attempt", "run", "vendor", "model", "held", "became", "why"), rows)


def _closed(proven: Sequence[Proven]) -> list[str]:
    rows = [[*_who(p.attempt), p.attempt.state, p.evidence] for p in proven]
    return _table("Closed by evidence", ("attempt", "run", "vendor", "model", "held", "became", "evidence"), rows)


def _doubted(found: Sequence[Doubt]) -> list[str]:
    rows = [[*_who(d.attempt), f"**{d.age_text}**" if d.is_old else d.age_text, d.settles] for d in found]
    table = _table("In doubt", ("attempt", "run", "vendor", "model", "held", "for", "what would settle it"), rows)
    if not table:
        return [summary(found)]
    how = "`draftline attempts resolve ATTEMPT --billed USD` or `--not-billed`, with `--by NAME --why EVIDENCE`"
    return [*table, f"{summary(found)}. No timer frees it. With evidence: {how}."]


def _who(a: Attempt) -> list[str]:
    return [
        f"`{a.attempt_id[:12]}`",
        a.dimensions.run_id,
        a.dimensions.vendor,
        a.request["model_id"],
        show(a.hold_micros),
    ]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = [" | ".join(columns), " | ".join("--" for _ in columns)]
    lines += [" | ".join(_cell(cell) for cell in row) for row in rows[:MAX_ROWS]]
    more = [f"… and {len(rows) - MAX_ROWS} more"] if len(rows) > MAX_ROWS else []
    return [f"## {title}", "\n".join(f"| {line} |" for line in lines), *more]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_OUTCOMES = {
    "settled": "collected and settled",
    "released": "given back",
    "in_doubt": "in doubt",
    "accepted": "still with the vendor",
}
