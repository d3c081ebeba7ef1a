"""The whole line with PostgreSQL under it, as a team with many workers has it."""

from collections.abc import Iterator

import pytest

from flows.campaign import campaign
from flows.params import PromoteParams
from flows.promote import promote
from tests.support.line import Line, line_wiring, s3_variables
from tests.support.money import audit
from tests.support.postgres import emptied, postgres_url
from wiring import use

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_url() as url:
        yield url


async def test_drafts_picks_and_publication_run_on_postgresql(line: Line, postgres: str) -> None:
    emptied(postgres).close()
    w = line_wiring(line.folder, line.sandbox.url, s3_variables(line.w), database_url=postgres)
    with use(w):
        opened = await campaign(line.campaign("many-workers", select="person"))
        params = PromoteParams(run_id=opened["run_id"], picks=["A1"], approve="approve", picked_by="Mara")
        report = await promote(params)
        bill = line.sandbox.invoice()
        assert report["published"] == 1
        assert report["bill"]["spent_micros"] == bill["total_micros"]
        audit(w, bill)
        assert (await promote(params))["snapshot"] == report["snapshot"]
        assert line.sandbox.invoice() == bill
    w.close()
