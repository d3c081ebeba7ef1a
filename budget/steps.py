"""One step of the ledger as data: what both databases do with it is in ledger_sqlite and ledger_postgresql."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from domain.attempt import Attempt, Intent, State

MAX_NOTE_CHARS = 500

# the column that a state's moment goes to
MOMENT: Mapping[State, str] = {
    "sent": "sent_at",
    "accepted": "accepted_at",
    "delivered": "delivered_at",
    "in_doubt": "in_doubt_at",
    "settled": "ended_at",
    "released": "ended_at",
}
# what a move may write beside the state, in the order in which move.sql takes it
VALUES = (
    "process_id",
    "job_id",
    "poll_url",
    "job",
    "usage",
    "receipt",
    "model_answered",
    "error_code",
    "error",
    "evidence",
    "result_sha256",
    "result_key",
    "cost_micros",
    "cost_source",
    "billed",
)


@dataclass(frozen=True)
class Hold:
    """One hold that is asked for. `after_try` is the newest try that the caller knows of, None when it does not say."""

    attempt_id: str
    intent: Intent
    slots: int
    after_try: int | None
    resend_in_doubt: bool
    by: str
    now: datetime

    @property
    def day(self) -> str:
        return self.now.astimezone(UTC).strftime("%Y-%m-%d")

    def row(self, try_no: int) -> dict[str, Any]:
        """The attempt's row, as it is first written."""
        intent = self.intent
        empty: dict[str, Any] = {"job": {}, "usage": {}, "receipt": {}}
        mine = {"attempt_id": self.attempt_id, "process_id": self.by, "day": self.day, "held_at": self.now}
        asked = {"work_key": intent.work_key, "hold_micros": intent.hold_micros, "request": intent.request}
        state = {"try_no": try_no, "state": "held", "slot_taken": True, "price_version": intent.price_version}
        return {**asdict(intent.dimensions), **mine, **asked, **state, **empty}

    def attempt(self, try_no: int) -> Attempt:
        """What was written, without reading it back."""
        return Attempt(
            attempt_id=self.attempt_id,
            work_key=self.intent.work_key,
            try_no=try_no,
            state="held",
            hold_micros=self.intent.hold_micros,
            cost_micros=None,
            cost_source="",
            price_version=self.intent.price_version,
            dimensions=self.intent.dimensions,
            process_id=self.by,
            job=None,
            request=self.intent.request,
            usage={},
            receipt={},
            model_answered="",
            error_code="",
            error="",
            result_sha256="",
            result_key="",
            held_at=self.now.astimezone(UTC),
            ended_at=None,
        )


@dataclass(frozen=True)
class Held:
    """A hold that stands: which try it is, and the numbers of the alerts that it wrote."""

    try_no: int
    alert_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Move:
    """One change of an attempt's state. `values` are columns of VALUES; an end needs `cost_micros` among them.

    It happens only while `approved_quote` stands, if one is named.
    """

    attempt_id: str
    allowed: frozenset[State]
    to: State
    by: str
    now: datetime
    note: str = ""
    micros: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    approved_quote: str = ""

    def __post_init__(self) -> None:
        unknown = set(self.values) - set(VALUES)
        if unknown:
            raise TypeError(f"a move cannot write {', '.join(sorted(unknown))}")

    @property
    def ends(self) -> bool:
        """The hold goes back, and what it cost is booked in its windows."""
        return self.to in ("settled", "released")

    @property
    def frees_slot(self) -> bool:
        return self.ends or self.to == "in_doubt"

    @property
    def short_note(self) -> str:
        return self.note[:MAX_NOTE_CHARS]


class Steps(Protocol):
    """What a database can do for the ledger. Each call is one transaction; a refusal changes nothing."""

    def hold(self, hold: Hold) -> Held:
        """Raises CapRefused, SlotBusy, AlreadyHeld, StillInDoubt or ApprovalWithdrawn."""
        ...

    def move(self, move: Move) -> None:
        """Raises LedgerConflict when the attempt is in none of the allowed states, and ApprovalWithdrawn."""
        ...
