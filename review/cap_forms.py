"""Caps as people type them: a form to a Cap, a cap in words, and what to ask once more. No HTTP, no SQL."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import cast, get_args

from starlette.datastructures import FormData

from budget.caps import EACH, THRESHOLDS, Cap, Period, Scope
from budget.report_caps import CapBurn
from budget.typed_amounts import typed_usd
from domain.errors import InputError
from review.amounts import money

MAX_WHY_CHARS = 300
MAX_NAME_CHARS = 80
MAX_VALUE_CHARS = 150
_DAY, _WEEK, _MONTH = (re.compile(one) for one in (r"(\d{4})-(\d\d)-(\d\d)", r"(\d{4})-W(\d\d)", r"(\d{4})-(\d\d)"))
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
SCOPES: Mapping[Scope, str] = {
    "global": "everything",
    "cost_centre": "cost centre",
    "campaign": "campaign",
    "flow": "flow",
    "vendor": "vendor",
    "model_id": "model",
    "tier": "tier",
    "role": "role",
    "sku": "SKU",
    "deployment": "deployment",
    "run_id": "run",
}
PERIODS: Mapping[Period, str] = {
    "day": "each day",
    "week": "each week",
    "month": "each month",
    "run": "each run",
    "total": "for good",
}


def scope_text(cap: Cap) -> str:
    """`each flow, each day`; `cost centre brand, each month, Europe/Berlin`."""
    if cap.scope == "global":
        whose = SCOPES["global"]
    elif cap.scope_value == EACH:
        whose = f"each {SCOPES[cap.scope]} by itself"
    else:
        whose = f"{SCOPES[cap.scope]} {cap.scope_value}"
    zone = "" if cap.time_zone == "UTC" or cap.period in ("run", "total") else f", {cap.time_zone}"
    return f"{whose}, {PERIODS[cap.period]}{zone}"


def cap_title(cap: Cap) -> str:
    """Such as `All spend a day` or `Each flow, a day`: what it counts, for whoever asks only whether she fits."""
    if cap.scope == "run_id" and cap.period in ("run", "total"):
        return "This run"
    if cap.scope == "global":
        return f"All spend a {cap.period}" if cap.period not in ("total", "run") else f"All spend ({cap.cap_id})"
    what = f"each {SCOPES[cap.scope]}" if cap.scope_value == EACH else f"{SCOPES[cap.scope]} {cap.scope_value}"
    return f"{what[:1].upper()}{what[1:]}, {cap.period if cap.period == 'total' else f'a {cap.period}'}"


def window_text(window: str) -> str:
    """`21 Nov 2026`, `week 47 of 2026`, `November 2026`: a counter's window in words, and whose it is before a dot."""
    whose, _, part = window.rpartition("|")
    if found := _DAY.fullmatch(part):
        day = date(*map(int, found.groups()))
        part = f"{day.day} {day:%b %Y}"
    elif found := _WEEK.fullmatch(part):
        part = f"week {int(found[2])} of {found[1]}"
    elif found := _MONTH.fullmatch(part):
        part = f"{date(int(found[1]), int(found[2]), 1):%B %Y}"
    elif part == "total":
        part = "since it was set"
    return f"{whose} · {part}" if whose else part


def new_cap(form: FormData) -> Cap:
    """Raises InputError, whose `where` is the field."""
    name, scope, period = (_text(form, field) for field in ("name", "scope", "period"))
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise InputError("A name is letters, digits, dots and hyphens", where="name")
    if scope not in get_args(Scope) or period not in get_args(Period):
        raise InputError("Choose what the cap covers, and its period", where="scope")
    value = "" if scope == "global" else _text(form, "value")[:MAX_VALUE_CHARS]
    if scope != "global" and not value:
        raise InputError(f"Name one, or write {EACH} for each by itself", where="value")
    limit, thresholds = typed_usd(_text(form, "limit"), where="limit"), _thresholds(form)
    try:
        return Cap(name, cast(Scope, scope), value, cast(Period, period), limit, _text(form, "time_zone"), thresholds)
    except InputError as error:
        where = "time_zone" if "time zone" in error.message else "thresholds"
        raise InputError(error.message, where=where) from error


def changed_cap(known: Cap, form: FormData) -> Cap:
    """The cap with another limit or thresholds. What it covers stays: that would be another cap, which counts anew."""
    limit, thresholds = typed_usd(_text(form, "limit"), where="limit"), _thresholds(form)
    try:
        return replace(known, limit_micros=limit, thresholds=thresholds)
    except InputError as error:
        raise InputError(error.message, where="thresholds") from error


def read_why(form: FormData) -> str:
    why = _text(form, "why")
    if not why:
        raise InputError("Say why: it is kept beside the change, with your name", where="why")
    return why[:MAX_WHY_CHARS]


def needs_a_second_look(wanted: Cap, burns: Sequence[CapBurn]) -> str:
    """A sentence when the new limit lies under what is committed already; else ""."""
    committed = max((burn.committed_micros for burn in burns), default=0)
    if wanted.limit_micros >= committed:
        return ""
    return (
        f"{money(committed)} are committed already, more than {money(wanted.limit_micros)}. Lowering the cap stops new "
        "holds at once, and touches nothing that is running or held."
    )


def _thresholds(form: FormData) -> tuple[int, ...]:
    """`50, 80, 95` in any order. Empty is what a new cap has."""
    words = _text(form, "thresholds").replace("%", " ").replace(",", " ").split()
    if not all(word.isascii() and word.isdecimal() and len(word) <= 3 for word in words):
        raise InputError("Write whole percents, such as 50, 80, 95", where="thresholds")
    return tuple(sorted({int(word) for word in words})) or THRESHOLDS


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()
