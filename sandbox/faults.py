"""Faults on purpose: which request is spoiled, and how. Deciding lives here; spoiling lives with each vendor's routes.

A fault comes from a rule (`/_sandbox/rules`) or from a marker in the prompt, `[[sandbox:fault=slow factor=5]]`,
which is taken out before painting. Rules are kept in memory: a restart forgets them unless they came from --rules.
"""

import hashlib
import math
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatch
from typing import Any, Literal

MAX_RULES = 200
MAX_COUNTERS = 10_000
MARKER = re.compile(r"\s*\[\[sandbox:([^\]]*)\]\]")

BFL, GOOGLE = "bfl", "google"
FAULTS: dict[str, tuple[str, ...]] = {
    "rate_limit": (BFL, GOOGLE),  # 429 with a hint when to come back
    "rate_limit_no_hint": (BFL, GOOGLE),
    "quota_per_day": (GOOGLE,),  # 429 that no waiting of this hour will cure
    "no_credits": (BFL,),  # 402
    "server_error": (BFL, GOOGLE),  # 500, nothing created
    "unavailable": (BFL, GOOGLE),  # 503, nothing created
    "cut_headers": (BFL, GOOGLE),  # connection closed after the request's head, nothing created
    "cut_request": (BFL, GOOGLE),  # closed after `share` of the request's body, nothing created
    "cut_before": (BFL, GOOGLE),  # closed after the whole request, nothing created
    "cut_after": (BFL, GOOGLE),  # work created and charged, connection closed without an answer
    "cut_status": (BFL, GOOGLE),  # as cut_after, with the answer's status line
    "cut_in_headers": (BFL, GOOGLE),  # with half of its headers
    "cut_mid_answer": (BFL, GOOGLE),  # with half of its body, or `at_byte` bytes of it
    "cut_last_byte": (BFL, GOOGLE),  # with all but the last byte
    "unclosed": (BFL, GOOGLE),  # a whole answer on a connection that stays open
    "answered_twice": (BFL, GOOGLE),  # a whole answer, and the same bytes again
    "slow": (BFL, GOOGLE),  # latency times `factor`
    "late": (BFL, GOOGLE),  # done after `seconds`, whatever the speed
    "found_late": (BFL,),  # the first `count` polls say that there is no such task
    "moderated_request": (BFL, GOOGLE),
    "moderated_output": (BFL, GOOGLE),
    "task_failed": (BFL,),  # poll answers HTTP 422 with a status body
    "unknown_status": (BFL, GOOGLE),
    "poll_503": (BFL,),  # the first `count` polls
    "task_lost": (BFL,),
    "expired_link": (BFL,),  # the first `count` downloads
    "empty": (BFL, GOOGLE),  # success without an image
    "text_only": (GOOGLE,),  # a refusal in words
    "interim_images": (GOOGLE,),
    "model_swapped": (GOOGLE,),
    "wrong_size": (BFL, GOOGLE),
    "truncated_image": (BFL, GOOGLE),
    "not_an_image": (BFL, GOOGLE),
    "charged_without_image": (BFL, GOOGLE),
    "another_image": (BFL,),  # every Ready after the first names another picture
    "same_image_twice": (GOOGLE,),
    "charged_twice": (BFL, GOOGLE),  # two invoice lines for one request
    "price_change": (BFL, GOOGLE),  # this request at `factor` times the price
    "dearer_bill": (BFL,),  # Ready bills `factor` times what the submit named
    "more_tokens": (GOOGLE,),  # `factor` times the output tokens, and billed so
}
# Decided by address alone: there is no body yet.
BEFORE_BODY = ("cut_headers", "cut_request")
NUMBERS = ("factor", "count", "times", "retry_after_s", "share", "seconds")


Stage = Literal["submit", "poll", "download"]


class FaultError(ValueError):
    """A rule or marker that cannot be understood; its message says what is allowed."""


@dataclass(frozen=True)
class Fault:
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        return float(self.params.get(name, default))

    def text(self, name: str, default: str) -> str:
        return str(self.params.get(name, default))


