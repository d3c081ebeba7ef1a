"""What a report of spend was asked for: by which column, over which days, for whom. Read from an address and written
back to one, so that a report can be bookmarked and sent on. No SQL, no HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self
from urllib.parse import urlencode

from domain.errors import InputError
from review.queries.spend import SPEND_KEYS, SpendFilter, SpendKey

PRESETS: Mapping[str, str] = {
    "today": "Today",
    "7-days": "7 days",
    "30-days": "30 days",
    "this-month": "This month",
    "last-month": "Last month",
}
DEFAULT_PRESET = "30-days"
DEFAULT_BY: SpendKey = "campaign"
# column: what it is called as a heading, and what a row without a value says
TITLES: Mapping[SpendKey, tuple[str, str]] = {
    "flow": ("Flow", "no flow"),
    "campaign": ("Campaign", "no campaign"),
    "cost_centre": ("Cost centre", "no cost centre"),
    "model": ("Model", "no model"),
    "tier": ("Tier", "no tier"),
    "vendor": ("Vendor", "no vendor"),
    "day": ("Day", "no day"),
    "run": ("Run", "no run"),
    "sku": ("SKU", "no SKU"),
}
# a report by this column leads on to one by that
NEXT_BY: Mapping[SpendKey, SpendKey] = {
    "flow": "campaign",
    "campaign": "run",
    "cost_centre": "campaign",
    "model": "campaign",
    "tier": "model",
    "vendor": "model",
    "day": "run",
    "run": "sku",
    "sku": "run",
}
DAYS = ("first_day", "last_day")


@dataclass(frozen=True)
class Asked:
    """`filter` has its days filled in; `preset` is "" where somebody named the days."""

    by: SpendKey
    preset: str
    filter: SpendFilter

    @classmethod
    def of_query(cls, query: Mapping[str, str], today: date) -> Self:
        """Raises InputError for a column, a range or days that do not exist."""
        by = next((key for key in SPEND_KEYS if key == (query.get("by") or DEFAULT_BY)), None)
        if by is None:
            raise InputError(f"there is no report by {query['by']!r}", where="by")
        asked = SpendFilter.of_query(query).with_(state="", cap="", window="")
        preset = "" if asked.first_day or asked.last_day else query.get("range") or DEFAULT_PRESET
        if not preset:
            _check_order(asked)
            return cls(by, _preset_of(asked, query.get("range", ""), today), asked)
        if preset not in PRESETS:
            raise InputError(f"there is no range {preset!r}", where="range")
        first, last = preset_days(preset, today)
        return cls(by, preset, asked.with_(first_day=first.isoformat(), last_day=last.isoformat()))

    def as_query(self) -> dict[str, str]:
        """The shortest that means the same."""
        kept = self.filter.as_query()
        if self.preset:
            kept = {name: value for name, value in kept.items() if name not in DAYS}
        moved = {} if not self.preset or self.preset == DEFAULT_PRESET else {"range": self.preset}
        return ({} if self.by == DEFAULT_BY else {"by": self.by}) | moved | kept

    def url(self, path: str = "/spend") -> str:
        query = urlencode(self.as_query())
        return f"{path}?{query}" if query else path

    def by_column(self, key: SpendKey) -> "Asked":
        return replace(self, by=key)

    def over(self, preset: str, today: date) -> "Asked":
        first, last = preset_days(preset, today)
        days = {"first_day": first.isoformat(), "last_day": last.isoformat()}
        return replace(self, preset=preset, filter=self.filter.with_(**days))

    def without(self, name: str) -> "Asked":
        return replace(self, filter=self.filter.with_(**{name: ""}))

    def into(self, value: str) -> "Asked":
        """The next report, over what is behind one row of this one."""
        preset = "" if self.by == "day" else self.preset
        return replace(self, by=NEXT_BY[self.by], preset=preset, filter=self.filter.narrowed(self.by, value))

    @property
    def narrowings(self) -> dict[str, str]:
        """The filters besides the days."""
        return {name: value for name, value in self.filter.as_query().items() if name not in DAYS}

    @property
    def days_text(self) -> str:
        """`23 October to 21 November 2026`, in words that print."""
        first, last = (
            date.fromisoformat(day) if day else None for day in (self.filter.first_day, self.filter.last_day)
        )
        if first is None or last is None:
            return f"since {_day(first)}" if first else f"until {_day(last)}" if last else "all days"
        return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def preset_days(preset: str, today: date) -> tuple[date, date]:
    """First and last day, both inclusive."""
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    return {
        "today": (today, today),
        "7-days": (today - timedelta(days=6), today),
        "30-days": (today - timedelta(days=29), today),
        "this-month": (month, today),
        "last-month": (before.replace(day=1), before),
    }[preset]


def attempts_url(asked: SpendFilter) -> str:
    """The attempts behind a number."""
    query = urlencode(asked.as_query())
    return f"/spend/attempts?{query}" if query else "/spend/attempts"


def _preset_of(asked: SpendFilter, name: str, today: date) -> str:
    """The range that the form showed, where its days were left as they were."""
    if name not in PRESETS:
        return ""
    first, last = preset_days(name, today)
    return name if (first.isoformat(), last.isoformat()) == (asked.first_day, asked.last_day) else ""


def _check_order(asked: SpendFilter) -> None:
    if asked.first_day and asked.last_day and asked.first_day > asked.last_day:
        raise InputError("the first day is after the last", where="first_day")


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
