"""What each vendor's wire makes of connections that break anywhere, and of late, doubled and dearer answers.

`billed` is what the ledger goes by: "unknown" leaves the money in doubt, so that it covers the invoice. Takes 8 s.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.errors import VendorError, VendorSilent
from domain.render import Receipt, RenderRequest
from vendors.bfl.client import Bfl
from vendors.contract import Accepted, Delivered
from vendors.google.client import Google

pytestmark = [pytest.mark.server, pytest.mark.anyio]

KLEIN = RenderRequest("flux-2-klein-4b", "a red kettle", 64, 64, output_format="jpeg")
KLEIN_MICROS = 14_000
GEMINI = RenderRequest("gemini-3.1-flash-image", "a red kettle", 512, 512, output_format="jpeg")
# fault -> (code, billed, lines on the invoice) of a POST
BROKEN_POSTS = {
    "cut_headers": ("no-answer", "unknown", 0),
    "cut_request": ("no-answer", "unknown", 0),
    "cut_before": ("no-answer", "unknown", 0),
    "cut_after": ("no-answer", "unknown", 1),
    "cut_status": ("no-answer", "unknown", 1),
    "cut_in_headers": ("no-answer", "unknown", 1),
    "cut_mid_answer": ("cut-answer", "unknown", 1),
    "cut_last_byte": ("cut-answer", "unknown", 1),
}
WHOLE_POSTS = ("unclosed", "answered_twice", "late", "charged_twice", "price_change")


class Wires:
    def __init__(self, sandbox: Any, bfl: Bfl, google: Google) -> None:
        self.sandbox, self.bfl, self.google = sandbox, bfl, google

    def spoil(self, fault: str, path: str | None = None, **more: Any) -> None:
        match = {"path": path, "times": 1} if path else {}
        self.sandbox.rules([{"match": match, "fault": fault, "seconds": 0.2, **more}])

    async def render(self, vendor: str, request: RenderRequest | None = None) -> Receipt:
        if vendor == "google":
            delivered = await self.google.submit(request or GEMINI)
            assert isinstance(delivered, Delivered)
            return delivered.receipt
        accepted = await self.bfl.submit(request or KLEIN)
        assert isinstance(accepted, Accepted)
        return await self.bfl.collect(accepted.job)

    def lines(self) -> list[dict[str, Any]]:
        self.sandbox.advance(60)
        return list(self.sandbox.invoice()["lines"])


@pytest.fixture
async def wires(sandbox_server: Any) -> AsyncIterator[Wires]:
    bfl = Bfl(api_key=sandbox_server.bfl_key, base_url=sandbox_server.bfl_url, poll_interval_s=0.01)
    google = Google(api_key=sandbox_server.google_key, base_url=sandbox_server.google_url)
    yield Wires(sandbox_server, bfl, google)
    await bfl.aclose()
    await google.aclose()


@pytest.mark.parametrize("vendor", ["bfl", "google"])
@pytest.mark.parametrize("fault", sorted(BROKEN_POSTS))
async def test_a_post_that_breaks_anywhere_is_in_doubt(wires: Wires, vendor: str, fault: str) -> None:
    code, billed, lines = BROKEN_POSTS[fault]
    wires.spoil(fault)
    with pytest.raises(VendorSilent) as silent:
        await wires.render(vendor)
    assert (silent.value.code, silent.value.billed) == (code, billed)
    assert len(wires.lines()) == lines


@pytest.mark.parametrize("vendor", ["bfl", "google"])
@pytest.mark.parametrize("at_byte", [0, 1, -2])
async def test_no_byte_of_an_answer_is_enough_but_the_last(wires: Wires, vendor: str, at_byte: int) -> None:
    wires.spoil("cut_mid_answer", at_byte=at_byte)
    with pytest.raises(VendorSilent) as silent:
        await wires.render(vendor)
    assert silent.value.code == "cut-answer"


@pytest.mark.parametrize("vendor", ["bfl", "google"])
@pytest.mark.parametrize("fault", WHOLE_POSTS)
async def test_a_whole_answer_is_taken_however_it_comes(wires: Wires, vendor: str, fault: str) -> None:
    wires.spoil(fault)
    receipt = await wires.render(vendor)
    assert receipt.media_type == "image/jpeg"
    if vendor == "bfl":
        assert receipt.cost_micros == KLEIN_MICROS * 3 // 2 if fault == "price_change" else KLEIN_MICROS
    assert len(wires.lines()) == (2 if fault == "charged_twice" else 1)


@pytest.mark.parametrize("fault", [*sorted(BROKEN_POSTS), "unclosed"])
@pytest.mark.parametrize("path", ["get_result", "/bfl-delivery/"])
async def test_a_poll_or_a_download_that_breaks_is_asked_again(wires: Wires, path: str, fault: str) -> None:
    truth = (await wires.render("bfl")).data
    wires.spoil(fault, path)
    again = await wires.render("bfl")
    assert (again.data, again.cost_micros) == (truth, KLEIN_MICROS)
    assert len(wires.lines()) == 2


async def test_a_task_that_is_not_found_at_first_is_in_doubt_and_can_be_collected_later(wires: Wires) -> None:
    wires.spoil("found_late")
    job = (await wires.bfl.submit(KLEIN)).job
    with pytest.raises(VendorSilent) as silent:
        await wires.bfl.collect(job)
    assert (silent.value.code, silent.value.billed) == ("unknown-job", "unknown")
    assert (await wires.bfl.collect(job)).cost_micros == KLEIN_MICROS
    assert len(wires.lines()) == 1


async def test_a_result_after_the_deadline_is_asked_for_later(wires: Wires) -> None:
    wires.spoil("late", seconds=900)
    job = (await wires.bfl.submit(KLEIN)).job
    vars(wires.bfl)["_poll_deadline_s"] = 0.05
    with pytest.raises(VendorError) as pending:
        await wires.bfl.collect(job)
    assert (pending.value.code, pending.value.billed) == ("pending", "unknown")
    wires.sandbox.advance(1000)
    assert (await wires.bfl.collect(job)).cost_micros == KLEIN_MICROS


async def test_a_dearer_bill_is_the_receipts_cost_and_is_warned_of(wires: Wires) -> None:
    wires.spoil("dearer_bill", factor=2)
    receipt = await wires.render("bfl")
    assert receipt.cost_micros == 2 * KLEIN_MICROS == wires.lines()[0]["micros"]
    assert f"estimated at {KLEIN_MICROS} micro-dollars, settled at {2 * KLEIN_MICROS}" in receipt.warnings


async def test_another_image_for_the_same_id_costs_nothing_more(wires: Wires) -> None:
    wires.spoil("another_image")
    job = (await wires.bfl.submit(KLEIN)).job
    first, second = await wires.bfl.collect(job), await wires.bfl.collect(job)
    assert first.data != second.data
    assert len(wires.lines()) == 1


async def test_more_tokens_and_a_doubled_picture_are_read_as_they_are_billed(wires: Wires) -> None:
    usual = await wires.render("google")
    wires.spoil("more_tokens", factor=2)
    assert (await wires.render("google")).usage.image_out_tokens == 2 * usual.usage.image_out_tokens
    wires.spoil("same_image_twice")
    assert (await wires.render("google")).data == usual.data


async def test_a_doubled_answer_to_a_poll_is_never_taken_for_another_jobs(wires: Wires) -> None:
    jobs = [(await wires.bfl.submit(RenderRequest(KLEIN.model_id, f"kettle {n}", 64, 64))).job for n in range(3)]
    wires.sandbox.advance(60)
    truth = [(await wires.bfl.collect(job)).data for job in jobs]
    wires.sandbox.rules([{"match": {"path": "get_result"}, "fault": "answered_twice"}])
    assert [(await wires.bfl.collect(job)).data for job in jobs] == truth
