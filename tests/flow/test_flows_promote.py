"""A person's selection lies between two flow runs: drafts end open, promotion goes on from the picks."""

import pytest

from budget.caps import Cap
from domain.errors import CapRefused, RunBusy, SelectionError
from flows.campaign import campaign
from flows.params import PromoteParams
from flows.promote import promote
from tests.support.line import Line, line_wiring, s3_variables
from tests.support.money import audit

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


def picks(run_id: str, *labels: str) -> PromoteParams:
    return PromoteParams(run_id=run_id, picks=list(labels), approve="approve", picked_by="Mara")


async def test_drafts_end_open_and_the_picks_are_published_once(line: Line) -> None:
    opened = await campaign(line.campaign("open", select="person", drafts=3))
    run_id = opened["run_id"]
    assert opened["awaiting"] == ["open"]
    assert line.w.runs.get(run_id).status == "awaiting_selection"
    assert (line.out(run_id) / "open-contact-sheet.png").exists()
    drafts = line.sandbox.invoice()
    assert len(drafts["lines"]) == 3

    with pytest.raises(SelectionError, match="no draft H9"):
        await promote(picks(run_id, "H9"))
    with pytest.raises(SelectionError, match="no contact sheet"):
        await promote(picks(run_id, "teapot=A1"))
    assert line.sandbox.invoice() == drafts
    assert line.w.selections.of_run(run_id)["open"].state == "open"
    assert line.w.runs.get(run_id).status == "awaiting_selection"

    report = await promote(picks(run_id, "B1"))
    bill = line.sandbox.invoice()
    assert report["published"] == 1
    assert len(bill["lines"]) == 4
    told = line.lineage(run_id, "open")["selection"]
    assert (told["picks"], told["by"]) == (["B1"], "Mara")

    again = await promote(picks(run_id, "B1"))
    assert line.sandbox.invoice() == bill
    assert (again["published"], again["snapshot"]) == (1, report["snapshot"])
    with pytest.raises(SelectionError, match=r"closed already with B1 \(by Mara\)"):
        await promote(picks(run_id, "C1"))
    assert line.sandbox.invoice() == bill
    audit(line.w, bill)


async def test_running_the_same_drafts_again_while_they_are_open_pays_nothing(line: Line) -> None:
    first = await campaign(line.campaign("waiting", select="person"))
    bill = line.sandbox.invoice()
    second = await campaign(line.campaign("waiting", select="person"))
    assert second["awaiting"] == first["awaiting"]
    assert line.sandbox.invoice() == bill


async def test_a_promotion_above_the_cap_is_refused_before_anything_is_sent_and_goes_on_later(line: Line) -> None:
    opened = await campaign(line.campaign("tight", select="person"))
    drafts = line.sandbox.invoice()
    cap_id, run_id = f"run:{opened['run_id']}", opened["run_id"]
    spent = drafts["total_micros"]
    line.w.ledger.set_cap(Cap(cap_id, "run_id", run_id, "total", spent + 10_000), by="test", why="tight")
    with pytest.raises(CapRefused, match=cap_id):
        await promote(picks(run_id, "A1"))
    assert line.sandbox.invoice() == drafts
    line.w.ledger.set_cap(Cap(cap_id, "run_id", run_id, "total", spent + 10**6), by="test", why="more")
    report = await promote(picks(run_id, "A1"))
    assert report["published"] == 1
    audit(line.w, line.sandbox.invoice())


async def test_a_run_that_another_living_process_works_on_is_left_alone(line: Line) -> None:
    opened = await campaign(line.campaign("busy", select="person"))
    other = line_wiring(line.folder, line.sandbox.url, s3_variables(line.w))
    other.processes.beat()
    other.processes.take(f"run:{opened['run_id']}", "run")
    with pytest.raises(RunBusy, match="wait for it or stop it"):
        await promote(picks(opened["run_id"], "A1"))
    other.processes.give_back(f"run:{opened['run_id']}")
    assert (await promote(picks(opened["run_id"], "A1")))["published"] == 1
    other.close()
