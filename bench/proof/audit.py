"""The books, counted again from the rows, and held against the invoice and the store. Reads; changes nothing."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bench.proof.evidence import Claims, body_sha256, claims
from bench.proof.plan import Work
from bench.proof.stage import Stage
from budget.caps import read_caps
from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.canonical import sha256_hex
from storage.database.money_tables import attempt_caps, attempt_events, cap_windows, vendor_slots
from wiring import Wiring

LOOKED_AT_PICTURES = 300
TAKEN_OVER = "taken over from process "


@dataclass
class Quiet:
    """A moment without work under way: what the ledger says beside what the vendors billed.

    `unaccounted` are the lines of the bill for which no attempt is settled or in doubt.
    """

    settled_micros: int
    in_doubt_micros: int
    billed_micros: int
    unaccounted: list[str] = field(default_factory=list)

    @property
    def margin_micros(self) -> int:
        return self.settled_micros + self.in_doubt_micros - self.billed_micros


@dataclass
class Audit:
    """Findings by certificate line; an empty list is what we want."""

    findings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    states: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    settled_micros: int = 0
    billed_micros: int = 0
    lines: int = 0
    lines_by_vendor: Counter[str] = field(default_factory=Counter)
    images_checked: int = 0
    unreachable: int = 0
    takeovers: int = 0


def quiet(w: Wiring, works: dict[str, Work], invoice: dict[str, Any]) -> Quiet:
    found = list_attempts(w.database)
    owned = claims(found, works, invoice)
    given_back = [a.attempt_id for a in found if a.state == "released"]
    lines = [*owned.nobody, *(line for name in given_back for line in owned.of_attempt.get(name, []))]
    return Quiet(
        unaccounted=[f"line {line['n']} ({line['micros']} micros) is neither settled nor in doubt" for line in lines],
        settled_micros=sum(a.cost_micros or 0 for a in found if a.state == "settled"),
        in_doubt_micros=sum(a.hold_micros for a in found if a.state == "in_doubt"),
        billed_micros=int(invoice["total_micros"]),
    )


def audit(
    w: Wiring,
    stage: Stage,
    works: dict[str, Work],
    invoice: dict[str, Any],
    doubtful: set[str],
    last_sign_s: dict[str, float],
) -> Audit:
    """After every work in doubt was closed; `doubtful` are the attempts that were. `last_sign_s` of each process."""
    found, result = list_attempts(w.database), Audit()
    result.attempts, result.states = len(found), Counter(a.state for a in found)
    result.settled_micros = sum(a.cost_micros or 0 for a in found if a.state == "settled")
    result.billed_micros, result.lines = int(invoice["total_micros"]), len(invoice["lines"])
    result.lines_by_vendor = Counter(line["vendor"] for line in invoice["lines"])
    owned = claims(found, works, invoice)
    _caps(w, found, result)
    _counters(w, found, result)
    _bills(found, owned, works, invoice, result)
    _images(w, stage, found, owned, doubtful, result)
    _doubts(found, result)
    _takeovers(w, last_sign_s, result)
    return result


def _caps(w: Wiring, found: list[Attempt], result: Audit) -> None:
    """Each cap from the attempts that it covers, without looking at any counter."""
    with w.database.read() as connection:
        caps = read_caps(connection)
    for cap in caps:
        sums: Counter[str] = Counter()
        for attempt in (a for a in found if cap.covers(a.dimensions)):
            is_held = attempt.is_open or attempt.state == "in_doubt"
            micros = attempt.hold_micros if is_held else attempt.cost_micros or 0
            sums[cap.window(attempt.dimensions, attempt.held_at)] += micros
        for window, micros in sums.items():
            if micros > cap.limit_micros:
                result.findings["cap"].append(f"{cap.cap_id} {window}: {micros} of {cap.limit_micros}")


def _counters(w: Wiring, found: list[Attempt], result: Audit) -> None:
    """Each counter is the sum of its rows, each taken slot an open attempt's."""
    by_id = {a.attempt_id: a for a in found}
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    with w.database.read() as connection:
        for row in connection.execute(sa.select(attempt_caps)):
            attempt = by_id[row.attempt_id]
            is_held = attempt.is_open or attempt.state == "in_doubt"
            sums[row.cap_id, row.window][0] += attempt.hold_micros if is_held else 0
            sums[row.cap_id, row.window][1] += attempt.cost_micros or 0
        windows = connection.execute(sa.select(cap_windows)).all()
        slots = {row.vendor: row.used for row in connection.execute(sa.select(vendor_slots))}
    for window in windows:
        rows, counter = tuple(sums[window.cap_id, window.window]), (window.held_micros, window.spent_micros)
        if rows != counter:
            name = f"{window.cap_id} {window.window}"
            result.findings["counters"].append(f"{name}: counters (held, spent) {counter}, rows {rows}")
    for vendor, used in slots.items():
        taken = len(w.ledger.slots_taken(vendor))
        if used != taken or taken:
            result.findings["slots"].append(f"{vendor}: {used} counted, {taken} taken by attempts, nothing is open")


