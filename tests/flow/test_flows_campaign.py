"""A campaign from words to published pictures, and what it leaves behind."""

from typing import Any

import pytest

from domain.errors import CapRefused, StorageError
from flows.campaign import campaign
from tests.support.line import SIDE_PX, Line
from tests.support.money import audit

pytestmark = [pytest.mark.server, pytest.mark.prefect, pytest.mark.anyio]


async def test_a_campaign_is_published_and_its_bill_is_the_vendors_invoice(line: Line) -> None:
    report = await campaign(line.campaign("whole"))
    bill = line.sandbox.invoice()
    assert (report["published"], report["failed"]) == (1, {})
    assert report["bill"]["spent_micros"] == bill["total_micros"] == 2 * 14_000 + 30_000 + 15_000
    audit(line.w, bill)
    assert line.w.runs.get(report["run_id"]).status == "published"


async def test_the_published_manifest_names_only_what_exists(line: Line) -> None:
    report = await campaign(line.campaign("exists"))
    manifest = line.published(report, "exists")
    assert {(r["placement"], r["media_type"]) for r in manifest["renditions"]} == {
        ("tile", "image/jpeg"),
        ("tile", "image/webp"),
    }
    for rendition in manifest["renditions"]:
        data = line.w.store.get(line.w.store.public, rendition["key"])
        assert len(data) == rendition["size_bytes"]
        assert rendition["sha256"] in rendition["key"]
        assert (rendition["width_px"], rendition["height_px"]) == (SIDE_PX, SIDE_PX)
    assert manifest["disclosure"]["generated"] is True
    assert "prompt" not in str(manifest)
    assert "micros" not in str(manifest)


async def test_the_lineage_tells_the_whole_way_from_the_brief_to_the_bill(line: Line) -> None:
    report = await campaign(line.campaign("lineage", light="low sun from the left"))
    told = line.lineage(report["run_id"], "lineage")
    images = {(i["stage"], i["label"]): i for i in told["images"]}
    pick = told["selection"]["picks"][0]
    draft, final = images["draft", pick], images["final", pick]
    upscale, rendition = images["upscale", pick], images["rendition", "tile"]
    assert told["brief"]["light"] == "low sun from the left"
    assert told["final_reason"]
    assert pick in told["selection"]["reasons"]
    for image, model, cost in ((draft, "flux-2-klein-4b", 14_000), (final, "flux-2-pro", 45_000)):
        assert image["model_asked"] == image["model_answered"] == model
        assert image["cost_micros"] == cost
        assert "kettle" in image["prompt"]
        assert image["prompt_version"].startswith("flux")
        assert isinstance(image["seed"], int)
        assert len(image["sha256"]) == 64
        assert image["attempt_id"] in {a.attempt_id for a in line.attempts()}
    assert final["parent_id"] == draft["image_id"]
    assert final["params"]["references"][0] == draft["sha256"]
    assert upscale["parent_id"] == final["image_id"]
    assert rendition["parent_id"] == upscale["image_id"]


async def test_a_second_run_pays_nothing_and_says_so(line: Line) -> None:
    params = line.campaign("twice")
    first = await campaign(params)
    bill = line.sandbox.invoice()
    second = await campaign(params)
    assert second == {"run_id": first["run_id"], "idle": "published before; nothing was paid again"}
    assert line.sandbox.invoice() == bill


async def test_another_round_of_the_same_brief_is_new_work(line: Line) -> None:
    await campaign(line.campaign("round"))
    first = line.sandbox.billed_micros()
    report = await campaign(line.campaign("round", round=2))
    assert report["published"] == 1
    assert line.sandbox.billed_micros() > first
    assert line.sandbox.invoice()["duplicates"] == 0


async def test_a_plan_above_its_cap_is_refused_before_anything_is_sent(line: Line) -> None:
    with pytest.raises(CapRefused, match=r"limit \$0\.1000, already committed \$0\.0000.*missing \$0\.\d+") as refused:
        await campaign(line.campaign("capped", drafts=8, cap_cents=10))
    assert refused.value.missing_micros > 0
    assert "nothing was sent" in str(refused.value)
    assert line.sandbox.invoice()["lines"] == []
    assert line.attempts() == []


async def test_a_draft_that_is_moderated_does_not_stop_the_rest(line: Line) -> None:
    line.sandbox.rules({"match": {"vendor": "bfl", "nth": 1}, "fault": "moderated_output"})
    report = await campaign(line.campaign("moderated", drafts=3))
    assert report["published"] == 1
    states = sorted(a.state for a in line.attempts())
    assert states == ["released", "settled", "settled", "settled"]
    asset = line.w.runs.assets(report["run_id"])[0]
    assert "oderated" in asset.problem
    audit(line.w, line.sandbox.invoice())


async def test_a_truncated_image_is_paid_kept_in_quarantine_and_not_used(line: Line) -> None:
    line.sandbox.rules({"match": {"vendor": "bfl", "nth": 1}, "fault": "truncated_image"})
    report = await campaign(line.campaign("truncated", drafts=2))
    (asset,) = line.w.runs.assets(report["run_id"])
    assert "quarantine" in asset.problem
    assert report["published"] == 1
    assert len(line.w.images.of_run(report["run_id"], "draft")) == 1
    audit(line.w, line.sandbox.invoice())


async def test_a_run_that_stopped_half_way_goes_on_where_it_stopped(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = line.campaign("resumed")
    with monkeypatch.context() as patched:
        real = line.w.store.put_immutable

        def no_publishing(bucket: str, *rest: Any, **more: Any) -> Any:
            if bucket == line.w.store.public:
                raise StorageError("the public bucket is out of reach")
            return real(bucket, *rest, **more)

        patched.setattr(line.w.store, "put_immutable", no_publishing)
        with pytest.raises(StorageError):
            await campaign(params)
    bill = line.sandbox.invoice()
    assert len(bill["lines"]) == 3
    (run,) = line.w.runs.newest()
    assert (run.status, run.status_note) == ("incomplete", "the public bucket is out of reach")
    report = await campaign(params)
    assert report["published"] == 1
    assert line.sandbox.invoice() == bill
    audit(line.w, bill)


async def test_drafts_that_are_all_in_doubt_fail_the_run_and_are_not_bought_again(line: Line) -> None:
    line.sandbox.rules({"match": {"vendor": "bfl"}, "fault": "cut_after"})
    params = line.campaign("doubt")
    report = await campaign(params)
    line.sandbox.rules()
    assert report["published"] == 0
    assert report["bill"]["in_doubt_micros"] == 2 * 14_000
    assert line.w.runs.get(report["run_id"]).status == "incomplete"
    again = await campaign(params)
    assert "in doubt" in again["failed"]["doubt"]
    bill = line.sandbox.invoice()
    assert (len(bill["lines"]), bill["duplicates"]) == (2, 0)
    audit(line.w, bill)
