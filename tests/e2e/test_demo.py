"""`draftline demo` as a new user runs it: real S3, Prefect server and sandbox, and a second time for nothing."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.sandbox_server import SandboxServer

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
# the real x4plus runs in the demo itself; the proof of the line takes the small network of the same weights
SETTINGS = {"DRAFTLINE_UPSCALE_MODEL": "animevideov3", "PYTHONPATH": str(ROOT)}


def draftline(folder: Path, *arguments: str, timeout_s: int = 400, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DRAFTLINE_"))}
    return subprocess.run(
        [sys.executable, "-m", "draftline.main", *arguments],
        cwd=folder,
        env=environment | SETTINGS | settings,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_the_demo_publishes_ties_to_the_invoice_and_costs_nothing_again(tmp_path: Path) -> None:
    first = draftline(tmp_path, "demo", "--speed", "50")
    assert first.returncode == 0, first.stderr[-3000:] + first.stdout[-2000:]
    assert "equal to the micro-dollar" in first.stdout
    assert "saved" in first.stdout
    sheets = list(tmp_path.glob(".draftline/out/*/*-contact-sheet.png"))
    assert len(sheets) == 9
    hero = next(iter(tmp_path.glob(".draftline/out/campaign-*/slow-mornings-lineage.json")))
    stages = {image["stage"] for image in json.loads(hero.read_text())["images"]}
    assert stages == {"draft", "final", "upscale", "rendition"}
    again = draftline(tmp_path, "demo", "--speed", "50")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "This demo paid $0.0000" in again.stdout
    spent = json.loads(draftline(tmp_path, "spend", "--by", "sku", "--json").stdout)
    assert spent["total_spent_micros"] > 0
    assert {row["key"] for row in spent["rows"]} >= {"stoneware-mug", "enamel-bowl"}


def test_kill_minus_nine_in_the_middle_of_a_campaign_pays_nothing_twice(tmp_path: Path) -> None:
    """Whatever the kill hits: nothing is billed twice, and the books are never below the invoice."""
    sandbox = SandboxServer.start("--state", str(tmp_path / "vendors"), speed=10)
    settings = {"DRAFTLINE_SANDBOX_URL": sandbox.url}
    brief = ROOT / "samples" / "campaign.yaml"
    arguments = ("run", "campaign", "--brief", str(brief), "--ladder", "economy", "--drafts", "6", "--json")
    try:
        _kill_when(tmp_path, arguments, settings, "select count(*) from attempts where state = 'accepted'", at_least=2)
        done = draftline(tmp_path, *arguments, **settings)
        bill = json.loads(done.stdout)["bill"]
        doubted = bill["in_doubt_micros"]
        assert done.returncode == (4 if doubted else 0), done.stderr[-3000:]
        invoice = sandbox.invoice()
        assert invoice["duplicates"] == 0
        assert bill["spent_micros"] <= invoice["total_micros"] <= bill["spent_micros"] + doubted
        images = {row["stage"]: row["images"] for row in bill["lines"]}
        in_doubt = json.loads(draftline(tmp_path, "attempts", "list", "--state", "in_doubt", "--json").stdout)
        assert images == {"draft": 6 - len(in_doubt), "final": 1}
        again = draftline(tmp_path, *arguments, **settings)
        assert sandbox.invoice()["total_micros"] == invoice["total_micros"], again.stdout
    finally:
        sandbox.stop()


def _kill_when(
    folder: Path, arguments: tuple[str, ...], settings: dict[str, str], query: str, *, at_least: int
) -> None:
    """Start a command and SIGKILL it as soon as its own database shows enough."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DRAFTLINE_"))}
    command = [sys.executable, "-m", "draftline.main", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env=environment | SETTINGS | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        if _count(folder / ".draftline" / "draftline.db", query) >= at_least:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _count(folder / ".draftline" / "draftline.db", query) >= at_least


def _count(database: Path, query: str) -> int:

    if not database.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            found = int(connection.execute(query).fetchone()[0])
        connection.close()
    except sqlite3.OperationalError:
        return 0
    return found
