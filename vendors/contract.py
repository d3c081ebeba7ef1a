"""The one contract of a vendor: measure, submit, collect.

A vendor turns a neutral request into its wire and the answer into a receipt. It knows no budget, no storage and no
Prefect, never retries a paid request, and asks nothing of the environment. One small folder each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from domain.render import Job, Measured, Receipt, RenderRequest


@dataclass(frozen=True)
class Accepted:
    """The vendor took the work and will be asked for it: commit `job` before anything else."""

    job: Job


@dataclass(frozen=True)
class Delivered:
    """A synchronous vendor answered with the picture itself."""

    receipt: Receipt


class Vendor(Protocol):
    """One paid API.

    name: as in the price book ("bfl", "google"). can_be_asked_again: whether accepted work can be collected later.
    max_active: how many unfinished requests the vendor allows at once, for one key.
    """

    name: str
    can_be_asked_again: bool
    max_active: int

    def measure(self, request: RenderRequest) -> Measured:
        """Price basis of a request and the wishes that cannot be honoured; pure, no I/O. Raises InputError."""
        ...

    def takes_seed(self, model_id: str) -> bool:
        """Whether a seed is honoured, so that nobody wishes for one in vain. Raises InputError for an unknown model."""
        ...

    async def submit(self, request: RenderRequest) -> Accepted | Delivered:
        """Send the one paid request, exactly once.

        Raises VendorBusy (nothing was created; retry_after_s when hinted), VendorRefused (sure refusal, `billed` says
        whether it cost; `usage` the billed Usage if any), VendorSilent (bytes left, no usable answer: in doubt).
        """
        ...

    async def collect(self, job: Job, *, on_progress: Callable[[str], None] | None = None) -> Receipt:
        """Ask for accepted work until it ends or the deadline passes; safe to call any number of times.

        Raises VendorRefused (ended without an image), VendorBusy (still pending at the deadline, or the vendor is out
        of reach: ask later, the money stays held, `billed` is "unknown"), VendorSilent (the vendor no longer knows it).
        """
        ...


@runtime_checkable
class TellsBalance(Protocol):
    """A vendor with a prepaid account that says what is left: the only evidence where no job can be looked for.

    Neither BFL nor Gemini's synchronous calls list jobs or find one by its request, so there is no such question here:
    what was sent and never answered can be judged by the balance (BFL) or by a person with the invoice (both).
    """

    async def balance_micros(self) -> int | None:
        """What is left, exactly; None when the vendor did not say so now. A free call that never raises VendorError."""
        ...
