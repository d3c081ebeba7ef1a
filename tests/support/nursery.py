"""The parent of paying processes: one warm Python that forks a child for each job (tests/support/pay_worker.py)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KILLED = -9


class Nursery:
    """`run` forks one child a job, waits for all, and gives their exit codes (-9 for SIGKILL) and results."""

    def __init__(self) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("DRAFTLINE_")}
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.support.pay_worker"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *jobs: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        outs = [Path(job["home"]) / f"out-{n}.json" for n, job in enumerate(jobs)]
        for out in outs:
            out.unlink(missing_ok=True)
        full = [{**job, "out": str(out)} for job, out in zip(jobs, outs, strict=True)]
        self._process.stdin.write(json.dumps(full) + "\n")
        self._process.stdin.flush()
        codes = json.loads(self._process.stdout.readline())
        results = [json.loads(out.read_text()) if out.exists() else {} for out in outs]
        return list(zip(codes, results, strict=True))

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
