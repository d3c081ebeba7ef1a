"""What a command says at the end: also what it did not make."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from draftline.reports import show_report
from wiring import Wiring

BILL = {"lines": [], "in_doubt_micros": 0}
DONE: dict[str, Any] = {
    "run_id": "run-1",
    "bill": BILL,
    "published": 1,
    "catalog": "catalog",
    "version": 1,
    "manifest": "s3://public/current.json",
}


def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], report: dict[str, Any], aside: int = 0) -> str:
    run = SimpleNamespace(run_id="run-1", plan={"set_aside": [{"line": 2}] * aside})
    w = SimpleNamespace(runs=SimpleNamespace(get=lambda _: run), settings=SimpleNamespace(home=tmp_path))
    show_report(cast(Wiring, w), report, as_json=False)
    return capsys.readouterr().out


def test_products_without_a_picture_are_counted_and_their_report_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(tmp_path, capsys, DONE, aside=4)
    assert f"4 rows and products without a picture, and why: {tmp_path}/out/run-1/set-aside.csv" in text
    assert "Set aside" not in said(tmp_path, capsys, DONE)


def test_a_run_with_nothing_to_make_says_why_and_where_more_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = {"run_id": "", "idle": "all 2 rows were set aside (no [photo])", "set_aside": "/x/set-aside.csv"}
    text = said(tmp_path, capsys, idle)
    assert "Nothing to do: all 2 rows were set aside (no [photo]). Paid $0.0000." in text
    assert "/x/set-aside.csv" in text
