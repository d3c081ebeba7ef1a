"""From the record of a proof to its certificate: which claim stands on which figure. Pure: no process, no database."""

import platform
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from bench.proof.audit import Audit, Quiet
from bench.proof.certificate import Certificate, usd
from bench.proof.evidence import Verdict
from bench.proof.observer import Seen
from bench.proof.plan import Plan, tight_caps
from bench.proof.supervisor import Told


@dataclass
class Record:
    """All that a proof found. `left_on_disk`: the state of each attempt whose answer still lies in the spool."""

    plan: Plan
    works: int
    told: Told
    seen: Seen
    audit: Audit
    verdicts: list[Verdict]
    quiet: list[Quiet]
    passes: int
    forgotten: list[str]
    told_without_image: list[str]
    left_on_disk: dict[str, str]
    faults: dict[str, int] = field(default_factory=dict)
    breaks: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)


def certify(record: Record) -> Certificate:
    made = Certificate(about=_about(record))
    _money(made, record)
    _images(made, record)
    _pressure(made, record)
    return made


def _money(made: Certificate, record: Record) -> None:
    found, seen = record.audit.findings, record.seen
    exceeded = [*seen.exceeded, *found["cap"]]
    made.check("cap", f"cap exceeded ({seen.looks} looks while it ran, and by the rows at the end)", exceeded)
    made.check("twice", "paid twice, where the vendor can be asked again (BFL)", found["twice"])
    made.check("twice", "paid twice, where it cannot (Google): never sent again by itself", found["twice-google"])
    made.check("leaked", f"leaked holds, after {record.passes} passes of recovery", found["leaked"])
    claim = f"works taken from a process that still lived ({record.audit.takeovers} were taken over)"
    made.check("alive", claim, found["alive"])
    made.check("slots", "leaked vendor slots", found["slots"])
    made.check("doubt", "in doubt, each closed by its evidence", found["doubt"], figure=_doubts(record.verdicts))
    low = [f"quiet point: {q.margin_micros} micros above the bill" for q in record.quiet if q.margin_micros < 0]
    below = [*low, *(text for q in record.quiet for text in q.unaccounted), *seen.uncovered]
    points = f"{len(record.quiet)} quiet points line by line, {seen.invoice_looks} looks while it ran"
    claim = f"settled + in doubt below the bill ({points})"
    made.check("covered", claim, below)
    difference = record.audit.settled_micros - record.audit.billed_micros
    bill = f"ledger {usd(record.audit.settled_micros)}, invoice {usd(record.audit.billed_micros)}"
    made.check("equal", f"{bill}: difference", found["equal"], figure=usd(difference), holds=difference == 0)
    made.check("counters", "counters that are not the sum of their rows", found["counters"])


def _doubts(verdicts: list[Verdict]) -> str:
    billed = sum(v.micros is not None for v in verdicts)
    return f"{len(verdicts)}: {billed} billed (each with its line), {len(verdicts) - billed} not billed (no line)"


def _images(made: Certificate, record: Record) -> None:
    compared = record.audit.images_checked
    made.check(
        "lost", f"images lost whose job reached us ({compared} compared byte for byte)", record.audit.findings["lost"]
    )
    lay = sum(map(len, record.told.kept.values()))
    made.check("answers", f"answers forgotten that lay on our disk ({lay} did)", record.forgotten)
    made.check("told", "images that a caller was told of and the ledger does not know", record.told_without_image)
    waiting = [f"{name[:12]} is {state}" for name, state in record.left_on_disk.items() if state != "settled"]
    made.check("spool", "answers on our disk that are not booked", waiting)


def _pressure(made: Certificate, record: Record) -> None:
    """A proof without deaths, refusals and full caps would prove nothing."""
    fullest = {name: record.seen.fullest_ppm.get(name, 0) for name in tight_caps()}
    rows = [row for rows in record.told.outcomes.values() for row in rows]
    by_cap = Counter(row["cap"].partition(" ")[0] for row in rows if row["kind"] == "refused")
    shown = ", ".join(f"{name} {by_cap[name]} ({ppm // 10_000} % full)" for name, ppm in fullest.items())
    made.check("pressed", "refused by caps", [], figure=f"{by_cap.total()}: {shown}", holds=by_cap.total() > 0)
    kills = sum(record.told.kills.values())
    made.check("kills", "processes killed with kill -9", [], figure=kills, holds=kills > 0)
    calls = record.audit.attempts
    claim = f"calls held, of at least {record.plan.calls}"
    made.check("calls", claim, [], figure=calls, holds=calls >= record.plan.calls)
    strange = [str(row["text"]) for row in rows if row["kind"] == "unexpected"]
    made.check("errors", "errors outside of our error tree, workers that fell over", [*strange, *record.told.errors])


def _about(record: Record) -> dict[str, Any]:
    plan, told, seen, audit = record.plan, record.told, record.seen, record.audit
    doubts = Counter(f"{verdict.vendor} {verdict.why_in_doubt}" for verdict in record.verdicts)
    return {
        "seed": plan.seed,
        "build": f"BROKEN ON PURPOSE: {plan.mutant}" if plan.mutant else "ours",
        "works": f"{record.works} asked for by {plan.workers} workers, {plan.at_once} at once each, one in ten by two",
        "attempts": f"{audit.attempts}: {_listed(audit.states)}",
        "invoice lines": f"{audit.lines}: {_listed(audit.lines_by_vendor)}",
        "callers were told": _listed(told.kinds()),
        "killed": f"{sum(told.kills.values())}: {_listed(told.kills)}",
        "abandoned by their death": f"{told.abandoned} works that nobody asked for again; {told.recovered} recovered",
        "broken in the middle": _listed(record.breaks),
        "faults drawn": f"{sum(record.faults.values())}: {_listed(Counter(record.faults))}",
        "in doubt because of": _listed(doubts),
        "billed, no job reached us": f"{audit.unreachable} BFL images, in doubt until their lines closed them",
        "left on disk, booked": len(record.left_on_disk),
        "observer": f"{seen.looks} looks, longest gap {seen.longest_gap_ms} ms, {seen.outages} without a database",
        "seconds": _listed({name: round(value, 1) for name, value in record.seconds.items()}),
        "database": "PostgreSQL" if plan.postgres else "SQLite",
        "versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{n} {version(n)}" for n in ("sqlalchemy", "httpx")),
    }


def _listed(counts: Any) -> str:
    rows = counts.most_common() if isinstance(counts, Counter) else counts.items()
    return ", ".join(f"{name} {count}" for name, count in rows) or "none"
