"""Which invoice line belongs to which attempt: the evidence by which work in doubt is closed.

By the vendor's own id where one reached us (BFL's job, Gemini's response), else by the body that was posted: a work has
a body of its own, so that a line with that body is that work's, and no line is the proof that nothing was billed.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bench.proof.plan import Work
from budget.reports import list_attempts
from domain.attempt import Attempt
from domain.errors import DraftlineError
from sandbox.wire import canonical_sha256
from vendors.bfl.measure import measure
from vendors.bfl.wire import submit_body
from vendors.google.wire import generate_body
from wiring import Wiring

Line = dict[str, Any]


@dataclass
class Claims:
    """`of_attempt`: the lines of each attempt; `nobody`: lines that no attempt accounts for."""

    of_attempt: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    nobody: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of one attempt in doubt."""

    attempt_id: str
    vendor: str
    why_in_doubt: str
    micros: int | None
    evidence: str


@cache
def body_sha256(work: Work) -> str:
    """As the sandbox digests the body that the vendor's client posts for this work."""
    request = work.request()
    posted = submit_body(request, measure(request)) if work.vendor == "bfl" else generate_body(request)
    return canonical_sha256([work.model_id, json.loads(posted)])


def claims(found: Iterable[Attempt], works: dict[str, Work], invoice: dict[str, Any]) -> Claims:
    """Every line to the attempt that it bills. `works` by work key."""
    ours = sorted(found, key=lambda a: a.try_no)
    by_id = {key: a for a in ours for key in (a.job.job_id if a.job else "", a.receipt.get("vendor_id", "")) if key}
    by_body: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in ours:
        by_body[body_sha256(works[attempt.work_key])].append(attempt)
    result, rest = Claims(), []
    for line in invoice["lines"]:
        owner = by_id.get(line["request_id"])
        if owner is None:
            rest.append(line)
        else:
            result.of_attempt[owner.attempt_id].append(line)
    for line in rest:
        free = [
            a for a in by_body[line["body_sha256"]] if a.state != "released" and not result.of_attempt.get(a.attempt_id)
        ]
        # what was settled without an image has no id of the vendor; what is in doubt never had one
        if free:
            result.of_attempt[free[0].attempt_id].append(line)
        else:
            result.nobody.append(line)
    return result


def resolve(w: Wiring, works: dict[str, Work], invoice: dict[str, Any]) -> list[Verdict]:
    """Close every attempt in doubt by the invoice: settled with its line's figure, or released for want of one."""
    found = list_attempts(w.database)
    lines = claims(found, works, invoice).of_attempt
    verdicts = [_verdict(a, lines.get(a.attempt_id, [])) for a in found if a.state == "in_doubt"]
    for verdict in verdicts:
        try:
            text = {"note": verdict.evidence, "evidence": verdict.evidence}
            if verdict.micros is None:
                w.ledger.release(verdict.attempt_id, code="not-billed", **text)
            else:
                w.ledger.settle(verdict.attempt_id, verdict.micros, source="person", **text)
        except DraftlineError as error:
            raise AssertionError(f"attempt {verdict.attempt_id} could not be closed by evidence: {error}") from error
    return verdicts


def _verdict(attempt: Attempt, lines: list[Line]) -> Verdict:
    vendor, why = attempt.dimensions.vendor, attempt.error_code
    if not lines:
        return Verdict(attempt.attempt_id, vendor, why, None, "the invoice has no line for this request")
    line = lines[0]
    text = f"invoice line {line['n']}, request {line['request_id']}"
    return Verdict(attempt.attempt_id, vendor, why, int(line["micros"]), text)
