"""`draftline caps`: thresholds are set and kept, and what was crossed is listed with when it was told."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from budget.report_caps import cap_changes_of
from domain.attempt import Dimensions, Intent
from draftline.commands.caps import app
from wiring import build, read_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAFTLINE_HOME", str(tmp_path))
    # the command fills the environment for its clients; that ends with the test
    for name in ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_ANALYTICS_ENABLED", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "1" if name == "DO_NOT_TRACK" else "CRITICAL" if "LEVEL" in name else "false")


def caps(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_thresholds_are_set_by_repeating_the_option_and_stay_when_only_the_limit_changes() -> None:
    by = ("--by", "Ada", "--why", "a test")
    assert "tells at 50, 90 %" in caps("set", "day", "--cents", "100", "--threshold", "90", "--threshold", "50", *by)
    assert "tells at 50, 90 %" in caps("set", "day", "--cents", "200", *by)
    (day,) = [cap for cap in json.loads(caps("list", "--json")) if cap["cap_id"] == "day"]
    assert (day["limit_micros"], day["thresholds"]) == (2_000_000, [50, 90])


def test_a_change_of_the_limit_alone_leaves_what_it_is_a_limit_of() -> None:
    by = ("--by", "Ada", "--why", "tighter")
    google = ("--scope", "vendor", "--value", "google", "--period", "month", "--time-zone", "Europe/Berlin")
    assert "vendor google a month, Europe/Berlin" in caps("set", "google-month", "--cents", "20000", *google, *by)
    assert "vendor google a month, Europe/Berlin" in caps("set", "google-month", "--cents", "10000", *by)
    (cap,) = [cap for cap in json.loads(caps("list", "--json")) if cap["cap_id"] == "google-month"]
    assert (cap["limit_micros"], cap["scope"], cap["scope_value"]) == (100_000_000, "vendor", "google")
    assert (cap["period"], cap["time_zone"]) == ("month", "Europe/Berlin")


def test_a_change_of_what_a_cap_is_of_is_recorded_in_words() -> None:
    by = ("--by", "Ada", "--why", "wider")
    caps("set", "shoes", "--cents", "100", "--scope", "cost_centre", "--value", "shoes", *by)
    caps("set", "shoes", "--cents", "100", "--scope", "global", "--period", "total", *by)
    w = build(read_settings())
    assert [change.rule for change in cap_changes_of(w.database, "shoes")] == [
        "global in total",
        "cost centre shoes a day, UTC",
    ]
    w.close()


def test_alerts_say_what_was_crossed_by_whom_and_whether_anybody_was_told() -> None:
    caps("set", "day", "--cents", "100", "--threshold", "90", "--by", "Ada", "--why", "a test")
    w = build(read_settings())
    by = Dimensions(run_id="r1", flow="", vendor="bfl", model_id="m")
    w.ledger.hold(Intent("w1", 910_000, "book", by), slots=9)
    (alert,) = json.loads(caps("alerts", "--json", "--untold"))
    assert (alert["cap_id"], alert["percent"], alert["run_id"], alert["told_at"]) == ("day", 90, "r1", None)
    assert "not yet" in caps("alerts")
    assert w.ledger.told(alert["alert_id"])
    w.close()
    assert json.loads(caps("alerts", "--json", "--untold")) == []
    assert "not yet" not in caps("alerts")