@dataclass(frozen=True)
class FaultPlan:
    """All faults that apply to one request, or that a task carries for its later polls and downloads."""

    faults: tuple[Fault, ...] = ()

    def get(self, kind: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.kind == kind), None)

    def has(self, *kinds: str) -> bool:
        return any(fault.kind in kinds for fault in self.faults)

    def to_json(self) -> list[dict[str, Any]]:
        return [{"fault": fault.kind, **fault.params} for fault in self.faults]

    @classmethod
    def from_json(cls, rows: list[dict[str, Any]]) -> "FaultPlan":
        return cls(tuple(Fault(row["fault"], {k: v for k, v in row.items() if k != "fault"}) for row in rows))


@dataclass(frozen=True)
class Match:
    """When a rule fires. Without `path` it looks only at requests that create work (submit, generateContent)."""

    vendor: str | None = None
    model: str | None = None
    path: str | None = None
    prompt_contains: str | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    probability: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Asked:
    """What a rule may look at."""

    vendor: str
    model: str
    path: str
    prompt: str
    stage: Stage

    @property
    def creates_work(self) -> bool:
        return self.stage == "submit"


@dataclass
class Rule:
    match: Match
    fault: Fault
    seen: int = 0
    fired: int = 0

    def fires(self, asked: Asked) -> bool:
        if not self._concerns(asked):
            return False
        self.seen += 1
        if not self._is_its_turn():
            return False
        self.fired += 1
        return True

    def _concerns(self, asked: Asked) -> bool:
        match = self.match
        if match.path is None and not asked.creates_work:
            return False
        return (
            match.vendor in (None, asked.vendor)
            and match.model in (None, asked.model)
            and (match.path is None or match.path in asked.path or fnmatch(asked.path, match.path))
            and (match.prompt_contains is None or match.prompt_contains in asked.prompt)
            and asked.vendor in FAULTS[self.fault.kind]
        )

    def _is_its_turn(self) -> bool:
        match = self.match
        if match.nth is not None and self.seen != match.nth:
            return False
        if match.every is not None and self.seen % match.every != 0:
            return False
        if match.times is not None and self.fired >= match.times:
            return False
        return match.probability is None or draw(match.seed, self.seen) < match.probability

    def to_json(self) -> dict[str, Any]:
        match = {f.name: getattr(self.match, f.name) for f in fields(Match) if getattr(self.match, f.name) != f.default}
        return {"match": match, "fault": self.fault.kind, **self.fault.params, "seen": self.seen, "fired": self.fired}


