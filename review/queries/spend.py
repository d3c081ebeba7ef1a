"""What the pages on money read, in one place. The SQL for money is budget's; nothing is computed here."""

from budget.report_attempts import AttemptPage, attempts_csv, attempts_page
from budget.report_caps import CapBurn, CapChange, cap_burns, cap_changes_of, window_bounds
from budget.report_filter import SPEND_KEYS, STATES, SpendFilter, SpendKey
from budget.report_spend import (
    Series,
    SeriesLine,
    SpendSum,
    spend_by,
    spend_choices,
    spend_series,
    spend_total,
    sums_csv,
)

__all__ = [
    "SPEND_KEYS",
    "STATES",
    "AttemptPage",
    "CapBurn",
    "CapChange",
    "Series",
    "SeriesLine",
    "SpendFilter",
    "SpendKey",
    "SpendSum",
    "attempts_csv",
    "attempts_page",
    "cap_burns",
    "cap_changes_of",
    "spend_by",
    "spend_choices",
    "spend_series",
    "spend_total",
    "sums_csv",
    "window_bounds",
]
