"""The Dockerfile kept honest without an engine: what it copies exists, and it is all of what runs."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from deployments import health

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deployments/Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
COPIED = [words.split()[:-1] for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)]
SOURCES = [source for words in COPIED for source in words]


def test_every_copied_file_is_there_and_docker_is_allowed_to_see_it() -> None:
    allowed = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.M))
    for source in SOURCES:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, f"{source} is ignored by .dockerignore"


def test_git_knows_the_copied_files() -> None:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = listed.stdout.splitlines()
    assert all(any(name == s or name.startswith(s) for name in names) for s in SOURCES)


def test_the_rooms_in_the_image_are_those_of_the_project() -> None:
    rooms = {pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert {source.rstrip("/") for source in SOURCES if source.endswith("/")} == rooms


def test_the_image_runs_a_python_that_the_project_supports() -> None:
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M))
    assert len(bases) == 1
    version = re.match(r"python:(\d+)\.(\d+)\.\d+-slim", bases.pop())
    assert version is not None
    assert (3, 11) <= (int(version[1]), int(version[2])) < (3, 14)


def test_installs_are_locked_with_hashes_and_name_no_index() -> None:
    installs = re.findall(r"pip install (.+?)(?: \\)?$", DOCKERFILE, re.M)
    assert len(installs) == 2
    assert all("--require-hashes" in line and "--no-deps" in line for line in installs)
    texts = [(ROOT / name).read_text("utf-8") for name in ("requirements.lock", "deployments/redis.lock")]
    assert not any(
        re.search(r"index-url|https?://", text) for text in (*texts, DOCKERFILE.replace("http://127.0.0.1", ""))
    )


def test_the_broker_fits_the_locked_prefect_and_redis() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pins = {name: tuple(map(int, v.split("."))) for name, v in re.findall(r"^(prefect|redis)==([\d.]+)", lock, re.M)}
    assert "prefect-redis==0.3.0" in (ROOT / "deployments/redis.lock").read_text("utf-8")
    assert pins["prefect"] >= (3, 7, 4)  # what prefect-redis 0.3.0 asks for
    assert pins["redis"] >= (8, 0, 0)


def test_it_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.M)
    assert users == ["draftline"]
    assert DOCKERFILE.index("USER draftline") < DOCKERFILE.index("\nCMD")


def test_the_health_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["http://127.0.0.1:9/health"]) == 1
    assert "127.0.0.1:9" in capsys.readouterr().out
    assert health.main([]) == 2
