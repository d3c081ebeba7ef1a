"""A person's word on an attempt in doubt: settle or release it by evidence, for the command line and the board.

No timer ever does this. What may not live here: how the word was typed in.
"""

from dataclasses import dataclass

from domain.attempt import Attempt
from domain.errors import InputError
from domain.money import Micros
from wiring import Wiring

MAX_WHY_CHARS = 400


@dataclass(frozen=True)
class Word:
    """What the vendor billed in micros, or None when it billed nothing; who says so, and by what evidence."""

    billed_micros: Micros | None
    by: str
    why: str

    def __post_init__(self) -> None:
        for option, given in (("--by", self.by), ("--why", self.why)):
            if not given.strip():
                raise InputError("a word about money has a name and a reason", where=option)
        if len(self.why) > MAX_WHY_CHARS:
            raise InputError(f"the evidence is longer than {MAX_WHY_CHARS} characters", where="--why")

    @property
    def evidence(self) -> str:
        return f"resolved by {self.by.strip()}: {self.why.strip()}"


def resolve(w: Wiring, attempt_id: str, word: Word) -> Attempt:
    """The attempt as it is then. Raises InputError when it is not in doubt, LedgerConflict if that changed just now."""
    found = w.ledger.get(attempt_id)
    if found.state != "in_doubt":
        raise InputError(f"attempt {attempt_id} is {found.state}, not in doubt", where="attempts resolve")
    text = word.evidence
    if word.billed_micros is None:
        w.ledger.release(attempt_id, code="resolved", note=text, evidence=text)
    else:
        w.ledger.settle(attempt_id, word.billed_micros, source="person", note=text, evidence=text)
    return w.ledger.get(attempt_id)
