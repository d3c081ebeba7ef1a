"""A Prefect process worker: runs the flows that are started from Prefect's UI, from the board or by a schedule.

What lives here: its command line, and how to know that it polls. What may not: flows, deployments.
"""

import sys
from collections.abc import Mapping

import httpx

from domain.errors import RunError
from draftline.embedded.processes import LOOPBACK, free_port
from draftline.embedded.service import Address, Launch, Setup, python_path

HTTP_TIMEOUT_S = 5.0


class Worker:
    name = "worker"
    needs: tuple[str, ...] = ("prefect",)
    deadline_s = 120.0
    stop_s = 30.0  # it ends its flow runs first

    def ports(self, taken: Mapping[str, int]) -> dict[str, int]:
        return {"health": free_port(taken.values())}

    def secrets(self) -> dict[str, str]:
        return {}

    def launch(self, setup: Setup) -> Launch:
        """In the folder that holds the home, so that `--brief campaign.yaml` means the same to a flow run as here."""
        if "prefect" not in setup.others:
            raise RunError("a worker needs the address of Prefect's server")
        command = [sys.executable, "-P", "-m", "prefect", "worker", "start", "--type", "process", "--with-healthcheck"]
        command += ["--pool", setup.options.work_pool, "--name", "embedded", "--install-policy", "never"]
        environment: dict[str, str] = {}
        for name in sorted(setup.others):
            environment |= setup.others[name].environment()
        environment |= {
            "DRAFTLINE_HOME": str(setup.home),
            "PREFECT_WORKER_WEBSERVER_HOST": LOOPBACK,
            "PREFECT_WORKER_WEBSERVER_PORT": str(setup.ports["health"]),
            "PREFECT_CLI_PROMPT": "false",
            **python_path(),
            **setup.options.worker_environment,
        }
        return Launch(tuple(command), environment, setup.home.parent, inherits_all=True)

    def address(self, setup: Setup) -> Address:
        url = f"http://{LOOPBACK}:{setup.ports['health']}"
        return Address(self.name, url, setup.home / "log" / "worker.log", {})

    def waiting_for(self, setup: Setup) -> str:
        """Ready is: its health page answers, and the server knows the pool."""
        pool = f"{setup.others['prefect'].url}/api/work_pools/{setup.options.work_pool}"
        health = f"http://{LOOPBACK}:{setup.ports['health']}/health"
        try:
            with httpx.Client(trust_env=False, timeout=HTTP_TIMEOUT_S) as client:
                statuses = {url: client.get(url).status_code for url in (health, pool)}
        except httpx.HTTPError as error:
            return f"it does not answer ({type(error).__name__})"
        return next((f"{url} answers {status}" for url, status in statuses.items() if status != 200), "")
