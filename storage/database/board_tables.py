"""Tables of the board: who may come in, what they did, what they marked, briefs that they keep.

Money is in money_tables, the work in tables. A mark is one person's opinion of one draft; the picks that spend money
are in `selections`.
"""

import sqlalchemy as sa

from storage.database.tables import METADATA, _id, _number, _text
from storage.database.types import UtcDateTime

users = sa.Table(
    "users",
    METADATA,
    _id("user_id", key=True),
    _text("display_name"),
    _text("email"),
    _text("source"),
    _text("password_hash"),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=True),
)

sessions = sa.Table(
    "sessions",
    METADATA,
    _id("token_sha256", key=True),
    sa.Column("user_id", sa.String(200), sa.ForeignKey("users.user_id"), nullable=False, index=True),
    _text("csrf_token"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

sign_in_links = sa.Table(
    "sign_in_links",
    METADATA,
    _id("token_sha256", key=True),
    _id("user_id"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("used_at", UtcDateTime, nullable=True),
)

sign_in_failures = sa.Table(
    "sign_in_failures",
    METADATA,
    _number("failure_id"),
    sa.Column("key", sa.String(200), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

audit_log = sa.Table(
    "audit_log",
    METADATA,
    _number("audit_id"),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    _text("user_id"),
    _text("action"),
    _text("target"),
    sa.Column("detail", sa.JSON, nullable=False),
    _text("address"),
)

saved_briefs = sa.Table(
    "saved_briefs",
    METADATA,
    _id("brief_id", key=True),
    _text("kind"),
    _text("title"),
    sa.Column("body", sa.JSON, nullable=False),
    _text("saved_by"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

launches = sa.Table(
    "launches",
    METADATA,
    _id("launch_id", key=True),
    sa.Column("quote_hash", sa.String(200), nullable=False, index=True),
    sa.Column("run_id", sa.String(200), nullable=False, index=True),
    _text("flow_run_id"),
    _text("deployment"),
    sa.Column("params", sa.JSON, nullable=False),
    _text("launched_by"),
    _text("state"),
    sa.Column("due_at", UtcDateTime, nullable=True),
    _text("decided_by"),
    _text("decided_why"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

marks = sa.Table(
    "marks",
    METADATA,
    _id("image_id", key=True),
    _id("user_id", key=True),
    sa.Column("run_id", sa.String(200), nullable=False, index=True),
    _text("asset_key"),
    _text("flag"),
    sa.Column("stars", sa.Integer, nullable=False, server_default="0"),
    _text("note"),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("flag IN ('', 'pick', 'reject')", name="ck_marks_flag"),
    sa.CheckConstraint("stars BETWEEN 0 AND 5", name="ck_marks_stars"),
)

mark_events = sa.Table(
    "mark_events",
    METADATA,
    _number("event_id"),
    sa.Column("run_id", sa.String(200), nullable=False, index=True),
    _id("image_id"),
    _id("user_id"),
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("undone", sa.Boolean, nullable=False, server_default=sa.false()),
)

uploads = sa.Table(
    "uploads",
    METADATA,
    _id("sha256", key=True),
    _text("file_name"),
    _text("media_type"),
    sa.Column("width_px", sa.Integer, nullable=False),
    sa.Column("height_px", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    _text("object_key"),
    _text("uploaded_by"),
    sa.Column("uploaded_at", UtcDateTime, nullable=False),
)
