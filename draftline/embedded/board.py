"""The board, `python -m review`, on loopback: the same database and home as this folder's commands.

What lives here: its command line and how to know that it is ready. What may not: pages, people.
"""

import sys
from collections.abc import Mapping

import httpx

from draftline.embedded.processes import LOOPBACK, free_port, take_port
from draftline.embedded.service import Address, Launch, Setup, python_path

USUAL_PORT = 4300
HTTP_TIMEOUT_S = 5.0


class Board:
    name = "board"
    # it starts runs through Prefect; and by then S3 and the sandbox have their addresses
    needs: tuple[str, ...] = ("prefect",)
    deadline_s = 120.0
    stop_s = 10.0

    def ports(self, taken: Mapping[str, int]) -> dict[str, int]:
        usual = USUAL_PORT not in taken.values() and take_port(USUAL_PORT)
        return {"http": USUAL_PORT if usual else free_port(taken.values())}

    def secrets(self) -> dict[str, str]:
        return {}

    def launch(self, setup: Setup) -> Launch:
        """In the folder that holds the home, like the worker: both read the same files by the same names."""
        command = (sys.executable, "-P", "-m", "review", "--host", LOOPBACK, "--port", str(setup.ports["http"]))
        environment: dict[str, str] = {}
        for name in sorted(setup.others):
            environment |= setup.others[name].environment()
        environment |= {"DRAFTLINE_HOME": str(setup.home), **python_path()}
        return Launch(command, environment, setup.home.parent, inherits_all=True)

    def address(self, setup: Setup) -> Address:
        url = f"http://{LOOPBACK}:{setup.ports['http']}"
        return Address(self.name, url, setup.home / "log" / "board.log", {})

    def waiting_for(self, setup: Setup) -> str:
        url = f"http://{LOOPBACK}:{setup.ports['http']}/healthz"
        try:
            with httpx.Client(trust_env=False, timeout=HTTP_TIMEOUT_S) as client:
                answer = client.get(url)
        except httpx.HTTPError as error:
            return f"port {setup.ports['http']} does not answer ({type(error).__name__})"
        return "" if answer.status_code == 200 else f"{url} answers {answer.status_code}"
