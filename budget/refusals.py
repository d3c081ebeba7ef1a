"""What the ledger says no with, beside CapRefused. In each case nothing changed."""

from domain.errors import ApprovalWithdrawn, LedgerConflict


class AlreadyHeld(LedgerConflict):
    """This work is held, sent or paid already; nothing was held a second time."""


class StillInDoubt(LedgerConflict):
    """An earlier try at this work was sent and nobody knows how it ended; nothing was held a second time."""

    def __init__(self, attempt_id: str) -> None:
        super().__init__(f"attempt {attempt_id[:12]} at this work is in doubt: not sent again without a policy for it")
        self.attempt_id = attempt_id


class SlotBusy(LedgerConflict):
    """Every active-job slot of the vendor is taken; nothing was held. Ask again when one of ours has ended."""


class MovedOn(LedgerConflict):
    """An attempt is not in the state that a step needs: another process was faster. Nothing changed; look again."""


def in_the_way(work_key: str, state: str) -> AlreadyHeld:
    return AlreadyHeld(f"work {work_key[:12]} is {state} already: not held a second time")


def tried_meanwhile(work_key: str, newest: int) -> AlreadyHeld:
    return AlreadyHeld(f"work {work_key[:12]} was tried by another process meanwhile (try {newest})")


def no_slot(vendor: str, slots: int) -> SlotBusy:
    return SlotBusy(f"all {slots} active jobs of {vendor} are taken")


def not_approved(quote_hash: str, withdrawn_by: str | None, at: str | None) -> ApprovalWithdrawn:
    """`at` in UTC as people read it; None for both where no approval was ever given."""
    who = f"{withdrawn_by} withdrew the approval of" if at else "nobody approved"
    when = f" on {at} UTC" if at else ""
    return ApprovalWithdrawn(
        f"{who} quote {quote_hash[:12]}{when}; nothing more is sent, and what was sent before is collected and settled"
    )


def cannot_move(attempt_id: str, state: str | None, to: str) -> LedgerConflict:
    if state is None:
        return LedgerConflict(f"there is no attempt {attempt_id}")
    return MovedOn(f"attempt {attempt_id} is {state}, so it cannot become {to}")
