"""A sandbox in its own process, for every test that talks to a vendor. Starts, reads its invoice, sets its faults."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
SPEED = 1000
DELIVERY_WAIT_S = 60.0


class SandboxServer:
    """A running sandbox. `bfl_url` and `google_url` are the base addresses for clients."""

    bfl_key = "sandbox-bfl-key"
    google_key = "sandbox-google-key"

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.bfl_url, self.google_url = f"{url}/bfl", f"{url}/google"
        self._http = httpx.Client(base_url=url, timeout=60)

    @classmethod
    def start(cls, *arguments: str, speed: float = SPEED) -> Self:
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--speed", str(speed), *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("sandbox ready "), f"the sandbox did not start: {line!r}"
        return cls(process, line.split()[-1])

    def invoice(self) -> dict[str, Any]:
        return dict(self._http.get("/_sandbox/invoice").raise_for_status().json())

    def delivered_line(self) -> dict[str, Any]:
        """The invoice's only line, once it says delivered: the sandbox notes that after the last byte has left."""
        deadline = time.monotonic() + DELIVERY_WAIT_S
        while True:
            (line,) = self.invoice()["lines"]
            if line["delivered"] or time.monotonic() > deadline:
                return dict(line)

    def billed_micros(self) -> int:
        return int(self.invoice()["total_micros"])

    def rules(self, *rules: dict[str, Any]) -> None:
        self._http.put("/_sandbox/rules", json=list(rules)).raise_for_status()

    def advance(self, seconds_s: float) -> None:
        """Time passes in the sandbox, at once."""
        self._http.post("/_sandbox/clock", json={"advance_s": seconds_s}).raise_for_status()

    def credits(self, left: float) -> None:
        self._http.put("/_sandbox/credits", json={"credits": left}).raise_for_status()

    def retire(self, *model_ids: str) -> None:
        self._http.put("/_sandbox/retired", json=list(model_ids)).raise_for_status()

    def reset(self) -> None:
        self._http.post("/_sandbox/reset").raise_for_status()

    def stop(self, *, kill: bool = False) -> None:
        self._http.close()
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(timeout=60)
        if self.process.stdout:
            self.process.stdout.close()
