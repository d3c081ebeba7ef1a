"""The steps of the recovery flow, as Prefect tasks: collect, judge, tell, report."""

import asyncio
from typing import Any

from prefect import task
from prefect.artifacts import acreate_markdown_artifact

from tasks.alerts import tell_untold_alerts
from tasks.doubts import doubts, warn_of_old
from tasks.evidence import Proven, resolve_by_balance, take_readings
from tasks.recoveries import Recovered, left_behind, recover_attempts, tally
from tasks.recovery_report import Pass, recovery_markdown
from wiring import current


@task(name="collect-left-behind")
async def collect_left_behind() -> list[Recovered]:
    """Everything of processes that are gone, to its end; then the books say what is still in doubt."""
    return await recover_attempts(current())


@task(name="close-by-evidence")
async def close_by_evidence() -> list[Proven]:
    """A reading of each balance, then whatever two readings prove."""
    await take_readings(current(), by="recovery")
    return await asyncio.to_thread(resolve_by_balance, current())


@task(name="tell-alerts")
async def tell_alerts() -> int:
    """Alerts that a process wrote and could not tell any more."""
    return await asyncio.to_thread(tell_untold_alerts, current())


@task(name="report-recovery")
async def report_recovery(recovered: list[Recovered], proven: list[Proven], old_after_hours: int) -> dict[str, Any]:
    found = await asyncio.to_thread(lambda: doubts(current(), old_after_hours=old_after_hours))
    warn_of_old(found)
    await _show(Pass(recovered, proven, found))
    return {"recovered": tally(recovered), "closed": len(proven), "in_doubt": len(found)}


@task(name="look-at-left-behind")
async def look_only(old_after_hours: int) -> dict[str, Any]:
    """What a pass would take up; changes nothing."""
    left = await asyncio.to_thread(left_behind, current())
    found = await asyncio.to_thread(lambda: doubts(current(), old_after_hours=old_after_hours))
    await _show(Pass((), (), found, left=left, is_dry=True))
    return {"would_recover": len(left), "in_doubt": len(found)}


async def _show(done: Pass) -> None:
    await acreate_markdown_artifact(recovery_markdown(done), key="recovery", description="What was left behind")
