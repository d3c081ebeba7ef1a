"""`python -m deployments`: what an installation sets, what a server already has, and what stays as it is."""

import copy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from deployments.apply import (
    HEARTBEAT_S,
    PREFECT_FILE,
    Options,
    _options,
    main,
    pool_template,
    rendered,
    started_in,
    with_switches,
    zombie_automation,
)

HERE = Path("/srv/shop")
SERVER_HAS: Any = SimpleNamespace(
    parameters={"params": {"feed": "feeds/spring.csv", "drafts": 6}},
    schedules=[SimpleNamespace(slug="nightly", active=True)],
)


@pytest.fixture
def file() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(PREFECT_FILE.read_text("utf-8")))


def _catalog(file: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    catalog = next(one for one in file["deployments"] if one["name"] == "catalog")
    return catalog["parameters"]["params"], catalog["schedules"][0]


def test_a_first_deployment_is_the_file_as_it_is(file: dict[str, Any]) -> None:
    assert rendered(copy.deepcopy(file), None, Options(HERE)) == file


def test_a_feed_that_is_named_takes_the_place_of_the_sample(file: dict[str, Any]) -> None:
    options = Options(HERE, feed="mine.csv", photos="pictures", time_zone="Europe/Berlin", nightly=True)
    params, schedule = _catalog(rendered(file, None, options))
    assert (params["feed"], params["photos"], params["style"]) == ("mine.csv", "pictures", "samples/style.yaml")
    assert schedule["active"] is True
    assert schedule["timezone"] == "Europe/Berlin"


def test_an_upgrade_keeps_what_people_set_on_the_server(file: dict[str, Any]) -> None:
    params, schedule = _catalog(rendered(file, SERVER_HAS, Options(HERE)))
    assert params["feed"] == "feeds/spring.csv"
    assert params["drafts"] == 6
    assert schedule["active"] is True


def test_what_is_asked_for_wins_over_what_the_server_has(file: dict[str, Any]) -> None:
    params, schedule = _catalog(rendered(file, SERVER_HAS, Options(HERE, feed="new.csv", nightly=False)))
    assert params["feed"] == "new.csv"
    assert schedule["active"] is False


@pytest.mark.parametrize("active", [True, False])
def test_an_upgrade_leaves_recovery_switched_as_it_was(file: dict[str, Any], active: bool) -> None:
    switch = SimpleNamespace(slug="every-ten-minutes", active=active)
    made = with_switches(file, SimpleNamespace(schedules=[switch]))  # type: ignore[arg-type]
    recovery = next(one for one in made["deployments"] if one["name"] == "recovery")
    assert [schedule["active"] for schedule in recovery["schedules"]] == [active]


def test_every_run_starts_in_the_working_directory(file: dict[str, Any]) -> None:
    template = ProcessWorker.get_default_base_job_template()
    before = copy.deepcopy(template)
    made = pool_template(template, HERE)
    assert made["variables"]["properties"]["working_dir"]["default"] == "/srv/shop"
    assert template == before
    for deployment in started_in(file, HERE)["deployments"]:
        assert deployment["work_pool"] == {"name": "draftline", "job_variables": {"working_dir": "/srv/shop"}}


def test_a_night_of_the_sample_shop_is_not_switched_on_by_accident(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        _options(["--nightly", "on"])
    assert stop.value.code == 2
    assert "--feed" in capsys.readouterr().err


def test_without_a_server_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):  # a flow test's server may be around
        assert main([]) == 1
    assert "PREFECT_API_URL" in capsys.readouterr().err


def test_the_zombie_automation_waits_for_several_beats_and_then_frees_the_place() -> None:
    automation = zombie_automation()
    trigger: Any = automation.trigger
    assert trigger.within >= timedelta(seconds=3 * HEARTBEAT_S)
    assert {"prefect.flow-run.heartbeat", "prefect.flow-run.Completed", "prefect.flow-run.Crashed"} <= trigger.expect
    action: Any = automation.actions[0]
    assert action.state.value == "CRASHED"
