"""Tables of the work: runs, assets, images, scores, selections, publications, processes. Money is in money_tables.

Primary keys are meaningful and computed by the caller, so that writing the same step twice meets itself.
"""

import sqlalchemy as sa

from storage.database.types import UtcDateTime

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str, *, key: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(200), primary_key=key, nullable=False)


def _text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=null, server_default=None if null else "")


def _number(name: str) -> "sa.Column[int]":
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, primary_key=True, autoincrement=True)


processes = sa.Table(
    "processes",
    METADATA,
    _id("process_id", key=True),
    _text("host"),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("pid_started", sa.BigInteger, nullable=False),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
)

leases = sa.Table(
    "leases",
    METADATA,
    _id("name", key=True),
    _id("process_id"),
    sa.Column("taken_at", UtcDateTime, nullable=False),
)

runs = sa.Table(
    "runs",
    METADATA,
    _id("run_id", key=True),
    _text("kind"),
    _text("name"),
    _text("flow"),
    _text("ladder"),
    _text("select_mode"),
    _text("status"),
    _text("status_note"),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("quote", sa.JSON, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

assets = sa.Table(
    "assets",
    METADATA,
    sa.Column("run_id", sa.String(200), sa.ForeignKey("runs.run_id"), primary_key=True),
    _id("asset_key", key=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    _text("sku"),
    _text("title"),
    _text("fingerprint"),
    sa.Column("brief", sa.JSON, nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    _text("state"),
    _text("problem"),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

images = sa.Table(
    "images",
    METADATA,
    _id("image_id", key=True),
    _id("run_id"),
    _id("asset_key"),
    _text("stage"),
    sa.Column("ordinal", sa.Integer, nullable=False),
    _text("label"),
    _text("parent_id"),
    _text("attempt_id"),
    _text("model_asked"),
    _text("model_answered"),
    _text("prompt_version"),
    _text("prompt"),
    sa.Column("axes", sa.JSON, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=True),
    sa.Column("params", sa.JSON, nullable=False),
    _text("sha256"),
    _text("media_type"),
    sa.Column("width_px", sa.Integer, nullable=False),
    sa.Column("height_px", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    _text("bucket"),
    _text("object_key"),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("run_id", "asset_key", "stage", "ordinal"),
)

scores = sa.Table(
    "scores",
    METADATA,
    _id("image_id", key=True),
    sa.Column("overall", sa.Float, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    _text("signature"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

selections = sa.Table(
    "selections",
    METADATA,
    _id("run_id", key=True),
    _id("asset_key", key=True),
    _text("mode"),
    _text("state"),
    sa.Column("picks", sa.JSON, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    _text("picked_by"),
    _text("sheet_key"),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime, nullable=True),
)

publications = sa.Table(
    "publications",
    METADATA,
    _id("catalog", key=True),
    _id("sku", key=True),
    _text("fingerprint"),
    _id("run_id"),
    sa.Column("version", sa.Integer, nullable=False),
    _text("manifest_key"),
    sa.Column("published_at", UtcDateTime, nullable=False),
)

flow_runs = sa.Table(
    "flow_runs",
    METADATA,
    _id("flow_run_id", key=True),
    sa.Column("run_id", sa.String(200), nullable=False, index=True),
    _text("deployment"),
    _text("started_by"),
    sa.Column("started_at", UtcDateTime, nullable=False),
)
