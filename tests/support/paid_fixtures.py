"""The fixture `bench`: one process that pays, on a fresh database, with the sandbox's invoice beside it.

A module takes it with `pytest_plugins = ["tests.support.paid_fixtures"]`; `sandbox_server` comes from its conftest.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.money import bench_wiring, template_database
from tests.support.paid_bench import Bench


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_database(tmp_path_factory.mktemp("template"))


@pytest.fixture
def no_settings_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("DRAFTLINE_", "BFL_", "GEMINI_", "GOOGLE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
async def bench(
    tmp_path: Path, sandbox_server: Any, template: Path, no_settings_of_others: None
) -> AsyncIterator[Bench]:
    w = bench_wiring(tmp_path / "home", sandbox_server.url, template=template)
    async with w.open_vendors() as vendors:
        made = Bench(w, vendors, sandbox_server)
        yield made
    made.w.close()
