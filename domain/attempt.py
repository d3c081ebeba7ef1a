"""An attempt: one paid call, as money sees it. The row outlives the process that made it.

held -> sent -> accepted -> delivered -> settled
  |       |         |
  |       |         +--> released (ended without a bill) | in_doubt
  |       +--> held (429: nothing was created) | released (sure refusal) | in_doubt (silence) | delivered, settled
  +--> released (never sent)
in_doubt -> accepted (its job was found) | settled | released, by evidence and a person's or the vendor's word only;
            no timer frees money.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from domain.render import Job

State = Literal["held", "sent", "accepted", "delivered", "settled", "released", "in_doubt"]
CostSource = Literal["", "vendor", "book", "person"]

OPEN_STATES: frozenset[State] = frozenset({"held", "sent", "accepted", "delivered"})


@dataclass(frozen=True)
class Dimensions:
    """By what finance asks: every cap scope and every report column is one of these."""

    run_id: str
    flow: str
    deployment: str = ""
    campaign: str = ""
    cost_centre: str = ""
    asset_key: str = ""
    sku: str = ""
    stage: str = ""
    tier: str = ""
    vendor: str = ""
    role: str = ""
    model_id: str = ""


@dataclass(frozen=True)
class Intent:
    """What somebody is about to pay for: held at `hold_micros`, its worst price, while `approved_quote` stands."""

    work_key: str
    hold_micros: int
    price_version: str
    dimensions: Dimensions
    request: dict[str, Any] = field(default_factory=dict)
    approved_quote: str = ""


@dataclass(frozen=True)
class Attempt:
    """The row as read."""

    attempt_id: str
    work_key: str
    try_no: int
    state: State
    hold_micros: int
    cost_micros: int | None
    cost_source: CostSource
    price_version: str
    dimensions: Dimensions
    process_id: str
    job: Job | None
    request: dict[str, Any]
    usage: dict[str, int]
    receipt: dict[str, Any]
    model_answered: str
    error_code: str
    error: str
    result_sha256: str
    result_key: str
    held_at: datetime
    ended_at: datetime | None
    in_doubt_at: datetime | None = None
    evidence: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES
