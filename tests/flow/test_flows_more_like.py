"""Four more like one draft, from the board's form to the vendors: its own bytes go in, once, and the lineage tells."""

import asyncio

import pytest

from domain.canonical import sha256_hex
from flows.campaign import campaign
from flows.params import CampaignParams
from imaging.decode import decode
from imaging.references import prepare_reference
from review.access.roles import Role
from review.queries.lineage import asset_lineage
from tests.support.board import BoardUnderTest
from tests.support.board_launching import filled
from tests.support.fake_prefect import FakePrefect
from tests.support.line import Line
from tests.support.money import audit

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


def launched(line: Line, run_id: str, label: str) -> CampaignParams:
    """As a creator does it from the contact sheet; the parameters as Prefect got them."""
    under, prefect = BoardUnderTest(line.w), FakePrefect()
    under.board.prefect = prefect.api()
    creator = under.client(Role.CREATOR)
    page = creator.get(f"/launch?from_run={run_id}&asset=kettle&round=next&like={label}").text
    assert creator.submit("/launch/start", **filled(page)).status_code == 303
    return CampaignParams.model_validate(prefect.params[0])


async def test_a_round_like_one_draft_sends_that_draft_pays_once_and_tells_which_it_was(line: Line) -> None:
    first = await campaign(line.campaign("kettle", select="auto"))
    like = line.w.images.of_asset(first["run_id"], "kettle", "draft")[1]
    params = await asyncio.to_thread(launched, line, first["run_id"], like.label)
    already = {one.attempt_id for one in line.attempts()}
    report = await campaign(params)
    assert (report["published"], params.round) == (1, 2)

    (asset,) = line.w.runs.assets(report["run_id"])
    sent = prepare_reference(
        decode(line.w.store.get(like.bucket, like.object_key)), line.w.settings.reference_megapixels
    )
    assert asset.plan["origins"] == [f"upload:{like.sha256}"]
    drafts = line.w.images.of_asset(report["run_id"], "kettle", "draft")
    assert [draft.params["references"] for draft in drafts] == [[sha256_hex(sent.data)]] * 4
    # its look is asked for, of the drafts and, beside the pick, of the final; nothing says that it shows the product
    (final,) = line.w.images.of_asset(report["run_id"], "kettle", "final")
    for image, number in (*((draft, 1) for draft in drafts), (final, 2)):
        assert f"Take the style and colour grading from image {number}." in image.prompt
        assert "The product is the one" not in image.prompt
    (photo,) = asset_lineage(line.w.database, report["run_id"], "kettle").photos
    assert photo.draft is not None
    assert (photo.draft.image_id, photo.draft.title) == (like.image_id, "draft B1 of kettle")

    paid = [one for one in line.attempts() if one.attempt_id not in already]
    # four drafts with one reference each; a final with its select and the draft
    assert sum(one.cost_micros or 0 for one in paid) == 4 * (14_000 + 1_000) + 30_000 + 2 * 15_000
    again = await campaign(params)
    assert "nothing was paid again" in str(again)
    assert len(line.attempts()) == len(already) + len(paid)
    bill = line.sandbox.invoice()
    assert bill["duplicates"] == 0
    audit(line.w, bill)
