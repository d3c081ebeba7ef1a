"""Quotes that bind, through the flows: what was approved is done, anything else is refused before a byte is sent."""

from pathlib import Path
from typing import Any

import pytest

from budget.approvals import Approvals
from domain.errors import ApprovalWithdrawn, NotApproved, QuoteChanged, VendorBusy
from domain.render import Job, Receipt
from flows.campaign import campaign
from flows.params import CampaignParams, PromoteParams
from flows.promote import promote
from tasks.plans import plan_run, plan_stored
from tasks.wishes import wishes_of_brief
from tests.support.line import Line
from tests.support.money import audit
from tests.support.quotes import change_book, dearer
from vendors.bfl.client import Bfl

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]
FINAL_MODEL = "flux-2-pro"


async def approved(line: Line, params: CampaignParams) -> CampaignParams:
    """Quoted and approved, as by `draftline quote` and `draftline approve`."""
    planned = await plan_run(line.w, await wishes_of_brief(line.w, params.brief(), Path()), params.options())
    hash_ = approvals(line).record_quote(planned.quote, planned.run.run_id, "campaign", planned.run.name, "test")
    approvals(line).approve(hash_, "Ada", "spring")
    return params.model_copy(update={"approved_quote": hash_})


def approvals(line: Line) -> Approvals:
    return Approvals(line.w.database, line.w.now)


def picks(run_id: str, *labels: str) -> PromoteParams:
    return PromoteParams(run_id=run_id, picks=list(labels), approve="approve", picked_by="Mara")


async def test_an_approved_run_is_published_and_settles_at_no_more_than_its_worst(line: Line) -> None:
    params = await approved(line, line.campaign("approved"))
    offer = approvals(line).quote(params.approved_quote)
    report = await campaign(params)
    bill = line.sandbox.invoice()
    assert report["published"] == 1
    assert offer is not None
    assert 0 < audit(line.w, bill).settled <= offer.worst_micros
    assert line.w.runs.get(report["run_id"]).plan["approved_quote"] == params.approved_quote


async def test_a_price_change_after_the_approval_refuses_the_run_before_anything_is_sent(line: Line) -> None:
    params = await approved(line, line.campaign("repriced"))
    change_book(line.w, line.folder, dearer(FINAL_MODEL, "first_mp", 40_000))
    with pytest.raises(QuoteChanged, match=r"price of flux-2-pro went from \$0.0450 to \$0.0550 a final"):
        await campaign(params)
    assert line.sandbox.invoice()["lines"] == []
    assert line.attempts() == []
    assert line.w.runs.newest() == []


async def test_a_run_that_stopped_half_way_goes_on_under_the_same_approval(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = await approved(line, line.campaign("resumed", drafts=3))
    collect = Bfl.collect

    async def only_drafts(self: Bfl, job: Job, **more: Any) -> Receipt:
        if job.facts["model_id"] == FINAL_MODEL:
            raise VendorBusy("out of reach", vendor="bfl", code="t", fault="network", billed="unknown")
        return await collect(self, job, **more)

    with monkeypatch.context() as stopped:
        stopped.setattr(Bfl, "collect", only_drafts)
        assert (await campaign(params))["published"] == 0
    assert {a.state for a in line.attempts()} == {"settled", "accepted"}
    assert (await campaign(params))["published"] == 1
    assert line.sandbox.invoice()["duplicates"] == 0
    audit(line.w, line.sandbox.invoice())


async def test_a_withdrawn_approval_stops_a_run_under_way_and_what_was_sent_is_settled(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = await approved(line, line.campaign("stopped", drafts=3))
    collect = Bfl.collect

    async def withdraw_meanwhile(self: Bfl, job: Job, **more: Any) -> Receipt:
        if approvals(line).standing(params.approved_quote):
            approvals(line).withdraw(params.approved_quote, "Grace")
        return await collect(self, job, **more)

    with monkeypatch.context() as under_way:
        under_way.setattr(Bfl, "collect", withdraw_meanwhile)
        with pytest.raises(ApprovalWithdrawn, match="Grace withdrew"):
            await campaign(params)
    (run,) = line.w.runs.newest()
    assert (run.status, "Grace withdrew" in run.status_note) == ("incomplete", True)
    # a draft that had its hold and was not sent yet gave it back
    assert "settled" in {a.state for a in line.attempts()} <= {"settled", "released"}
    sent = line.sandbox.invoice()
    assert {billed["model"] for billed in sent["lines"]} == {"flux-2-klein-4b"}
    with pytest.raises(NotApproved, match="Grace withdrew"):
        await campaign(params)
    assert line.sandbox.invoice() == sent
    approvals(line).approve(params.approved_quote, "Ada", "after all")
    assert (await campaign(params))["published"] == 1
    assert line.sandbox.invoice()["duplicates"] == 0
    audit(line.w, line.sandbox.invoice())


async def test_a_promotion_is_bound_by_the_approval_of_its_run(line: Line) -> None:
    params = await approved(line, line.campaign("picked", select="person"))
    run_id = (await campaign(params))["run_id"]
    drafts = line.sandbox.invoice()
    change_book(line.w, line.folder, dearer(FINAL_MODEL, "first_mp", 40_000))
    with pytest.raises(QuoteChanged, match="price of flux-2-pro"):
        await promote(picks(run_id, "A1"))
    assert line.sandbox.invoice() == drafts
    assert line.w.runs.get(run_id).status == "awaiting_selection"
    change_book(line.w, line.folder, lambda content: None)
    approvals(line).withdraw(params.approved_quote, "Grace")
    with pytest.raises(NotApproved, match="Grace withdrew"):
        await promote(picks(run_id, "A1"))
    approvals(line).approve(params.approved_quote, "Ada", "after all")
    assert (await promote(picks(run_id, "A1")))["published"] == 1


async def test_a_run_opened_under_an_approval_stays_under_it_when_nobody_names_one(line: Line) -> None:
    params = await approved(line, line.campaign("bound", select="person"))
    run_id = (await campaign(params))["run_id"]
    change_book(line.w, line.folder, dearer(FINAL_MODEL, "first_mp", 40_000))
    with pytest.raises(QuoteChanged):
        await campaign(params.model_copy(update={"approved_quote": ""}))
    again = await plan_stored(line.w, run_id)
    hash_ = approvals(line).record_quote(again.quote, run_id, "campaign", "bound", "test")
    approvals(line).approve(hash_, "Ada", "the new price")
    await campaign(params.model_copy(update={"approved_quote": hash_}))
    assert (await promote(picks(run_id, "A1")))["published"] == 1
    audit(line.w, line.sandbox.invoice())
