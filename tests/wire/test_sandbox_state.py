"""What outlives the sandbox's process, and its own pages: kill -9, invoice as CSV, the human page, the command line."""

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]
SMALL = {"prompt": "a red kettle", "width": 64, "height": 96}
LEAVES = httpx.Timeout(60, read=0.05)
"""Of a client that sends all of its request and does not wait for the answer."""


def submit(server: Any, **body: Any) -> dict[str, Any]:
    answer = httpx.post(f"{server.bfl_url}/v1/flux-2-pro", json=SMALL | body, headers={"x-key": server.bfl_key})
    return dict(answer.raise_for_status().json())


def picture(server: Any, task_id: str) -> bytes:
    ready = httpx.get(f"{server.url}/bfl-eu2/v1/get_result", params={"id": task_id}).json()
    return httpx.get(ready["result"]["sample"]).raise_for_status().content


def test_tasks_and_invoice_survive_kill_9(sandbox_starter: Any, tmp_path: Path) -> None:
    first = sandbox_starter("--state", str(tmp_path))
    done, waiting = submit(first)["id"], submit(first, prompt="a pot [[sandbox:fault=slow factor=100000]]")["id"]
    first.advance(60)
    bytes_before = picture(first, done)
    invoice_before = first.invoice()
    first.stop(kill=True)
    second = sandbox_starter("--state", str(tmp_path))
    assert second.invoice() == invoice_before
    assert picture(second, done) == bytes_before
    second.advance(3600)
    assert [line["job_id"] for line in second.invoice()["lines"]] == [done, waiting]
    assert picture(second, waiting)


def test_a_picture_is_painted_again_when_its_cache_is_gone(sandbox_starter: Any, tmp_path: Path) -> None:
    server = sandbox_starter("--state", str(tmp_path))
    task_id = submit(server)["id"]
    server.advance(60)
    before = picture(server, task_id)
    for cached in (tmp_path / "pictures").iterdir():
        cached.unlink()
    assert picture(server, task_id) == before


def test_a_gemini_call_is_billed_although_its_client_went_away(sandbox_server: Any) -> None:
    url = f"{sandbox_server.google_url}/v1beta/models/gemini-3.1-flash-image:generateContent"
    request = {
        "contents": [{"parts": [{"text": "a kettle [[sandbox:fault=slow factor=25]]"}]}],
        "generationConfig": {"imageConfig": {"imageSize": "512"}},
    }
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url, json=request, headers={"x-goog-api-key": sandbox_server.google_key}, timeout=LEAVES)

    line = next(bill["lines"][0] for bill in iter(sandbox_server.invoice, None) if bill["lines"])
    assert (line["image"], line["delivered"]) == (True, False)


def test_the_invoice_adds_up_in_every_form(sandbox_server: Any) -> None:
    submit(sandbox_server)
    submit(sandbox_server, seed=1, width=2048, height=2048)
    sandbox_server.advance(60)
    bill = sandbox_server.invoice()
    rows = list(csv.DictReader(io.StringIO(httpx.get(f"{sandbox_server.url}/_sandbox/invoice.csv").text)))
    assert bill["total_micros"] == sum(int(row["micros"]) for row in rows) == 30_000 + 75_000
    assert bill["by_model"] == {"flux-2-pro": {"micros": 105_000, "lines": 2, "images": 2}}
    assert [line["n"] for line in bill["lines"]] == [1, 2]


def test_the_page_shows_money_tasks_and_pictures(sandbox_server: Any) -> None:
    submit(sandbox_server)
    sandbox_server.advance(60)
    active = submit(sandbox_server, prompt="<b>pot</b> [[sandbox:fault=slow factor=100000]]")["id"]
    page = httpx.get(f"{sandbox_server.url}/_sandbox/").text
    assert "$0.03" in page
    assert active in page
    assert "gemini-nano-banana-2.1" in page
    assert httpx.get(f"{sandbox_server.url}/_sandbox/picture/1").headers["content-type"] == "image/jpeg"
    assert httpx.get(f"{sandbox_server.url}/_sandbox/health").json()["status"] == "ok"


def test_retirement_dates_hold_when_they_are_enforced(sandbox_starter: Any) -> None:
    server = sandbox_starter("--enforce-retirement")
    server.advance(10 * 365 * 86_400)
    headers = {"x-goog-api-key": server.google_key}
    gone, alive = "gemini-3.1-flash-image", "gemini-nano-banana-2.1"
    codes = [httpx.get(f"{server.google_url}/v1/models/{name}", headers=headers).status_code for name in (gone, alive)]
    assert codes == [404, 200]


def test_rules_can_come_from_a_file_and_the_address_goes_to_one(sandbox_starter: Any, tmp_path: Path) -> None:
    rules, address = tmp_path / "rules.yaml", tmp_path / "address"
    rules.write_text("- match: {vendor: bfl}\n  fault: no_credits\n")
    server = sandbox_starter("--rules", str(rules), "--ready-file", str(address))
    assert address.read_text() == server.url
    with pytest.raises(httpx.HTTPStatusError, match="402"):
        submit(server)


def test_wrong_arguments_are_explained(tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    bad = tmp_path / "bad.yaml"
    bad.write_text("- fault: gremlins\n")
    assert run("--port", "0", "--rules", str(bad))[0] == 5
    assert run("--port", "0", "--speed", "0")[0] == 2
    code, text = run("--help")
    assert code == 0
    assert "examples:" in text
