"""A paid answer, written to this machine's disk before anything else is done with it.

A paid image is never thrown away: between the vendor's answer and the object store lies this file. After a crash the
attempt is still "sent" or "accepted", and the spool says what came back. No database and no vendor here.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domain.render import Job, Receipt, Usage


class Spool:
    """One pair of files an attempt: the bytes, then the receipt (its presence means that the bytes are whole).

    And the job of accepted work, for as long as no database row is known to hold it: without it the vendor cannot be
    asked, and the money would be in doubt.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, attempt_id: str, receipt: Receipt) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        facts: dict[str, Any] = {k: v for k, v in vars(receipt).items() if k not in ("data", "usage")}
        facts["usage"] = asdict(receipt.usage)
        _write(self._bytes(attempt_id), receipt.data)
        _write(self._facts(attempt_id), json.dumps(facts, default=list).encode())

    def get(self, attempt_id: str) -> Receipt | None:
        if not self._facts(attempt_id).exists():
            return None
        facts = json.loads(self._facts(attempt_id).read_bytes())
        usage, warnings = Usage(**facts.pop("usage")), tuple(facts.pop("warnings"))
        return Receipt(data=self._bytes(attempt_id).read_bytes(), usage=usage, warnings=warnings, **facts)

    def put_job(self, attempt_id: str, job: Job) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._job(attempt_id), json.dumps(asdict(job)).encode())

    def get_job(self, attempt_id: str) -> Job | None:
        path = self._job(attempt_id)
        return Job(**json.loads(path.read_bytes())) if path.exists() else None

    def attempt_ids(self) -> set[str]:
        """The attempts whose answer or job is kept here."""
        kept = self._folder.iterdir() if self._folder.exists() else ()
        return {path.stem for path in kept if path.suffix in (".json", ".job")}

    def drop(self, attempt_id: str) -> None:
        self._job(attempt_id).unlink(missing_ok=True)
        self._facts(attempt_id).unlink(missing_ok=True)
        self._bytes(attempt_id).unlink(missing_ok=True)

    def _bytes(self, attempt_id: str) -> Path:
        return self._folder / f"{attempt_id}.bin"

    def _job(self, attempt_id: str) -> Path:
        return self._folder / f"{attempt_id}.job"

    def _facts(self, attempt_id: str) -> Path:
        return self._folder / f"{attempt_id}.json"


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also through a power cut: write aside, fsync, rename."""
    aside = path.with_suffix(path.suffix + ".part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
