"""Recovery on a schedule: what dead processes left is collected, what is in doubt is judged by evidence and shown."""

from typing import Any

from prefect import flow

from flows.params import RecoveryParams
from tasks.recovery_steps import close_by_evidence, collect_left_behind, look_only, report_recovery, tell_alerts


@flow(name="recovery")
async def recovery(params: RecoveryParams) -> dict[str, Any]:
    """Left behind -> collected | given back | in doubt; in doubt -> closed by evidence | reported with its age."""
    if params.dry_run:
        return await look_only(params.report_older_than_hours)
    recovered = await collect_left_behind()
    proven = await close_by_evidence()
    report = await report_recovery(recovered, proven, params.report_older_than_hours)
    await tell_alerts()
    return report
