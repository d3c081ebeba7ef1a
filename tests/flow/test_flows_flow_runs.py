"""Which flow runs worked on a run is written down, so that the board can lead to Prefect's page."""

import pytest

from flows.campaign import campaign
from flows.params import PromoteParams
from flows.promote import promote
from tests.support.line import Line

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


async def test_drafts_and_promotion_are_two_flow_runs_with_their_people(line: Line) -> None:
    opened = await campaign(line.campaign("kettle", select="person", requested_by="Mara"))
    run_id = opened["run_id"]
    picks = PromoteParams(run_id=run_id, picks=["A1"], approve="approve", picked_by="Jonas")
    await promote(picks)
    found = line.w.flow_runs.of_run(run_id)
    assert [flow.started_by for flow in found] == ["Jonas", "Mara"]
    assert len({flow.flow_run_id for flow in found}) == 2
    assert {flow.deployment for flow in found} == {""}
