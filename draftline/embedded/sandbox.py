"""The sandbox vendors, `python -m sandbox`, with their state in `.draftline/sandbox`.

What lives here: its command line and how to know that it is ready. What may not: vendors.
"""

import sys
from collections.abc import Mapping

import httpx

from draftline.embedded.processes import LOOPBACK, free_port
from draftline.embedded.service import Address, Launch, Setup, python_path

HTTP_TIMEOUT_S = 5.0


class Sandbox:
    name = "sandbox"
    needs: tuple[str, ...] = ()
    deadline_s = 60.0
    stop_s = 10.0

    def ports(self, taken: Mapping[str, int]) -> dict[str, int]:
        return {"http": free_port(taken.values())}

    def secrets(self) -> dict[str, str]:
        return {}

    def launch(self, setup: Setup) -> Launch:
        state = setup.home / "sandbox"
        state.mkdir(parents=True, exist_ok=True)
        # The port is ours, not 0: a kept port lets the signed result links of an earlier command stay good.
        command = [sys.executable, "-P", "-m", "sandbox", "--host", LOOPBACK, "--port", str(setup.ports["http"])]
        command += ["--state", str(state)]
        if setup.options.sandbox_speed is not None:
            command += ["--speed", f"{setup.options.sandbox_speed:g}"]
        return Launch(command=tuple(command), environment=python_path(), cwd=state)

    def address(self, setup: Setup) -> Address:
        url = f"http://{LOOPBACK}:{setup.ports['http']}"
        return Address(self.name, url, setup.home / "log" / "sandbox.log", {"DRAFTLINE_SANDBOX_URL": url})

    def waiting_for(self, setup: Setup) -> str:
        try:
            with httpx.Client(trust_env=False, timeout=HTTP_TIMEOUT_S) as client:
                answer = client.get(f"http://{LOOPBACK}:{setup.ports['http']}/_sandbox/health")
        except httpx.HTTPError as error:
            return f"port {setup.ports['http']} does not answer ({type(error).__name__})"
        return "" if answer.status_code == 200 else f"it answers {answer.status_code}"
