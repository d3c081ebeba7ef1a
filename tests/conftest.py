"""What every test shares. Prefect never touches the user's own home here."""

import os
import tempfile

import pytest
from hypothesis import settings

os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="draftline-prefect-"))
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

# The gate judges a commit, not a draw of the lot: it tries the same examples each time. `make explore` draws new ones.
settings.register_profile("gate", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
