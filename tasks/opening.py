"""Opening a run: plan it, refuse it before anything is sent if its worst price does not fit, write it."""

import asyncio
from dataclasses import dataclass, replace

from prefect import task
from prefect.artifacts import acreate_markdown_artifact

from budget.approvals import Approvals
from budget.caps import Cap
from domain.errors import SettingError
from domain.money import from_cents
from storage.objects import keys
from tasks.approving import check_approval, keep_to_approval
from tasks.manifests import is_hidden
from tasks.media import extension_of
from tasks.out import write_out
from tasks.planning import Planned, RunOptions
from tasks.plans import FINISHED, plan_run, quote_markdown, set_aside_csv
from tasks.quoting import LOCAL, asked_parts
from tasks.recoveries import recover_before_run
from tasks.wishes import Wishes
from wiring import Wiring, current
from wiring.vendors import sandbox_address


@dataclass(frozen=True)
class Opened:
    """A run ready to go on. `idle` says why there is nothing to do, "" when there is.

    `set_aside` is the file that names the rows and products without a picture, "" when there are none.
    `is_hidden`: published before, and its catalog shows another run's picture by now; it only has to be shown again.
    """

    run_id: str
    select_mode: str
    asset_keys: tuple[str, ...]
    idle: str = ""
    set_aside: str = ""
    worst_micros: int = 0
    is_hidden: bool = False


@task(name="open-run")
async def open_run(wishes: Wishes, options: RunOptions, catalog: str = "", approved_quote: str = "") -> Opened:
    """Write the run and its assets. Before anything is sent or written raises CapRefused, naming cap, use and missing
    amount, and NotApproved or QuoteChanged, naming what is another than was approved.
    """
    w = current()
    await recover_before_run(w)
    planned = await plan_run(w, wishes, options, catalog)
    aside = await asyncio.to_thread(_report_set_aside, w, planned)
    run = planned.run
    if not planned.assets:
        return Opened("", run.select_mode, (), idle=_why_nothing(planned), set_aside=aside)
    known = await asyncio.to_thread(w.runs.find, run.run_id)
    if known is not None and known.status in FINISHED:
        if await asyncio.to_thread(is_hidden, w, known):
            return Opened(run.run_id, run.select_mode, (), is_hidden=True)
        return Opened(run.run_id, run.select_mode, (), idle="published before; nothing was paid again")
    _check_keys(w, planned)
    # a run that was opened under an approval stays under it until another one is named
    under = approved_quote or str(run.plan.get("approved_quote", ""))
    await asyncio.to_thread(check_approval, w, planned, under)
    await asyncio.to_thread(check_caps, w, planned, options.cap_cents, under)
    await asyncio.to_thread(_store_references, w, planned)
    await asyncio.to_thread(_write, w, planned, under)
    await acreate_markdown_artifact(quote_markdown(planned), key="quote", description=f"Quote of {run.run_id}")
    keys_ = tuple(asset.asset_key for asset in planned.assets)
    return Opened(run.run_id, run.select_mode, keys_, worst_micros=planned.quote.range.worst)


def check_caps(w: Wiring, planned: Planned, cap_cents: int, approved_quote: str = "") -> None:
    """Set the run's own cap and see that the worst case of what is still to be held fits every cap.

    Going on with a run without --cap-cents leaves the cap that somebody gave it. An approved run has no more than what
    its approval leaves it.
    """
    run = planned.run
    limit = from_cents(cap_cents or w.settings.cap_run_cents)
    cap = Cap(f"run:{run.run_id}", "run_id", run.run_id, "total", limit)
    by = str(run.plan.get("requested_by") or "draftline")
    if cap_cents:
        w.ledger.set_cap(cap, by=by, why="--cap-cents")
    if approved_quote:
        keep_to_approval(w, planned, approved_quote)
    elif not cap_cents and Approvals(w.database, w.now).given_cap_micros(cap.cap_id) is None:
        w.ledger.set_default_caps([cap], by="settings", why="DRAFTLINE_CAP_RUN_CENTS")
    w.ledger.check_plan(asked_parts(w, planned), f"run {run.run_id}")


def _write(w: Wiring, planned: Planned, approved_quote: str) -> None:
    """The run's rows. A known run keeps its plan, but for the approval under which it goes on."""
    run = planned.run
    under = {"approved_quote": approved_quote}
    if not w.runs.open(replace(run, plan=run.plan | under), planned.assets):
        known = w.runs.get(run.run_id)
        w.runs.update(run.run_id, known.status, known.status_note, plan=known.plan | under)


def _check_keys(w: Wiring, planned: Planned) -> None:
    """A live run without a vendor's key, or a sandbox run without its address, is refused here by the setting."""
    if w.settings.vendors != "live":
        sandbox_address(w.settings)
        return
    for vendor in sorted({line.vendor for line in planned.quote.lines} - {LOCAL}):
        if not getattr(w.settings, f"{vendor}_api_key").get_secret_value():
            raise SettingError(
                f"this plan needs {vendor}, and no key is set", where=f"DRAFTLINE_{vendor.upper()}_API_KEY"
            )


def _why_nothing(planned: Planned) -> str:
    if planned.unchanged:
        return f"none of the {len(planned.unchanged)} products changed since they were published; nothing was paid"
    rows = planned.wishes.set_aside if planned.wishes else ()
    if rows:
        first = f"line {rows[0].line}, {rows[0].sku or 'no SKU'}: {rows[0].reason}"
        return f"all {len(rows)} rows and products were set aside ({first})" if rows[1:] else f"set aside: {first}"
    return "there is nothing to make pictures of"


def _store_references(w: Wiring, planned: Planned) -> None:
    """The photos that go in, under their digests: a later stage on another machine finds them.

    First a look whether the store answers at all: before the first cent, not after it.
    """
    w.store.require_buckets()
    for reference in planned.references.values():
        key = keys.original(reference.sha256, extension_of(reference.media_type))
        w.store.put_immutable(w.store.private, key, reference.data, reference.media_type)


def _report_set_aside(w: Wiring, planned: Planned) -> str:
    """The report's path; "" where nothing was set aside."""
    rows = planned.wishes.set_aside if planned.wishes else ()
    if not rows:
        return ""
    folder = planned.run.run_id if planned.assets else planned.run.name
    return str(write_out(w, folder, "set-aside.csv", set_aside_csv(rows)))
