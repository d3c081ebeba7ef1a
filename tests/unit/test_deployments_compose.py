"""docker-compose.yml, .env.example and server.env kept honest without an engine."""

import importlib.util
import re
import shutil
import subprocess
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_settings_fields
from pydantic import AliasChoices

from deployments import apply as applying
from review.__main__ import Listen, check_open
from review.__main__ import _parser as board_parser
from review.options import from_settings as board_options
from sandbox.__main__ import _options as sandbox_options
from sandbox.__main__ import _parser as sandbox_parser
from tests.support.compose_file import ROOT, VARIABLE, compose, env_file, environment_of
from wiring.settings import PREFIX, Settings, read_settings

TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
EXAMPLE = env_file(ROOT / ".env.example")
COMMENTED = set(re.findall(r"^#([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
SECRETS = {name: "abc123" for name, value in EXAMPLE.items() if not value and name != "CATALOG_NIGHTLY"}
FILE = compose(EXAMPLE | SECRETS)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

# The compose specification's keys that this file may use; a misspelt key is refused by compose, so it is here.
SERVICE_KEYS = {
    "image",
    "build",
    "restart",
    "init",
    "logging",
    "command",
    "entrypoint",
    "environment",
    "env_file",
    "ports",
    "volumes",
    "healthcheck",
    "depends_on",
    "stop_grace_period",
    "profiles",
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
# Settings of prefect-redis 0.3.0, which is in the image alone; read in its client.py.
PREFECT_REDIS = {"PREFECT_REDIS_MESSAGING_URL"}
PREFECT_REDIS_MODULES = {"prefect_redis.messaging", "prefect_redis.ordering", "prefect_redis.lease_storage"}


def test_a_service_has_only_keys_that_compose_knows() -> None:
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name
        assert "image" in service, name


def test_what_a_service_waits_for_exists_and_can_become_true() -> None:
    for name, service in SERVICES.items():
        for other, rule in service.get("depends_on", {}).items():
            assert rule["condition"] in CONDITIONS, (name, other)
            target = SERVICES[other]
            if rule["condition"] == "service_healthy":
                assert "test" in target["healthcheck"], (name, other)
            if rule["condition"] == "service_completed_successfully":
                assert target["restart"] == "no", (name, other)
            if target.get("profiles"):
                assert rule["required"] is False, f"{name} could not start without the profile of {other}"


def test_nothing_is_reachable_from_outside_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert "ports" not in SERVICES["postgres"]
    assert "ports" not in SERVICES["redis"]


def test_images_of_others_are_pinned_to_a_version() -> None:
    for name, service in SERVICES.items():
        if name not in OURS:
            assert re.search(r":\d+\.\d+", service["image"]), (name, service["image"])
    assert len({service["image"] for service in OURS.values()}) == 1


def test_volumes_are_declared_and_used_and_mounted_files_exist() -> None:
    sources = [str(volume).split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = {source for source in sources if not source.startswith((".", "/"))}
    assert named == set(FILE["volumes"])
    assert all((ROOT / source).exists() for source in sources if source.startswith("."))


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_command_of_our_image_is_an_installed_script_or_a_module(name: str) -> None:
    commands = [OURS[name]["command"], OURS[name].get("healthcheck", {}).get("test", ["CMD"])[1:]]
    scripts = {script.name for script in entry_points(group="console_scripts")}
    for command in filter(None, commands):
        if command[0] == "python":
            assert command[1] == "-m"
            assert importlib.util.find_spec(command[2]) is not None, command
        else:
            assert command[0] in scripts, command


def test_the_sandbox_and_deploy_commands_have_arguments_that_their_parsers_take() -> None:
    sandbox = sandbox_options(sandbox_parser().parse_args(OURS["sandbox"]["command"][3:]))
    assert (sandbox.host, sandbox.port) == ("0.0.0.0", 8700)
    options = applying._options(OURS["deploy"]["command"][3:])
    assert options.feed == "shop/feed.csv"
    assert options.nightly is None
    assert options.working_dir == Path("/work")


def test_the_board_takes_its_arguments_and_settings_and_binds_to_the_published_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = board_parser().parse_args(OURS["board"]["command"][3:])
    assert (parsed.host, parsed.port, parsed.insecure) == ("0.0.0.0", 4300, True)
    for key, value in environment_of(SERVICES["board"]).items():
        monkeypatch.setenv(key, value)
    options = board_options(read_settings())
    check_open(Listen(parsed.host, parsed.port, insecure=parsed.insecure), options)
    assert (options.sign_in, options.host) == ("local", SERVICES["board"]["ports"][0].rsplit(":", 1)[0])
    assert options.prefect_ui_url == "http://127.0.0.1:4200"


def test_the_board_and_the_worker_agree_on_everything_that_both_read() -> None:
    board, worker = environment_of(SERVICES["board"]), environment_of(SERVICES["worker"])
    keys = {"DRAFTLINE_BFL_API_KEY", "DRAFTLINE_GOOGLE_API_KEY"}
    ours = {name for name in worker if name.startswith("DRAFTLINE_")} - keys
    assert ours <= set(board)
    assert not keys & set(board), "the board quotes without keys and cannot pay"
    assert all(board[name] == worker[name] for name in ours)


def test_ports_agree_between_services_health_checks_and_clients() -> None:
    inside = {name: s["ports"][0].rsplit(":", 1)[1] for name, s in SERVICES.items() if s.get("ports")}
    for name, port in inside.items():
        assert f"127.0.0.1:{port}/" in SERVICES[name]["healthcheck"]["test"][-1], name
        assert any(port in str(word) for word in SERVICES[name]["command"]), name
    worker = environment_of(SERVICES["worker"])
    assert worker["PREFECT_API_URL"] == f"http://prefect:{inside['prefect']}/api"
    assert worker["DRAFTLINE_SANDBOX_URL"] == f"http://sandbox:{inside['sandbox']}"
    assert worker["DRAFTLINE_S3_ENDPOINT_URL"] == f"http://s3:{inside['s3']}"
    page = environment_of(SERVICES["prefect"])["PREFECT_SERVER_UI_API_URL"]
    assert page == f"http://{SERVICES['prefect']['ports'][0].rsplit(':', 1)[0]}/api"


def test_every_draftline_variable_is_a_setting() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for field in Settings.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            known |= {str(choice) for choice in field.validation_alias.choices}
    dockerfile = (ROOT / "deployments/Dockerfile").read_text("utf-8")
    used = set(re.findall(r"\bDRAFTLINE_[A-Z0-9_]+", TEXT + (ROOT / ".env.example").read_text("utf-8") + dockerfile))
    assert used
    assert used <= known


def test_every_prefect_variable_is_a_setting_of_the_installed_prefect() -> None:
    names = {name for service in SERVICES.values() for name in (service.get("environment") or {})}
    names |= set(env_file(ROOT / "deployments/server.env"))
    ours = {name for name in names if name.startswith("PREFECT_")} - {"PREFECT_DB_PASSWORD"}
    assert ours
    assert ours <= set(_get_settings_fields(PrefectSettings)) | PREFECT_REDIS


@pytest.mark.parametrize("name", ["prefect", "prefect-services", "worker", "deploy"])
def test_prefect_takes_the_values(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = environment_of(SERVICES[name])
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    settings = PrefectSettings()
    if name.startswith("prefect"):
        recorder = settings.server.services.task_run_recorder
        assert (recorder.read_batch_size, recorder.batch_size) == (200, 200)
        assert settings.server.services.db_vacuum.enabled_vacuum_types >= {"events", "flow_runs"}
        assert not settings.server.analytics_enabled
        modules = {value for value in environment.values() if value.startswith("prefect_redis")}
        assert modules == PREFECT_REDIS_MODULES
    if name == "worker":
        assert settings.flows.heartbeat_frequency == applying.HEARTBEAT_S


def test_the_worker_starts_nothing_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment_of(SERVICES["worker"]).items():
        monkeypatch.setenv(key, value)
    settings = read_settings()
    assert not settings.uses_embedded_s3
    assert not settings.uses_embedded_sandbox
    assert settings.database.startswith("postgresql+psycopg://draftline:")
    assert settings.cap_run_cents == 1_000


def test_play_money_and_real_money_have_a_database_each_that_is_made_at_the_start() -> None:
    made = (ROOT / "deployments/postgres/databases.sh").read_text()
    for vendors in ("sandbox", "live"):
        environment = compose(EXAMPLE | SECRETS | {"DRAFTLINE_VENDORS": vendors})["services"]["worker"]["environment"]
        name = environment["DRAFTLINE_DATABASE_URL"].rpartition("/")[2]
        assert name == f"draftline_{vendors}"
        assert f"CREATE DATABASE {name} OWNER draftline;" in made


def test_every_variable_of_the_file_is_explained_in_the_example_or_has_a_default() -> None:
    explained = set(EXAMPLE) | COMMENTED
    for match in VARIABLE.finditer(TEXT):
        name, operator = match.group(1), match.group(2) or ""
        assert name in explained or operator.endswith("-"), name
    passed_through = {
        name
        for service in SERVICES.values()
        for name, value in (service.get("environment") or {}).items()
        if value is None
    }
    used = {match.group(1) for match in VARIABLE.finditer(TEXT)} | passed_through | {"COMPOSE_PROFILES"}
    assert explained <= used, "an example variable that nothing reads"


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_a_missing_password_is_refused_by_name_not_left_empty(secret: str) -> None:
    with pytest.raises(KeyError, match=secret):
        compose({name: value for name, value in (EXAMPLE | SECRETS).items() if name != secret})


def test_no_secret_is_written_in_a_file_of_the_repository() -> None:
    assert all(not EXAMPLE[name] for name in EXAMPLE if "PASSWORD" in name or "_KEY" in name)
    assert not any(
        word in (ROOT / "deployments/server.env").read_text("utf-8") for word in ("PASSWORD=", "AUTH_STRING=")
    )


def test_docker_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("docker's command line is not installed")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker's compose plugin is not installed")
    variables = tmp_path / "env"
    variables.write_text("\n".join(f"{name}={value}" for name, value in (EXAMPLE | SECRETS).items()), encoding="utf-8")
    command = [docker, "compose", "--env-file", str(variables), "-f", str(ROOT / "docker-compose.yml"), "config", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
