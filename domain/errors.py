"""The one error tree.

DraftlineError
├── InputError            a brief, feed, ladder, template or argument is wrong: names the file, line and field
│   └── SettingError      a setting is wrong: names the setting
├── MoneyError
│   ├── CapRefused        a hold does not fit a cap: nothing was sent
│   ├── NotApproved       a run needs an approved quote and none stands: nothing was sent
│   │   ├── QuoteChanged  what would be done now is not what was approved
│   │   └── ApprovalWithdrawn  the yes to a run under way was taken back: nothing more is sent
│   ├── PriceMissing      no price for a model on a date: never guess
│   └── LedgerConflict    an attempt is not in the state that a step needs
├── VendorError           an answer, or its absence: retryable? billed? whose fault?
│   ├── VendorRefused     the vendor declined (moderation, validation, credentials): no image
│   ├── VendorBusy        over a limit: nothing was created, ask again later
│   └── VendorSilent      bytes left and no usable answer came back: in doubt
├── ImageError            bytes that cannot be used as an image
├── StorageError          the object store or the database did not do it
│   └── PublishConflict   somebody else moved the catalog pointer and rebasing did not help
├── SelectionError        picks that do not exist, a selection that is closed
└── RunError              a run cannot be opened, found or gone on with
    ├── RunBusy           another living process works on this run
    └── RunCancelled      somebody cancelled the run while it was worked on: nothing more is sent
"""

from typing import Literal

Billed = Literal["yes", "no", "unknown"]
Fault = Literal["caller", "vendor", "network", "policy", "account"]


class DraftlineError(Exception):
    """Base of all. `str(error)` is a sentence for a person; it never holds a key, a signed URL or image bytes."""


class InputError(DraftlineError):
    """Wrong input. `where` names file, line, field (as far as known), `hint` what to do about it."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        text = f"{where}: {message}" if where else message
        super().__init__(f"{text}. {hint}" if hint else text)
        self.message, self.where, self.hint = message, where, hint


class SettingError(InputError):
    """A wrong setting; `where` is its name as an environment variable."""


class MoneyError(DraftlineError):
    """Something about money."""


class CapRefused(MoneyError):
    """A hold, or a whole plan, that does not fit a cap. All amounts in micro-dollars."""

    def __init__(
        self, cap: str, *, limit_micros: int, committed_micros: int, asked_micros: int, scope: str = ""
    ) -> None:
        missing = committed_micros + asked_micros - limit_micros
        super().__init__(
            f"refused by cap {cap}: limit ${limit_micros / 1_000_000:.4f}, already committed "
            f"${committed_micros / 1_000_000:.4f}, asked ${asked_micros / 1_000_000:.4f}, "
            f"missing ${missing / 1_000_000:.4f}; nothing was sent{f' for {scope}' if scope else ''}"
            f"{'; --cap-cents raises it' if cap.startswith('run:') else ''}"
        )
        self.cap, self.limit_micros, self.committed_micros = cap, limit_micros, committed_micros
        self.asked_micros, self.missing_micros = asked_micros, missing


class NotApproved(MoneyError):
    """A run that needs an approved quote, and none stands. Nothing was sent or written."""


class ApprovalWithdrawn(NotApproved):
    """The yes to a run under way was taken back: nothing more is held or sent for it. What was sent is settled."""


class QuoteChanged(NotApproved):
    """What would be done now is not what was approved. `changes` says what is another, in words."""

    def __init__(self, quote_hash: str, changes: list[str], how: str = "") -> None:
        how = how or "`draftline quote` shows the price of now, `draftline approve` approves it"
        super().__init__(
            f"the approval of quote {quote_hash[:12]} is void: {'; '.join(changes)}; nothing was sent. {how}"
        )
        self.quote_hash, self.changes = quote_hash, changes


class PriceMissing(MoneyError):
    """The price book has no price for this model on this date."""


class LedgerConflict(MoneyError):
    """An attempt was not in the state that the step needs (another process was faster, or a bug)."""


class VendorError(DraftlineError):
    """Base of what a vendor's wire can end in.

    retryable: the same request may succeed later, and asking again is safe only if billed == "no".
    billed: "yes" (settle `cost_micros`), "no" (release), "unknown" (in doubt: stays held).
    model_answered: whose prices a billed `usage` has; "" where that is the model that was asked.
    """

    retryable: bool = False
    billed: Billed = "unknown"

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        code: str,
        fault: Fault,
        retryable: bool | None = None,
        billed: Billed | None = None,
        retry_after_s: float | None = None,
        usage: object | None = None,
        cost_micros: int | None = None,
        model_answered: str = "",
    ) -> None:
        said = message.casefold()
        told = code in said or code.replace("-", " ") in said
        super().__init__(f"{vendor}: {message}" if told else f"{vendor}: {message} ({code})")
        self.vendor, self.code, self.fault = vendor, code, fault
        self.retryable = type(self).retryable if retryable is None else retryable
        self.billed: Billed = type(self).billed if billed is None else billed
        self.retry_after_s = retry_after_s
        self.usage = usage
        self.cost_micros = cost_micros
        self.model_answered = model_answered


class VendorRefused(VendorError):
    """The vendor declined and said so. `code` is "moderated" for policy refusals."""

    billed = "no"


class VendorBusy(VendorError):
    """Over a limit or, before any byte left, no connection: nothing was created."""

    retryable, billed = True, "no"


class VendorSilent(VendorError):
    """Bytes left and no usable answer came back. The money stays held."""


class ImageError(DraftlineError):
    """Bytes that cannot be used as an image; `reason` is a short stable word such as "truncated"."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{message} ({reason})")
        self.reason = reason


class StorageError(DraftlineError):
    """The object store or the database refused or is out of reach."""


class PublishConflict(StorageError):
    """The catalog pointer moved under us more often than we are willing to rebase."""


class SelectionError(DraftlineError):
    """Picks that do not exist on the sheet, or a selection that is already closed with other picks."""


class RunError(DraftlineError):
    """A run that cannot be opened, found or gone on with."""


class RunBusy(RunError):
    """Another living process works on this run."""


class RunCancelled(RunError):
    """Somebody cancelled this run while it was worked on. Nothing more is sent; what was sent stays committed."""
