"""What the board starts is what the flow makes: the form's parameters, its photo, its hash, through the real line."""

import asyncio
import re
from pathlib import Path

import pytest

from flows.campaign import campaign
from flows.params import CampaignParams
from review.access.roles import Role
from tests.support.board import BoardUnderTest
from tests.support.fake_prefect import FakePrefect
from tests.support.line import Line

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]
PHOTO = Path(__file__).parents[2] / "samples" / "photos" / "stoneware-mug.png"


def launched(line: Line) -> CampaignParams:
    """Through the form, with a photo, as a creator does it; the parameters as Prefect got them."""
    under, prefect = BoardUnderTest(line.w), FakePrefect()
    under.board.prefect = prefect.api()
    creator = under.client(Role.CREATOR)
    fields = {"subject": "a red kettle", "ladder": "tiny", "drafts": "2", "select": "auto", "cost_centre": "spring"}
    fields |= {"form_id": "f1", "own_name": "tile", "own_width_px": "256", "own_height_px": "256"}
    page = creator.submit("/launch/preview", files={"photos": ("kettle.png", PHOTO.read_bytes())}, **fields).text
    for name in ("references", "quote_hash"):
        found = re.search(rf'name="{name}" value="([^"]+)"', page)
        assert found is not None, name
        fields[name] = found[1]
    assert creator.submit("/launch/start", **fields).status_code == 303
    return CampaignParams.model_validate(prefect.params[0])


async def test_a_run_that_the_board_started_is_published_under_its_quote_and_its_cost_centre(line: Line) -> None:
    params = await asyncio.to_thread(launched, line)
    report = await campaign(params)
    assert report["published"] == 1
    (launch,) = line.w.launches.newest("started")
    run = line.w.runs.get(report["run_id"])
    assert (run.run_id, run.plan["approved_quote"]) == (launch.run_id, launch.quote_hash)
    assert {one.dimensions.cost_centre for one in line.attempts()} == {"spring"}
    assert len(line.attempts()) == 3
    (asset,) = line.w.runs.assets(run.run_id)
    assert len(asset.plan["references"]) == 1
