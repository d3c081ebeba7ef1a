"""A killed run's paid drafts are collected by others, and the run finds them when it goes on: nothing is paid twice."""

import pytest
from prefect.artifacts import Artifact

from domain.errors import RunError, VendorBusy
from flows.campaign import campaign
from flows.params import RecoveryParams
from flows.recovery import recovery
from tests.support.line import Line, line_wiring, s3_variables
from tests.support.money import audit
from vendors.bfl.client import Bfl
from wiring import Wiring, use

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


async def killed_after_accepting(line: Line, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose two drafts the vendor accepted, and whose process is gone."""

    async def out_of_reach(*_: object, **__: object) -> None:
        raise VendorBusy("out of reach", vendor="bfl", code="pending", fault="network", billed="unknown")

    with monkeypatch.context() as patched:
        patched.setattr(Bfl, "collect", out_of_reach)
        with pytest.raises(RunError):
            await campaign(line.campaign(name, select="person"))
    assert [a.state for a in line.attempts()] == ["accepted", "accepted"]
    with line.w.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM processes")
        connection.exec_driver_sql("DELETE FROM leases")


def later_process(line: Line) -> Wiring:
    return line_wiring(line.folder, line.sandbox.url, s3_variables(line.w))


@pytest.mark.parametrize("by", ["the recovery flow", "the start of another run"])
async def test_accepted_drafts_are_collected_into_the_run_that_wanted_them(
    line: Line, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await killed_after_accepting(line, "killed", monkeypatch)
    wanted = {a.attempt_id for a in line.attempts()}
    later = later_process(line)
    with use(later):
        if by == "the recovery flow":
            look = await recovery(RecoveryParams(dry_run=True))
            assert look == {"would_recover": 2, "in_doubt": 0}
            done = await recovery(RecoveryParams())
            assert done == {"recovered": {"settled": 2}, "closed": 0, "in_doubt": 0}
            shown = await Artifact.aget("recovery")
            assert shown is not None
            assert "2 attempts were left behind" in str(shown.data)
        else:
            await campaign(line.campaign("other", select="person"))
        bill = line.sandbox.invoice()
        assert {a.attempt_id for a in line.attempts() if a.state == "settled"} >= wanted
        (run_id,) = {a.dimensions.run_id for a in line.attempts() if a.attempt_id in wanted}
        collected = later.images.of_run(run_id, "draft")
        assert {image.attempt_id for image in collected} == wanted, "its pages show them before anybody starts it again"
        assert [image.label for image in collected] == ["A1", "B1"]
        report = await campaign(line.campaign("killed", select="person"))
        assert line.sandbox.invoice() == bill
        assert later.images.of_run(report["run_id"], "draft") == collected
        assert report["awaiting"] == ["killed"]
        audit(later, bill)
    later.close()


async def test_what_is_in_doubt_is_shown_and_stays(line: Line) -> None:
    line.sandbox.rules({"match": {"vendor": "bfl"}, "fault": "cut_after"})
    with pytest.raises(RunError):
        await campaign(line.campaign("doubtful", select="person"))
    line.sandbox.rules()
    done = await recovery(RecoveryParams())
    assert done == {"recovered": {}, "closed": 0, "in_doubt": 2}
    shown = await Artifact.aget("recovery")
    assert shown is not None
    for part in ("2 in doubt, $0.0280 stay held", "No timer frees it", "draftline attempts resolve"):
        assert part in str(shown.data)
    audit(line.w, line.sandbox.invoice())
