"""Tables of the money. Only `budget` writes them.

attempts: one paid call, the row that outlives the process; its current state. attempt_events: every change of it, only
ever added. caps and cap_windows: limits, and per window the two counters that the hold's transaction checks and moves,
so that a hold costs the same with ten rows or ten million. attempt_caps: which counters an attempt moved, so that
settling after midnight still moves yesterday's. cap_alerts: thresholds that a hold crossed, written in its transaction.
price_drifts: vendors' figures above the book's. quotes and approvals: what was offered, and who said yes to which hash.
credit_readings: a vendor's balance as it told it, the evidence for work in doubt. ledger_books: whose money this is.
"""

import sqlalchemy as sa

from storage.database.tables import METADATA, _id, _number, _text
from storage.database.types import UtcDateTime

# the few attempts that have not ended: a query that says `ended_at IS NULL` reads these and not a million others
_UNENDED = sa.text("ended_at IS NULL")

attempts = sa.Table(
    "attempts",
    METADATA,
    _id("attempt_id", key=True),
    _id("work_key"),
    sa.Column("try_no", sa.Integer, nullable=False),
    _text("state"),
    _text("run_id"),
    _text("flow"),
    _text("deployment"),
    _text("campaign"),
    _text("cost_centre"),
    _text("asset_key"),
    _text("sku"),
    _text("stage"),
    _text("tier"),
    _text("vendor"),
    _text("role"),
    _text("model_id"),
    _text("model_answered"),
    _text("price_version"),
    sa.Column("hold_micros", sa.BigInteger, nullable=False),
    sa.Column("cost_micros", sa.BigInteger, nullable=True),
    _text("cost_source"),
    _text("billed"),
    _text("process_id"),
    _text("job_id"),
    _text("poll_url"),
    sa.Column("job", sa.JSON, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("usage", sa.JSON, nullable=False),
    sa.Column("receipt", sa.JSON, nullable=False),
    _text("error_code"),
    _text("error"),
    _text("evidence"),
    _text("result_sha256"),
    _text("result_key"),
    _text("day"),
    sa.Column("slot_taken", sa.Boolean, nullable=False),
    sa.Column("held_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=True),
    sa.Column("accepted_at", UtcDateTime, nullable=True),
    sa.Column("delivered_at", UtcDateTime, nullable=True),
    sa.Column("in_doubt_at", UtcDateTime, nullable=True),
    sa.Column("ended_at", UtcDateTime, nullable=True),
    sa.UniqueConstraint("work_key", "try_no"),
    sa.Index("ix_attempts_run_id", "run_id"),
    sa.Index("ix_attempts_unended", "vendor", postgresql_where=_UNENDED, sqlite_where=_UNENDED),
    # Every report of a range of days is answered from this index alone: a row itself carries kilobytes of JSON. It
    # takes the place of an index by day; a change of state costs one more entry, as it does in ix_attempts_state.
    sa.Index(
        "ix_attempts_spend",
        *("day", "held_at", "state", "hold_micros", "cost_micros", "flow", "campaign", "cost_centre"),
        *("vendor", "model_id", "tier", "run_id", "sku"),
    ),
    sa.CheckConstraint("hold_micros >= 0", name="ck_attempts_hold"),
    sa.CheckConstraint(
        "state IN ('held','sent','accepted','delivered','settled','released','in_doubt')", name="ck_attempts_state"
    ),
)

attempt_events = sa.Table(
    "attempt_events",
    METADATA,
    _number("event_id"),
    sa.Column("attempt_id", sa.String(200), sa.ForeignKey("attempts.attempt_id"), nullable=False, index=True),
    _text("state"),
    sa.Column("micros", sa.BigInteger, nullable=True),
    _text("note"),
    _text("by"),
    sa.Column("at", UtcDateTime, nullable=False),
)

caps = sa.Table(
    "caps",
    METADATA,
    _id("cap_id", key=True),
    _text("scope"),
    _text("scope_value"),
    _text("period"),
    _text("time_zone"),
    sa.Column("limit_micros", sa.BigInteger, nullable=False),
    sa.Column("thresholds", sa.JSON, nullable=False, server_default="[50, 80, 95]"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("ix_caps_scope", "scope", "scope_value"),
    sa.CheckConstraint("limit_micros >= 0", name="ck_caps_limit"),
)

cap_changes = sa.Table(
    "cap_changes",
    METADATA,
    _number("change_id"),
    _id("cap_id"),
    sa.Column("from_micros", sa.BigInteger, nullable=True),
    sa.Column("to_micros", sa.BigInteger, nullable=False),
    _text("by"),
    _text("why"),
    # what the limit is of from then on: scope, period and zone, in words
    _text("rule"),
    sa.Column("at", UtcDateTime, nullable=False),
)

# the counters that every hold moves keep room in their pages: PostgreSQL then writes them in place, without the index
cap_windows = sa.Table(
    "cap_windows",
    METADATA,
    sa.Column("cap_id", sa.String(200), sa.ForeignKey("caps.cap_id"), primary_key=True),
    _id("window", key=True),
    sa.Column("held_micros", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("spent_micros", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("held_micros >= 0", name="ck_cap_windows_held"),
    sa.CheckConstraint("spent_micros >= 0", name="ck_cap_windows_spent"),
    postgresql_with={"fillfactor": 20},
)

attempt_caps = sa.Table(
    "attempt_caps",
    METADATA,
    sa.Column("attempt_id", sa.String(200), sa.ForeignKey("attempts.attempt_id"), primary_key=True),
    _id("cap_id", key=True),
    _id("window"),
)

vendor_slots = sa.Table(
    "vendor_slots",
    METADATA,
    _id("vendor", key=True),
    sa.Column("used", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("used >= 0", name="ck_vendor_slots_used"),
    postgresql_with={"fillfactor": 20},
)

cap_alerts = sa.Table(
    "cap_alerts",
    METADATA,
    _number("alert_id"),
    _id("cap_id"),
    _id("window"),
    sa.Column("percent", sa.Integer, nullable=False),
    sa.Column("limit_micros", sa.BigInteger, nullable=False),
    sa.Column("committed_micros", sa.BigInteger, nullable=False),
    _id("attempt_id"),
    _id("run_id"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("told_at", UtcDateTime, nullable=True),
    sa.UniqueConstraint("cap_id", "window", "percent", "limit_micros"),
)

price_drifts = sa.Table(
    "price_drifts",
    METADATA,
    _number("drift_id"),
    _id("attempt_id"),
    _id("vendor"),
    _id("model_id"),
    _id("price_version"),
    # the model's own entry in the book, so that a change of another one clears nothing
    _text("entry_version"),
    sa.Column("book_micros", sa.BigInteger, nullable=False),
    sa.Column("vendor_micros", sa.BigInteger, nullable=False),
    sa.Column("factor_ppm", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("told_at", UtcDateTime, nullable=True),
    sa.UniqueConstraint("attempt_id"),
    sa.Index("ix_price_drifts_model", "model_id", "entry_version", "factor_ppm"),
)

quotes = sa.Table(
    "quotes",
    METADATA,
    _id("quote_hash", key=True),
    _id("run_id"),
    _text("kind"),
    _text("name"),
    _text("price_version"),
    sa.Column("low_micros", sa.BigInteger, nullable=False),
    sa.Column("expected_micros", sa.BigInteger, nullable=False),
    sa.Column("worst_micros", sa.BigInteger, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    _text("made_by"),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

approvals = sa.Table(
    "approvals",
    METADATA,
    _number("approval_id"),
    sa.Column("quote_hash", sa.String(200), sa.ForeignKey("quotes.quote_hash"), nullable=False, index=True),
    _text("by"),
    _text("why"),
    sa.Column("worst_micros", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("withdrawn_at", UtcDateTime, nullable=True),
    _text("withdrawn_by"),
)

credit_readings = sa.Table(
    "credit_readings",
    METADATA,
    _number("reading_id"),
    _id("vendor"),
    sa.Column("balance_micros", sa.BigInteger, nullable=False),
    sa.Column("last_event_id", sa.BigInteger, nullable=False),
    _text("by"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_credit_readings_vendor", "vendor", "last_event_id"),
)

# one row, written once: a sandbox's play money and a vendor's real one never share a journal
ledger_books = sa.Table(
    "ledger_books",
    METADATA,
    _id("book", key=True),
    _text("vendors"),
    sa.Column("at", UtcDateTime, nullable=False),
)
