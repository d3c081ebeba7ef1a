"""A catalog night under pressure: made with fewer drafts, published, and marked so wherever somebody may look."""

from collections.abc import Iterator

import pytest
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker

from domain.attempt import Dimensions, Intent
from flows.catalog import catalog
from tasks.bills import bill_of
from tests.support.line import STYLE, Line
from tests.support.money import audit_counters
from tests.support.receiver import Receiver
from wiring import Wiring

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]
FOUR_DRAFTS = STYLE.replace("drafts: 2", "drafts: 4")
NOTE = "lowered by policy gentle: drafts 4 -> 2 (cap day ("


@pytest.fixture
def events() -> Iterator[type[AssertingEventsClient]]:
    """Prefect's events of the test, caught before they leave."""
    AssertingEventsClient.reset()
    EventsWorker.set_client_override(AssertingEventsClient)
    yield AssertingEventsClient
    EventsWorker.set_client_override(None)
    AssertingEventsClient.reset()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def fill_the_day(w: Wiring, percent: int) -> None:
    by = Dimensions(run_id="another", flow="campaign", vendor="bfl", model_id="m")
    w.ledger.hold(Intent("another", w.settings.cap_day_cents * 100 * percent, "book", by), slots=24)


async def test_a_night_under_pressure_is_published_with_fewer_drafts_and_says_so(
    line: Line, receiver: Receiver, events: type[AssertingEventsClient]
) -> None:
    line.w.settings.alert_webhook_url = type(line.w.settings.alert_webhook_url)(receiver.url)
    fill_the_day(line.w, 65)
    params = line.catalog("pressed", {"red-mug": "Red Mug"}, style_text=FOUR_DRAFTS, degrade="gentle", cap_cents=10)
    report = await catalog(params)
    assert report["published"] == 1
    assert len(line.sandbox.invoice()["lines"]) == 2 + 1
    audit_counters(line.w)
    _says_so(line, report["run_id"])
    assert line.published(report, "red-mug")["disclosure"]["lowered"] == ["drafts"]
    again = await catalog(params)
    assert again["idle"].startswith("none of the 1 products changed")
    _was_told(receiver, events, report["run_id"])


def _says_so(line: Line, run_id: str) -> None:
    lineage = line.lineage(run_id, "red-mug")
    assert lineage["warnings"][0].startswith(NOTE)
    assert lineage["lowered"]["changes"] == [{"what": "drafts", "before": "4", "after": "2", "at_percent": 60}]
    paid = [image for image in lineage["images"] if image["stage"] in ("draft", "final")]
    assert len(paid) == 3
    for image in paid:
        assert image["warnings"][0].startswith(NOTE)
        assert image["params"]["lowered"]["policy"] == "gentle"
    bill = bill_of(line.w, run_id)
    assert bill["degrade"]["before"]["worst"] > bill["degrade"]["after"]["worst"]


def _was_told(receiver: Receiver, events: type[AssertingEventsClient], run_id: str) -> None:
    """The run's own cap went over 50 %: a webhook and an event that names cap, run and flow run."""
    mine = [mail.body for mail in receiver.mail if mail.body["facts"]["cap"] == f"run:{run_id}"]
    assert [body["facts"]["percent"] for body in mine][:1] == [50]
    assert {body["run"] for body in mine} == {run_id}
    EventsWorker.instance().wait_until_empty()
    caught = [event for client in events.all for event in client.events if event.event == "draftline.cap.threshold"]
    event = next(e for e in caught if e.resource.id == f"draftline.cap.run:{run_id}")
    assert (event.payload["percent"], event.payload["limit_micros"]) == (50, 100_000)
    assert event.resource["draftline.percent"] == "50"
    related = {resource.role: resource.id for resource in event.related}
    assert related["run"] == f"draftline.run.{run_id}"
    assert related["flow-run"].startswith("prefect.flow-run.")