class FaultDesk:
    """Holds the rules and says which faults a request gets."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._uses: OrderedDict[str, int] = OrderedDict()

    def replace(self, rows: object) -> None:
        """Puts a whole list of rules in place of the old ones, or raises FaultError and changes nothing."""
        self.rules = _parse_rules(rows)

    def add(self, rows: object) -> None:
        added = _parse_rules(rows)
        if len(self.rules) + len(added) > MAX_RULES:
            raise FaultError(f"more than {MAX_RULES} rules")
        self.rules = [*self.rules, *added]

    def clear(self) -> None:
        self.rules = []
        self._uses.clear()

    def plan(self, asked: Asked, body_sha256: str = "") -> FaultPlan:
        """The faults of this request: markers first, then every rule that fires, at most one of a kind."""
        found: dict[str, Fault] = {}
        for fault in self._from_markers(asked, body_sha256):
            found.setdefault(fault.kind, fault)
        for rule in self.rules:
            is_past = asked.creates_work and rule.fault.kind in BEFORE_BODY
            if not is_past and rule.fires(asked):
                found.setdefault(rule.fault.kind, rule.fault)
        return FaultPlan(tuple(found.values()))

    def plan_before_body(self, asked: Asked) -> FaultPlan:
        """The faults of a request that creates work, before its body is read."""
        return FaultPlan(
            tuple(rule.fault for rule in self.rules if rule.fault.kind in BEFORE_BODY and rule.fires(asked))
        )

    def _from_markers(self, asked: Asked, body_sha256: str) -> list[Fault]:
        if not asked.creates_work:
            return []
        faults = [_parse_marker(text) for text in MARKER.findall(asked.prompt)]
        return [f for f in faults if asked.vendor in FAULTS[f.kind] and self._has_uses_left(f, body_sha256)]

    def _has_uses_left(self, fault: Fault, body_sha256: str) -> bool:
        """`times=2` in a marker spoils the first two sendings of the same body, so that a retry can succeed."""
        if "times" not in fault.params:
            return True
        return self.is_among_first(f"{fault.kind} {body_sha256}", fault.number("times", 0))

    def is_among_first(self, key: str, count: float) -> bool:
        """True for the first `count` calls with this key: the first polls of a task, the first downloads."""
        uses = self._uses.get(key, 0)
        self._uses[key] = uses + 1
        if len(self._uses) > MAX_COUNTERS:
            self._uses.popitem(last=False)
        return uses < count


def without_markers(prompt: str) -> str:
    return MARKER.sub("", prompt)


def draw(seed: int, what: object) -> float:
    """A number in 0..1 that depends only on a seed and what it is drawn for: a rule's count, a request's content."""
    digest = hashlib.sha256(f"{seed}:{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _parse_marker(text: str) -> Fault:
    pairs = dict(part.split("=", 1) for part in re.split(r"[\s,;]+", text.strip()) if "=" in part)
    kind = _known_kind(pairs.pop("fault", ""))
    if kind in BEFORE_BODY:
        raise FaultError(f"{kind} comes before the prompt is read: ask for it by a rule")
    return Fault(kind, checked_params(pairs))


def _known_kind(kind: object) -> str:
    if not isinstance(kind, str) or kind not in FAULTS:
        raise FaultError(f"unknown sandbox fault {kind!r}; known: {', '.join(FAULTS)}")
    return kind


def checked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as given. Raises FaultError for a number that is none, or is below zero."""
    for name in NUMBERS:
        if name in params and not 0 <= _number(name, params[name]) < math.inf:
            raise FaultError(f"{name} must be a number from 0, not {params[name]!r}")
    if "at_byte" in params and not _number("at_byte", params["at_byte"]).is_integer():
        raise FaultError(f"at_byte must be a whole number, not {params['at_byte']!r}")
    return dict(params)


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise FaultError(f"{name} must be a number, not {value!r}") from error


def _parse_rules(rows: object) -> list[Rule]:
    if isinstance(rows, dict) and "rules" in rows:
        rows = rows["rules"]
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list):
        raise FaultError("rules are a list of {match: {...}, fault: name}")
    if len(rows) > MAX_RULES:
        raise FaultError(f"more than {MAX_RULES} rules")
    return [_parse_rule(row) for row in rows]


def _parse_rule(row: object) -> Rule:
    if not isinstance(row, dict):
        raise FaultError(f"a rule is an object, not {row!r}")
    params = {k: v for k, v in row.items() if k not in ("match", "fault", "seen", "fired")}
    match = row.get("match") or {}
    known = {f.name for f in fields(Match)}
    if not isinstance(match, dict) or not set(match) <= known:
        raise FaultError(f"match may hold {', '.join(sorted(known))}; got {match!r}")
    if set(params) & known:
        raise FaultError(f"{', '.join(sorted(set(params) & known))} belongs inside match")
    kind = _known_kind(row.get("fault"))
    vendor = match.get("vendor")
    if vendor is not None and vendor not in FAULTS[kind]:
        raise FaultError(f"fault {kind} exists for {', '.join(FAULTS[kind])}, not for {vendor!r}")
    if kind in BEFORE_BODY and "prompt_contains" in match:
        raise FaultError(f"{kind} comes before the prompt is read: it cannot match prompt_contains")
    _check_match_numbers(match)
    return Rule(Match(**match), Fault(kind, checked_params(params)))


def _check_match_numbers(match: dict[str, Any]) -> None:
    for name in ("nth", "every", "times"):
        if name in match and (not isinstance(match[name], int) or match[name] < 1):
            raise FaultError(f"match.{name} is a whole number from 1, not {match[name]!r}")
    probability = match.get("probability", 0)
    if not isinstance(probability, int | float) or not 0 <= probability <= 1:
        raise FaultError(f"match.probability is between 0 and 1, not {probability!r}")
