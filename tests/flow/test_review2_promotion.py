"""Promotion: no way round an approval by picks, and going back to an old brief shows its picture again."""

import re
from pathlib import Path

import pytest

from budget.approvals import Approvals
from domain.errors import NotApproved, QuoteChanged
from flows.campaign import campaign
from flows.params import CampaignParams, PromoteParams
from flows.promote import promote
from tasks.plans import plan_run, plan_stored
from tasks.wishes import wishes_of_brief
from tests.support.line import Line
from tests.support.money import audit

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


def picks(run_id: str, *labels: str) -> PromoteParams:
    return PromoteParams(run_id=run_id, picks=list(labels), approve="approve", picked_by="Mara")


async def approved(line: Line, params: CampaignParams) -> CampaignParams:
    planned = await plan_run(line.w, await wishes_of_brief(line.w, params.brief(), Path()), params.options())
    kept = Approvals(line.w.database, line.w.now)
    hash_ = kept.record_quote(planned.quote, planned.run.run_id, "campaign", planned.run.name, "test")
    kept.approve(hash_, "Ada", "spring")
    return params.model_copy(update={"approved_quote": hash_})


async def test_many_picks_are_no_way_round_the_approval_that_a_dear_run_needs(line: Line) -> None:
    """Quoted with one final at 2 x 1.4 + 4.5 = 7.3 cents; three finals come to 16.3."""
    line.w.settings.require_approval_above_cents = 10
    run_id = (await campaign(line.campaign("many", select="person", drafts=2)))["run_id"]
    drafts = line.sandbox.invoice()
    with pytest.raises(NotApproved, match=r"above .*fewer picks cost less"):
        await promote(picks(run_id, "A1,B1"))
    assert line.sandbox.invoice() == drafts
    assert line.w.selections.of_run(run_id)["many"].state == "open"
    for _ in range(2):
        assert (await promote(picks(run_id, "A1")))["published"] == 1
    assert line.sandbox.billed_micros() <= 100_000
    audit(line.w, line.sandbox.invoice())


async def test_more_picks_than_were_approved_are_refused_before_they_are_closed_and_go_under_an_approval_of_their_own(
    line: Line,
) -> None:
    """Cheap drafts leave slack under the approved worst price; more finals are not what it is for."""
    params = await approved(line, line.campaign("slack", select="person", drafts=5))
    line.sandbox.rules({"match": {"vendor": "bfl"}, "fault": "price_change", "factor": 0.01})
    run_id = (await campaign(params))["run_id"]
    line.sandbox.rules()
    drafts = line.sandbox.invoice()
    with pytest.raises(QuoteChanged, match=r"1 final became 2; .* costs \$0.0900 at worst: `draftline approve") as void:
        await promote(picks(run_id, "A1,B1"))
    assert line.sandbox.invoice() == drafts
    assert line.w.selections.of_run(run_id)["slack"].state == "open"
    assert line.w.runs.get(run_id).status == "awaiting_selection"
    (more,) = re.findall(r"promote --approved (\w{64})", str(void.value))
    two = picks(run_id, "A1,B1").model_copy(update={"approved_quote": more})
    with pytest.raises(NotApproved, match="nobody approved quote"):
        await promote(two)
    kept = Approvals(line.w.database, line.w.now)
    kept.approve(more, "Ada", "two of them")
    assert (await promote(two))["published"] == 1
    assert len(line.w.images.of_run(run_id, "final")) == 2
    assert line.w.runs.get(run_id).plan["approved_quote"] == more
    audit(line.w, line.sandbox.invoice())


async def test_a_run_with_two_finals_is_known_by_its_quote_while_it_goes_on(line: Line) -> None:
    run_id = (await campaign(line.campaign("double", select="person")))["run_id"]
    two = await plan_stored(line.w, run_id, {"double": ("A1", "B1")})
    kept = Approvals(line.w.database, line.w.now)
    more = kept.record_quote(two.quote, run_id, "campaign", "double", "test")
    kept.approve(more, "Ada", "two of them")
    await promote(picks(run_id, "A1,B1").model_copy(update={"approved_quote": more}))
    done = (await plan_stored(line.w, run_id)).quote
    assert (done.hash, done.range.worst, done.asked_micros) == (more, 0, 0)


async def test_going_back_to_an_old_brief_shows_its_picture_again_and_pays_nothing(line: Line) -> None:
    old, new = (line.campaign("toggle", subject=f"a {colour} kettle") for colour in ("red", "blue"))
    first, second = await campaign(old), await campaign(new)
    bill = line.sandbox.invoice()
    versions = [first["version"], second["version"]]
    for params, like in ((old, first), (new, second), (old, first)):
        report = await campaign(params)
        assert report["run_id"] == like["run_id"]
        versions.append(report["version"])
        assert line.published(report, "toggle") == line.published(like, "toggle")
        idle = await campaign(params)
        assert idle["idle"] == "published before; nothing was paid again"
    assert versions == sorted(set(versions))
    assert line.sandbox.invoice()["total_micros"] == bill["total_micros"]
    audit(line.w, bill)
