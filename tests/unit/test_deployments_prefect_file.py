"""deployments/prefect.yaml: its flows exist, its parameters are valid, its forms can be filled in by a person."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from deployments import apply as applying
from flows.params import CampaignParams, CatalogParams, PromoteParams, RecoveryParams

ROOT = Path(__file__).resolve().parents[2]
FILE: dict[str, Any] = yaml.safe_load(applying.PREFECT_FILE.read_text("utf-8"))
DEPLOYMENTS: dict[str, dict[str, Any]] = {deployment["name"]: deployment for deployment in FILE["deployments"]}
# What prefect 3.8.8 reads (cli/deploy/_models.py). It ignores the rest without a word: a misspelt key is caught here.
KEYS = {"name", "entrypoint", "tags", "description", "work_pool", "parameters", "concurrency_limit", "schedules"}
SCHEDULE_KEYS = {"slug", "cron", "timezone", "active"}


def _flow(name: str) -> Flow[Any, Any]:
    return load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)


def _form(name: str) -> dict[str, dict[str, Any]]:
    schema = parameter_schema(_flow(name)).model_dump()
    model = schema["properties"]["params"]["$ref"].rsplit("/", 1)[1]
    definition: dict[str, Any] = schema["definitions"][model]
    fields: dict[str, dict[str, Any]] = definition["properties"]
    required = set(definition.get("required", []))
    return {name: {**field, "required": name in required} for name, field in fields.items()}


def test_the_four_deployments_are_there_with_keys_that_prefect_reads() -> None:
    assert set(DEPLOYMENTS) == {"catalog", "campaign", "promote", "recovery"}
    assert FILE["pull"] == [], "nothing is fetched: the worker's own installation is the code"
    for name, deployment in DEPLOYMENTS.items():
        assert set(deployment) <= KEYS, name
        assert deployment["work_pool"]["name"] == applying.POOL
        assert set(deployment["tags"]) == {"draftline", name}
        assert len(deployment["description"]) > 200, f"{name}: the page says too little"


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_the_entry_point_is_dotted_and_leads_to_the_flow_of_that_name(name: str) -> None:
    assert ":" not in DEPLOYMENTS[name]["entrypoint"]
    assert _flow(name).name == name


def test_the_catalog_comes_nightly_one_at_a_time_and_is_delivered_switched_off() -> None:
    catalog = DEPLOYMENTS["catalog"]
    (schedule,) = catalog["schedules"]
    assert set(schedule) <= SCHEDULE_KEYS
    CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    assert schedule["slug"] == applying.NIGHTLY
    assert schedule["active"] is False
    assert catalog["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_recovery_comes_every_ten_minutes_and_a_second_one_is_not_queued_behind_it() -> None:
    recovery = DEPLOYMENTS["recovery"]
    (schedule,) = recovery["schedules"]
    assert set(schedule) <= SCHEDULE_KEYS
    CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    assert (schedule["cron"], schedule["active"]) == ("*/10 * * * *", True)
    assert recovery["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert not RecoveryParams.model_validate(recovery["parameters"]["params"]).dry_run


def test_the_delivered_parameters_are_valid_and_their_files_are_in_the_repository() -> None:
    params = CatalogParams.model_validate(DEPLOYMENTS["catalog"]["parameters"]["params"])
    assert (ROOT / params.feed).is_file()
    assert (ROOT / params.photos).is_dir()
    assert (ROOT / params.style).is_file()
    given = DEPLOYMENTS["campaign"]["parameters"]["params"]
    assert CampaignParams.model_validate({"name": "x", "subject": "y", **given}).select == "person"
    assert "parameters" not in DEPLOYMENTS["promote"], "nothing of an approval may be filled in beforehand"


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_every_field_of_a_form_says_what_it_is_and_stands_in_its_place(name: str) -> None:
    fields = _form(name)
    for field_name, field in fields.items():
        assert field.get("title"), field_name
        assert field.get("description"), field_name
        assert isinstance(field.get("position"), int), field_name
    positions = [field["position"] for field in fields.values()]
    assert len(set(positions)) == len(positions)


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_no_field_of_a_form_is_of_a_kind_that_prefects_page_shows_badly(name: str) -> None:
    for field_name, field in _form(name).items():
        assert not {"anyOf", "oneOf", "allOf"} & set(field), f"{field_name}: a type toggle"
        assert "const" not in field, f"{field_name}: the page shows a const as an empty box that nobody can fill in"
        assert field.get("type") in ("string", "integer", "number", "boolean", "array"), field_name
        assert field.get("format") not in ("duration", "password"), field_name


def test_choices_are_selects() -> None:
    campaign, catalog = _form("campaign"), _form("catalog")
    assert campaign["select"]["enum"]
    assert campaign["people"]["enum"]
    assert campaign["placements"]["items"]["enum"]
    assert catalog["without_photo"]["enum"]


def test_money_is_spent_only_by_a_field_that_somebody_fills_in() -> None:
    approve = _form("promote")["approve"]
    assert approve["required"]
    assert "default" not in approve
    assert _form("promote")["picked_by"]["required"]
    with pytest.raises(ValueError, match="approve"):
        PromoteParams.model_validate({"run_id": "r", "picks": ["A1"], "picked_by": "Ann"})


def test_whole_cents_no_fractions_of_money() -> None:
    assert _form("campaign")["cap_cents"]["type"] == "integer"
    assert _form("catalog")["cap_cents"]["type"] == "integer"
