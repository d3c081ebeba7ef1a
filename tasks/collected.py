"""What recovery collected, into the run that wanted it: the image row that a dead process could not write any more.

Sends nothing and moves no stage: the run goes on from there when somebody starts it again, and until then its contact
sheet and its pages show what was paid for.
"""

import logging

from domain.attempt import Attempt
from domain.errors import DraftlineError
from domain.run import Asset
from tasks.paid_calls import Paid
from tasks.paid_images import ImageSpec, record_image
from tasks.wanted import wanted_drafts, wanted_finals
from vendors.contract import Vendor
from wiring import Wiring

log = logging.getLogger("draftline.recovery")


def enter(w: Wiring, vendor: Vendor, attempt: Attempt, paid: Paid) -> str:
    """Write the image into its run; safe to repeat, also beside a process that works on the run.

    Returns why there is no row, "" where there is one or nobody wants one (work that was paid outside of a run).
    """
    try:
        wanted = _wanted(w, attempt)
        if wanted is None:
            return ""
        asset, spec = wanted
        record_image(w, asset, spec, paid, vendor.measure(spec.request).warnings)
    except DraftlineError as error:
        log.warning("recovery.not_entered attempt=%s error=%s", attempt.attempt_id, error)
        return str(error)
    log.info("recovery.entered attempt=%s run=%s", attempt.attempt_id, asset.run_id)
    return ""


def _wanted(w: Wiring, attempt: Attempt) -> tuple[Asset, ImageSpec] | None:
    """The missing image that has this very work key; None where the run is unknown, or has its image already."""
    by = attempt.dimensions
    run = w.runs.find(by.run_id)
    if run is None or by.stage not in ("draft", "final"):
        return None
    for asset in w.runs.assets(run.run_id, [by.asset_key]):
        if by.stage == "draft":
            specs = wanted_drafts(w, run, asset, for_price=True)
        else:
            specs = [spec for _, spec in wanted_finals(w, run, [asset], for_price=True)]
        for spec in specs:
            if spec.request.work_key(spec.ordinal) == attempt.work_key:
                return asset, spec
    return None