def _bills(found: list[Attempt], owned: Claims, works: dict[str, Work], invoice: dict[str, Any], result: Audit) -> None:
    """Line by line: who was billed for what, and that nobody was billed twice."""
    per_body = Counter(line["body_sha256"] for line in invoice["lines"])
    for work in works.values():
        if (count := per_body[body_sha256(work)]) > 1:
            kind = "twice" if work.vendor == "bfl" else "twice-google"
            result.findings[kind].append(f"work {work.index} ({work.vendor}): {count} lines")
    for line in owned.nobody:
        result.findings["equal"].append(f"line {line['n']} ({line['micros']}) belongs to no attempt")
    for attempt in found:
        billed = sum(int(line["micros"]) for line in owned.of_attempt.get(attempt.attempt_id, []))
        if attempt.state == "settled" and billed != attempt.cost_micros:
            name = f"attempt {attempt.attempt_id[:12]} ({attempt.dimensions.vendor}, {attempt.error_code or 'image'})"
            result.findings["equal"].append(f"{name}: settled {attempt.cost_micros}, billed {billed}")
        if attempt.is_open:
            result.findings["leaked"].append(f"attempt {attempt.attempt_id[:12]} is still {attempt.state}")


def _images(w: Wiring, stage: Stage, found: list[Attempt], owned: Claims, doubtful: set[str], result: Audit) -> None:
    """Every billed image whose job reached us is in the store; some are compared byte for byte with the vendor's."""
    kept = []
    for attempt in found:
        lines = [line for line in owned.of_attempt.get(attempt.attempt_id, []) if line["image"]]
        if not lines:
            continue
        if attempt.job is None and attempt.attempt_id in doubtful:
            result.unreachable += attempt.dimensions.vendor == "bfl"
        elif not attempt.result_key or not _is_stored(w, attempt):
            name = f"{attempt.dimensions.vendor} attempt {attempt.attempt_id[:12]} ({attempt.error_code})"
            result.findings["lost"].append(f"{name}: line {lines[0]['n']} was paid and its image is not in the store")
        else:
            kept.append((attempt, lines[0]))
    rng = random.Random(stage.plan.seed)
    for attempt, line in rng.sample(kept, min(LOOKED_AT_PICTURES, len(kept))):
        if sha256_hex(stage.picture(line["n"])) != attempt.result_sha256 and not line.get("other_image"):
            result.findings["lost"].append(f"attempt {attempt.attempt_id[:12]}: not the picture of line {line['n']}")
    result.images_checked = min(LOOKED_AT_PICTURES, len(kept))


def _doubts(found: list[Attempt], result: Audit) -> None:
    """What was in doubt ended by evidence that its row keeps, by its vendor's word on its job, or with its image."""
    for attempt in found:
        was_known = attempt.evidence or attempt.job or attempt.result_key
        if attempt.state == "in_doubt" or (attempt.in_doubt_at and attempt.ended_at and not was_known):
            name = f"attempt {attempt.attempt_id[:12]} ({attempt.dimensions.vendor}, {attempt.error_code})"
            result.findings["doubt"].append(f"{name}: was in doubt and is {attempt.state} without evidence")


def _takeovers(w: Wiring, last_sign_s: dict[str, float], result: Audit) -> None:
    """Nobody took over the work of a process that still lived."""
    query = sa.select(attempt_events).where(attempt_events.c.note.like(f"{TAKEN_OVER}%"))
    with w.database.read() as connection:
        rows = connection.execute(query).all()
    result.takeovers = len(rows)
    for row in rows:
        process_id = row.note.removeprefix(TAKEN_OVER).partition(",")[0].strip()
        if row.at.timestamp() < last_sign_s.get(process_id, 0):
            name = f"attempt {row.attempt_id[:12]}"
            result.findings["alive"].append(f"{name} was taken from process {process_id[:12]}, which lived")


def _is_stored(w: Wiring, attempt: Attempt) -> bool:
    try:
        return bool(sha256_hex(w.store.get(w.store.private, attempt.result_key)) == attempt.result_sha256)
    except OSError:
        return False
