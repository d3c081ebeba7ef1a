"""A run, its assets and the images that were made for them: the records that every stage reads and writes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["campaign", "catalog"]
SelectMode = Literal["auto", "person"]
RunStatus = Literal["planned", "running", "awaiting_selection", "published", "incomplete", "failed"]
AssetState = Literal["planned", "drafted", "open", "selected", "final", "published", "set_aside", "failed"]
Stage = Literal["draft", "final", "upscale", "rendition"]
STAGES: tuple[Stage, ...] = ("draft", "final", "upscale", "rendition")
CANCELLED_BY = "cancelled by "
"""How the note of a run begins that somebody cancelled; whoever works on it stops at this note."""


@dataclass(frozen=True)
class Run:
    """One run of a flow. `run_id` comes from its plan: the same wish is the same run, and goes on where it stopped."""

    run_id: str
    kind: Kind
    name: str
    flow: str
    ladder: str
    select_mode: SelectMode
    status: RunStatus
    plan: dict[str, Any]
    quote: dict[str, Any]
    warnings: tuple[str, ...] = ()
    status_note: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Asset:
    """One brief inside a run. `plan` holds models, sizes and reference digests as decided when the run was opened."""

    run_id: str
    asset_key: str
    ordinal: int
    sku: str
    title: str
    fingerprint: str
    brief: dict[str, Any]
    plan: dict[str, Any]
    state: AssetState = "planned"
    problem: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageRecord:
    """One image, with its whole descent. `params` are the request's sizes and whatever else decided the pixels."""

    image_id: str
    run_id: str
    asset_key: str
    stage: Stage
    ordinal: int
    sha256: str
    media_type: str
    width_px: int
    height_px: int
    size_bytes: int
    bucket: str
    object_key: str
    label: str = ""
    parent_id: str = ""
    attempt_id: str = ""
    model_asked: str = ""
    model_answered: str = ""
    prompt_version: str = ""
    prompt: str = ""
    axes: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScoreRecord:
    image_id: str
    overall: float
    evidence: dict[str, Any]
    signature: str


@dataclass(frozen=True)
class Selection:
    """Which drafts of an asset go on. `picks` are labels such as A1; `reasons` say why, per label."""

    run_id: str
    asset_key: str
    mode: SelectMode
    state: Literal["open", "closed"]
    picks: tuple[str, ...] = ()
    reasons: dict[str, Any] = field(default_factory=dict)
    picked_by: str = ""
    sheet_key: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Publication:
    """What a catalog shows for a SKU now."""

    catalog: str
    sku: str
    fingerprint: str
    run_id: str
    version: int
    manifest_key: str


def label_of(ordinal: int, columns: int = 4) -> str:
    """The label of a draft on its contact sheet: letters are columns, numbers rows; 0 is A1, 1 is B1, 4 is A2."""
    return f"{chr(ord('A') + ordinal % columns)}{ordinal // columns + 1}"
