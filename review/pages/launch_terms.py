"""What both launch forms ask beside what is to be pictured: how many, for how much, who chooses. No form fields."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from domain.run import Kind
from tasks.planning import RunOptions

MAX_PERSON_CHARS = 80


class RunTerms(BaseModel):
    """With the flows' own bounds (a test holds them together)."""

    drafts: Annotated[int, Field(ge=1, le=16)]
    select: Literal["person", "auto"]
    cap_cents: Annotated[int, Field(ge=0, le=10_000_000)]
    cost_centre: Annotated[str, Field(max_length=80)]
    degrade: Literal["setting", "off", "gentle"]

    def options(self, kind: Kind, ladder: str, requested_by: str, *, round_no: int = 1) -> RunOptions:
        """As the flow makes them from the same values."""
        return RunOptions(
            kind=kind,
            ladder=ladder,
            select_mode=self.select,
            drafts=self.drafts,
            cap_cents=self.cap_cents,
            round=round_no,
            requested_by=requested_by[:MAX_PERSON_CHARS],
            degrade="" if self.degrade == "setting" else self.degrade,
            cost_centre=self.cost_centre,
        )
