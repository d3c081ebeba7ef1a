"""Prefect's own server on SQLite, in `.draftline/prefect`, with the profile that was measured.

What lives here: its settings for server and clients, and when it is ready. What may not: flows, deployments.
Each setting was measured before it came in; the reason stands beside it.
"""

import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import certifi
import httpx

from domain.errors import RunError
from draftline.embedded.processes import LOOPBACK, free_port, take_port
from draftline.embedded.service import Address, Launch, Setup

USUAL_PORT = 4200
HTTP_TIMEOUT_S = 5.0
# prefect 3.8.8 allows any fastapi below 1.0, and its server cannot be imported with 0.155 and later.
FIRST_UNUSABLE_FASTAPI = (0, 151)
END_OF_CERTIFICATE = "-----END CERTIFICATE-----\n"
LOCAL_HOSTS = f"{LOOPBACK},localhost"

SERVER_PROFILE = {
    # One by one, the recorder drains 16 task runs a second, and its queue drops what does not fit.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # Leases in memory are lost with a restart, and four minutes later the running flows are crashed.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # A task run costs 11 KB; old runs and events go by the server's own retention times.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
}


class PrefectServer:
    name = "prefect"
    needs: tuple[str, ...] = ()
    deadline_s = 180.0
    stop_s = 20.0

    def ports(self, taken: Mapping[str, int]) -> dict[str, int]:
        usual = USUAL_PORT not in taken.values() and take_port(USUAL_PORT)
        return {"http": USUAL_PORT if usual else free_port(taken.values())}

    def secrets(self) -> dict[str, str]:
        return {}

    def launch(self, setup: Setup) -> Launch:
        check_versions()
        prefect_home(setup.home).mkdir(parents=True, exist_ok=True)
        write_one_certificate(one_certificate(setup.home))
        port = str(setup.ports["http"])
        command = (sys.executable, "-P", "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", port)
        database = prefect_home(setup.home) / "prefect.db"
        environment = {
            **SERVER_PROFILE,
            "PREFECT_HOME": str(prefect_home(setup.home)),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
            # Without it the pages call port 4200, wherever they were served from.
            "PREFECT_SERVER_UI_API_URL": f"http://{LOOPBACK}:{port}/api",
            "PREFECT_CLI_PROMPT": "false",
            "PYTHONUNBUFFERED": "1",
        }
        return Launch(command=command, environment=environment, cwd=prefect_home(setup.home))

    def address(self, setup: Setup) -> Address:
        url = f"http://{LOOPBACK}:{setup.ports['http']}"
        variables = {
            "PREFECT_API_URL": f"{url}/api",
            "PREFECT_HOME": str(prefect_home(setup.home)),
            # Every client object parses the whole CA bundle again, 35 ms each; one certificate costs 0.7 ms.
            "PREFECT_API_SSL_CERT_FILE": str(one_certificate(setup.home)),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            **_no_proxy(),
        }
        return Address(self.name, url, setup.home / "log" / "prefect.log", variables)

    def waiting_for(self, setup: Setup) -> str:
        url = f"http://{LOOPBACK}:{setup.ports['http']}/api/health"
        try:
            with httpx.Client(trust_env=False, timeout=HTTP_TIMEOUT_S) as client:
                answer = client.get(url)
        except httpx.HTTPError as error:
            return f"port {setup.ports['http']} does not answer ({type(error).__name__})"
        return "" if answer.status_code == 200 else f"{url} answers {answer.status_code}"


def prefect_home(home: Path) -> Path:
    return home / "prefect"


def one_certificate(home: Path) -> Path:
    return prefect_home(home) / "one-ca.pem"


def write_one_certificate(path: Path) -> None:
    """The first certificate of certifi's bundle: a file that parses fast. It is only used towards our http address."""
    first = certifi.contents().partition(END_OF_CERTIFICATE)
    path.write_text(first[0] + first[1], encoding="utf-8")


def check_versions(fastapi: str | None = None) -> None:
    """Raise RunError when the installed fastapi cannot carry Prefect's server."""
    found = fastapi or version("fastapi")
    if tuple(int(part) for part in found.split(".")[:2]) >= FIRST_UNUSABLE_FASTAPI:
        raise RunError(
            f"Prefect's server does not start with fastapi {found}: install with the lock file (`make install`), "
            f"or fastapi below {'.'.join(map(str, FIRST_UNUSABLE_FASTAPI))}"
        )


def _no_proxy() -> dict[str, str]:
    """A proxy of the user's must not be asked for an address on this machine."""
    if not any(os.environ.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
        return {}
    before = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    value = ",".join(filter(None, [before, LOCAL_HOSTS]))
    return {"NO_PROXY": value, "no_proxy": value}
